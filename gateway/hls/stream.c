#include "gateway/hls/stream.h"

#include "storage/keys/url_signature.h"

bool stream_admit(http_request_t *request, str_t rendition, stream_t *out_stream)
{
    const api_t *api = home_of(request)->api;
    str_t token = http_param(request, "token");
    stream_t stream = {.track = http_param(request, "track"),
                       .rendition = rendition,
                       .now_ms = clock_wall_ms(&api->clock)};
    stream_allow_any_origin(request);
    err_t err = url_signature_check(api->keyring, token, stream.track, rendition, stream.now_ms,
                                    &stream.expires_at_ms);
    if (err == ERR_OK)
        err = str_to_u64(stream.track, &stream.track_id) == ERR_OK ? ERR_OK : ERR_NOT_FOUND;
    if (err == ERR_OK) {
        *out_stream = stream;
        return true;
    }
    http_reply_header(request, "Cache-Control", STR("no-store"));
    /* Expired or forged: the player does the same about both. */
    http_reply_error(request, err == ERR_NOT_FOUND ? err : ERR_FORBIDDEN,
                     "the address is not valid any more; ask for the track's stream again");
    return false;
}

bool stream_track(http_request_t *request, const stream_t *stream, catalog_track_t *out_track)
{
    catalog_track_t track;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    err_t err = catalog_read_begin(home_of(request)->api->catalog, request->arena, &read);
    if (err == ERR_OK)
        err = catalog_track(&read, stream->track_id, &track);
    void *room = NULL;
    if (err == ERR_OK)
        room = arena_new(request->arena, schema_deep_size(&catalog_track_schema, &track));
    if (err == ERR_OK && room == NULL)
        err = ERR_NO_MEMORY;
    if (err != ERR_OK) {
        http_reply_error(request, err, NULL);
        return false;
    }
    schema_copy(&catalog_track_schema, &track, room);
    *out_track = *(catalog_track_t *)room;
    return true;
}

segment_source_t stream_source(const catalog_track_t *track)
{
    return (segment_source_t){track->sample_rate, track->channels, track->bits, track->samples};
}

str_t stream_cache_control(http_request_t *request, const stream_t *stream)
{
    int64_t left_s = (stream->expires_at_ms - stream->now_ms) / 1000;
    return arena_printf(request->arena, "public, max-age=%lld, immutable",
                        (long long)MAX(left_s, 0));
}

void stream_allow_any_origin(http_request_t *request)
{
    http_reply_header(request, "Access-Control-Allow-Origin", STR("*"));
    http_reply_header(request, "Access-Control-Expose-Headers",
                      STR("Content-Length, Content-Range, Accept-Ranges"));
    http_reply_header(request, "Cross-Origin-Resource-Policy", STR("cross-origin"));
}

/* ---- files ---- */

static err_t open_work(void *data)
{
    stream_file_t *self = data;
    return self->open(self);
}

static void opened(void *data, err_t err)
{
    stream_file_t *self = data;
    if (err != ERR_OK) {
        http_reply_error(self->request, err, NULL);
        return;
    }
    self->file.fd = self->fd;
    self->file.size = self->size;
    http_reply_file(self->request, &self->file);
}

void stream_send(const stream_file_t *file)
{
    http_request_t *request = file->request;
    stream_file_t *copy = arena_dup(request->arena, file, sizeof *file);
    if (request->edge == NULL) /* the server has stopped meanwhile, and nobody is there to answer */
        http_abandon(request);
    else if (copy == NULL)
        http_reply_error(request, ERR_NO_MEMORY, NULL);
    else
        edge_offload(request->edge, OFFLOAD_FILE, open_work, opened, copy);
}

#include "gateway/hls/routes.h"

#include "actors/protocol/transcode.h"
#include "gateway/hls/far_blob.h"
#include "gateway/hls/original.h"
#include "gateway/hls/playlist.h"
#include "gateway/hls/stream.h"
#include "media/protocol/fmp4.h"
#include "storage/keys/url_signature.h"

enum { SEGMENT_ASK_TIMEOUT_MS = 30000, PLAYLIST_AHEAD = 2 };

/* ---- /hls ---- */

static void reply_playlist(http_request_t *request, err_t err, buf_t *body)
{
    if (err != ERR_OK) {
        http_reply_error(request, err, NULL);
        return;
    }
    http_reply_header(request, "Cache-Control", STR("private, no-store"));
    http_reply_buf(request, 200, STR("application/vnd.apple.mpegurl"), body);
}

static str_t transcode_key(http_request_t *request, const stream_t *stream)
{
    return arena_printf(request->arena, "%llu/%.*s", (unsigned long long)stream->track_id,
                        STR_ARG(stream->rendition));
}

/* A token for each rendition, as long as the one that led here. */
static err_t sign_renditions(http_request_t *request, const stream_t *stream,
                             str_t out_tokens[RENDITION_COUNT])
{
    for (rendition_t i = 0; i < RENDITION_COUNT; i++) {
        url_signature_t signature;
        TRY(url_signature_make_until(home_of(request)->api->keyring, stream->track,
                                     str_from(rendition_name(i)), stream->expires_at_ms,
                                     &signature));
        out_tokens[i] = arena_str(request->arena, str_from(signature.text));
        if (out_tokens[i].data == NULL)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static void get_multivariant(http_request_t *request)
{
    stream_t stream;
    catalog_track_t track;
    str_t tokens[RENDITION_COUNT];
    buf_t body BUF_SCOPED = BUF_INIT;
    if (!stream_admit(request, STR("all"), &stream) || !stream_track(request, &stream, &track))
        return;
    segment_source_t source = stream_source(&track);
    err_t err = sign_renditions(request, &stream, tokens);
    if (err == ERR_OK)
        err = hls_multivariant(&source, stream.track, tokens, &body);
    reply_playlist(request, err, &body);
}

static void get_media(http_request_t *request, const stream_t *stream, rendition_t rendition,
                      const catalog_track_t *track)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    segment_source_t source = stream_source(track);
    err_t err = track->is_available ? hls_media(rendition, &source, &body) : ERR_UNAVAILABLE;
    str_t key = transcode_key(request, stream);
    if (err == ERR_OK && key.data != NULL)
        /* Who reads the playlist wants the beginning next. A full mailbox means that others do. */
        IGNORE_ERR(runtime_send(edge_runtime(request->edge), address_of(TRANSCODE_KIND, key),
                                transcode_prefetch, .count = PLAYLIST_AHEAD));
    reply_playlist(request, err, &body);
}

static void get_init(http_request_t *request, const stream_t *stream, rendition_t rendition,
                     const catalog_track_t *track)
{
    segment_plan_t plan;
    buf_t body BUF_SCOPED = BUF_INIT;
    segment_source_t source = stream_source(track);
    err_t err = hls_plan(rendition, &source, &plan);
    if (err != ERR_OK) {
        http_reply_error(request, err, NULL);
        return;
    }
    fmp4_init(&plan, &body);
    http_reply_header(request, "Cache-Control", stream_cache_control(request, stream));
    http_reply_buf(request, 200, STR("audio/mp4"), &body);
}

/* One that was evicted since its name was given is made again when the player asks again. */
static err_t open_segment(stream_file_t *self)
{
    err_t err = segment_cache_read(self->segments, self->name, &self->fd, &self->size);
    return err == ERR_NOT_FOUND ? ERR_UNAVAILABLE : err;
}

typedef struct segment_request {
    http_request_t *request;
    stream_t stream;
} segment_request_t;

static void segment_made(void *context, const answer_t *answer)
{
    segment_request_t *self = context;
    http_request_t *request = self->request;
    if (answer->err != ERR_OK) {
        http_reply_header(request, "Cache-Control", STR("no-store"));
        http_reply_error(request, answer->err, NULL);
        return;
    }
    const transcode_file_t *made = answer->message;
    stream_file_t file = {.request = request,
                          .open = open_segment,
                          .name = arena_str(request->arena, made->name),
                          .segments = home_of(request)->api->segments,
                          .file = {.content_type = STR("audio/mp4")}};
    file.file.cache_control = stream_cache_control(request, &self->stream);
    stream_send(&file);
}

static void get_segment(http_request_t *request, const stream_t *stream, uint32_t index)
{
    str_t key = transcode_key(request, stream);
    segment_request_t *context = arena_new(request->arena, sizeof *context);
    if (context == NULL || key.data == NULL) {
        http_reply_error(request, ERR_NO_MEMORY, NULL);
        return;
    }
    *context = (segment_request_t){request, *stream};
    edge_ask(request->edge, address_of(TRANSCODE_KIND, key), SEGMENT_ASK_TIMEOUT_MS, (str_t){0},
             segment_made, context, transcode_segment, .index = index);
}

static void get_hls(http_request_t *request)
{
    stream_t stream;
    catalog_track_t track;
    rendition_t rendition;
    hls_file_kind_t kind;
    uint32_t index = 0;
    str_t name = http_param(request, "rendition");
    if (str_equal(name, STR("all")) && str_equal(http_param(request, "file"), STR("index.m3u8"))) {
        get_multivariant(request);
        return;
    }
    if (!stream_admit(request, name, &stream))
        return;
    if (rendition_from_name(name, &rendition) != ERR_OK ||
        hls_parse_file(http_param(request, "file"), &kind, &index) != ERR_OK) {
        http_reply_error(request, ERR_NOT_FOUND, NULL);
        return;
    }
    if (kind == HLS_SEGMENT)
        get_segment(request, &stream, index); /* the actor looks at the track itself */
    else if (!stream_track(request, &stream, &track))
        return;
    else if (kind == HLS_INIT)
        get_init(request, &stream, rendition, &track);
    else
        get_media(request, &stream, rendition, &track);
}

/* ---- /artwork ---- */

/* The sizes that a scan makes; the first is the blob itself (actors/library/finishing.c). */
static const uint32_t artwork_sizes[] = {1200, 640, 300, 96};

static err_t open_artwork(stream_file_t *self)
{
    err_t err =
        far_blob_open(self->api, "artwork", self->name, self->variant, &self->fd, &self->size);
    return err == ERR_INVALID ? ERR_NOT_FOUND : err;
}

static bool is_artwork_size(uint64_t size)
{
    for (size_t i = 0; i < COUNT_OF(artwork_sizes); i++)
        if (artwork_sizes[i] == size)
            return true;
    return false;
}

/* *out_variant: empty for the blob itself. */
static err_t artwork_variant(http_request_t *request, bool is_webp, str_t *out_variant)
{
    uint64_t size = 0;
    *out_variant = (str_t){NULL, 0};
    if (http_param_u64(request, "size", &size) != ERR_OK || !is_artwork_size(size))
        return ERR_NOT_FOUND;
    if (size == artwork_sizes[0] && !is_webp)
        return ERR_OK;
    *out_variant = arena_printf(request->arena, "%u.%s", (unsigned)size, is_webp ? "webp" : "jpg");
    return out_variant->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static void get_artwork(http_request_t *request)
{
    str_t variant;
    bool is_webp = str_contains(http_header(request, "Accept"), STR("image/webp"));
    err_t err = artwork_variant(request, is_webp, &variant);
    if (err != ERR_OK) {
        http_reply_error(request, err, NULL);
        return;
    }
    http_reply_header(request, "Vary", STR("Accept"));
    stream_file_t file = {.request = request,
                          .open = open_artwork,
                          .name = arena_str(request->arena, http_param(request, "hash")),
                          .variant = variant,
                          .api = home_of(request)->api,
                          .file = {.content_type = is_webp ? STR("image/webp") : STR("image/jpeg"),
                                   .cache_control = STR("public, max-age=31536000, immutable")}};
    file.file.etag = arena_printf(request->arena, "\"%.*s-%s\"",
                                  STR_ARG(str_slice(http_param(request, "hash"), 0, 16)),
                                  is_webp ? "webp" : "jpg");
    stream_send(&file);
}

err_t hls_routes(routes_t *routes)
{
    static const route_t rows[] = {
        {.method = METHOD_GET,
         .pattern = "/hls/{token}/{track}/{rendition}/{file}",
         .handler = get_hls},
        {.method = METHOD_GET,
         .pattern = "/audio/{token}/{track}/original",
         .handler = original_serve},
        {.method = METHOD_GET, .pattern = "/artwork/{hash}/{size}", .handler = get_artwork},
    };
    return routes_add_all(routes, rows, COUNT_OF(rows));
}

#include "gateway/hls/routes.h"

#include "actors/protocol/transcode.h"
#include "gateway/api.h"
#include "gateway/hls/playlist.h"
#include "gateway/hls/serve_file.h"
#include "storage/url_signature.h"

/* ---- who may ---- */

static bool is_signed(http_request_t *request, str_t track, str_t rendition, int64_t *out_left_s)
{
    const api_t *api = home_of(request)->api;
    int64_t now = clock_wall_ms(&api->clock), expires;
    err_t err = url_signature_check(api->keyring, http_param(request, "token"), track, rendition,
                                    now, &expires);
    http_reply_header(request, "Access-Control-Allow-Origin", STR("*"));
    if (err != ERR_OK) {
        http_reply_header(request, "Cache-Control", STR("no-store"));
        http_reply_error(request, ERR_FORBIDDEN,
                         err == ERR_STALE
                             ? "this address has expired: ask for the track's stream again"
                             : "this address is not valid");
        return false;
    }
    *out_left_s = (expires - now) / 1000;
    return true;
}

static err_t track_of(http_request_t *request, uint64_t id, hls_track_t *out_track)
{
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    arena_t scratch ARENA_SCOPED = {0};
    catalog_track_t track;
    TRY(catalog_read_begin(home_of(request)->api->catalog, &scratch, &read));
    TRY(catalog_track(&read, id, &track));
    *out_track = (hls_track_t){{track.sample_rate, track.channels, track.bits, track.samples},
                               track.bits > 0};
    return ERR_OK;
}

/* ---- playlists ---- */

typedef struct addresses {
    http_request_t *request;
    str_t track;
} addresses_t;

static err_t append_address(void *context, rendition_t rendition, buf_t *out)
{
    const addresses_t *self = context;
    const api_t *api = home_of(self->request)->api;
    const char *name = rendition_name(rendition);
    url_signature_t signature;
    TRY(url_signature_make(api->keyring, self->track, str_from(name), clock_wall_ms(&api->clock),
                           &signature));
    buf_printf(out, "../../../%s/%.*s/%s/index.m3u8", signature.text, STR_ARG(self->track), name);
    return buf_status(out);
}

static void reply_playlist(http_request_t *request, err_t err, buf_t *text)
{
    if (err != ERR_OK) {
        http_reply_error(request, err, NULL);
        return;
    }
    http_reply_header(request, "Cache-Control", STR("private, no-store"));
    http_reply_buf(request, 200, STR("application/vnd.apple.mpegurl"), text);
}

/* ---- segments ---- */

typedef struct segment_request {
    http_request_t *request;
    int64_t left_s;
} segment_request_t;

static void segment_ready(void *context, const answer_t *answer)
{
    segment_request_t *self = context;
    if (answer->err != ERR_OK) {
        str_t text = arena_str(self->request->arena, answer->text);
        http_reply_error(self->request, answer->err, str_is_empty(text) ? NULL : text.data);
        return;
    }
    const transcode_file_t *file = answer->message;
    str_t age = arena_printf(self->request->arena, "public, max-age=%lld, immutable",
                             (long long)MAX(self->left_s, (int64_t)0));
    serve_file(self->request, arena_str(self->request->arena, file->path).data, STR("audio/mp4"),
               age);
}

static void ask_segment(http_request_t *request, str_t track, str_t rendition, uint32_t index,
                        int64_t left_s)
{
    segment_request_t *self = arena_new(request->arena, sizeof *self);
    str_t key = arena_printf(request->arena, "%.*s/%.*s", STR_ARG(track), STR_ARG(rendition));
    if (self == NULL || key.data == NULL) {
        http_reply_error(request, ERR_NO_MEMORY, NULL);
        return;
    }
    *self = (segment_request_t){request, left_s};
    edge_ask(request->edge, address_of("transcode", key), ASK_TIMEOUT_MS, (str_t){0}, segment_ready,
             self, transcode_segment, .index = index == HLS_INIT ? TRANSCODE_INIT : index);
}

/* ---- the handlers ---- */

static void get_hls(http_request_t *request)
{
    str_t track = http_param(request, "track"), name = http_param(request, "rendition");
    str_t file = http_param(request, "file");
    buf_t text BUF_SCOPED = BUF_INIT;
    hls_track_t about;
    rendition_t rendition;
    uint32_t index;
    uint64_t id;
    int64_t left_s;
    if (!is_signed(request, track, name, &left_s))
        return;
    bool is_all = str_equal(name, STR("all"));
    err_t err = str_to_u64(track, &id) == ERR_OK ? ERR_OK : ERR_NOT_FOUND;
    if (err == ERR_OK && !is_all)
        err = rendition_from_name(name, &rendition);
    if (err != ERR_OK) {
        http_reply_error(request, err, NULL);
        return;
    }
    if (str_equal(file, STR("index.m3u8"))) {
        addresses_t addresses = {request, track};
        err = track_of(request, id, &about);
        if (err == ERR_OK)
            err = is_all ? hls_multivariant(&about, append_address, &addresses, &text)
                         : hls_media(&about, rendition, &text);
        reply_playlist(request, err, &text);
        return;
    }
    if (is_all || hls_file_index(file, &index) != ERR_OK) {
        http_reply_error(request, ERR_NOT_FOUND, NULL);
        return;
    }
    ask_segment(request, track, name, index, left_s);
}

static void get_original(http_request_t *request)
{
    str_t track = http_param(request, "track");
    uint64_t id;
    int64_t left_s;
    if (!is_signed(request, track, STR("original"), &left_s))
        return;
    if (str_to_u64(track, &id) != ERR_OK) {
        http_reply_error(request, ERR_NOT_FOUND, NULL);
        return;
    }
    serve_original(request, id, left_s);
}

err_t hls_routes(routes_t *routes)
{
    const route_t rows[] = {
        {METHOD_GET, "/hls/{token}/{track}/{rendition}/{file}", get_hls, NULL, 0},
        {METHOD_GET, "/audio/{token}/{track}/original", get_original, NULL, 0},
        {METHOD_GET, "/artwork/{hash}/{size}", serve_artwork, NULL, 0},
    };
    return routes_add_all(routes, rows, COUNT_OF(rows));
}

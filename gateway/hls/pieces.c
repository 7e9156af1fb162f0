#include "gateway/hls/pieces.h"

#include "actors/protocol/transcode.h"
#include "gateway/hls/original.h"
#include "gateway/hls/stream.h"
#include "storage/file.h"
#include "storage/roots/piece.h"

#include <unistd.h>

enum { MADE_TIMEOUT_MS = 30000, VERSION_DIGITS = 16 };

/* A request that may be answered. */
typedef struct piece_request {
    http_request_t *request;
    const api_t *api;
    const piece_keys_t *keys; /* that it was asked with */
    str_t target, proof;      /* what the answer is bound to */
    uint64_t from, version;
    bool is_cached_only;
    /* What is read, on the offload pool. */
    err_t (*open)(struct piece_request *self, int *out_fd, uint64_t *out_size,
                  uint64_t *out_version);
    blob_folder_t *blobs;
    str_t name, variant; /* of a segment in the cache, or a blob; of an original its path */
    buf_t body;
} piece_request_t;

/* ---- who asks ---- */

static err_t read_query(http_request_t *request, piece_request_t *self)
{
    str_t only;
    TRY(http_query_u64(request, "from", 0, &self->from));
    TRY(http_query_u64(request, "version", 0, &self->version));
    err_t err = http_query(request, "only", &only);
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    self->is_cached_only = err == ERR_OK && str_equal(only, STR("cached"));
    return err == ERR_OK && !self->is_cached_only ? ERR_INVALID : err;
}

static err_t check(http_request_t *request, piece_request_t *self)
{
    const piece_keys_t *keys = self->api->piece_keys;
    self->target = request->query.size == 0
                       ? arena_str(request->arena, request->path)
                       : arena_printf(request->arena, "%.*s?%.*s", STR_ARG(request->path),
                                      STR_ARG(request->query));
    self->proof = http_header(request, PIECE_HEADER);
    if (self->target.data == NULL)
        return ERR_NO_MEMORY;
    if (keys == NULL || self->target.size > PIECE_TARGET_SIZE_MAX)
        return ERR_FORBIDDEN;
    TRY(piece_keys_find(keys, str_from(http_method_name(request->method)), self->target,
                        self->proof, &self->keys));
    return read_query(request, self);
}

/* NULL: the request is answered. */
static piece_request_t *admit(http_request_t *request)
{
    piece_request_t *self = arena_new(request->arena, sizeof *self);
    err_t err = ERR_NO_MEMORY;
    if (self != NULL) {
        *self = (piece_request_t){.request = request, .api = home_of(request)->api};
        err = check(request, self);
    }
    if (err == ERR_OK)
        return self;
    http_reply_error(request, err, NULL);
    return NULL;
}

/* ---- a piece of a file ---- */

static err_t read_piece(piece_request_t *self, int fd, uint64_t size, uint64_t version)
{
    buf_t content BUF_SCOPED = BUF_INIT;
    if (self->version != 0 && self->version != version)
        return ERR_CONFLICT;
    if (self->from > size)
        return ERR_INVALID;
    TRY(file_read_at(fd, self->from, (size_t)MIN(size - self->from, (uint64_t)PIECE_SIZE_MAX),
                     &content));
    piece_t piece = {size, version, buf_str(&content)};
    return piece_seal(self->keys, self->proof, self->target, &piece, &self->body);
}

static err_t read_work(void *data)
{
    piece_request_t *self = data;
    int fd = -1;
    uint64_t size = 0, version = 0;
    TRY(self->open(self, &fd, &size, &version));
    err_t err = read_piece(self, fd, size, version);
    close(fd);
    return err;
}

static void read_done(void *data, err_t err)
{
    piece_request_t *self = data;
    buf_t body BUF_SCOPED = STEAL(self->body);
    if (err != ERR_OK)
        http_reply_error(self->request, err, NULL);
    else
        http_reply_buf(self->request, 200, STR("application/octet-stream"), &body);
}

static void answer(piece_request_t *self)
{
    http_request_t *request = self->request;
    if (request->edge == NULL) /* the server has stopped meanwhile, and nobody is there to answer */
        http_abandon(request);
    else
        edge_offload(request->edge, OFFLOAD_FILE, read_work, read_done, self);
}

/* ---- segments ---- */

static err_t open_cached(piece_request_t *self, int *out_fd, uint64_t *out_size,
                         uint64_t *out_version)
{
    *out_version = 0;
    return segment_cache_read(self->api->segments, self->name, out_fd, out_size);
}

static void segment_made(void *context, const answer_t *answered)
{
    piece_request_t *self = context;
    if (answered->err != ERR_OK) {
        http_reply_error(self->request, answered->err, NULL);
        return;
    }
    self->name =
        arena_str(self->request->arena, ((const transcode_file_t *)answered->message)->name);
    self->open = open_cached;
    if (self->name.data == NULL)
        http_reply_error(self->request, ERR_NO_MEMORY, NULL);
    else
        answer(self);
}

static bool read_version(str_t text, uint64_t *out_version)
{
    uint64_t version = 0;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (c < 'a' || c > 'f'))
            return false;
        version = version << 4 | (uint64_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
    *out_version = version;
    return text.size == VERSION_DIGITS;
}

static str_t key_of(http_request_t *request)
{
    return arena_printf(request->arena, "%.*s/%.*s", STR_ARG(http_param(request, "track")),
                        STR_ARG(http_param(request, "rendition")));
}

static void get_segment(http_request_t *request)
{
    uint64_t index = 0, version = 0;
    piece_request_t *self = admit(request);
    if (self == NULL)
        return;
    str_t key = key_of(request);
    if (http_param_u64(request, "index", &index) != ERR_OK || index >= SEGMENTS_MAX ||
        !read_version(http_param(request, "version"), &version) || key.data == NULL) {
        http_reply_error(request, key.data == NULL ? ERR_NO_MEMORY : ERR_INVALID, NULL);
        return;
    }
    edge_ask(request->edge, address_of(TRANSCODE_KIND, key), MADE_TIMEOUT_MS, (str_t){0},
             segment_made, self, transcode_segment, .index = (uint32_t)index,
             .reach = self->is_cached_only ? TRANSCODE_CACHED : TRANSCODE_MADE_HERE,
             .version = version);
}

/* What can't be sent, a full mailbox, is said so: then it is asked again. */
static void post_keep(http_request_t *request)
{
    uint64_t first = 0, count = 0;
    piece_request_t *self = admit(request);
    if (self == NULL)
        return;
    str_t key = key_of(request);
    err_t err = key.data == NULL ? ERR_NO_MEMORY : http_query_u64(request, "first", 0, &first);
    if (err == ERR_OK)
        err = http_query_u64(request, "count", 0, &count);
    if (err == ERR_OK && (first >= SEGMENTS_MAX || count > TRANSCODE_KEEP_MAX))
        err = ERR_INVALID;
    if (err == ERR_OK)
        err = runtime_send(edge_runtime(request->edge), address_of(TRANSCODE_KIND, key),
                           transcode_keep, .first = (uint32_t)first, .count = (uint32_t)count);
    if (err != ERR_OK)
        http_reply_error(request, err, NULL);
    else
        http_reply(request, 202, STR(""), STR(""));
}

/* ---- originals ---- */

static err_t open_file(piece_request_t *self, int *out_fd, uint64_t *out_size,
                       uint64_t *out_version)
{
    return original_open(self->name.data, out_fd, out_size, out_version);
}

/* The file's path, if its folder can be read here. */
static err_t find_original(http_request_t *request, piece_request_t *self)
{
    catalog_track_t track;
    root_place_t place;
    uint64_t id = 0;
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    TRY(http_param_u64(request, "track", &id));
    TRY(catalog_read_begin(self->api->catalog, request->arena, &read));
    TRY(catalog_track(&read, id, &track));
    if (!track.is_available || self->api->places == NULL)
        return ERR_NOT_FOUND;
    TRY(root_places_find(self->api->places, track.root, request->arena, &place));
    if (place.where != ROOT_HERE)
        return ERR_NOT_FOUND;
    self->name =
        arena_printf(request->arena, "%.*s/%.*s", STR_ARG(place.path), STR_ARG(track.path));
    self->open = open_file;
    return self->name.data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static void get_original(http_request_t *request)
{
    piece_request_t *self = admit(request);
    if (self == NULL)
        return;
    err_t err = find_original(request, self);
    if (err != ERR_OK)
        http_reply_error(request, err, NULL);
    else
        answer(self);
}

/* ---- covers, lyrics ---- */

static err_t open_blob(piece_request_t *self, int *out_fd, uint64_t *out_size,
                       uint64_t *out_version)
{
    *out_version = 0;
    return blob_open(self->blobs, self->name, self->variant, out_fd, out_size);
}

static void get_blob(http_request_t *request)
{
    piece_request_t *self = admit(request);
    if (self == NULL)
        return;
    str_t area = http_param(request, "area"), variant = http_param(request, "variant");
    self->blobs = str_equal(area, STR("artwork"))  ? self->api->artwork
                  : str_equal(area, STR("lyrics")) ? self->api->lyrics
                                                   : NULL;
    self->name = http_param(request, "hash");
    self->variant = str_equal(variant, STR("-")) ? (str_t){NULL, 0} : variant;
    self->open = open_blob;
    if (self->blobs == NULL)
        http_reply_error(request, ERR_NOT_FOUND, NULL);
    else
        answer(self);
}

err_t pieces_routes(routes_t *routes)
{
    static const route_t rows[] = {
        {.method = METHOD_GET,
         .pattern = "/pieces/segment/{track}/{version}/{rendition}/{index}",
         .handler = get_segment},
        {.method = METHOD_GET, .pattern = "/pieces/original/{track}", .handler = get_original},
        {.method = METHOD_GET,
         .pattern = "/pieces/blob/{area}/{hash}/{variant}",
         .handler = get_blob},
        {.method = METHOD_POST,
         .pattern = "/pieces/keep/{track}/{rendition}",
         .handler = post_keep},
    };
    return routes_add_all(routes, rows, COUNT_OF(rows));
}

#include "gateway/hls/original_far.h"

#include "actors/protocol/roots.h"
#include "gateway/range.h"
#include "runtime/base/memory.h"
#include "storage/file.h"

#include <stdio.h>
#include <unistd.h>

enum { KEPT_HEAD_SIZE = 2 * sizeof(uint64_t), TARGET_SIZE = 96 };

/* One request on its way. Begun when the first piece is there, which says how large the file is. */
typedef struct far {
    const api_t *api;
    edge_t *edge;
    http_request_t *request; /* until it is begun */
    http_stream_t *stream;   /* from then on */
    char root[ROOT_NAME_SIZE_MAX + 1];
    char key[TARGET_SIZE];    /* "TRACK/VERSION/original", of the pieces in the cache */
    char target[TARGET_SIZE]; /* without its query */
    uint64_t offset, end;     /* still to be sent */
    uint64_t total, version;  /* of the file; all pieces have the same */
    /* The piece at hand, or being brought: by one job at a time. */
    uint64_t number;
    piece_t piece;
    buf_t content;
    bool is_loading, is_closed; /* the client left while it was loading */
    str_t content_type, cache_control;
} far_t;

static void far_free(far_t *self)
{
    buf_deinit(&self->content);
    memory_free(self);
}

/* ---- pieces, on the offload pool ---- */

static err_t cached_name(const far_t *self, buf_t *out)
{
    buf_printf(out, "%s/%llu", self->key, (unsigned long long)self->number);
    return buf_status(out);
}

/* A piece in the cache: total, version, bytes. */
static err_t read_cached(far_t *self, str_t name)
{
    int fd = -1;
    uint64_t size = 0;
    TRY(segment_cache_read(self->api->segments, name, &fd, &size));
    err_t err = size < KEPT_HEAD_SIZE || size > KEPT_HEAD_SIZE + PIECE_SIZE_MAX
                    ? ERR_CORRUPT
                    : file_read_at(fd, 0, (size_t)size, &self->content);
    close(fd);
    TRY(err);
    memcpy(&self->piece.total, self->content.data, sizeof self->piece.total);
    memcpy(&self->piece.version, self->content.data + sizeof self->piece.total,
           sizeof self->piece.version);
    self->piece.content = str_slice(buf_str(&self->content), KEPT_HEAD_SIZE, self->content.size);
    return ERR_OK;
}

/* For who asks next; that it can't be kept matters to nobody now. */
static void keep(const far_t *self, str_t name)
{
    buf_t whole BUF_SCOPED = BUF_INIT;
    buf_append_bytes(&whole, &self->piece.total, sizeof self->piece.total);
    buf_append_bytes(&whole, &self->piece.version, sizeof self->piece.version);
    buf_append(&whole, self->piece.content);
    if (buf_status(&whole) == ERR_OK)
        IGNORE_ERR(segment_cache_put(self->api->segments, name, buf_str(&whole)));
}

static err_t bring(far_t *self, str_t name)
{
    root_node_t nodes[ROOT_NODES_MAX];
    buf_t target BUF_SCOPED = BUF_INIT;
    size_t count = root_places_readers(self->api->places, str_from(self->root), str_from(self->key),
                                       nodes, COUNT_OF(nodes));
    buf_printf(&target, "%s?from=%llu&version=%llu", self->target,
               (unsigned long long)self->number * PIECE_SIZE_MAX,
               (unsigned long long)self->version);
    TRY(buf_status(&target));
    err_t err = piece_client_ask(self->api->pieces, nodes, count, buf_str(&target), &self->content,
                                 &self->piece);
    if (err == ERR_OK)
        keep(self, name);
    return err == ERR_NOT_FOUND || err == ERR_CONFLICT ? ERR_UNAVAILABLE : err;
}

static err_t load_work(void *data)
{
    far_t *self = data;
    buf_t name BUF_SCOPED = BUF_INIT;
    TRY(cached_name(self, &name));
    buf_reset(&self->content);
    err_t err = read_cached(self, buf_str(&name));
    if (err == ERR_OK && (self->version == 0 || self->version == self->piece.version))
        return ERR_OK;
    buf_reset(&self->content);
    return bring(self, buf_str(&name));
}

/* ---- the answer ---- */

static void loaded(void *data, err_t err);

static void load(far_t *self, uint64_t number)
{
    self->number = number;
    self->is_loading = true;
    edge_offload(self->edge, OFFLOAD_FILE, load_work, loaded, self);
}

/* What is not sent by then is missing, and the client sees that. */
static void end(far_t *self)
{
    http_stream_end(self->stream);
    far_free(self);
}

/* The bytes of the piece at hand that come next; none: it does not have them. */
static str_t next_bytes(const far_t *self)
{
    uint64_t begin = self->number * PIECE_SIZE_MAX;
    if (self->offset < begin || self->offset - begin >= self->piece.content.size)
        return (str_t){NULL, 0};
    return str_slice(self->piece.content, (size_t)(self->offset - begin),
                     (size_t)MIN(self->end - begin, (uint64_t)self->piece.content.size));
}

static void pump(far_t *self)
{
    while (self->offset < self->end) {
        if (self->offset / PIECE_SIZE_MAX != self->number) {
            load(self, self->offset / PIECE_SIZE_MAX);
            return;
        }
        str_t bytes = next_bytes(self);
        if (bytes.size == 0)
            break; /* a file that became shorter */
        if (http_stream_write(self->stream, bytes) != ERR_OK)
            return; /* on_writable or on_close comes */
        self->offset += bytes.size;
    }
    end(self);
}

static void on_writable(http_stream_t *stream, void *context)
{
    far_t *self = context;
    (void)stream;
    if (!self->is_loading)
        pump(self);
}

static void on_close(http_stream_t *stream, void *context)
{
    far_t *self = context;
    (void)stream;
    self->is_closed = true;
    if (!self->is_loading)
        far_free(self);
}

static void fail(far_t *self, err_t err)
{
    if (self->stream != NULL) {
        end(self);
        return;
    }
    http_reply_header(self->request, "Cache-Control", STR("no-store"));
    http_reply_error(self->request, err, NULL);
    far_free(self);
}

/* By the file's size as a node that has it says. */
static range_result_t choose_range(far_t *self, str_t etag)
{
    http_request_t *request = self->request;
    range_result_t range = RANGE_WHOLE;
    uint64_t length = self->total;
    self->offset = 0;
    if (request->method == METHOD_GET && range_is_current(http_header(request, "if-range"), etag))
        range = range_parse(http_header(request, "range"), self->total, &self->offset, &length);
    self->end = self->offset + length;
    return range;
}

static void refuse_range(far_t *self)
{
    http_request_t *request = self->request;
    http_reply_header(
        request, "Content-Range",
        arena_printf(request->arena, "bytes */%llu", (unsigned long long)self->total));
    http_reply(request, 416, STR(""), STR(""));
    far_free(self);
}

static void begin(far_t *self)
{
    static const http_stream_events_t events = {on_writable, on_close};
    http_request_t *request = self->request;
    char room[ORIGINAL_ETAG_SIZE];
    self->total = self->piece.total;
    self->version = self->piece.version;
    str_t etag = original_etag(self->version, self->total, room);
    http_reply_header(request, "Cache-Control", self->cache_control);
    if (http_reply_unchanged(request, etag)) {
        far_free(self);
        return;
    }
    range_result_t range = choose_range(self, etag);
    if (range == RANGE_UNSATISFIABLE) {
        refuse_range(self);
        return;
    }
    http_reply_header(request, "Accept-Ranges", STR("bytes"));
    if (range == RANGE_PART)
        http_reply_header(
            request, "Content-Range",
            arena_printf(request->arena, "bytes %llu-%llu/%llu", (unsigned long long)self->offset,
                         (unsigned long long)self->end - 1, (unsigned long long)self->total));
    if (request->method == METHOD_HEAD)
        self->offset = self->end;
    self->stream = http_reply_stream_sized(
        request, range == RANGE_PART ? 206 : 200, self->content_type,
        request->method == METHOD_HEAD ? self->total : self->end - self->offset, &events, self);
    self->request = NULL;
    if (self->stream == NULL)
        far_free(self); /* the client has gone */
    else
        pump(self);
}

static void loaded(void *data, err_t err)
{
    far_t *self = data;
    self->is_loading = false;
    if (self->is_closed)
        far_free(self);
    else if (err != ERR_OK)
        fail(self, err);
    else if (self->stream == NULL)
        begin(self);
    else if (self->piece.total != self->total || self->piece.version != self->version)
        fail(self, ERR_CONFLICT);
    else
        pump(self);
}

/* Where the request begins, should the file have the size that the catalog says. */
static uint64_t first_piece(const http_request_t *request, const catalog_track_t *track)
{
    uint64_t offset = 0, length = 0;
    if (range_parse(http_header(request, "range"), track->size_bytes, &offset, &length) !=
        RANGE_PART)
        return 0;
    return offset / PIECE_SIZE_MAX;
}

void original_far_serve(http_request_t *request, const stream_t *stream,
                        const catalog_track_t *track, str_t content_type)
{
    far_t *self = memory_new(sizeof *self);
    if (self == NULL || request->edge == NULL) {
        memory_free(self);
        http_reply_error(request, ERR_NO_MEMORY, NULL);
        return;
    }
    *self = (far_t){.api = home_of(request)->api,
                    .edge = request->edge,
                    .request = request,
                    .content_type = content_type,
                    .cache_control = stream_cache_control(request, stream)};
    (void)str_to_array(track->root, self->root, sizeof self->root);
    snprintf(self->key, sizeof self->key, "%llu/%016llx/original",
             (unsigned long long)stream->track_id,
             (unsigned long long)piece_file_version(track->mtime_ns, track->size_bytes));
    snprintf(self->target, sizeof self->target, "/pieces/original/%llu",
             (unsigned long long)stream->track_id);
    load(self, first_piece(request, track));
}

#include "gateway/hls/original.h"

#include "actors/protocol/roots.h"
#include "gateway/hls/original_far.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct original_request {
    http_request_t *request;
    stream_t stream;
    catalog_track_t track;
} original_request_t;

static str_t content_type_of(const catalog_track_t *track)
{
    static const struct {
        const char *container, *type;
    } types[] = {
        {"mp3", "audio/mpeg"}, {"flac", "audio/flac"},
        {"ogg", "audio/ogg"},  {"mp4", "audio/mp4"},
        {"wav", "audio/wav"},  {"aiff", "audio/aiff"},
        {"aac", "audio/aac"},  {"matroska", "audio/x-matroska"},
    };
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_equal(track->container, str_from(types[i].container)))
            return str_from(types[i].type);
    return STR("application/octet-stream");
}

err_t original_open(const char *path, int *out_fd, uint64_t *out_size, uint64_t *out_version)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_UNAVAILABLE : err_from_errno(errno);
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return ERR_UNAVAILABLE;
    }
    *out_fd = fd;
    *out_size = (uint64_t)status.st_size;
    *out_version = piece_file_version((int64_t)status.st_mtim.tv_sec * 1000000000 +
                                          (int64_t)status.st_mtim.tv_nsec,
                                      (uint64_t)status.st_size);
    return ERR_OK;
}

str_t original_etag(uint64_t version, uint64_t size, char room[ORIGINAL_ETAG_SIZE])
{
    int length = snprintf(room, ORIGINAL_ETAG_SIZE, "\"%016llx-%llx\"", (unsigned long long)version,
                          (unsigned long long)size);
    return str_of(room, (size_t)length);
}

static err_t open_original(stream_file_t *self)
{
    uint64_t version = 0;
    TRY(original_open(self->path, &self->fd, &self->size, &version));
    /* Of the file that is sent, not of the one that was scanned: else a download that goes on after
     * the file was replaced would be stitched from both. */
    _Static_assert(sizeof self->etag >= (size_t)ORIGINAL_ETAG_SIZE, "it has room");
    self->file.etag = original_etag(version, self->size, self->etag);
    return ERR_OK;
}

static void send_from(original_request_t *self, str_t root_path)
{
    http_request_t *request = self->request;
    str_t path =
        arena_printf(request->arena, "%.*s/%.*s", STR_ARG(root_path), STR_ARG(self->track.path));
    stream_file_t file = {.request = request,
                          .open = open_original,
                          .path = path.data,
                          .file = {.content_type = content_type_of(&self->track)}};
    file.file.cache_control = stream_cache_control(request, &self->stream);
    if (path.data == NULL)
        http_reply_error(request, ERR_NO_MEMORY, NULL);
    else
        stream_send(&file);
}

static void root_found(void *context, const answer_t *answer)
{
    original_request_t *self = context;
    if (answer->err == ERR_OK)
        send_from(self, ((const root_info_reply_t *)answer->message)->path);
    else
        http_reply_error(self->request,
                         answer->err == ERR_NOT_FOUND ? ERR_UNAVAILABLE : answer->err, NULL);
}

/* By what this node knows of its folders; roots/all is asked about one that it does not know. */
static void send_original(original_request_t *self)
{
    http_request_t *request = self->request;
    const api_t *api = home_of(request)->api;
    root_place_t place = {.where = ROOT_UNKNOWN};
    err_t err = api->places == NULL
                    ? ERR_OK
                    : root_places_find(api->places, self->track.root, request->arena, &place);
    if (err != ERR_OK)
        http_reply_error(request, err, NULL);
    else if (place.where == ROOT_HERE)
        send_from(self, place.path);
    else if (place.where == ROOT_UNKNOWN)
        edge_ask(request->edge, address_of(ROOTS_KIND, ROOTS_KEY), ASK_TIMEOUT_MS, (str_t){0},
                 root_found, self, roots_get, .name = self->track.root);
    else if (api->pieces != NULL)
        original_far_serve(request, &self->stream, &self->track, content_type_of(&self->track));
    else
        http_reply_error(request, ERR_UNAVAILABLE, "the music folder can't be read at the moment");
}

void original_serve(http_request_t *request)
{
    original_request_t *context = arena_new(request->arena, sizeof *context);
    if (context == NULL) {
        http_reply_error(request, ERR_NO_MEMORY, NULL);
        return;
    }
    context->request = request;
    if (!stream_admit(request, STR("original"), &context->stream) ||
        !stream_track(request, &context->stream, &context->track))
        return;
    if (!context->track.is_available)
        http_reply_error(request, ERR_UNAVAILABLE, "the file is not there at the moment");
    else
        send_original(context);
}

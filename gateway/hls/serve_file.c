#include "gateway/hls/serve_file.h"

#include "actors/protocol/roots.h"
#include "gateway/api.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* One file on its way; in the request's arena. */
typedef struct file_job {
    http_request_t *request;
    str_t segment;                /* of the cache; else a path: */
    const char *path, *otherwise; /* otherwise: tried when path is not there; NULL: none */
    str_t content_type, otherwise_type, cache_control, etag;
    int fd;
    uint64_t size;
} file_job_t;

/* One that was evicted since its name was given is made again when the player asks again. */
static err_t open_segment(file_job_t *job)
{
    segment_cache_t *segments = home_of(job->request)->api->segments;
    err_t err = segment_cache_read(segments, job->segment, &job->fd, &job->size);
    return err == ERR_NOT_FOUND ? ERR_UNAVAILABLE : err;
}

static err_t open_file(void *data)
{
    file_job_t *job = data;
    struct stat about;
    if (!str_is_empty(job->segment))
        return open_segment(job);
    job->fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (job->fd < 0 && errno == ENOENT && job->otherwise != NULL) {
        job->fd = open(job->otherwise, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        job->content_type = job->otherwise_type;
    }
    if (job->fd < 0)
        return err_from_errno(errno);
    if (fstat(job->fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        close(job->fd);
        return ERR_NOT_FOUND;
    }
    job->size = (uint64_t)about.st_size;
    if (str_is_empty(job->etag))
        job->etag =
            arena_printf(job->request->arena, "\"%llx-%llx\"", (unsigned long long)about.st_size,
                         (unsigned long long)about.st_mtim.tv_sec * 1000000000u +
                             (unsigned long long)about.st_mtim.tv_nsec);
    return ERR_OK;
}

static void file_opened(void *data, err_t err)
{
    file_job_t *job = data;
    if (err != ERR_OK) {
        http_reply_error(job->request, err, NULL);
        return;
    }
    http_file_t file = {.fd = job->fd,
                        .size = job->size,
                        .content_type = job->content_type,
                        .etag = job->etag,
                        .cache_control = job->cache_control};
    http_reply_file(job->request, &file);
}

static void start_job(http_request_t *request, file_job_t made)
{
    file_job_t *job = made.path == NULL && made.segment.data == NULL
                          ? NULL
                          : arena_new(request->arena, sizeof *job);
    if (job == NULL) {
        http_reply_error(request, ERR_NO_MEMORY, NULL);
        return;
    }
    *job = made;
    job->request = request;
    edge_offload(request->edge, OFFLOAD_FILE, open_file, file_opened, job);
}

void serve_segment(http_request_t *request, str_t name, str_t cache_control)
{
    start_job(request, (file_job_t){.segment = name,
                                    .content_type = STR("audio/mp4"),
                                    .cache_control = cache_control});
}

/* ---- originals ---- */

typedef struct original {
    http_request_t *request;
    str_t path; /* in its root */
    int64_t left_s;
} original_t;

static str_t type_of(str_t path)
{
    static const struct {
        const char *ending;
        str_t type;
    } types[] = {
        {".mp3", STR_INIT("audio/mpeg")},  {".flac", STR_INIT("audio/flac")},
        {".ogg", STR_INIT("audio/ogg")},   {".oga", STR_INIT("audio/ogg")},
        {".opus", STR_INIT("audio/ogg")},  {".m4a", STR_INIT("audio/mp4")},
        {".mp4", STR_INIT("audio/mp4")},   {".aac", STR_INIT("audio/aac")},
        {".wav", STR_INIT("audio/wav")},   {".aif", STR_INIT("audio/aiff")},
        {".aiff", STR_INIT("audio/aiff")}, {".wma", STR_INIT("audio/x-ms-wma")},
    };
    str_t ending = str_slice(path, MIN(str_find_last(path, '.'), path.size), path.size);
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_equal_ignoring_case(ending, str_from(types[i].ending)))
            return types[i].type;
    return STR("application/octet-stream");
}

static void root_known(void *context, const answer_t *answer)
{
    original_t *self = context;
    http_request_t *request = self->request;
    if (answer->err != ERR_OK) {
        http_reply_error(request, answer->err, NULL);
        return;
    }
    const root_info_reply_t *root = answer->message;
    str_t path =
        arena_printf(request->arena, "%.*s/%.*s", STR_ARG(root->path), STR_ARG(self->path));
    str_t age = arena_printf(request->arena, "private, max-age=%lld",
                             (long long)MAX(self->left_s, (int64_t)0));
    start_job(request,
              (file_job_t){.path = path.data, .content_type = type_of(path), .cache_control = age});
}

static err_t find_original(http_request_t *request, uint64_t track_id, str_t *out_root,
                           str_t *out_path)
{
    arena_t scratch ARENA_SCOPED = {0};
    catalog_read_t read CATALOG_READ_SCOPED = {0};
    catalog_track_t track;
    TRY(catalog_read_begin(home_of(request)->api->catalog, &scratch, &read));
    TRY(catalog_track(&read, track_id, &track));
    if (!track.is_available)
        return ERR_UNAVAILABLE;
    *out_root = arena_str(request->arena, track.root);
    *out_path = arena_str(request->arena, track.path);
    return out_path->data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

void serve_original(http_request_t *request, uint64_t track_id, int64_t left_s)
{
    str_t root, path;
    err_t err = find_original(request, track_id, &root, &path);
    original_t *self = arena_new(request->arena, sizeof *self);
    if (err != ERR_OK || self == NULL) {
        http_reply_error(request, err != ERR_OK ? err : ERR_NO_MEMORY, NULL);
        return;
    }
    *self = (original_t){request, path, left_s};
    edge_ask(request->edge, address_of(ROOTS_KIND, ROOTS_KEY), ASK_TIMEOUT_MS, (str_t){0},
             root_known, self, roots_get, .name = root);
}

/* ---- artwork ---- */

static bool accepts_webp(const http_request_t *request)
{
    return str_contains(http_header(request, "Accept"), STR("image/webp"));
}

void serve_artwork(http_request_t *request)
{
    static const char *const sizes[] = {"96", "300", "640", "1200"};
    blob_folder_t *artwork = home_of(request)->api->artwork;
    str_t hash = http_param(request, "hash"), size = http_param(request, "size");
    bool is_webp = accepts_webp(request), is_known = false;
    const char *path, *otherwise;
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        is_known = is_known || str_equal(size, str_from(sizes[i]));
    str_t variant =
        arena_printf(request->arena, "%.*s.%s", STR_ARG(size), is_webp ? "webp" : "jpg");
    /* A picture smaller than the size asked for has the blob itself, a JPEG. */
    if (!is_known || variant.data == NULL ||
        blob_variant_path(artwork, hash, variant, request->arena, &path) != ERR_OK ||
        blob_path(artwork, hash, request->arena, &otherwise) != ERR_OK) {
        http_reply_error(request, ERR_NOT_FOUND, NULL);
        return;
    }
    http_reply_header(request, "Vary", STR("Accept"));
    start_job(request, (file_job_t){.path = path,
                                    .otherwise = otherwise,
                                    .otherwise_type = STR("image/jpeg"),
                                    .content_type = is_webp ? STR("image/webp") : STR("image/jpeg"),
                                    .cache_control = STR("public, max-age=31536000, immutable")});
}

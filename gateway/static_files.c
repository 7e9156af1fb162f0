#include "gateway/static_files.h"

#include "gateway/server_internal.h"

#include "runtime/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE_MAX = 255 };

/* hls.js plays from blob: URLs and works in a worker made from one; styles are set by script. */
static const char content_policy[] =
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "media-src 'self' blob:; worker-src 'self' blob:; font-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

struct static_files {
    int folder;
};

/* One form of a file. */
typedef struct found_file {
    int fd;
    const char *coding; /* "br", "gzip", NULL */
    struct stat stat;
} found_file_t;

/* ---- finding; every name is one part of a path, so links and ".." lead nowhere ---- */

static bool is_name(str_t part)
{
    return part.size > 0 && part.size <= NAME_SIZE_MAX && !str_equal(part, STR(".")) &&
           !str_equal(part, STR("..")) && memchr(part.data, '\0', part.size) == NULL;
}

static err_t open_part(int folder, str_t part, const char *suffix, int flags, int *out_fd)
{
    char name[NAME_SIZE_MAX + 8];
    if (!is_name(part))
        return ERR_NOT_FOUND;
    memcpy(name, part.data, part.size);
    memcpy(name + part.size, suffix, strlen(suffix) + 1);
    int fd = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        *out_fd = fd;
        return ERR_OK;
    }
    /* A link, or a name too long for the file system: no file of ours. */
    return errno == ELOOP || errno == ENAMETOOLONG ? ERR_NOT_FOUND : err_from_errno(errno);
}

/* The folder that the path's last part lies in. */
static err_t open_folder(int root, str_t path, int *out_folder, str_t *out_last)
{
    int folder = fcntl(root, F_DUPFD_CLOEXEC, 0);
    if (folder < 0)
        return err_from_errno(errno);
    for (size_t slash; (slash = str_find(path, '/')) < path.size;) {
        int next;
        err_t err = open_part(folder, str_slice(path, 0, slash), "", O_PATH | O_DIRECTORY, &next);
        close(folder);
        TRY(err);
        folder = next;
        path = str_slice(path, slash + 1, path.size);
    }
    *out_folder = folder;
    *out_last = path;
    return ERR_OK;
}

/* A regular file; O_NONBLOCK so that a pipe in the folder cannot hold the thread. */
static err_t open_file(int folder, str_t name, const char *suffix, found_file_t *out_file)
{
    int fd;
    TRY(open_part(folder, name, suffix, O_RDONLY | O_NONBLOCK, &fd));
    if (fstat(fd, &out_file->stat) != 0 || !S_ISREG(out_file->stat.st_mode)) {
        close(fd);
        return ERR_NOT_FOUND;
    }
    out_file->fd = fd;
    return ERR_OK;
}

static err_t find_best(const static_files_t *self, const http_request_t *request, str_t path,
                       found_file_t *out_file)
{
    static const struct {
        const char *coding, *suffix;
    } forms[] = {{"br", ".br"}, {"gzip", ".gz"}, {NULL, ""}};
    int folder = -1;
    str_t name;
    TRY(open_folder(self->folder, path, &folder, &name));
    err_t err = ERR_NOT_FOUND;
    for (size_t i = 0; i < COUNT_OF(forms) && err == ERR_NOT_FOUND; i++) {
        out_file->coding = forms[i].coding;
        if (forms[i].coding == NULL || http_accepts_encoding(request, forms[i].coding))
            err = open_file(folder, name, forms[i].suffix, out_file);
    }
    close(folder);
    return err;
}

/* ---- serving ---- */

static str_t content_type_of(str_t path)
{
    static const struct {
        const char *ending;
        str_t type;
    } rows[] = {
        {".html", STR_INIT("text/html; charset=utf-8")},
        {".js", STR_INIT("text/javascript; charset=utf-8")},
        {".mjs", STR_INIT("text/javascript; charset=utf-8")},
        {".css", STR_INIT("text/css; charset=utf-8")},
        {".json", STR_INIT("application/json")},
        {".map", STR_INIT("application/json")},
        {".webmanifest", STR_INIT("application/manifest+json")},
        {".txt", STR_INIT("text/plain; charset=utf-8")},
        {".svg", STR_INIT("image/svg+xml")},
        {".png", STR_INIT("image/png")},
        {".jpg", STR_INIT("image/jpeg")},
        {".webp", STR_INIT("image/webp")},
        {".ico", STR_INIT("image/x-icon")},
        {".woff2", STR_INIT("font/woff2")},
        {".wasm", STR_INIT("application/wasm")},
        {".mp3", STR_INIT("audio/mpeg")},
        {".mp4", STR_INIT("video/mp4")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (str_ends_with(path, str_from(rows[i].ending)))
            return rows[i].type;
    return STR("application/octet-stream");
}

/* What is fetched may come from the cluster's other gateways: the page goes on there when this node
 * ends. A WebSocket is not 'self' everywhere. */
static str_t page_policy(http_request_t *request)
{
    gateway_place_t places[GATEWAYS_MAX];
    buf_t images BUF_SCOPED = BUF_INIT, connections BUF_SCOPED = BUF_INIT;
    const gateway_server_t *server = exchange_of(request)->server;
    size_t count = server == NULL ? 0 : gateways_list(server->options.gateways, places);
    for (size_t i = 0; i < count; i++) {
        str_t origin = str_from(places[i].origin), rest = str_slice(origin, 4, origin.size);
        buf_printf(&images, " %.*s", STR_ARG(origin));
        buf_printf(&connections, " %.*s ws%.*s", STR_ARG(origin), STR_ARG(rest));
    }
    return arena_printf(request->arena,
                        "%s; img-src 'self' data: blob:%.*s; connect-src 'self'%.*s",
                        content_policy, STR_ARG(buf_str(&images)), STR_ARG(buf_str(&connections)));
}

static void add_headers(http_request_t *request, str_t path, const char *coding)
{
    http_reply_header(request, "Vary", STR("Accept-Encoding"));
    http_reply_header(request, "Referrer-Policy", STR("same-origin"));
    if (coding != NULL)
        http_reply_header(request, "Content-Encoding", str_from(coding));
    if (!str_ends_with(path, STR(".html")))
        return;
    http_reply_header(request, "Content-Security-Policy", page_policy(request));
    http_reply_header(request, "Cross-Origin-Opener-Policy", STR("same-origin"));
}

static void reply_file(http_request_t *request, str_t path, const found_file_t *found)
{
    const struct timespec *changed = &found->stat.st_mtim;
    str_t etag = arena_printf(
        request->arena, "\"%llx-%llx%09lx%s%s\"", (unsigned long long)found->stat.st_size,
        (unsigned long long)changed->tv_sec, changed->tv_nsec, found->coding == NULL ? "" : "-",
        found->coding == NULL ? "" : found->coding);
    bool is_hashed = str_starts_with(path, STR("assets/"));
    add_headers(request, path, found->coding);
    http_reply_file(request,
                    &(http_file_t){.fd = found->fd,
                                   .size = (uint64_t)found->stat.st_size,
                                   .content_type = content_type_of(path),
                                   .etag = etag,
                                   .cache_control = is_hashed
                                                        ? STR("public, max-age=31536000, immutable")
                                                        : STR("no-cache")});
}

/* A page's address inside the player: it knows what to show there. */
static bool is_navigation(const http_request_t *request, str_t path)
{
    str_t last = str_slice(
        path, str_find_last(path, '/') == path.size ? 0 : str_find_last(path, '/') + 1, path.size);
    return str_find(last, '.') == last.size &&
           str_contains(http_header(request, "accept"), STR("text/html"));
}

void static_files_serve(http_request_t *request)
{
    const static_files_t *self = request->route_context;
    str_t path = http_param(request, "path");
    found_file_t found = {.fd = -1};
    if (str_is_empty(path))
        path = STR("index.html");
    err_t err = find_best(self, request, path, &found);
    if (err == ERR_NOT_FOUND && is_navigation(request, path)) {
        path = STR("index.html");
        err = find_best(self, request, path, &found);
    }
    if (err != ERR_OK)
        http_reply_error(request, err, NULL);
    else
        reply_file(request, path, &found);
}

err_t static_files_open(const char *folder, static_files_t **out_files)
{
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    found_file_t index = {.fd = -1};
    static_files_t *self = NULL;
    err_t err = open_file(fd, STR("index.html"), "", &index);
    if (err == ERR_OK) {
        close(index.fd);
        self = memory_new(sizeof *self);
        err = self == NULL ? ERR_NO_MEMORY : ERR_OK;
    }
    if (err != ERR_OK) {
        close(fd);
        return err;
    }
    self->folder = fd;
    *out_files = self;
    return ERR_OK;
}

void static_files_close(static_files_t *self)
{
    if (self == NULL)
        return;
    close(self->folder);
    memory_free(self);
}

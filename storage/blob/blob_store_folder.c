#include "storage/blob/blob_store_folder.h"

#include "runtime/base/memory.h"
#include "runtime/base/xxh64.h"
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

typedef struct blob_store_folder {
    blob_store_t store;
    char *path;
    size_t path_size;
    bool is_durable;
    _Atomic uint64_t serial; /* of files being written, so that two never share a name */
    _Atomic uint64_t gets, puts, removes, failed;
} blob_store_folder_t;

/* XXH64 of the content: tells rot, where the file system keeps attributes. */
static const char sum_name[] = "user.musicstream.xxh64";
static const char unfinished[] = ".writing-"; /* no part of a key begins with a dot */

static blob_store_folder_t *folder_of(blob_store_t *store)
{
    return CONTAINER_OF(store, blob_store_folder_t, store);
}

static err_t path_of(const blob_store_folder_t *self, str_t key, buf_t *out)
{
    buf_printf(out, "%s/%.*s", self->path, STR_ARG(key));
    (void)buf_terminated(out);
    return buf_status(out);
}

static err_t counted(blob_store_folder_t *self, err_t err, _Atomic uint64_t *count)
{
    atomic_fetch_add(err == ERR_OK || err == ERR_NOT_FOUND ? count : &self->failed, 1);
    return err;
}

/* ---- putting ---- */

void blob_store_folder_sum(int fd, str_t content)
{
    uint64_t sum = xxh64(content, 0);
    /* Without one it is a blob that can't be checked. */
    (void)!fsetxattr(fd, sum_name, &sum, sizeof sum, 0);
}

static err_t write_beside(const blob_store_folder_t *self, const char *beside, str_t content)
{
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    err_t err = file_write_all(fd, content);
    blob_store_folder_sum(fd, content);
    if (err == ERR_OK && self->is_durable && fsync(fd) != 0)
        err = err_from_errno(errno);
    if (close(fd) != 0 && err == ERR_OK)
        err = err_from_errno(errno);
    return err;
}

/* Whoever comes second replaces the same by the same. */
static err_t publish(const blob_store_folder_t *self, const char *beside, const char *path)
{
    buf_t folder BUF_SCOPED = BUF_INIT;
    buf_append(&folder, str_slice(str_from(path), 0, str_find_last(str_from(path), '/')));
    (void)buf_terminated(&folder);
    TRY(buf_status(&folder));
    TRY(file_make_folders(folder.data));
    if (rename(beside, path) != 0)
        return err_from_errno(errno);
    return self->is_durable ? file_sync_folder_of(path) : ERR_OK;
}

static err_t put(blob_store_t *store, str_t key, str_t content)
{
    blob_store_folder_t *self = folder_of(store);
    buf_t path BUF_SCOPED = BUF_INIT, beside BUF_SCOPED = BUF_INIT;
    TRY(path_of(self, key, &path));
    buf_printf(&beside, "%s/%s%ld-%llu", self->path, unfinished, (long)getpid(),
               (unsigned long long)atomic_fetch_add(&self->serial, 1));
    (void)buf_terminated(&beside);
    TRY(buf_status(&beside));
    err_t err = write_beside(self, beside.data, content);
    if (err == ERR_OK)
        err = publish(self, beside.data, path.data);
    if (err != ERR_OK)
        unlink(beside.data);
    return counted(self, err, &self->puts);
}

/* ---- getting ---- */

static err_t open_file(const blob_store_folder_t *self, str_t key, int *out_fd, struct stat *info)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    TRY(path_of(self, key, &path));
    int fd = open(path.data, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOTDIR ? ERR_NOT_FOUND : err_from_errno(errno);
    err_t err = fstat(fd, info) == 0 ? ERR_OK : err_from_errno(errno);
    if (err == ERR_OK && !S_ISREG(info->st_mode))
        err = ERR_NOT_FOUND;
    if (err == ERR_OK)
        *out_fd = fd;
    else
        close(fd);
    return err;
}

static err_t get(blob_store_t *store, str_t key, uint64_t offset, size_t size_max, buf_t *out)
{
    blob_store_folder_t *self = folder_of(store);
    struct stat info;
    int fd;
    err_t err = open_file(self, key, &fd, &info);
    if (err == ERR_OK) {
        uint64_t size = (uint64_t)info.st_size;
        size_t part = offset >= size ? 0 : (size_t)MIN(size - offset, (uint64_t)size_max);
        err = part == 0 ? ERR_OK : file_read_at(fd, offset, part, out);
        close(fd);
    }
    return counted(self, err, &self->gets);
}

static err_t check(blob_store_t *store, str_t key, buf_t *out)
{
    blob_store_folder_t *self = folder_of(store);
    struct stat info;
    uint64_t sum;
    size_t before = out->size;
    int fd;
    TRY(open_file(self, key, &fd, &info));
    err_t err =
        info.st_size > BLOB_SIZE_MAX ? ERR_LIMIT : file_read_at(fd, 0, (size_t)info.st_size, out);
    if (err == ERR_OK && fgetxattr(fd, sum_name, &sum, sizeof sum) != sizeof sum)
        err = ERR_UNSUPPORTED;
    else if (err == ERR_OK && sum != xxh64(str_slice(buf_str(out), before, out->size), 0))
        err = ERR_CORRUPT;
    close(fd);
    return err;
}

static blob_info_t info_of(str_t key, const struct stat *info)
{
    return (blob_info_t){key, (uint64_t)info->st_size,
                         (int64_t)info->st_mtim.tv_sec * 1000 + info->st_mtim.tv_nsec / 1000000};
}

static err_t find(blob_store_t *store, str_t key, blob_info_t *out_info)
{
    struct stat info;
    int fd;
    TRY(open_file(folder_of(store), key, &fd, &info));
    close(fd);
    *out_info = info_of(key, &info);
    return ERR_OK;
}

static err_t remove_blob(blob_store_t *store, str_t key)
{
    blob_store_folder_t *self = folder_of(store);
    buf_t path BUF_SCOPED = BUF_INIT;
    TRY(path_of(self, key, &path));
    bool is_gone = unlink(path.data) == 0 || errno == ENOENT || errno == ENOTDIR;
    return counted(self, is_gone ? ERR_OK : err_from_errno(errno), &self->removes);
}

/* ---- all of them ---- */

typedef struct walk {
    blob_store_folder_t *folder;
    FTS *files;
    err_t (*file)(struct walk *self, const FTSENT *entry, str_t name);
    str_t prefix;
    blob_visit_fn visit;
    void *context;
    int64_t before_ms;
    uint64_t count;
} walk_t;

/* A part that begins with a dot is not looked into; what vanishes meanwhile is no error. */
static err_t walk_entry(walk_t *self, FTSENT *entry)
{
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR)
        return err_from_errno(entry->fts_errno);
    if (entry->fts_info == FTS_D && entry->fts_level > 0 && entry->fts_name[0] == '.')
        (void)fts_set(self->files, entry, FTS_SKIP);
    if (entry->fts_info != FTS_F)
        return ERR_OK;
    return self->file(self, entry, str_from(entry->fts_path + self->folder->path_size + 1));
}

static err_t walk_all(walk_t *self)
{
    char *const roots[] = {self->folder->path, NULL};
    err_t err = ERR_OK;
    self->files = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (self->files == NULL)
        return err_from_errno(errno);
    for (FTSENT *entry; err == ERR_OK && (entry = fts_read(self->files)) != NULL;)
        err = walk_entry(self, entry);
    fts_close(self->files);
    return err;
}

static err_t show_file(walk_t *self, const FTSENT *entry, str_t name)
{
    if (!blob_key_is_valid(name) || !str_starts_with(name, self->prefix))
        return ERR_OK;
    blob_info_t info = info_of(name, entry->fts_statp);
    return self->visit(self->context, &info);
}

static err_t list(blob_store_t *store, str_t prefix, blob_visit_fn visit, void *context)
{
    walk_t walk = {.folder = folder_of(store),
                   .file = show_file,
                   .prefix = prefix,
                   .visit = visit,
                   .context = context};
    return walk_all(&walk);
}

static err_t tidy_file(walk_t *self, const FTSENT *entry, str_t name)
{
    bool is_old = info_of(name, entry->fts_statp).modified_ms < self->before_ms;
    if (is_old && str_starts_with(name, str_from(unfinished)) && unlink(entry->fts_path) == 0)
        self->count++;
    return ERR_OK;
}

static err_t tidy(blob_store_t *store, int64_t before_ms, uint64_t *out_count)
{
    walk_t walk = {.folder = folder_of(store), .file = tidy_file, .before_ms = before_ms};
    err_t err = walk_all(&walk);
    *out_count = walk.count;
    return err;
}

static void status(blob_store_t *store, blob_store_status_t *out_status)
{
    blob_store_folder_t *self = folder_of(store);
    *out_status = (blob_store_status_t){.gets = atomic_load(&self->gets),
                                        .puts = atomic_load(&self->puts),
                                        .removes = atomic_load(&self->removes),
                                        .failed = atomic_load(&self->failed)};
}

/* ---- opening ---- */

static void close_store(blob_store_t *store)
{
    blob_store_folder_t *self = folder_of(store);
    memory_free(self->path);
    memory_free(self);
}

err_t blob_store_folder_open(const blob_store_folder_options_t *options, blob_store_t **out_store)
{
    static const blob_store_table_t table = {put,  get,  check,  find,       remove_blob,
                                             list, tidy, status, close_store};
    blob_store_folder_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->store.table = &table;
    blob_store_t *store BLOB_STORE_SCOPED = &self->store;
    str_t whole = str_from(options->path);
    while (whole.size > 1 && whole.data[whole.size - 1] == '/')
        whole.size--; /* names begin one past the path */
    self->is_durable = options->is_durable;
    self->path = str_dup_terminated(whole);
    self->path_size = whole.size;
    if (self->path == NULL)
        return ERR_NO_MEMORY;
    TRY(file_make_folders(self->path));
    *out_store = STEAL(store);
    return ERR_OK;
}

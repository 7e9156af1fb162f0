#include "storage/crypt/vault_files.h"

#include "runtime/base/memory.h"
#include "storage/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each one more takes a record that is written, synced and renamed while a small file is read. */
enum { READS_MAX = 100 };

typedef struct vault_files {
    vault_store_t store;
    char *directory;
    pthread_mutex_t lock; /* of what writes */
} vault_files_t;

static vault_files_t *files_of(vault_store_t *store)
{
    return CONTAINER_OF(store, vault_files_t, store);
}

static void fd_scope_end(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void unlock_scope_end(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}

static pthread_mutex_t *locked(vault_files_t *self)
{
    pthread_mutex_lock(&self->lock);
    return &self->lock;
}
#define LOCK_SCOPED UNUSED SCOPED(unlock_scope_end)

static err_t path_of(const vault_files_t *self, str_t subject, buf_t *out)
{
    buf_printf(out, "%s/%.*s", self->directory, STR_ARG(subject));
    (void)buf_terminated(out); /* a name without its end would be another file's */
    return buf_status(out);
}

/* Of a file that has no name any more by the end, the bytes may be zeros already: gone. */
static err_t read_record(const char *path, buf_t *out, bool *out_is_gone)
{
    struct stat info;
    int fd SCOPED(fd_scope_end) = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    TRY(file_read_rest(fd, VAULT_RECORD_SIZE_MAX, out));
    if (fstat(fd, &info) != 0)
        return err_from_errno(errno);
    *out_is_gone = info.st_nlink == 0;
    return ERR_OK;
}

static err_t get(vault_store_t *store, str_t subject, buf_t *out)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    size_t before = out->size;
    TRY(path_of(files_of(store), subject, &path));
    for (int i = 0; i < READS_MAX; i++) {
        bool is_gone = false;
        err_t err = read_record(buf_terminated(&path), out, &is_gone);
        if (err == ERR_OK && !is_gone)
            return ERR_OK;
        out->size = before;
        TRY(err);
    }
    return ERR_BUSY;
}

/* The file still open, whatever its name is now. */
static err_t overwrite(int fd)
{
    static const char zeros[VAULT_RECORD_SIZE_MAX];
    ssize_t put = pwrite(fd, zeros, sizeof zeros, 0);
    return put == (ssize_t)sizeof zeros && fsync(fd) == 0 ? ERR_OK : err_from_errno(errno);
}

static err_t check_expected(vault_store_t *store, str_t subject, str_t expected)
{
    buf_t there BUF_SCOPED = BUF_INIT;
    err_t err = get(store, subject, &there);
    if (err == ERR_NOT_FOUND)
        return str_is_empty(expected) ? ERR_OK : ERR_CONFLICT;
    TRY(err);
    return str_equal(buf_str(&there), expected) ? ERR_OK : ERR_CONFLICT;
}

static err_t put(vault_store_t *store, str_t subject, str_t expected, str_t record)
{
    vault_files_t *self = files_of(store);
    buf_t path BUF_SCOPED = BUF_INIT;
    TRY(path_of(self, subject, &path));
    pthread_mutex_t *lock LOCK_SCOPED = locked(self);
    TRY(check_expected(store, subject, expected));
    int before SCOPED(fd_scope_end) = open(buf_terminated(&path), O_WRONLY | O_CLOEXEC);
    TRY(file_replace(buf_terminated(&path), record, true));
    /* The new record stands; an old one that can't be overwritten is still without a name. */
    return before < 0 ? ERR_OK : overwrite(before);
}

static err_t remove_record(vault_store_t *store, str_t subject)
{
    vault_files_t *self = files_of(store);
    buf_t path BUF_SCOPED = BUF_INIT;
    TRY(path_of(self, subject, &path));
    pthread_mutex_t *lock LOCK_SCOPED = locked(self);
    int before SCOPED(fd_scope_end) = open(buf_terminated(&path), O_WRONLY | O_CLOEXEC);
    if (before < 0)
        return err_from_errno(errno);
    if (unlink(buf_terminated(&path)) != 0)
        return err_from_errno(errno);
    TRY(overwrite(before));
    return file_sync_folder_of(buf_terminated(&path));
}

/* ---- all of them ---- */

static void dir_scope_end(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

static err_t list(const vault_files_t *self, buf_t *out_names)
{
    DIR *dir SCOPED(dir_scope_end) = opendir(self->directory);
    if (dir == NULL)
        return err_from_errno(errno);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        str_t name = str_from(entry->d_name);
        if (str_find(name, '.') < name.size) /* the folder itself, what was being written */
            continue;
        buf_append(out_names, name);
        buf_append_char(out_names, '\n');
    }
    return buf_status(out_names);
}

static err_t each(vault_store_t *store, vault_visit_fn visit, void *context)
{
    buf_t names BUF_SCOPED = {.size_max =
                                  (size_t)VAULT_SUBJECTS_MAX * (VAULT_SUBJECT_SIZE_MAX + 1)};
    TRY(list(files_of(store), &names)); /* first: what visit writes moves entries about */
    str_t rest = buf_str(&names), name;
    while (str_next(&rest, '\n', &name))
        if (!str_is_empty(name))
            TRY(visit(context, name));
    return ERR_OK;
}

static void close_files(vault_store_t *store)
{
    vault_files_t *self = files_of(store);
    pthread_mutex_destroy(&self->lock);
    memory_free(self->directory);
    memory_free(self);
}

static const vault_store_table_t files_table = {
    .get = get, .put = put, .remove = remove_record, .each = each, .close = close_files};

static err_t make_directory(const char *path)
{
    TRY(file_make_folders(path));
    return chmod(path, 0700) == 0 ? ERR_OK : err_from_errno(errno);
}

err_t vault_files_open(str_t directory, vault_store_t **out_store)
{
    vault_files_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->store = (vault_store_t){&files_table, true};
    pthread_mutex_init(&self->lock, NULL);
    self->directory = str_dup_terminated(directory);
    err_t err = self->directory == NULL ? ERR_NO_MEMORY : make_directory(self->directory);
    if (err != ERR_OK) {
        close_files(&self->store);
        return err;
    }
    *out_store = &self->store;
    return ERR_OK;
}

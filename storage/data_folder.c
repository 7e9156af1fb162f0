#include "storage/data_folder.h"

#include "runtime/base/memory.h"
#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

enum { FORMAT_SIZE_MAX = 32, OWNER_SIZE_MAX = 32 };

struct data_folder {
    char *path;
    int lock_fd;
    bool is_locked; /* by us: else the file is another process' */
    bool was_left;
};

#define CLEAN STR("clean\n")

/* All of it, in place: the lock is on this file. */
static void write_lock(const data_folder_t *self, str_t text)
{
    if (ftruncate(self->lock_fd, 0) == 0 && lseek(self->lock_fd, 0, SEEK_SET) == 0)
        IGNORE_ERR(file_write_all(self->lock_fd, text)); /* at worst the next start looks closer */
}

static void free_folder(data_folder_t *self)
{
    if (self->lock_fd >= 0)
        close(self->lock_fd);
    memory_free(self->path);
    memory_free(self);
}

void data_folder_close(data_folder_t *self)
{
    if (self == NULL)
        return;
    if (self->is_locked && !self->was_left)
        write_lock(self, CLEAN);
    free_folder(self);
}

bool data_folder_was_left(const data_folder_t *self)
{
    return self->was_left;
}

void data_folder_trust(data_folder_t *self)
{
    self->was_left = false;
}

void data_folder_scope_end(data_folder_t **self)
{
    data_folder_close(*self);
}

static err_t say(buf_t *problem, err_t err, const char *path, const char *what)
{
    buf_printf(problem, "The data folder %s %s (%s)", path, what, err_text(err));
    return err;
}

static err_t say_who_uses_it(buf_t *problem, const char *path, const char *lock_name)
{
    buf_t owner BUF_SCOPED = BUF_INIT;
    buf_printf(problem, "The data folder %s is used by another process", path);
    if (file_read(lock_name, OWNER_SIZE_MAX, &owner) == ERR_OK && owner.size > 0)
        buf_printf(problem, " (%.*s)", STR_ARG(str_trim(buf_str(&owner))));
    buf_append(problem, STR(": stop it first, or choose another folder with --data"));
    return ERR_CONFLICT;
}

static err_t take_lock(data_folder_t *self, buf_t *problem)
{
    arena_t arena ARENA_SCOPED = {0};
    const char *name = data_folder_name(self, &arena, "lock");
    if (name == NULL)
        return say(problem, ERR_NO_MEMORY, self->path, "can't be locked");
    self->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (self->lock_fd < 0)
        return say(problem, err_from_errno(errno), self->path, "can't be written");
    if (flock(self->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK
                   ? say_who_uses_it(problem, self->path, name)
                   : say(problem, err_from_errno(errno), self->path, "can't be locked");
    self->is_locked = true;
    buf_t owner BUF_SCOPED = BUF_INIT, before BUF_SCOPED = BUF_INIT;
    err_t err = file_read(name, OWNER_SIZE_MAX, &before);
    self->was_left = err != ERR_OK || (before.size > 0 && !str_equal(buf_str(&before), CLEAN));
    buf_printf(&owner, "process %ld\n", (long)getpid());
    write_lock(self, buf_str(&owner)); /* for the sentence above: the lock holds without it */
    (void)!fdatasync(self->lock_fd);   /* a power cut soon after is a stop without a goodbye, too */
    return ERR_OK;
}

static err_t check_format(data_folder_t *self, buf_t *problem)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t text BUF_SCOPED = BUF_INIT;
    const char *name = data_folder_name(self, &arena, "format");
    if (name == NULL)
        return say(problem, ERR_NO_MEMORY, self->path, "can't be read");
    err_t err = file_read(name, FORMAT_SIZE_MAX, &text);
    if (err == ERR_NOT_FOUND) {
        buf_append_u64(&text, DATA_FOLDER_FORMAT);
        buf_append_char(&text, '\n');
        err = file_replace(name, buf_str(&text), true);
        return err == ERR_OK ? ERR_OK : say(problem, err, self->path, "can't be written");
    }
    uint64_t format;
    if (err != ERR_OK && err != ERR_LIMIT)
        return say(problem, err, self->path, "can't be read");
    if (err == ERR_LIMIT || str_to_u64(str_trim(buf_str(&text)), &format) != ERR_OK || format == 0)
        return say(problem, ERR_CORRUPT, self->path, "has a format file that is not a number");
    if (format > DATA_FOLDER_FORMAT) {
        buf_printf(problem,
                   "The data folder %s was written by a newer version (format %llu, this program "
                   "knows %d): use that version, or restore a backup made before",
                   self->path, (unsigned long long)format, DATA_FOLDER_FORMAT);
        return ERR_NEWER;
    }
    return ERR_OK;
}

/* Looked at under the lock: a restore that runs holds it. */
static err_t check_restored(data_folder_t *self, buf_t *problem)
{
    arena_t arena ARENA_SCOPED = {0};
    const char *name = data_folder_name(self, &arena, DATA_FOLDER_RESTORING);
    if (name == NULL)
        return say(problem, ERR_NO_MEMORY, self->path, "can't be read");
    if (access(name, F_OK) != 0)
        return ERR_OK;
    buf_printf(
        problem,
        "A restore into the data folder %s was cut short: start `musicstream restore` again, "
        "it goes on where it ended",
        self->path);
    return ERR_UNAVAILABLE;
}

err_t data_folder_open_to_restore(const char *path, buf_t *problem, data_folder_t **out_folder)
{
    data_folder_t *self DATA_FOLDER_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return say(problem, ERR_NO_MEMORY, path, "can't be opened");
    self->lock_fd = -1;
    self->path = str_dup_terminated(str_from(path));
    if (self->path == NULL)
        return say(problem, ERR_NO_MEMORY, path, "can't be opened");
    err_t err = file_make_folders(path);
    if (err != ERR_OK)
        return say(problem, err, path, "can't be made");
    TRY(take_lock(self, problem));
    TRY(check_format(self, problem));
    *out_folder = STEAL(self);
    return ERR_OK;
}

err_t data_folder_open(const char *path, buf_t *problem, data_folder_t **out_folder)
{
    data_folder_t *self DATA_FOLDER_SCOPED = NULL;
    TRY(data_folder_open_to_restore(path, problem, &self));
    TRY(check_restored(self, problem));
    *out_folder = STEAL(self);
    return ERR_OK;
}

const char *data_folder_path(const data_folder_t *self)
{
    return self->path;
}

const char *data_folder_name(const data_folder_t *self, arena_t *arena, const char *name)
{
    return arena_printf(arena, "%s/%s", self->path, name).data;
}

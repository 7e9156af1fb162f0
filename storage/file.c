#include "storage/file.h"

#include "runtime/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void fd_scope_end(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define FD_SCOPED SCOPED(fd_scope_end)

err_t file_read(const char *path, size_t size_max, buf_t *out)
{
    int fd FD_SCOPED = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? err_from_errno(errno) : file_read_rest(fd, size_max, out);
}

err_t file_read_rest(int fd, size_t size_max, buf_t *out)
{
    size_t before = out->size;
    char chunk[4096];
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got == 0)
            return buf_status(out);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || out->size - before + (size_t)got > size_max) {
            out->size = before;
            return got < 0 ? err_from_errno(errno) : ERR_LIMIT;
        }
        buf_append_bytes(out, chunk, (size_t)got);
    }
}

err_t file_read_at(int fd, uint64_t offset, size_t size, buf_t *out)
{
    size_t done = 0;
    char *room = buf_extend(out, size);
    if (room == NULL)
        return size == 0 ? ERR_OK : buf_status(out);
    while (done < size) {
        ssize_t got = pread(fd, room + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            out->size -= size;
            return got == 0 ? ERR_IO : err_from_errno(errno);
        }
        done += (size_t)got;
    }
    return ERR_OK;
}

err_t file_write_all(int fd, str_t content)
{
    while (content.size > 0) {
        ssize_t put = write(fd, content.data, content.size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_from_errno(errno);
        content = str_slice(content, (size_t)put, content.size);
    }
    return ERR_OK;
}

static err_t write_new(const char *path, str_t content, bool is_durable)
{
    int fd FD_SCOPED = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    TRY(file_write_all(fd, content));
    return is_durable && fdatasync(fd) != 0 ? err_from_errno(errno) : ERR_OK;
}

err_t file_replace(const char *path, str_t content, bool is_durable)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    buf_printf(&name, "%s.new", path);
    const char *new_path = buf_terminated(&name);
    TRY(buf_status(&name));
    err_t err = write_new(new_path, content, is_durable);
    if (err == ERR_OK && rename(new_path, path) != 0)
        err = err_from_errno(errno);
    if (err != ERR_OK) {
        unlink(new_path);
        return err;
    }
    return is_durable ? file_sync_folder_of(path) : ERR_OK;
}

err_t file_sync_folder_of(const char *path)
{
    str_t whole = str_from(path);
    size_t slash = str_find_last(whole, '/');
    char *folder MEMORY_SCOPED = str_dup_terminated(
        slash == whole.size ? STR(".") : str_slice(whole, 0, slash == 0 ? 1 : slash));
    if (folder == NULL)
        return ERR_NO_MEMORY;
    int fd FD_SCOPED = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    return fsync(fd) == 0 || errno == EINVAL ? ERR_OK : err_from_errno(errno);
}

err_t file_make_folders(const char *path)
{
    if (path[0] == '\0')
        return ERR_INVALID;
    char *part MEMORY_SCOPED = str_dup_terminated(str_from(path));
    if (part == NULL)
        return ERR_NO_MEMORY;
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return err_from_errno(errno);
        *slash = '/';
    }
    return mkdir(part, 0700) == 0 || errno == EEXIST ? ERR_OK : err_from_errno(errno);
}

#include "storage/keyring_file.h"

#include "runtime/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void fd_scope_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

err_t keyring_file_make_directory(const char *path)
{
    if (mkdir(path, 0700) == 0)
        return ERR_OK;
    if (errno != EEXIST)
        return err_from_errno(errno);
    return chmod(path, 0700) == 0 ? ERR_OK : err_from_errno(errno);
}

static err_t write_synced(const char *path, str_t text)
{
    int fd SCOPED(fd_scope_end) = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    for (size_t done = 0; done < text.size;) {
        ssize_t size = write(fd, text.data + done, text.size - done);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return err_from_errno(errno);
        done += (size_t)size;
    }
    if (fchmod(fd, 0600) != 0 || fsync(fd) != 0)
        return err_from_errno(errno);
    return ERR_OK;
}

static err_t sync_directory_of(const char *path)
{
    str_t whole = str_from(path);
    char *directory MEMORY_SCOPED =
        str_dup_terminated(str_slice(whole, 0, str_find_last(whole, '/')));
    if (directory == NULL)
        return ERR_NO_MEMORY;
    int fd SCOPED(fd_scope_end) = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return err_from_errno(errno);
    return ERR_OK;
}

err_t keyring_file_write(const char *path, str_t text)
{
    buf_t beside BUF_SCOPED = BUF_INIT;
    buf_printf(&beside, "%s.new", path);
    TRY(buf_status(&beside));

    err_t err = write_synced(buf_terminated(&beside), text);
    if (err == ERR_OK && rename(buf_terminated(&beside), path) != 0)
        err = err_from_errno(errno);
    if (err != ERR_OK) {
        unlink(buf_terminated(&beside));
        return err;
    }
    return sync_directory_of(path);
}

err_t keyring_file_read(const char *path, buf_t *out)
{
    int fd SCOPED(fd_scope_end) = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    char block[KEYRING_FILE_SIZE_MAX + 1];
    size_t total = 0;
    while (total < sizeof block) {
        ssize_t size = read(fd, block + total, sizeof block - total);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return err_from_errno(errno);
        if (size == 0)
            break;
        total += (size_t)size;
    }
    if (total > KEYRING_FILE_SIZE_MAX)
        return ERR_LIMIT;
    buf_append_bytes(out, block, total);
    explicit_bzero(block, sizeof block);
    return buf_status(out);
}

void keyring_file_delete(const char *path)
{
    unlink(path);
}

static void dir_scope_end(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

/* Inserts into an array that is kept largest first. */
static void keep_largest(uint32_t *numbers, size_t *count, size_t count_max, uint32_t number)
{
    size_t at = 0;
    while (at < *count && numbers[at] > number)
        at++;
    if (at == count_max)
        return;
    size_t moved = MIN(*count, count_max - 1) - at;
    memmove(numbers + at + 1, numbers + at, moved * sizeof *numbers);
    numbers[at] = number;
    *count = MIN(*count + 1, count_max);
}

err_t keyring_file_list(const char *directory, uint32_t *out_numbers, size_t count_max)
{
    DIR *dir SCOPED(dir_scope_end) = opendir(directory);
    if (dir == NULL)
        return err_from_errno(errno);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        str_t name = str_from(entry->d_name);
        uint32_t number = 0;
        if (str_ends_with(name, STR(".key")) &&
            str_to_u32(str_slice(name, 0, name.size - 4), &number) == ERR_OK && number != 0)
            keep_largest(out_numbers, &count, count_max, number);
    }
    return ERR_OK;
}

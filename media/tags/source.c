#include "media/tags/source.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

err_t source_init(source_t *self, int fd, char *window)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return ERR_IO;
    if (!S_ISREG(status.st_mode))
        return ERR_UNSUPPORTED;
    *self = (source_t){.fd = fd, .size = (uint64_t)status.st_size, .window = window};
    return ERR_OK;
}

static size_t read_fully(int fd, char *out, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, out + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

str_t source_at(source_t *self, uint64_t offset, size_t size)
{
    size = MIN(size, (size_t)SOURCE_WINDOW_SIZE);
    if (offset >= self->size)
        return (str_t){0};
    if (offset < self->window_at || offset + size > self->window_at + self->window_size) {
        size_t want = MAX(size, (size_t)SOURCE_READ_SIZE);
        self->window_at = offset;
        self->window_size = read_fully(self->fd, self->window, want, offset);
    }
    size_t skip = (size_t)(offset - self->window_at);
    return str_of(self->window + skip, MIN(size, self->window_size - skip));
}

err_t source_copy(source_t *self, uint64_t offset, size_t size, arena_t *arena, str_t *out_bytes)
{
    if (offset > self->size || size > self->size - offset)
        return ERR_INVALID;
    char *room = arena_new(arena, size + 1);
    if (room == NULL)
        return ERR_NO_MEMORY;
    if (read_fully(self->fd, room, size, offset) != size)
        return ERR_INVALID;
    *out_bytes = str_of(room, size);
    return ERR_OK;
}

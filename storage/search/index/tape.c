#include "storage/search/index/tape.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

err_t tape_open(const char *folder, const char *name, tape_t *out_tape)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/%s", folder, name);
    const char *text = buf_terminated(&path);
    TRY(buf_status(&path));
    int fd = open(text, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    unlink(text);
    *out_tape = (tape_t){fd, 0};
    return ERR_OK;
}

void tape_close(tape_t *self)
{
    if (self->fd >= 0)
        close(self->fd);
    *self = TAPE_CLOSED;
}

static err_t write_at(int fd, uint64_t at, str_t bytes)
{
    while (bytes.size > 0) {
        ssize_t written = pwrite(fd, bytes.data, bytes.size, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return err_from_errno(written < 0 ? errno : EIO);
        at += (uint64_t)written;
        bytes = str_slice(bytes, (size_t)written, bytes.size);
    }
    return ERR_OK;
}

err_t tape_flush(tape_writer_t *self)
{
    TRY(buf_status(&self->bytes));
    TRY(write_at(self->tape->fd, self->at, buf_str(&self->bytes)));
    self->at += self->bytes.size;
    buf_reset(&self->bytes);
    return ERR_OK;
}

err_t tape_write(tape_writer_t *self, str_t bytes)
{
    if (self->bytes.size + bytes.size > self->room)
        TRY(tape_flush(self));
    if (bytes.size > self->room) {
        TRY(write_at(self->tape->fd, self->at, bytes));
        self->at += bytes.size;
        return ERR_OK;
    }
    if (self->bytes.capacity == 0)
        TRY(buf_reserve(&self->bytes, self->room));
    buf_append(&self->bytes, bytes);
    return buf_status(&self->bytes);
}

void tape_writer_deinit(tape_writer_t *self)
{
    buf_deinit(&self->bytes);
}

bool tape_is_at_end(const tape_reader_t *self)
{
    return self->used == self->bytes.size && self->at == self->end;
}

/* Until `size` bytes are in memory. */
static err_t fill(tape_reader_t *self, size_t size)
{
    buf_consume(&self->bytes, self->used);
    self->used = 0;
    TRY(buf_reserve(&self->bytes, MAX(size, self->room) - self->bytes.size));
    while (self->bytes.size < size) {
        size_t wanted =
            (size_t)MIN(self->end - self->at, (uint64_t)MAX(size, self->room) - self->bytes.size);
        if (wanted == 0)
            return ERR_CORRUPT;
        ssize_t got =
            pread(self->tape->fd, self->bytes.data + self->bytes.size, wanted, (off_t)self->at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return err_from_errno(got < 0 ? errno : EIO);
        self->at += (uint64_t)got;
        self->bytes.size += (size_t)got;
    }
    return ERR_OK;
}

err_t tape_read(tape_reader_t *self, size_t size, str_t *out_bytes)
{
    if (self->bytes.size - self->used < size)
        TRY(fill(self, size));
    *out_bytes = str_of(self->bytes.data + self->used, size);
    self->used += size;
    return ERR_OK;
}

void tape_reader_deinit(tape_reader_t *self)
{
    buf_deinit(&self->bytes);
}

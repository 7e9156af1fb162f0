#pragma once
/* tape.h -- a file without a name, written in pieces and read front to back, for what a build lays
 * aside: gone with its descriptor, however the build ends.
 *
 * Ownership  tape_open gives, tape_close takes. Threads  One at a time.
 * Errors     FULL, IO, NO_MEMORY */

#include "runtime/base/buf.h"

typedef struct tape {
    int fd; /* -1: closed */
    uint64_t size;
} tape_t;

#define TAPE_CLOSED ((tape_t){-1, 0})
/* In the folder; its name there is gone at once. */
err_t tape_open(const char *folder, const char *name, tape_t *out_tape);
void tape_close(tape_t *self);

/* Collects up to `room` bytes and writes them at `at`. */
typedef struct tape_writer {
    const tape_t *tape;
    uint64_t at;
    size_t room;
    buf_t bytes;
} tape_writer_t;
/* A `bytes` longer than the room goes straight out. */
err_t tape_write(tape_writer_t *self, str_t bytes);
err_t tape_flush(tape_writer_t *self);
void tape_writer_deinit(tape_writer_t *self);

/* Reads [at, end) in pieces of `room` bytes. */
typedef struct tape_reader {
    const tape_t *tape;
    uint64_t at, end; /* of what is not in memory yet */
    size_t room, used;
    buf_t bytes;
} tape_reader_t;
bool tape_is_at_end(const tape_reader_t *self);
/* The next `size` bytes, borrowed until the next call. CORRUPT: there are fewer. */
err_t tape_read(tape_reader_t *self, size_t size, str_t *out_bytes);
void tape_reader_deinit(tape_reader_t *self);

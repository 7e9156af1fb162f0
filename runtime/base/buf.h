#pragma once
/* buf.h -- an owned, growing run of bytes.
 *
 * Invariants  size <= capacity; data is NULL only while capacity is 0. An append that has no memory
 * leaves the content as it was and marks the buffer: `failed` stays set until buf_reset, and
 * further appends do nothing. So a writer may append a hundred times and look once, with
 * buf_status. Ownership   The buffer owns its bytes. buf_str borrows them until the next append.
 * Threads     None.
 * Errors      NO_MEMORY through buf_status; a buffer never grows past `size_max` (0: no limit),
 * which is LIMIT. */

#include "runtime/base/str.h"

API_BEGIN

typedef struct buf {
    char *data;
    size_t size, capacity;
    size_t size_max;
    err_t failed;
} buf_t;

#define BUF_INIT ((buf_t){0})
void buf_deinit(buf_t *self);
#define BUF_SCOPED SCOPED(buf_deinit)

/* Empties it and keeps the memory. */
void buf_reset(buf_t *self);
err_t buf_status(const buf_t *self);
str_t buf_str(const buf_t *self);

/* Makes room for `more` bytes after size. */
err_t buf_reserve(buf_t *self, size_t more);
/* Room for exactly `size` further bytes, already counted in, for the caller to fill; NULL when it
 * failed. */
char *buf_extend(buf_t *self, size_t size);

void buf_append(buf_t *self, str_t s);
void buf_append_bytes(buf_t *self, const void *data, size_t size);
void buf_append_char(buf_t *self, char c);
void buf_append_u64(buf_t *self, uint64_t value); /* decimal */
void buf_append_i64(buf_t *self, int64_t value);
void buf_printf(buf_t *self, const char *format, ...) PRINTF_LIKE(2, 3);

/* Removes the first `size` bytes (clamped). */
void buf_consume(buf_t *self, size_t size);

/* The content as a terminated string, borrowed; "" when empty or failed. */
const char *buf_terminated(buf_t *self);

API_END

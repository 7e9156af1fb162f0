#pragma once
/* source.h -- bounded reading of an untrusted file through its descriptor, with one window of
 * bytes.
 *
 * Ownership  The source borrows descriptor and window. What source_at returns is borrowed until the
 * next source_at. Threads    None. Errors     A short answer: the end of the file, or reading
 * failed. */

#include "runtime/base/arena.h"

enum { SOURCE_WINDOW_SIZE = 128 * 1024, SOURCE_READ_SIZE = 16 * 1024 };

typedef struct source {
    int fd;
    uint64_t size;
    char *window; /* SOURCE_WINDOW_SIZE bytes */
    uint64_t window_at;
    size_t window_size;
} source_t;

/* IO: it can't be read; UNSUPPORTED: not a regular file. */
err_t source_init(source_t *self, int fd, char *window);
/* Up to `size` (at most SOURCE_WINDOW_SIZE) bytes at the offset. */
str_t source_at(source_t *self, uint64_t offset, size_t size);
/* Exactly these bytes, in the arena. INVALID: past the end; NO_MEMORY. */
err_t source_copy(source_t *self, uint64_t offset, size_t size, arena_t *arena, str_t *out_bytes);

/* Numbers in bytes that the caller has measured. */
static inline uint32_t be16(const char *p)
{
    return (uint32_t)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}
static inline uint32_t be24(const char *p)
{
    return be16(p) << 8 | (unsigned char)p[2];
}
static inline uint32_t be32(const char *p)
{
    return be16(p) << 16 | be16(p + 2);
}
static inline uint64_t be64(const char *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}
static inline uint32_t le16(const char *p)
{
    return (unsigned char)p[0] | (uint32_t)(unsigned char)p[1] << 8;
}
static inline uint32_t le32(const char *p)
{
    return le16(p) | le16(p + 2) << 16;
}
static inline uint64_t le64(const char *p)
{
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

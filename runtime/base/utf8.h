#pragma once
/* utf8.h -- strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
 *
 * Threads  None: pure functions. */

#include "runtime/base/buf.h"

/* Decodes the first code point; returns its length in bytes, or 0 when s is empty or does not start
 * with a valid one. */
size_t utf8_decode(str_t s, uint32_t *out_code_point);
/* The code point at `at`, which is less than s.size: how many bytes it has. An invalid byte is one
 * by itself, of its own value. */
static inline size_t utf8_next(str_t s, size_t at, uint32_t *out_code_point)
{
    *out_code_point = (unsigned char)s.data[at];
    if (*out_code_point < 0x80)
        return 1;
    size_t size = utf8_decode(str_slice(s, at, s.size), out_code_point);
    return size == 0 ? 1 : size;
}
bool utf8_is_valid(str_t s);
/* Valid, and without control characters: what may be a name. */
bool utf8_is_line(str_t s);
/* Code points in s; an invalid byte counts as one. */
size_t utf8_count(str_t s);
/* Appends a code point; surrogates and what is past U+10FFFF become U+FFFD. */
void utf8_append(buf_t *out, uint32_t code_point);
/* Appends s with each invalid byte replaced by U+FFFD: for text that comes from tags and file
 * names. */
void utf8_append_repaired(buf_t *out, str_t s);

#pragma once
/* str.h -- a borrowed string: a pointer and a length in bytes, not terminated, never owned.
 *
 * Any bytes may be in it; where UTF-8 is asked for, utf8.h checks. The empty string may have a NULL
 * pointer. Threads  None: values. */

#include "runtime/base/error.h"

#include <string.h>

API_BEGIN

typedef struct str {
    const char *data;
    size_t size;
} str_t;

#define STR(literal) ((str_t){(literal), sizeof(literal) - 1})
/* For a constant initialiser, where a compound literal is not allowed. */
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).size, (s).data == NULL ? "" : (s).data

static inline str_t str_from(const char *terminated)
{
    return (str_t){terminated, terminated == NULL ? 0 : strlen(terminated)};
}

static inline str_t str_of(const void *data, size_t size)
{
    return (str_t){(const char *)data, size};
}

static inline bool str_is_empty(str_t s)
{
    return s.size == 0;
}

bool str_equal(str_t a, str_t b);
bool str_equal_ignoring_case(str_t a, str_t b); /* ASCII only: protocol words, not people's text */
int str_compare(str_t a, str_t b);              /* by bytes; <0, 0, >0 */
bool str_starts_with(str_t s, str_t prefix);
bool str_ends_with(str_t s, str_t suffix);
str_t str_without_prefix(str_t s, str_t prefix); /* s itself where it has none */
bool str_contains(str_t s, str_t part);

/* The index of the first `c`, or s.size. */
size_t str_find(str_t s, char c);
size_t str_find_last(str_t s, char c);

/* A part, with both ends clamped to s. */
str_t str_slice(str_t s, size_t begin, size_t end);
str_t str_trim(str_t s); /* ASCII blanks, tabs and line ends at both sides */

/* Takes what stands before the next `separator` off *rest; false when *rest is used up (NULL data).
 * "a,,b" gives "a", "", "b"; "" gives "" once. Start with a str whose data is not NULL. */
bool str_next(str_t *rest, char separator, str_t *out_part);

/* The whole of s as a number. INVALID: empty, a sign, another character; LIMIT: does not fit. */
err_t str_to_u64(str_t s, uint64_t *out_value);
err_t str_to_u32(str_t s, uint32_t *out_value);
/* As above with an optional '-'. */
err_t str_to_i64(str_t s, int64_t *out_value);

/* FNV-1a, 64 bits (Fowler, Noll, Vo; draft-eastlake-fnv): for stable ids and tables, not against an
 * adversary. */
uint64_t str_hash(str_t s);
uint64_t str_hash_more(uint64_t hash, str_t s);

/* A terminated copy. NULL when there is no memory. The caller frees it with memory_free. */
[[nodiscard]] char *str_dup_terminated(str_t s);
/* A terminated copy in an array of `size` bytes (at least 1). False: it did not fit and was cut. */
bool str_to_array(str_t s, char *out, size_t size);

API_END

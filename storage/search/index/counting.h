#pragma once
/* counting.h -- how many of some documents have a term: for counts beside filters, where one set
 * meets a hundred terms.
 *
 * The set is laid out once by the upper 16 bits of its numbers: few of them as they are, many as a
 * plain bitset. A posting is then read where it lies, without making a bitmap of it and only where
 * the set has numbers. Its bytes are not summed up: what rotted may make a count wrong, but no
 * bytes at all make it read outside.
 *
 * Ownership  counting_free takes. Threads  One writes, then any read. Errors  NO_MEMORY, CORRUPT */

#include "runtime/base/str.h"

#include <roaring/roaring.h>

typedef struct counting counting_t;

/* Of the numbers below `end`. */
err_t counting_new(const roaring_bitmap_t *documents, uint32_t end, counting_t **out_counting);
void counting_free(counting_t *self); /* NULL is fine */
void counting_scope_end(counting_t **self);
#define COUNTING_SCOPED SCOPED(counting_scope_end)

/* How many of them are in a posting (posting.h). *work counts containers that were looked at, by
 * their size. */
err_t counting_in(const counting_t *self, str_t posting, uint64_t *work, uint64_t *out_count);

#pragma once
/* range.h -- Range, If-Range and If-None-Match (RFC 9110 §13, §14), as far as a file needs them.
 *
 * Threads  None: pure functions. */

#include "runtime/base/str.h"

typedef enum range_result {
    RANGE_WHOLE,        /* no range, one we do not speak, or several: the whole file, 200 */
    RANGE_PART,         /* 206 */
    RANGE_UNSATISFIABLE /* 416 */
} range_result_t;

/* What a Range header asks of `size` bytes; sets offset and length (above 0) for RANGE_PART only.
 */
range_result_t range_parse(str_t header, uint64_t size, uint64_t *out_offset, uint64_t *out_length);

/* If-Range lets the range stand: it is empty, or the same strong ETag. A date never is. */
bool range_is_current(str_t if_range, str_t etag);

/* The ETag is in an If-None-Match list, by weak comparison, or the list is "*". */
bool etag_is_listed(str_t if_none_match, str_t etag);

#pragma once
/* http_status.h -- what a status of somebody else's HTTP server means for who asked it. */

#include "runtime/base/attributes.h"

#include <stdbool.h>
#include <stddef.h>

/* The server, or what stands before it, can't just now: the same may go well later (RFC 9110, 15.5
 * and 15.6; 429: RFC 6585, 4). */
static inline bool http_status_may_pass(long status)
{
    static const long rows[] = {408, 429, 500, 502, 503, 504};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i] == status)
            return true;
    return false;
}

#pragma once
/* bytes_at.h -- numbers in this machine's order of bytes at any place of some bytes; the caller has
 * looked that they are there. */

#include "runtime/base/str.h"

#include <string.h>

static inline uint16_t u16_at(str_t bytes, size_t at)
{
    uint16_t value;
    memcpy(&value, bytes.data + at, sizeof value);
    return value;
}

static inline uint32_t u32_at(str_t bytes, size_t at)
{
    uint32_t value;
    memcpy(&value, bytes.data + at, sizeof value);
    return value;
}

static inline uint64_t u64_at(str_t bytes, size_t at)
{
    uint64_t value;
    memcpy(&value, bytes.data + at, sizeof value);
    return value;
}

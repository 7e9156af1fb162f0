#pragma once
/* xxh64.h -- XXH64 (the xxHash specification, 0.1.1): a fast 64-bit hash of bytes, the same on
 * every machine.
 *
 * For identity of content and for tables; not against an adversary. Threads  None: pure. */

#include "runtime/base/str.h"

uint64_t xxh64(str_t bytes, uint64_t seed);

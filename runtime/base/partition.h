#pragma once
/* partition.h -- which of 16,384 partitions the stream of an entity, KIND/KEY, belongs to: what is
 * owned, leased, fenced and moved as one. Pure; the same everywhere and for ever. */

#include "runtime/base/str.h"

API_BEGIN

enum { PARTITION_COUNT = 16384 };

/* XXH64 of the name, as the journal on PostgreSQL has it. */
uint32_t partition_of(str_t stream);

API_END

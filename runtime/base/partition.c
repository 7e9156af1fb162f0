#include "runtime/base/partition.h"

#include "runtime/base/xxh64.h"

uint32_t partition_of(str_t stream)
{
    return (uint32_t)(xxh64(stream, 0) % PARTITION_COUNT);
}

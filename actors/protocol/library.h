#pragma once
/* library.h -- messages of `library/ROOT` (library.def), and their limits. */

#define DEF_FILE "actors/protocol/library.def"
#include "runtime/base/schema_declare.h"

enum {
    LIBRARY_BATCH_MAX = 256,          /* files in one command and so in one event */
    LIBRARY_WAITING_MAX = 8,          /* batches that wait for the projection */
    LIBRARY_PROBLEMS_MAX = 1000,      /* kept, the newest */
    LIBRARY_LYRICS_INLINE_MAX = 4096, /* bytes; longer ones are a blob */
    LIBRARY_PATH_SIZE_MAX = 4095,
    LIBRARY_BATCH_SIZE_MAX = 3 * 1024 * 1024, /* bytes of a command, as schema_deep_size counts */
    LIBRARY_LOUDNESS_LUFS = -18,              /* what gains bring a track to (ReplayGain 2.0) */
};

/* A track id says which root gave it: root number above, sequence below, both from 1. It fits in
 * 2^53. */
enum { TRACK_SEQUENCE_BITS = 32, TRACK_ROOT_NUMBER_MAX = (1 << 20) - 1 };

static inline uint64_t track_id_of(uint32_t root_number, uint64_t sequence)
{
    return (uint64_t)root_number << TRACK_SEQUENCE_BITS | sequence;
}

static inline uint32_t track_id_root_number(uint64_t track_id)
{
    return (uint32_t)(track_id >> TRACK_SEQUENCE_BITS);
}

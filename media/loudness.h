#pragma once
/* loudness.h -- EBU R128 loudness of the tracks of an album, each and together (libebur128).
 *
 * Ownership  Results lie in the arena. Threads    None. Errors   NO_MEMORY; what is wrong with one
 * track stands in its record, and the album is then that of the others. */

#include "media/protocol/media.h"

err_t loudness_measure(const media_loudness_t *request, const int *fds, uint32_t count,
                       arena_t *arena, media_loudness_measured_t *out_measured);

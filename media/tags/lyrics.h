#pragma once
/* lyrics.h -- time-synced lyrics as LRC.
 *
 * Threads  None: pure. Errors   NULL data when there is no memory or nothing in it. */

#include "runtime/base/arena.h"

/* At least half of the first lines start with a time, as "[01:23.45]". */
bool lyrics_is_lrc(str_t text);

/* The whole content of an ID3v2 SYLT frame (ID3v2.4.0 frames, 4.9), as LRC.
 * Only milliseconds are understood, not MPEG frames. */
str_t lyrics_from_sylt(arena_t *arena, str_t frame, size_t size_max);

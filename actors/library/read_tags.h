#pragma once
/* read_tags.h -- what the media worker read of a file, as the library stores it: pure.
 *
 * A title that is missing is the file's name without its ending and a number in front of it. Names
 * of a credit keep what the file writes between them (" feat. "); what stands behind "feat." is
 * FEATURED. Sizes and counts are cut to the bounds below, so that a batch fits its limit.
 *
 * Ownership  The track borrows the file, and the arena for what is made. Threads  None. */

#include "actors/protocol/library.h"
#include "media/protocol/media.h"
#include "runtime/base/arena.h"

enum {
    READ_TAGS_NAME_SIZE_MAX = 512, /* a title, name, album; cut between characters */
    READ_TAGS_CREDITS_MAX = 64,
    READ_TAGS_VALUES_MAX = 32,      /* genres, moods, languages */
    READ_TAGS_SIZE_MAX = 24 * 1024, /* a track's deep size; past it lists are cut to 8 */
};

/* NO_MEMORY. `file` was read: its err is OK. Lyrics are left to the caller (lyrics.h). */
err_t read_tags(const media_file_t *file, str_t path, uint64_t size_bytes, int64_t stamp,
                arena_t *arena, library_track_t *out_track);
/* "03 - Some Song.flac" gives "Some Song". Bytes that are not UTF-8 are repaired. */
str_t read_tags_title_of(str_t path, arena_t *arena);

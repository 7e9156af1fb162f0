#pragma once
/* library_rules.h -- which track a file is, and which album it belongs to: with no I/O, no clock
 * and no actor in sight.
 *
 * A file is a track that is known already when one of these says so, asked in this order
 * (ARCHITECTURE §6):
 *   1. path, size and stamp are the same                                   SAME_FILE
 *   2. the sound is the same: audio hash and sample count                  SAME_AUDIO
 *   3. MusicBrainz recording and release are the same                      SAME_RELEASE
 *   4. album artist or artist, album, disc, number and title are the same when folded, and the
 *      lengths are within RULES_LENGTH_MS                                  SAME_TAGS
 * A track can be taken only when its own file is not there any more: it is unavailable, it lay at
 * this very path, or the file at its path is read in this same batch. A file's own path is asked
 * first. When several tracks fit, those that fit by the later rules too are kept; if still several
 * are left the file is a new track (AMBIGUOUS). A track is given to one file only.
 *
 * A track whose path was given to another one is gone, unless it was given a path itself.
 *
 * Albums: tracks with a release id or an album artist belong together by those. Without an album
 * artist the album is the tracks of one folder with one album title; when their artists differ it
 * is a compilation of "Various Artists".
 *
 * Ownership  Everything is borrowed, results lie in the arena. Threads  None: pure functions. */

#include "actors/protocol/library.h"
#include "runtime/base/arena.h"

enum { RULES_LENGTH_MS = 2000, RULES_KNOWN_MAX = 65536 };

typedef enum identity_reason {
    IDENTITY_NEW,
    IDENTITY_SAME_FILE,
    IDENTITY_SAME_AUDIO,
    IDENTITY_SAME_RELEASE,
    IDENTITY_SAME_TAGS,
    IDENTITY_AMBIGUOUS,
    IDENTITY_REASONS
} identity_reason_t;
/* A sentence for `musicstream inspect`. */
const char *identity_reason_text(identity_reason_t reason);

/* A track that the catalog holds and that some file of the batch may be. */
typedef struct library_known {
    uint64_t track_id;
    str_t path, audio_hash, mb_recording, mb_release;
    uint64_t size_bytes, samples, duration_ms;
    int64_t stamp, added_ms;
    uint64_t album_key, artist_key; /* as in library_keys_t */
    bool is_available;
} library_known_t;

/* Hashes of the folded (album artist | artist, album, disc, number, title); 0: the tags say too
 * little. */
typedef struct library_keys {
    uint64_t album_key, artist_key;
} library_keys_t;

/* An album that is grouped by folder and is in the catalog already. */
typedef struct library_album {
    uint64_t album_id;
    str_t artist_line; /* of its credits */
    bool is_mixed;     /* of various artists */
} library_album_t;

typedef struct library_view {
    const library_known_t *known; /* no id twice */
    size_t known_count;
    const library_album_t *albums;
    size_t album_count;
} library_view_t;

/* NO_MEMORY */
err_t library_keys(str_t album_artist, str_t artist, str_t album, uint32_t disc, uint32_t number,
                   str_t title, library_keys_t *out_keys);
/* Names with their join phrases; only MAIN and FEATURED ones. */
err_t library_artist_line(const library_credit_t *credits, uint32_t count, arena_t *arena,
                          str_t *out_line);

/* What a batch makes of the library. INVALID, LIMIT (library.def); NO_MEMORY. `sequence` is the
 * newest that was given. The event's lists lie in the arena. */
err_t library_decide(const library_add_t *batch, const library_view_t *view, uint64_t sequence,
                     str_t root, int64_t now_ms, arena_t *arena, library_batch_added_t *out_event);

/* The folder of a path; empty: the root. */
str_t library_folder_of(str_t path);
/* The album that a track belongs to, and whether that is by folder for want of an album artist. */
err_t library_album_of(const library_track_t *track, str_t root, arena_t *arena,
                       uint64_t *out_album_id, bool *out_is_by_folder);
/* A relative path without "", "." and "..". */
bool library_path_is_valid(str_t path);

#pragma once
/* foreign.h -- what another music server knows of its listeners, as every reader of one hands it
 * over: navidrome.h, subsonic.h.
 *
 * Rows are handed to a function one by one; their strings are good until it returns, and an error
 * of its ends the reading. */

#include "runtime/base/str.h"

enum { FOREIGN_RATING_MAX = 5 };

/* A file of its library. Without `is_known` it has forgotten it: only the id is there. */
typedef struct foreign_track {
    str_t id;
    bool is_known;
    str_t path;         /* absolute, or relative to its library */
    str_t library_path; /* empty: not said */
    str_t artist, title, album;
    uint64_t duration_ms;
} foreign_track_t;

typedef struct foreign_note {
    foreign_track_t track;
    bool is_starred;
    uint32_t rating, play_count;
    int64_t starred_at, played_at; /* ms since 1970; 0: not said */
} foreign_note_t;

typedef struct foreign_playlist {
    str_t id, name;
    bool is_smart; /* its entries follow from rules */
    uint64_t count;
} foreign_playlist_t;

typedef err_t (*foreign_note_fn)(void *context, const foreign_note_t *note);
typedef err_t (*foreign_playlist_fn)(void *context, const foreign_playlist_t *playlist);
typedef err_t (*foreign_track_fn)(void *context, const foreign_track_t *track);

/* "2024-01-31 12:00:00.5+02:00", "2024-01-31T12:00:00Z" and the like; without a zone it is UTC.
 * 0: it is no time. */
int64_t foreign_time_ms(str_t text);

#pragma once
/* navidrome.h -- reads a Navidrome database (SQLite): who listens there, what they made of tracks,
 * and their playlists.
 *
 * The file is opened as one that nothing changes: no lock, no journal, nothing beside it is
 * written. What Navidrome has not merged into the file yet (a -wal beside it) would be missed, so
 * such a file is refused. The schema is looked at first; its views and triggers are never run.
 *
 * Rows are handed to a function one by one; their strings are good until it returns, and an error
 * of its ends the reading.
 *
 * Ownership  The database owns everything.
 * Threads    One at a time.
 * Errors     NOT_FOUND, FORBIDDEN: the file; INVALID: no Navidrome database, or one we don't know;
 *            BUSY: a -wal lies beside it; CORRUPT; NO_MEMORY. A sentence is in `problem`. */

#include "runtime/base/buf.h"

typedef struct navidrome navidrome_t;

err_t navidrome_open(const char *path, buf_t *problem, navidrome_t **out_navidrome);
void navidrome_close(navidrome_t *self);
void navidrome_scope_end(navidrome_t **self);
#define NAVIDROME_SCOPED SCOPED(navidrome_scope_end)

typedef struct navidrome_user {
    str_t id, name;
} navidrome_user_t;
typedef err_t (*navidrome_user_fn)(void *context, const navidrome_user_t *user);
err_t navidrome_users(navidrome_t *self, navidrome_user_fn fn, void *context);

/* A file of its library. Without `is_known` it has forgotten it: only the id is there. */
typedef struct navidrome_track {
    str_t id;
    bool is_known;
    str_t path;         /* absolute, or relative to its library */
    str_t library_path; /* empty: not said */
    str_t artist, title, album;
    uint64_t duration_ms;
} navidrome_track_t;

typedef struct navidrome_note {
    navidrome_track_t track;
    bool is_starred;
    uint32_t rating, play_count;
    int64_t starred_at, played_at; /* ms since 1970; 0: not said */
} navidrome_note_t;
typedef err_t (*navidrome_note_fn)(void *context, const navidrome_note_t *note);
/* What the user made of tracks: starred, rated or played. */
err_t navidrome_notes(navidrome_t *self, str_t user_id, navidrome_note_fn fn, void *context);

typedef struct navidrome_playlist {
    str_t id, name;
    bool is_smart; /* its entries follow from rules */
    uint64_t count;
} navidrome_playlist_t;
typedef err_t (*navidrome_playlist_fn)(void *context, const navidrome_playlist_t *playlist);
err_t navidrome_playlists(navidrome_t *self, str_t user_id, navidrome_playlist_fn fn,
                          void *context);
typedef err_t (*navidrome_track_fn)(void *context, const navidrome_track_t *track);
err_t navidrome_entries(navidrome_t *self, str_t playlist_id, navidrome_track_fn fn, void *context);

/* How many albums and artists the user has starred or rated: there is no such thing here. */
err_t navidrome_others(navidrome_t *self, str_t user_id, uint64_t *out_albums,
                       uint64_t *out_artists);

/* "2024-01-31 12:00:00.5+02:00", "2024-01-31T12:00:00Z" and the like; 0: it is none. */
int64_t navidrome_time_ms(str_t text);

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
#include "storage/exchange/foreign.h"

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

/* What the user made of tracks: starred, rated or played. */
err_t navidrome_notes(navidrome_t *self, str_t user_id, foreign_note_fn fn, void *context);
err_t navidrome_playlists(navidrome_t *self, str_t user_id, foreign_playlist_fn fn, void *context);
err_t navidrome_entries(navidrome_t *self, str_t playlist_id, foreign_track_fn fn, void *context);

/* How many albums and artists the user has starred or rated: there is no such thing here. */
err_t navidrome_others(navidrome_t *self, str_t user_id, uint64_t *out_albums,
                       uint64_t *out_artists);

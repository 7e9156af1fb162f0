#pragma once
/* playlist_rules.h -- the rules of a playlist, with no I/O, no clock and no actor in sight.
 *
 * An ordered list of entries. An entry keeps its id while it is moved; ids are given out from 1 and
 * never again. The version grows by one with every event. A decide function checks a command
 * against the state and makes the event; it also makes room for it, so that applying cannot fail
 * where it was decided. An event may be empty of effect: `out_is_change` says so, and nothing is
 * emitted then.
 *
 * Ownership  The playlist owns its entries. Events borrow from the command and the arena.
 * Threads    None.
 * Errors     A refused command leaves the playlist as it was. Applying an event: NO_MEMORY, and the
 *            playlist must not be used any more. */

#include "actors/protocol/playlist.h"
#include "runtime/base/arena.h"

enum { PLAYLIST_OWNER_SIZE_MAX = 32 };

typedef struct playlist {
    char owner_id[PLAYLIST_OWNER_SIZE_MAX + 1]; /* empty: it was never created */
    char name[PLAYLIST_NAME_SIZE_MAX + 1];
    bool is_deleted;
    bool is_public; /* others may read it */
    uint64_t version, next_entry_id, duration_ms;
    int64_t changed_at;
    playlist_entry_t *entries;
    uint32_t count, capacity;
} playlist_t;

void playlist_deinit(playlist_t *self);
#define PLAYLIST_SCOPED SCOPED(playlist_deinit)

/* NOT_FOUND: never created, deleted, or not of this user. */
err_t playlist_check_owner(const playlist_t *self, str_t user_id);
/* The same, or it is public. */
err_t playlist_check_reader(const playlist_t *self, str_t user_id);
/* The index of an entry; NOT_FOUND. */
err_t playlist_find(const playlist_t *self, uint64_t entry_id, uint32_t *out_index);

/* INVALID: owner or name; LIMIT; CONFLICT: it exists and is somebody else's, or was deleted. */
err_t playlist_decide_create(playlist_t *self, const playlist_create_t *command,
                             playlist_created_t *out_event, bool *out_is_change);
/* INVALID: index, no tracks, a track 0; LIMIT. */
err_t playlist_decide_insert(playlist_t *self, const playlist_insert_t *command,
                             playlist_inserted_t *out_event);
/* The event names the entries that are there, ascending. */
err_t playlist_decide_remove(const playlist_t *self, const playlist_remove_t *command,
                             arena_t *arena, playlist_removed_t *out_event, bool *out_is_change);
/* NOT_FOUND, INVALID: index. */
err_t playlist_decide_move(const playlist_t *self, const playlist_move_t *command,
                           playlist_moved_t *out_event, bool *out_is_change);
/* INVALID: empty, too long, not UTF-8, a control character. */
err_t playlist_decide_rename(const playlist_t *self, const playlist_rename_t *command,
                             playlist_renamed_t *out_event, bool *out_is_change);
void playlist_decide_public(const playlist_t *self, const playlist_set_public_t *command,
                            playlist_public_set_t *out_event, bool *out_is_change);

err_t playlist_apply_created(playlist_t *self, const playlist_created_t *event, int64_t wall_ms);
err_t playlist_apply_inserted(playlist_t *self, const playlist_inserted_t *event, int64_t wall_ms);
void playlist_apply_removed(playlist_t *self, const playlist_removed_t *event, int64_t wall_ms);
void playlist_apply_moved(playlist_t *self, const playlist_moved_t *event, int64_t wall_ms);
void playlist_apply_renamed(playlist_t *self, const playlist_renamed_t *event, int64_t wall_ms);
void playlist_apply_public(playlist_t *self, const playlist_public_set_t *event, int64_t wall_ms);
void playlist_apply_erased(playlist_t *self, int64_t wall_ms);

/* The state as a record that borrows from it, and back. CORRUPT, NO_MEMORY. */
playlist_state_t playlist_to_state(const playlist_t *self);
err_t playlist_from_state(playlist_t *self, const playlist_state_t *state);

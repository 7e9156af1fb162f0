#pragma once
/* player.h -- the durable state of a listener's playback and what each event does to it; pure. What
 * commands are allowed to do is in player_decide.h.
 *
 * Position is kept as an anchor: position_ms at position_at (wall clock); while playing it advances
 * with the clock and stops at the track's end. Before every change of the anchor, what was heard
 * since the last one is credited (listen.h); a play that counts becomes an owed play, numbered,
 * which stays until `user` has taken it (at most PLAYER_OWED_MAX; past that the oldest is lost).
 *
 * Invariants  current_entry_id is 0 or in the queue. is_playing only with a current entry and an
 *             active device. active_device_id is "" or known. The version grows by one an
 *             event, but session_play_told, which nobody sees. The placement grows by one an
 *             event that says where or whether playback goes on, but a report of the device
 *             that plays.
 * Ownership   The player owns its queue and devices.
 * Errors      Applying: NO_MEMORY, and the player must not be used any more. Where the decide
 * function was called before, it cannot happen. */

#include "actors/streaming/listen.h"
#include "actors/streaming/queue.h"
#include "runtime/base/arena.h"

enum { PLAYER_OWED_MAX = 64 };

typedef struct player_device {
    char id[SESSION_DEVICE_ID_SIZE_MAX + 1];
    char name[SESSION_DEVICE_NAME_SIZE_MAX + 1];
    uint32_t volume;
    int64_t seen_at;
} player_device_t;

typedef struct player {
    uint64_t version, placement;
    queue_t queue;
    uint64_t current_entry_id;
    bool is_playing;
    int64_t position_ms, position_at;
    uint32_t repeat;
    char active_device_id[SESSION_DEVICE_ID_SIZE_MAX + 1];
    player_device_t *devices;
    uint32_t device_count;
    listen_t listen;
    session_owed_play_t owed[PLAYER_OWED_MAX]; /* oldest first */
    uint32_t owed_count;
    uint64_t last_play_number;
    /* Not durable: since when this activation runs. A playing position does not advance over the
     * time in which nobody was there to hear of it. */
    int64_t resumed_at;
} player_t;

void player_deinit(player_t *self);
#define PLAYER_SCOPED SCOPED(player_deinit)

const session_entry_t *player_current(const player_t *self);
/* Where playback is at now_ms. */
int64_t player_position(const player_t *self, int64_t now_ms);
player_device_t *player_device(const player_t *self, str_t device_id);

err_t player_apply_replaced(player_t *self, const session_queue_replaced_t *event, int64_t now_ms);
err_t player_apply_enqueued(player_t *self, const session_enqueued_t *event);
void player_apply_removed(player_t *self, const session_removed_t *event, int64_t now_ms);
void player_apply_moved(player_t *self, const session_moved_t *event);
void player_apply_cleared(player_t *self, int64_t now_ms);
void player_apply_playback(player_t *self, const session_playback_set_t *event, int64_t now_ms);
void player_apply_repeat(player_t *self, const session_repeat_set_t *event);
void player_apply_shuffle(player_t *self, const session_shuffle_set_t *event);
void player_apply_volume(player_t *self, const session_volume_set_t *event);
err_t player_apply_device_seen(player_t *self, const session_device_seen_t *event, int64_t now_ms);
void player_apply_device_forgotten(player_t *self, const session_device_forgotten_t *event);
void player_apply_play_told(player_t *self, const session_play_told_t *event);

/* The state as a record in the arena, and back. NO_MEMORY; CORRUPT. */
err_t player_to_state(const player_t *self, arena_t *arena, session_state_t *out_state);
err_t player_from_state(player_t *self, const session_state_t *state);

#pragma once
/* player_decide.h -- what a command may do to a listener's playback: checks it and makes the event;
 * pure. It also makes room in the player, so that applying the event cannot fail.
 *
 * Ownership  Events borrow from the command, the player and the arena.
 * Errors     As session.def says; a refused command changes nothing. */

#include "actors/streaming/attachments.h"
#include "actors/streaming/player.h"

/* A device that a command names: `out_is_new` when an event has to introduce it first, and then
 * `out_forgotten` is the one that has to go to make room (NULL: none). INVALID: the id; LIMIT:
 * SESSION_DEVICES_MAX, all of them online. */
err_t player_decide_device(const player_t *self, const attachments_t *online, str_t device_id,
                           bool *out_is_new, const player_device_t **out_forgotten);
/* INVALID: the name, which may be empty. */
err_t player_check_device_name(str_t name);

err_t player_decide_play_tracks(player_t *self, const session_play_tracks_t *command, uint64_t seed,
                                session_queue_replaced_t *out_event);
err_t player_decide_enqueue(player_t *self, const session_enqueue_t *command,
                            session_enqueued_t *out_event);
err_t player_decide_remove(const player_t *self, const session_remove_t *command, arena_t *arena,
                           session_removed_t *out_event, bool *out_is_change);
err_t player_decide_move(const player_t *self, const session_move_t *command,
                         session_moved_t *out_event, bool *out_is_change);
err_t player_decide_play(const player_t *self, const session_play_t *command, int64_t now_ms,
                         session_playback_set_t *out_event);
/* No change when nothing plays and the position stays. */
err_t player_decide_pause(const player_t *self, const session_pause_t *command, int64_t now_ms,
                          session_playback_set_t *out_event, bool *out_is_change);
err_t player_decide_seek(const player_t *self, const session_seek_t *command, int64_t now_ms,
                         session_playback_set_t *out_event);
err_t player_decide_transfer(const player_t *self, const attachments_t *online,
                             const session_transfer_t *command, int64_t now_ms,
                             session_playback_set_t *out_event, bool *out_is_change);

typedef enum player_report {
    PLAYER_REPORT_IGNORED, /* not the active device's, or of an entry that is gone */
    PLAYER_REPORT_LATER,   /* believed, but the last one was appended a moment ago */
    PLAYER_REPORT_CHANGE
} player_report_t;
player_report_t player_decide_report(const player_t *self, const session_report_progress_t *command,
                                     int64_t now_ms, session_playback_set_t *out_event);

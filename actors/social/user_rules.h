#pragma once
/* user_rules.h -- the rules of a listener's favourites, ratings, plays and list of playlists; pure.
 *
 * A favourite gets a number that grows with time, so that the newest come first and pages go by
 * number. The history keeps the last USER_HISTORY_MAX plays. A play carries the number that
 * `session` gave it; one that is not above the last is a repeat. The history is in the order of
 * their coming; imported ones are put in by their time (user_import.c).
 *
 * The decide functions make room, so that applying what they decided cannot fail.
 *
 * Ownership  The book owns what is in it. Threads None.
 * Errors     A refused command changes nothing. Applying: NO_MEMORY, and the book must not be used
 * any more. */

#include "actors/social/people/activities.h"
#include "actors/social/people/links.h"
#include "actors/social/recent_searches.h"
#include "actors/social/rooms/room_list.h"
#include "actors/social/track_facts.h"
#include "actors/social/user_settings.h"
#include "runtime/base/arena.h"

enum { USER_PLAYLIST_ID_SIZE_MAX = 40 };

typedef struct user_playlist_id {
    char text[USER_PLAYLIST_ID_SIZE_MAX + 1];
} user_playlist_id_t;

typedef struct user_book {
    track_facts_t facts;
    user_favourite_t *favourites; /* by number, ascending */
    uint32_t favourite_count, favourite_capacity;
    uint64_t next_favourite; /* numbers start at 1 */
    user_play_t *history;    /* a ring once it is full; history_next is the oldest then */
    uint32_t history_count, history_capacity, history_next;
    uint64_t last_play_number;
    user_playlist_id_t *playlists;
    uint32_t playlist_count, playlist_capacity;
    user_choices_t choices;
    recent_searches_t searches;
    links_t following, followers;
    room_list_t rooms;
    activities_t activities;
    bool is_erased; /* for good */
} user_book_t;

void user_book_deinit(user_book_t *self);
#define USER_BOOK_SCOPED SCOPED(user_book_deinit)

user_track_facts_t user_book_facts(const user_book_t *self, uint64_t track_id);
/* Up to `count_max` favourites below `before` (0: all), newest first; returns how many. */
uint32_t user_book_favourites(const user_book_t *self, uint64_t before, uint32_t count_max,
                              user_favourite_t *out, bool *out_has_next);
/* Room for all of them; ascending. */
void user_book_favourite_ids(const user_book_t *self, uint64_t *out);
/* The newest plays first; returns how many. */
uint32_t user_book_history(const user_book_t *self, uint32_t count_max, user_play_t *out);
bool user_book_has_playlist(const user_book_t *self, str_t playlist_id);
/* Follows in either direction, and rooms. */
uint32_t user_book_ties(const user_book_t *self);

/* INVALID: track 0; LIMIT: USER_FAVOURITES_MAX, USER_TRACKS_MAX; NO_MEMORY. */
err_t user_decide_favourite(user_book_t *self, const user_set_favourite_t *command,
                            bool *out_is_change);
/* INVALID: track 0, a rating over 5; LIMIT; NO_MEMORY. */
err_t user_decide_rating(user_book_t *self, const user_set_rating_t *command, bool *out_is_change);
/* INVALID: track 0; NO_MEMORY. Past USER_TRACKS_MAX the play is in the history but is not counted.
 */
err_t user_decide_play(user_book_t *self, const user_add_play_t *command, bool *out_is_change);
/* The event's tracks lie in the arena; none: nothing changes. INVALID, LIMIT as in user.def;
 * NO_MEMORY. */
err_t user_decide_import(user_book_t *self, const user_import_t *command, arena_t *arena,
                         user_imported_t *out_event, user_import_done_t *out_done);
/* INVALID: the id; LIMIT; NO_MEMORY. */
err_t user_decide_add_playlist(user_book_t *self, str_t playlist_id, bool *out_is_change);
/* `self_id`: whose book it is. INVALID: oneself, no id of a user; LIMIT; NO_MEMORY. */
err_t user_decide_follow(user_book_t *self, str_t self_id, const user_set_follow_t *command,
                         bool *out_is_change);
/* LIMIT: no more followers, or the listener is erased; NO_MEMORY. */
err_t user_decide_follower(user_book_t *self, const user_note_follower_t *command,
                           bool *out_is_change);

err_t user_apply_favourite(user_book_t *self, const user_favourite_set_t *event);
err_t user_apply_rating(user_book_t *self, const user_rating_set_t *event);
err_t user_apply_played(user_book_t *self, const user_played_t *event);
err_t user_apply_imported(user_book_t *self, const user_imported_t *event);
err_t user_apply_playlist_added(user_book_t *self, const user_playlist_added_t *event);
void user_apply_setting(user_book_t *self, const user_setting_set_t *event);
void user_apply_playlist_removed(user_book_t *self, const user_playlist_removed_t *event);
err_t user_apply_follow(user_book_t *self, const user_follow_set_t *event, int64_t wall_ms);
err_t user_apply_follower(user_book_t *self, const user_follower_set_t *event);

/* The state as a record in the arena, and back. NO_MEMORY; CORRUPT: more than there may be. */
err_t user_book_to_state(const user_book_t *self, arena_t *arena, user_state_t *out_state);
err_t user_book_from_state(user_book_t *self, const user_state_t *state);

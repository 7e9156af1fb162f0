#pragma once
/* listen.h -- when listening to a track becomes a play: after half of it, or after four minutes;
 * pure.
 *
 * Between two words about playback, what was heard is credited: as much as the position advanced,
 * but never more than the time that passed, and at most LISTEN_GAP_MAX_MS (a device that says
 * nothing is not listening). A position that jumped was a seek and credits nothing. So seeking to
 * the end counts no play, and going back over a passage counts what was really heard.
 *
 * Threads  None. */

#include "runtime/base/attributes.h"

enum {
    LISTEN_GAP_MAX_MS = 30000,
    LISTEN_JUMP_MS = 2000,   /* clocks and reports are no better than that */
    LISTEN_PLAY_MS = 240000, /* enough of a long track */
    LISTEN_RESTART_MS = 3000 /* a counted track that is back before this is heard anew */
};

typedef struct listen {
    int64_t listened_ms, started_at;
    bool is_counted;
} listen_t;

void listen_start(listen_t *self, int64_t now_ms);
/* Credits what was heard in elapsed_ms, playing from one position to another (to_ms -1: not known,
 * so the time counts). True: with this it has become a play. */
bool listen_credit(listen_t *self, uint32_t duration_ms, int64_t elapsed_ms, int64_t from_ms,
                   int64_t to_ms);
/* The same track goes on at to_ms, having been (by the clock) at from_ms: does a new listening
 * begin? Yes where it was counted and came back to its beginning, or had come to its end. */
bool listen_is_again(const listen_t *self, uint32_t duration_ms, int64_t from_ms, int64_t to_ms);

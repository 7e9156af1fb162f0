#pragma once
/* away.h -- a journal that takes nothing for a while fails no actor.
 *
 * A command is refused with UNAVAILABLE where it would emit its first event: its handler is unwound
 * from there, as if it had returned that error, and the state stays what it was. A continuation or
 * a timer has nobody who would ask again, so it runs to its end and is then undone: who waits for
 * an answer of it gets UNAVAILABLE, and the state becomes what was kept of it before, as after any
 * append that was refused (rebuilt, `start` runs again), but without the journal.
 *
 * A state that has to be read while the journal can't be is waited for: its actor refuses what it
 * is sent, asks again after a back-off and with what it is sent once the journal is back, and
 * counts no failure. A virtual actor that has nothing to keep lies dormant instead.
 *
 * Invariants
 *  1. What is refused here was never handed to the journal.
 *  2. A state is kept only while nothing of it is in flight: it is what the journal has.
 *  3. Only RECOVERING waits; a state whose append may or may not have landed is read before
 *     anything is decided on it (durable.h, 4).
 *
 * Threads  The owner's. */

#include "runtime/base/buf.h"
#include "runtime/durable/durable.h"

enum { AWAY_RETRY_FIRST_MS = 100, AWAY_RETRY_MAX_MS = 2000 };

typedef struct context context_t;

bool journal_is_away(const runtime_t *runtime);
/* Errors of a journal, or of the way to it, that pass by themselves. */
static inline bool err_is_passing(err_t err)
{
    return err == ERR_UNAVAILABLE || err == ERR_BUSY;
}

/* What the actor's state would be restored from; false: it can't be kept, or need not. */
bool away_keep(const actor_t *actor, buf_t *out_kept);
/* Its state, gone already, from there. An error: it is still gone. */
err_t away_restore(actor_t *actor, str_t kept);

/* RECOVERING: the state can't be read now. Who waits gets err. */
void away_wait(context_t *ctx, err_t err);
/* The alarm that away_wait has armed. */
void away_alarm(context_t *ctx);
/* There is a message for one that waits. False: it is refused. */
bool away_try_now(context_t *ctx);

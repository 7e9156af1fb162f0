#pragma once
/* backlog.h -- what an actor keeps of its user lane by itself: messages that it took out and will
 * handle before newer ones, messages that it stashed, and how it behaves towards the next.
 *
 *     front   taken out of the lane, in order; still counted in the mailbox's word, so that all
 *             that looks at a length (passivation, draining, the bound) sees them
 *     stash   put aside by the author, in order; not counted in the word, or the actor would never
 *             rest; at most as many as the mailbox holds
 *
 * Unstashing puts the stash before the front. When the state goes (a failure, a rebuild, an end)
 * the stash is unstashed by itself and the behaviour is the kind's own again: the next incarnation,
 * or the next activation, gets the messages in their order.
 *
 * OVERFLOW_COALESCE: at its first user message of a turn, an actor whose mailbox holds more than
 * its bound takes the whole lane into the front and, of the messages with one schema and one key,
 * leaves the newest, where it is. What was superseded is a dead letter, and who asked gets STALE.
 * If more than the bound is left, the oldest are dropped (FULL, BUSY).
 *
 * Threads  The owner of the actor. */

#include "runtime/life/activation.h"

typedef struct message_list {
    message_t *first, *last;
    uint32_t count;
} message_list_t;

struct backlog {
    message_list_t front, stash;
    uint32_t behaviour; /* index + 1 in the kind's; 0: the kind's own handlers */
};

/* The next user message; NULL: none, or its sender is between two steps. */
message_t *backlog_pop_slowly(actor_t *actor);
static inline message_t *actor_pop_user(actor_t *actor)
{
    const backlog_t *backlog = actor_peek(actor)->backlog;
    if (UNLIKELY(backlog != NULL && backlog->front.count > 0))
        return backlog_pop_slowly(actor);
    return mailbox_pop_user(&actor->mailbox, &actor->mailbox_end);
}

static inline const message_t *actor_peek_user(actor_t *actor)
{
    const backlog_t *backlog = actor_peek(actor)->backlog;
    if (UNLIKELY(backlog != NULL && backlog->front.count > 0))
        return backlog->front.first;
    return mailbox_peek_user(&actor->mailbox, &actor->mailbox_end);
}

static inline uint32_t actor_stash_count(const actor_t *actor)
{
    const backlog_t *backlog = actor_peek(actor)->backlog;
    return backlog == NULL ? 0 : backlog->stash.count;
}

/* Nothing is put aside, and it behaves as its kind does. */
static inline bool backlog_is_plain(const backlog_t *self)
{
    return self == NULL || (self->stash.count == 0 && self->behaviour == 0);
}

/* Made where there is none. NULL: no memory. */
[[nodiscard]] backlog_t *backlog_of(actor_t *actor);
/* Whether this one may be stashed: BUSY (the bound; not for what a stream's credit bounds),
 * NO_MEMORY. Then backlog_stash cannot fail. */
err_t backlog_make_room(actor_t *actor, const message_t *message);
/* Takes it. */
void backlog_stash(actor_t *actor, message_t *message);
void backlog_unstash(actor_t *actor);
/* The state goes. */
void backlog_forget(actor_t *actor);
/* Frees all; the runtime ends. */
void backlog_free(backlog_t *self);

/* Of an OVERFLOW_COALESCE kind, at its first user message of a turn. */
void backlog_coalesce(actor_t *actor);

#pragma once
/* asking.h -- the steps of an ask, which actor_ask and actor_ask_many share, and call cycles.
 *
 * A call chain is who asked whom, up to a message. Its length travels as `depth`; of its members
 * those are named in the message whose kind awaits (actor_kind_t.awaits), as the text of a command:
 * only to those may an ask not come back. So a program without such kinds carries no chains, and
 * delivery finds a cycle by comparing a few references, before anybody waits.
 *
 * Threads  The asker's; call_chain_has any. */

#include "runtime/context.h"
#include "runtime/mail/ask.h"

typedef struct asking {
    const schema_t *schema;
    const void *body;
    uint64_t correlation, deadline_ns;
} asking_t;

/* Opens the ask, its data copied, and arms its deadline (0: 5 s), or fails the actor; then what the
 * ask holds is freed. */
void asking_open(context_t *ctx, asking_t *self, ask_t *ask, uint64_t timeout_ms, str_t data);
/* The same without failing the actor: LIMIT, NO_MEMORY. */
err_t asking_try_open(context_t *ctx, asking_t *self, ask_t *ask, uint64_t timeout_ms, str_t data);
bool asking_is_too_deep(const context_t *ctx);
/* NULL: no memory. */
[[nodiscard]] message_t *asking_message(context_t *ctx, const asking_t *self);
void asking_send(context_t *ctx, address_t to, message_t *message);
/* An answer of our own making, so that `then` runs in a turn of its own. */
void asking_answer(context_t *ctx, uint64_t correlation, err_t err);

answer_t answer_of(const message_t *reply);

/* Whether this actor awaits the end of the chain that the message is part of. */
bool call_chain_has_slowly(const message_t *message, uint64_t actor);
static inline bool call_chain_has(const message_t *message, uint64_t actor)
{
    return UNLIKELY(message->has_tail) && message->kind == MESSAGE_COMMAND &&
           call_chain_has_slowly(message, actor);
}

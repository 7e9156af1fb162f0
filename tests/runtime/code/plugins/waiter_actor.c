#include "tests/runtime/code/plugins/tally.h"

#define ACTOR_DEF "tests/runtime/code/plugins/waiter.def"
#define ACTOR_STATE waiter_t
#include "runtime/actor_kind.h"

enum { WAITER_ASK_MS = 1000000, WAITER_NAMELESS = 1000 };

static err_t reply_status(const waiter_t *self, context_t *ctx)
{
    return actor_reply(ctx, waiter_status, .notes = self->notes, .early = self->early,
                       .served = self->served, .conflicts = self->conflicts, .version = VERSION);
}

/* Every command says so first: none may come while it awaits. */
static void heard(waiter_t *self)
{
    self->early += self->is_waiting;
}

static void served(waiter_t *self, const answer_t *answer, uint64_t worth)
{
    self->is_waiting = false;
    self->conflicts += answer->err == ERR_CONFLICT;
    self->served += answer->err == ERR_OK ? worth : 0;
}

static void when_served(void *state, UNUSED context_t *ctx, const answer_t *answer,
                        UNUSED void *data, UNUSED size_t data_size)
{
    served(state, answer, VERSION);
}

static void when_served_nameless(void *state, UNUSED context_t *ctx, const answer_t *answer,
                                 UNUSED void *data, UNUSED size_t data_size)
{
    served(state, answer, WAITER_NAMELESS);
}

ON(waiter_order)
{
    heard(self);
    self->is_waiting = true;
    actor_ask(ctx, address_of("tally", command->key), WAITER_ASK_MS,
              command->is_nameless ? when_served_nameless : when_served, NULL, 0, tally_later);
    return reply_status(self, ctx);
}

ON(waiter_circle)
{
    heard(self);
    self->is_waiting = true;
    actor_ask(ctx, address_of("waiter", command->over), WAITER_ASK_MS, when_served, NULL, 0,
              waiter_relay, .back_to = command->back_to);
    return reply_status(self, ctx);
}

/* Answered when the other has answered, with what that said. */
static void when_relayed(void *state, context_t *ctx, const answer_t *answer, void *data,
                         UNUSED size_t data_size)
{
    const reply_token_t *token = data;
    served(state, answer, VERSION);
    waiter_status_t nothing = {0};
    actor_reply_to_message(ctx, *token, answer->err, &waiter_status_schema, &nothing);
}

ON(waiter_relay)
{
    heard(self);
    self->is_waiting = true;
    reply_token_t token = actor_reply_later(ctx);
    actor_ask(ctx, address_of("waiter", command->back_to), WAITER_ASK_MS, when_relayed, &token,
              sizeof token, waiter_read);
    return ERR_OK;
}

ON(waiter_note)
{
    heard(self);
    self->notes++;
    return ERR_OK;
}

ON(waiter_read)
{
    heard(self);
    return reply_status(self, ctx);
}

static const actor_continuation_t continuations[] = {
    CONTINUATION(when_served, 0), CONTINUATION(when_relayed, sizeof(reply_token_t))};

ACTOR_KIND(waiter, .state_schema = &waiter_schema, .awaits = true, .continuations = continuations,
           .continuation_count = COUNT_OF(continuations));

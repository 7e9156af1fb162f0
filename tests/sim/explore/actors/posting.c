/* posting.c -- messages that are sent durably; post.h is what is owed for them. */

#include "runtime/base/assert.h"
#include "runtime/outbox.h"
#include "tests/sim/explore/actors/steps.h"

/* Some, to another durable actor, of either kind. Only a durable one can. */
void step_post(run_t *run, const act_step_t *step)
{
    actor_state_t *self = run->self;
    target_kind_t kind = step->number % 2 == 0 ? TARGET_durable : TARGET_durable_idle;
    uint32_t target = kind * TARGET_KEYS + step->target % TARGET_KEYS;
    char room[12];
    if (!self->service->is_durable || target == self->from)
        return;
    for (uint32_t i = 0; i <= step->number / 2 && run->err == ERR_OK; i++)
        run->err = actor_send_durably(run->ctx, act_address(target, room), act_letter,
                                      .number = ++self->ledger->letters,
                                      .is_hesitating = step->number >= 6);
}

/* What is hesitated over comes again. */
err_t posting_took(const actor_state_t *self, context_t *ctx, const act_letter_t *letter)
{
    ASSERT(self->service->is_durable);
    if (letter->is_hesitating && context_random_u64(ctx) % 2 == 1)
        return ERR_BUSY;
    emit(ctx, act_received, .number = letter->number);
    return ERR_OK;
}

#include "runtime/durable/away.h"

#include "runtime/base/memory.h"
#include "runtime/context.h"
#include "runtime/durable/recover.h"
#include "runtime/life/lifecycle.h"
#include "runtime/life/tie.h"

bool journal_is_away(const runtime_t *runtime)
{
    journal_t *journal = runtime->journal;
    return journal->table->is_away != NULL && journal->table->is_away(journal);
}

/* ---- keeping ---- */

bool away_keep(const actor_t *actor, buf_t *out_kept)
{
    const durable_t *durable = actor_peek(actor)->durable;
    if (durable == NULL || !journal_is_away(actor_runtime(actor)))
        return false;
    if (durable->append_count > 0 || durable_is_tainted(durable) ||
        !durable_can_snapshot(actor->kind))
        return false;
    buf_reset(out_kept);
    durable_encode_state(actor, out_kept);
    return buf_status(out_kept) == ERR_OK;
}

err_t away_restore(actor_t *actor, str_t kept)
{
    durable_t *durable = actor_extra_there(actor)->durable;
    recovery_t *fresh = recovery_new(actor_runtime(actor), actor->kind, actor_key(actor));
    if (fresh == NULL)
        return ERR_NO_MEMORY;
    err_t err = recovery_restore_state(fresh, kept);
    if (err == ERR_OK) {
        arena_t before = durable->arena;
        durable->arena = fresh->durable->arena; /* what the state borrows */
        fresh->durable->arena = before;
        durable->version = durable->durable_version;
        actor_take_state(actor, STEAL(fresh->state));
    }
    recovery_free(fresh);
    return err;
}

/* ---- waiting ---- */

/* Nothing is held or put off, and nobody but its next message needs it. */
static bool may_lie_dormant(const actor_t *actor)
{
    const actor_extra_t *extra = actor_peek(actor);
    return actor->is_virtual && actor_tie(actor) == NULL && extra->durable == NULL &&
           extra->deferred_count == 0 && extra->hold == NULL;
}

static uint64_t retry_ms(context_t *ctx, uint32_t tries)
{
    uint64_t full_ms =
        MIN((uint64_t)AWAY_RETRY_FIRST_MS << MIN(tries, 16U), (uint64_t)AWAY_RETRY_MAX_MS);
    return full_ms / 2 + random_below(&ctx->runtime->random, full_ms / 2 + 1);
}

/* False: no memory for the alarm; never when it has just rung. */
static bool ask_again_later(context_t *ctx)
{
    actor_extra_t *extra = actor_extra_there(ctx->actor);
    return lifecycle_arm_restart(ctx, retry_ms(ctx, extra->waits++));
}

void away_wait(context_t *ctx, err_t err)
{
    actor_t *actor = ctx->actor;
    actor_extra_t *extra = actor_extra_or_null(actor);
    lifecycle_refuse_waiting(ctx, err);
    if (extra == NULL || may_lie_dormant(actor)) {
        lifecycle_lie_dormant(ctx);
        return;
    }
    actor->phase = ACTOR_RECOVERING;
    extra->is_waiting = true;
    if (!ask_again_later(ctx))
        lifecycle_start_failed(ctx, ERR_NO_MEMORY); /* nobody would look again */
}

static void try_again(context_t *ctx)
{
    actor_extra_there(ctx->actor)->is_waiting = false;
    recover_begin(ctx);
}

void away_alarm(context_t *ctx)
{
    if (journal_is_away(ctx->runtime))
        (void)ask_again_later(ctx);
    else
        try_again(ctx);
}

bool away_try_now(context_t *ctx)
{
    if (journal_is_away(ctx->runtime))
        return false;
    try_again(ctx);
    return true;
}

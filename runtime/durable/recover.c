#include "runtime/durable/recover.h"

#include "runtime/base/memory.h"
#include "runtime/context.h"
#include "runtime/durable/away.h"
#include "runtime/durable/outbox.h"
#include "runtime/life/lifecycle.h"
#include "runtime/memory/hibernate.h"

static void failed(context_t *ctx, err_t err)
{
    if (err_is_passing(err))
        away_wait(ctx, err);
    else
        lifecycle_start_failed(ctx, err);
}

/* NULL: no memory. */
static job_t *job_of(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    job_t *job = actor_extra(actor) == NULL ? NULL : memory_new(sizeof *job);
    if (job == NULL)
        return NULL;
    job->runtime = ctx->runtime;
    job->lane = OFFLOAD_FILE;
    job->actor = actor_bits(actor);
    job->message.incarnation = actor->incarnation;
    job->recovery = recovery_new(ctx->runtime, actor->kind, actor_key(actor));
    if (job->recovery == NULL) {
        job_free(job);
        return NULL;
    }
    return job;
}

static err_t submit(context_t *ctx, job_t *job)
{
    err_t err = job == NULL ? ERR_NO_MEMORY : offload_submit(ctx->runtime->offload, job);
    if (err == ERR_OK)
        ctx->actor->phase = ACTOR_RECOVERING;
    else
        job_free(job);
    return err;
}

void recover_begin(context_t *ctx)
{
    err_t err = journal_is_away(ctx->runtime) ? ERR_UNAVAILABLE : submit(ctx, job_of(ctx));
    if (err != ERR_OK)
        failed(ctx, err);
}

static bool is_at_hand(const context_t *ctx)
{
    journal_t *journal = ctx->runtime->journal;
    char room[JOURNAL_STREAM_SIZE_MAX + 1];
    return journal->table->is_at_hand != NULL && ctx->now_ns >= ctx->scheduler->here_from_ns &&
           !journal_is_away(ctx->runtime) &&
           journal->table->is_at_hand(
               journal, durable_stream(ctx->actor->kind, actor_key(ctx->actor), room));
}

void recover_first(context_t *ctx)
{
    job_t *job = is_at_hand(ctx) ? job_of(ctx) : NULL;
    if (job == NULL) {
        recover_begin(ctx);
        return;
    }
    const ms_clock_t *clock = &ctx->runtime->clock;
    uint64_t begin_ns = clock_mono_ns(clock);
    ctx->actor->phase = ACTOR_RECOVERING;
    job->err = recovery_run(job->recovery);
    uint64_t end_ns = clock_mono_ns(clock);
    if (end_ns - begin_ns > RECOVER_HERE_MAX_NS)
        ctx->scheduler->here_from_ns = end_ns + RECOVER_ELSEWHERE_NS;
    recover_end(ctx, job);
}

static void take_over(actor_t *actor, recovery_t *recovery)
{
    actor_take_state(actor, STEAL(recovery->state));
    durable_t *fresh = STEAL(recovery->durable);
    actor_extra_t *extra = actor_extra_there(actor); /* made with the recovery */
    if (extra->durable == NULL) {
        outbox_inherit(fresh->outbox, extra->outbox_before, false);
        outbox_free(STEAL(extra->outbox_before));
        extra->durable = fresh;
    } else {
        durable_settle(actor, fresh);
    }
}

void recover_end(context_t *ctx, job_t *job)
{
    actor_t *actor = ctx->actor;
    if (job->hibernation != NULL) {
        hibernate_returned(ctx, job);
        return;
    }
    if (actor->phase != ACTOR_RECOVERING || job->message.incarnation != actor->incarnation) {
        job_free(job);
        return;
    }
    if (job->recovery->rereads != atomic_load(&ctx->runtime->rereads)) {
        job_free(job);
        recover_begin(ctx);
        return;
    }
    err_t err = job->err;
    if (err == ERR_OK)
        take_over(actor, job->recovery);
    job_free(job);
    if (err != ERR_OK)
        failed(ctx, err);
    else
        lifecycle_run(ctx);
}

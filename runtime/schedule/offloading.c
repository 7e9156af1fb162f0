/* What authors do with the offload pool (offload.h). */
#include "runtime/base/memory.h"
#include "runtime/context.h"
#include "runtime/inside/inside.h"

static job_t *job_of(context_t *ctx, const offload_options_t *options, const void *data,
                     size_t data_size)
{
    actor_extra_t *extra = actor_extra(ctx->actor);
    job_t *job = extra == NULL ? NULL : job_new(data, data_size);
    if (job == NULL)
        actor_fail(ctx, "no memory for a job");
    job->runtime = ctx->runtime;
    job->lane = options->lane;
    job->priority = options->priority;
    job->until_ns =
        options->wait_ms_max == 0 ? 0 : ctx->now_ns + (uint64_t)options->wait_ms_max * 1000000;
    job->actor = actor_bits(ctx->actor);
    job->message.incarnation = ctx->actor->incarnation;
    if (inside_is_watching(ctx->runtime))
        inside_belongs(ctx->runtime, &job->message);
    extra->jobs_open++;
    return job;
}

static offload_ticket_t submit(context_t *ctx, job_t *job)
{
    offload_ticket_t ticket = {offload_ticket(ctx->runtime->offload, job)};
    effect_t effect = {.kind = EFFECT_OFFLOAD, .job = job};
    context_perform(ctx, &effect);
    return ticket;
}

offload_ticket_t actor_offload_with(context_t *ctx, const offload_options_t *options,
                                    offload_work_fn work, offload_then_fn then, const void *data,
                                    size_t data_size)
{
    job_t *job = job_of(ctx, options, data, data_size);
    job->actor_work = work;
    job->actor_then = then;
    return submit(ctx, job);
}

offload_ticket_t actor_offload(context_t *ctx, offload_lane_t lane, offload_work_fn work,
                               offload_then_fn then, const void *data, size_t data_size)
{
    return actor_offload_with(ctx, &(offload_options_t){.lane = lane}, work, then, data, data_size);
}

offload_ticket_t actor_offload_when_room(context_t *ctx, offload_lane_t lane, offload_then_fn then,
                                         const void *data, size_t data_size)
{
    job_t *job = job_of(ctx, &(offload_options_t){.lane = lane}, data, data_size);
    job->is_for_room = true;
    job->actor_then = then;
    return submit(ctx, job);
}

void actor_offload_cancel(context_t *ctx, offload_ticket_t ticket)
{
    if (ticket.bits == 0 || offload_cancel(ctx->runtime->offload, ticket.bits))
        return;
    /* Held behind an append, it is not in its lane yet. */
    const durable_t *durable = actor_peek(ctx->actor)->durable;
    effect_t *effect = durable == NULL ? NULL : durable->held.first;
    for (; effect != NULL; effect = effect->next) {
        if (effect->kind == EFFECT_OFFLOAD && effect->job->ticket == ticket.bits)
            atomic_store(&effect->job->is_cancelled, true);
    }
}

/* ---- edges ---- */

uint64_t edge_offload_with(edge_t *self, const offload_options_t *options,
                           err_t (*work)(void *data), void (*then)(void *data, err_t err),
                           void *data)
{
    runtime_t *runtime = self->scheduler->runtime;
    job_t *job = job_new(NULL, 0);
    if (job == NULL) {
        then(data, ERR_NO_MEMORY); /* nothing to come back in */
        return 0;
    }
    job->runtime = runtime;
    job->lane = options->lane;
    job->priority = options->priority;
    if (options->wait_ms_max > 0)
        job->until_ns = clock_mono_ns(&runtime->clock) + (uint64_t)options->wait_ms_max * 1000000;
    job->edge_scheduler = self->scheduler->index;
    job->message.trace = inside_trace(runtime);
    job->edge_work = work;
    job->edge_then = then;
    job->data = data;
    job->is_for_room = work == NULL;
    uint64_t ticket = offload_ticket(runtime->offload, job);
    err_t err = offload_submit(runtime->offload, job);
    if (err != ERR_OK) {
        job->err = err;
        offload_return(job);
    }
    return ticket;
}

void edge_offload(edge_t *self, offload_lane_t lane, err_t (*work)(void *data),
                  void (*then)(void *data, err_t err), void *data)
{
    (void)edge_offload_with(self, &(offload_options_t){.lane = lane}, work, then, data);
}

void edge_offload_cancel(edge_t *self, uint64_t ticket)
{
    if (ticket != 0)
        (void)offload_cancel(self->scheduler->runtime->offload, ticket);
}

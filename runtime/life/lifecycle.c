#include "runtime/life/lifecycle.h"

#include "runtime/base/memory.h"
#include "runtime/life/relations.h"

#include <stdio.h>

static const str_t nothing = {NULL, 0};

/* The idle and the restart alarm: one of each, armed anew. */
static void arm(context_t *ctx, alarm_t **alarm, alarm_purpose_t purpose, uint64_t delay_ms)
{
    alarm_cancel(alarm);
    *alarm = alarm_new(purpose, actor_bits(ctx->actor), 0);
    if (*alarm == NULL)
        return; /* an actor that idles longer, or restarts with its next message */
    (*alarm)->message.incarnation = ctx->actor->incarnation;
    alarm_arm(*alarm, ctx->scheduler, delay_ms);
}

/* ---- the state and what belongs to it ---- */

static void free_state(actor_t *actor)
{
    if (actor->state != NULL && actor->kind->deinit != NULL)
        actor->kind->deinit(actor->state);
    memory_free(actor->state);
    actor->state = NULL;
}

static void drop_deferred(actor_t *actor)
{
    message_t *message;
    while ((message = lane_pop(&actor->deferred)) != NULL) {
        actor->deferred_count--;
        system_message_free(message);
    }
}

/* What one incarnation leaves behind. Appends in flight are none of it. */
static void forget(actor_t *actor)
{
    timers_cancel_all(actor);
    unsubscribe_all(actor);
    ask_table_clear(&actor->asks);
    drop_deferred(actor);
    free_state(actor);
}

/* As a new slot, but for what senders see: mailbox, is_scheduled, generation. */
static void reset(actor_t *self)
{
    self->phase = ACTOR_FREE;
    self->is_virtual = self->is_stopping = self->is_removed = self->is_failed_start = false;
    self->kind = NULL;
    self->key = nothing;
    self->durable = NULL;
    self->timer_ids = 0;
    self->timer_count = self->jobs_open = self->deferred_count = 0;
    self->tokens_until_ns = self->active_ns = 0;
    self->parent = 0;
    self->watchers = NULL;
    self->children = NULL;
    self->watcher_count = self->child_count = 0;
    self->failures_since_ns = self->parked_until_ns = 0;
    self->failures = self->parkings = 0;
    self->reason[0] = '\0';
    atomic_store_explicit(&self->messages, 0, memory_order_relaxed);
    atomic_store_explicit(&self->busy_ns, 0, memory_order_relaxed);
}

void actor_dispose(actor_t *self)
{
    message_t *message;
    while ((message = mailbox_pop_user(&self->mailbox)) != NULL)
        message_free(message);
    while ((message = mailbox_pop_system(&self->mailbox)) != NULL)
        system_message_free(message);
    while ((message = lane_pop(&self->deferred)) != NULL)
        system_message_free(message);
    while (self->timers != NULL)
        timer_drop(self, self->timers->id);
    alarm_cancel(&self->idle_alarm);
    alarm_cancel(&self->restart_alarm);
    ask_table_deinit(&self->asks);
    free_state(self);
    durable_free(self->durable);
    memory_free(self->watchers);
    memory_free(self->children);
    memory_free((void *)(uintptr_t)self->key.data); /* ours; str_t has no other way to say so */
    reset(self);
}

/* ---- starting ---- */

static void refuse_waiting(context_t *ctx, err_t err)
{
    message_t *message;
    while ((message = mailbox_pop_user(&ctx->actor->mailbox)) != NULL)
        reject(ctx->runtime, message, err);
}

static void begin_running(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    actor->phase = ACTOR_RUNNING;
    actor->active_ns = ctx->now_ns;
    err_t err = ERR_OK;
    if (!call_start(ctx, &err))
        return;
    if (err != ERR_OK) {
        refuse_waiting(ctx, err);
        actor->is_failed_start = true;
        lifecycle_end(ctx);
        return;
    }
    if (actor->kind->idle_ms > 0)
        arm(ctx, &actor->idle_alarm, ALARM_IDLE, actor->kind->idle_ms);
}

static err_t recover(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    job_t *job = memory_new(sizeof *job);
    if (job == NULL)
        return ERR_NO_MEMORY;
    job->runtime = ctx->runtime;
    job->lane = OFFLOAD_FILE;
    job->actor = actor_bits(actor);
    job->message.incarnation = actor->incarnation;
    job->recovery = recovery_new(ctx->runtime, actor->kind, actor->key);
    err_t err = job->recovery == NULL ? ERR_NO_MEMORY : offload_submit(ctx->runtime->offload, job);
    if (err != ERR_OK) {
        job_free(job);
        return err;
    }
    actor->phase = ACTOR_RECOVERING;
    return ERR_OK;
}

/* The state can't be had: who waits is told why; the next one tries again after a while. */
static void start_failed(context_t *ctx, err_t err)
{
    refuse_waiting(ctx, err);
    if (ctx->runtime->log != NULL)
        log_error(ctx->runtime->log, "runtime", "an actor of kind %s does not start: %s",
                  ctx->actor->kind->name, err_name(err));
    lifecycle_crash(ctx, err_text(err));
}

void lifecycle_start(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    count_one(&ctx->runtime->counters.activations);
    actor->reason[0] = '\0';
    if (actor->kind->applier_count > 0) {
        err_t err = recover(ctx);
        if (err != ERR_OK)
            start_failed(ctx, err);
        return;
    }
    actor->state = memory_new(actor->kind->state_size);
    if (actor->state == NULL)
        start_failed(ctx, ERR_NO_MEMORY);
    else
        begin_running(ctx);
}

void lifecycle_recovered(context_t *ctx, job_t *job)
{
    actor_t *actor = ctx->actor;
    if (actor->phase != ACTOR_RECOVERING || job->message.incarnation != actor->incarnation) {
        job_free(job);
        return;
    }
    err_t err = job->err;
    if (err == ERR_OK) {
        actor->state = STEAL(job->recovery->state);
        durable_t *fresh = STEAL(job->recovery->durable);
        if (actor->durable == NULL)
            actor->durable = fresh;
        else
            durable_settle(actor, fresh);
    }
    job_free(job);
    if (err != ERR_OK)
        start_failed(ctx, err);
    else
        begin_running(ctx);
}

/* ---- failing ---- */

static uint64_t restart_period_ns(const actor_kind_t *kind)
{
    uint64_t period_ms =
        kind->restart_period_ms == 0 ? RESTART_PERIOD_DEFAULT_MS : kind->restart_period_ms;
    return period_ms * 1000000;
}

static bool is_within_intensity(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    uint64_t max =
        actor->kind->restarts_max == 0 ? RESTARTS_MAX_DEFAULT : actor->kind->restarts_max;
    uint64_t since_ns = ctx->now_ns - actor->failures_since_ns;
    if (since_ns > restart_period_ns(actor->kind) + 2 * (uint64_t)BACKOFF_MAX_MS * 1000000)
        actor->parkings = 0; /* it was well for longer than any back-off */
    if (since_ns > restart_period_ns(actor->kind)) {
        actor->failures = 0;
        actor->failures_since_ns = ctx->now_ns;
    }
    return ++actor->failures <= max;
}

/* Doubling from BACKOFF_FIRST_MS, half of it chance, so that what failed together does not come
 * back together. */
static uint64_t backoff_ms(context_t *ctx, uint32_t exponent)
{
    uint64_t full_ms =
        MIN((uint64_t)BACKOFF_FIRST_MS << MIN(exponent, 16U), (uint64_t)BACKOFF_MAX_MS);
    return full_ms / 2 + random_below(&ctx->runtime->random, full_ms / 2 + 1);
}

static void park(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    actor->phase = ACTOR_PARKED;
    actor->parked_until_ns = ctx->now_ns + backoff_ms(ctx, actor->parkings++) * 1000000;
    arm(ctx, &actor->idle_alarm, ALARM_IDLE,
        BACKOFF_MAX_MS + restart_period_ns(actor->kind) / 1000000);
}

/* Nothing is in flight any more. */
static void after_crash(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    if (actor->durable != NULL)
        durable_give_up(actor);
    durable_free(STEAL(actor->durable));
    bool is_child = !actor->is_virtual;
    bool may_restart = is_within_intensity(ctx) && !(is_child && actor->kind->is_temporary);
    if (actor->is_stopping || (is_child && !may_restart)) {
        lifecycle_end(ctx);
    } else if (is_child) {
        actor->phase = ACTOR_BACKOFF;
        arm(ctx, &actor->restart_alarm, ALARM_RESTART, backoff_ms(ctx, actor->failures - 1));
        if (actor->restart_alarm == NULL)
            actor->phase = ACTOR_DORMANT; /* no memory for it: its next message will do */
    } else if (may_restart) {
        actor->phase = ACTOR_DORMANT;
        arm(ctx, &actor->idle_alarm, ALARM_IDLE, restart_period_ns(actor->kind) / 1000000);
    } else {
        park(ctx);
    }
}

void lifecycle_crash(context_t *ctx, const char *reason)
{
    actor_t *actor = ctx->actor;
    count_one(&ctx->runtime->counters.failures);
    snprintf(actor->reason, sizeof actor->reason, "%s", reason);
    if (ctx->runtime->log != NULL)
        log_warning(ctx->runtime->log, "runtime", "an actor of kind %s failed: %s",
                    actor->kind->name, actor->reason);
    forget(actor);
    children_stop(actor);
    actor->incarnation++;
    actor->jobs_open = 0;
    actor->phase = ACTOR_SETTLING;
    actor->settle = SETTLE_CRASH;
    /* What was sent before is out, or held: a down may not overtake what is held. */
    lifecycle_settle(ctx);
}

void lifecycle_rebuild(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    if (actor->phase != ACTOR_RUNNING)
        return;
    actor->phase = ACTOR_SETTLING;
    actor->settle = SETTLE_REBUILD;
    lifecycle_settle(ctx);
}

static void rebuild(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    timers_cancel_all(actor);
    unsubscribe_all(actor);
    free_state(actor);
    err_t err = recover(ctx);
    if (err != ERR_OK)
        start_failed(ctx, err);
}

void lifecycle_restart(context_t *ctx)
{
    count_one(&ctx->runtime->counters.restarts);
    alarm_cancel(&ctx->actor->restart_alarm);
    ctx->actor->phase = ACTOR_STARTING;
}

/* ---- ending ---- */

static void finish(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    bool is_clean = actor->reason[0] == '\0' && actor->state != NULL;
    if (actor->durable != NULL)
        durable_give_up(actor);
    if (is_clean && !actor->is_failed_start)
        (void)call_stop(ctx); /* a stop that fails stops */
    forget(actor);
    children_stop(actor);
    tell_watchers(actor);
    if (actor->parent != 0)
        (void)system_send(ctx->runtime, actor->parent, MESSAGE_CHILD_ENDED, actor_bits(actor));
    alarm_cancel(&actor->idle_alarm);
    alarm_cancel(&actor->restart_alarm);
    if (!actor->is_removed)
        (void)registry_remove(ctx->runtime->registry, actor, false);
    actor->phase = ACTOR_ENDED;
}

void lifecycle_end(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    bool may_snapshot = actor->phase == ACTOR_RUNNING && actor->durable != NULL &&
                        actor->durable->append_count == 0 && !durable_is_tainted(actor->durable);
    if (may_snapshot && durable_snapshot_is_due(actor, 1))
        durable_snapshot(actor);
    actor->phase = ACTOR_SETTLING;
    actor->settle = SETTLE_END;
    lifecycle_settle(ctx);
}

void lifecycle_settle(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    if (actor->phase != ACTOR_SETTLING)
        return;
    if (actor->durable != NULL && actor->durable->append_count > 0)
        return;
    switch (actor->settle) {
    case SETTLE_REBUILD:
        rebuild(ctx);
        break;
    case SETTLE_CRASH:
        tell_watchers(actor);
        after_crash(ctx);
        break;
    case SETTLE_END:
        finish(ctx);
        break;
    }
}

static bool is_quiescent(const context_t *ctx)
{
    const actor_t *actor = ctx->actor;
    return actor->asks.open_count == 0 && actor->jobs_open == 0 && actor->timer_count == 0 &&
           actor->child_count == 0 && actor->subscribed_on == 0 && actor->deferred_count == 0 &&
           ctx->now_ns >= actor->tokens_until_ns &&
           (actor->durable == NULL || actor->durable->append_count == 0);
}

/* Leaves the table while nobody has sent to it; the rest can take its time. */
static bool passivate(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    if (actor->state != NULL && durable_snapshot_is_due(actor, 1))
        durable_snapshot(actor);
    if (!registry_remove(ctx->runtime->registry, actor, true))
        return false;
    actor->is_removed = true;
    count_one(&ctx->runtime->counters.passivations);
    lifecycle_end(ctx);
    return true;
}

void lifecycle_idle(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    bool is_down = actor->phase == ACTOR_DORMANT || actor->phase == ACTOR_PARKED;
    if (actor->phase != ACTOR_RUNNING && !is_down) {
        arm(ctx, &actor->idle_alarm, ALARM_IDLE, MAX(actor->kind->idle_ms, 1000U));
        return;
    }
    uint64_t idle_ns = is_down ? 0 : (uint64_t)actor->kind->idle_ms * 1000000;
    uint64_t since_ns = ctx->now_ns - actor->active_ns;
    if (since_ns >= idle_ns && (is_down || is_quiescent(ctx)) && passivate(ctx))
        return;
    uint64_t rest_ns = since_ns < idle_ns ? idle_ns - since_ns : idle_ns;
    arm(ctx, &actor->idle_alarm, ALARM_IDLE, MAX(rest_ns / 1000000, (uint64_t)1));
}

bool lifecycle_bury(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    message_t *message;
    while ((message = mailbox_pop_user(&actor->mailbox)) != NULL)
        reject(ctx->runtime, message, ERR_NOT_FOUND);
    while ((message = mailbox_pop_system(&actor->mailbox)) != NULL)
        system_message_free(message);
    if (mailbox_user_length(&actor->mailbox) + mailbox_system_length(&actor->mailbox) > 0)
        return false;
    actor_dispose(actor);
    return registry_recycle(ctx->runtime->registry, actor);
}

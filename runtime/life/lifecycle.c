#include "runtime/life/lifecycle.h"

#include "runtime/base/memory.h"
#include "runtime/code/hold.h"
#include "runtime/durable/away.h"
#include "runtime/durable/outbox.h"
#include "runtime/durable/recover.h"
#include "runtime/inside/crashes.h"
#include "runtime/inside/inside.h"
#include "runtime/life/bonds.h"
#include "runtime/life/groups.h"
#include "runtime/life/names.h"
#include "runtime/life/relations.h"
#include "runtime/life/supervision.h"
#include "runtime/mail/backlog.h"
#include "runtime/mail/topic.h"
#include "runtime/memory/hibernate.h"

#include <stdio.h>

/* The idle and the restart alarm: one of each, armed anew. False: no memory. */
static bool arm(context_t *ctx, alarm_purpose_t purpose, uint64_t delay_ms)
{
    actor_extra_t *extra = actor_extra(ctx->actor);
    if (extra == NULL)
        return false;
    alarm_t **alarm = purpose == ALARM_IDLE ? &extra->idle_alarm : &extra->restart_alarm;
    if (*alarm != NULL && *alarm == ctx->rung) { /* again, which takes no memory */
        ctx->rung = NULL;
        alarm_renew(*alarm, actor_bits(ctx->actor));
        alarm_arm(*alarm, ctx->scheduler, delay_ms);
        return true;
    }
    alarm_cancel(alarm);
    *alarm = alarm_new(purpose, actor_bits(ctx->actor), NULL, NULL);
    if (*alarm == NULL)
        return false;
    alarm_arm(*alarm, ctx->scheduler, delay_ms);
    return true;
}

/* Where there is no memory for it the actor stays for longer. */
static void arm_idle(context_t *ctx, uint64_t delay_ms)
{
    (void)arm(ctx, ALARM_IDLE, delay_ms);
}

/* ---- the state and what belongs to it ---- */

/* By name and in groups. */
static void be_unknown(actor_t *actor)
{
    names_remove_all(actor_runtime(actor)->names, actor);
    groups_leave_all(actor_runtime(actor)->groups, actor);
}

/* What one incarnation leaves behind. Appends in flight are none of it. */
static void forget(actor_t *actor)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (extra != NULL) {
        timers_cancel_all(actor);
        topic_unsubscribe_all(actor);
        bonds_forget(actor);
        be_unknown(actor);
        if (extra->jobs_open > 0)
            offload_cancel_actor(actor_runtime(actor)->offload, actor_bits(actor));
        backlog_forget(actor);
        ask_table_clear(&extra->asks);
        actor_drop_deferred(extra);
    }
    actor_entry(actor)->started_ns = 0;
    actor_free_state(actor);
}

/* ---- starting ---- */

static void refuse_waiting(context_t *ctx, err_t err)
{
    message_t *message;
    while ((message = actor_pop_user(ctx->actor)) != NULL)
        reject_by(ctx->actor, message, err, DEAD_NOT_STARTED);
}

void lifecycle_refuse_waiting(context_t *ctx, err_t err)
{
    const message_t *first;
    while ((first = actor_peek_user(ctx->actor)) != NULL && !message_is_signal(first))
        reject_by(ctx->actor, actor_pop_user(ctx->actor), err, DEAD_NOT_STARTED);
}

static void note_failure(context_t *ctx, const char *reason)
{
    actor_t *actor = ctx->actor;
    uint64_t crash = crash_noted(ctx, reason);
    actor_extra_t *extra = actor_extra(actor);
    actor->is_failed = true;
    if (extra == NULL)
        return; /* then nobody is there who would be told */
    (void)str_to_array(str_from(reason), extra->reason, sizeof extra->reason);
    extra->crash_number = crash;
}

static void decided(const context_t *ctx, crash_decision_t decision, uint64_t delay_ms)
{
    crash_decided(ctx->runtime, actor_peek(ctx->actor)->crash_number, decision, delay_ms);
}

void lifecycle_run(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    actor->phase = actor_peek(actor)->hold == NULL ? ACTOR_RUNNING : ACTOR_HOLDING;
    if (UNLIKELY(actor_peek(actor)->waits > 0))
        actor_extra_there(actor)->waits = 0;
    actor_is_active(actor, context_now_ms(ctx));
    if (actor->kind->remembers > 0)
        remember_from_now(actor, actor->kind->remembers);
    err_t err = ERR_OK;
    if (!call_start(ctx, &err))
        return;
    if (err != ERR_OK) {
        refuse_waiting(ctx, err);
        actor->is_failed_start = true;
        if (actor_tie(actor) != NULL)
            note_failure(ctx, err_text(err)); /* for its supervisor */
        lifecycle_end(ctx);
        return;
    }
    actor_entry(actor)->started_ns = ctx->now_ns;
    if (actor->kind != &supervisor_kind)
        tie_started(actor);
    if (actor->kind->idle_ms > 0)
        arm_idle(ctx, actor->kind->idle_ms);
    if (UNLIKELY(outbox_is_to_begin(actor)))
        (void)call_outbox(ctx); /* one that fails is started again, like any */
}

void lifecycle_replaced(context_t *ctx)
{
    if (ctx->actor->kind->idle_ms > 0)
        arm_idle(ctx, ctx->actor->kind->idle_ms);
    (void)call_replaced(ctx); /* one that fails is started again, like any */
}

/* The state can't be had: who waits is told why; the next one tries again after a while. */
void lifecycle_start_failed(context_t *ctx, err_t err)
{
    refuse_waiting(ctx, err);
    lifecycle_crash(ctx, err_text(err));
}

void lifecycle_start(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    if (UNLIKELY(atomic_load(&ctx->runtime->has_versions)) && hold_start(ctx))
        return;
    count_own(&ctx->scheduler->counters.activations);
    inside_life(actor, RECORD_ACTIVATED);
    bool is_again = actor->is_failed;
    actor->is_failed = false;
    if (actor->kind->applier_count > 0) {
        if (is_again)
            recover_begin(ctx);
        else
            recover_first(ctx);
        return;
    }
    err_t err = actor_new_state(actor);
    if (err == ERR_OK && hibernate_may_sleep(actor))
        err = hibernate_wake(ctx);
    if (err != ERR_OK)
        lifecycle_start_failed(ctx, err);
    else if (actor->phase != ACTOR_RECOVERING)
        lifecycle_run(ctx);
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
    const actor_kind_t *kind = ctx->actor->kind;
    actor_extra_t *extra = actor_extra(ctx->actor);
    if (extra == NULL)
        return false; /* what can't be counted is too often */
    uint32_t max = kind->restarts_max == 0 ? RESTARTS_MAX_DEFAULT : kind->restarts_max;
    uint64_t period_ns = restart_period_ns(kind), well_ns = ctx->now_ns - extra->failed_ns;
    if (well_ns > period_ns + (uint64_t)BACKOFF_MAX_MS * 1000000)
        extra->parkings = 0; /* it was well for longer than any back-off */
    extra->streak = well_ns > period_ns ? 1 : extra->streak + 1;
    extra->failed_ns = ctx->now_ns;
    return intensity_add(&extra->failures, max, period_ns, ctx->now_ns);
}

/* Doubling from BACKOFF_FIRST_MS, half of it chance, so that what failed together does not come
 * back together. */
static uint64_t backoff_ms(context_t *ctx, uint32_t exponent)
{
    uint64_t full_ms =
        MIN((uint64_t)BACKOFF_FIRST_MS << MIN(exponent, 16U), (uint64_t)BACKOFF_MAX_MS);
    return full_ms / 2 + random_below(&ctx->runtime->random, full_ms / 2 + 1);
}

void lifecycle_lie_dormant(context_t *ctx)
{
    ctx->actor->phase = ACTOR_DORMANT;
    arm_idle(ctx, restart_period_ns(ctx->actor->kind) / 1000000);
}

static void park(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    actor_extra_t *extra = actor_extra(actor);
    actor->phase = ACTOR_PARKED;
    inside_life(actor, RECORD_PARKED);
    if (extra == NULL)
        return; /* until its next message */
    uint64_t delay_ms = backoff_ms(ctx, extra->parkings++);
    extra->parked_until_ns = ctx->now_ns + delay_ms * 1000000;
    decided(ctx, CRASH_PARKED, delay_ms);
    arm_idle(ctx, BACKOFF_MAX_MS + restart_period_ns(actor->kind) / 1000000);
}

/* Down, in its slot, until its supervisor says how it goes on. */
static void rest(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    actor->phase = ACTOR_WAITING;
    actor->is_stopping = !tie_down(actor);
}

/* One that keeps failing does not begin anew with what it sends. */
static void keep_attempts(actor_extra_t *extra)
{
    if (extra->durable->outbox == NULL)
        return; /* it may have failed before it had its own */
    outbox_free(extra->outbox_before);
    extra->outbox_before = STEAL(extra->durable->outbox);
}

/* Nothing is in flight any more. */
static void after_crash(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    if (actor_is_durable(actor)) {
        durable_give_up(actor);
        keep_attempts(actor_extra_there(actor));
        durable_free(STEAL(actor_extra_there(actor)->durable));
    }
    if (actor_tie(actor) != NULL) {
        if (!tie_may_end(actor)) {
            rest(ctx); /* its supervisor decides */
            return;
        }
        decided(ctx, CRASH_ENDS, 0);
        lifecycle_end(ctx);
        return;
    }
    bool is_child = !actor->is_virtual;
    bool is_linked = actor->is_linked || actor->kind->is_temporary;
    bool may_restart = is_within_intensity(ctx) && !(is_child && is_linked);
    if (actor->is_stopping || (is_child && !may_restart)) {
        decided(ctx, actor->is_stopping || is_linked ? CRASH_ENDS : CRASH_GIVEN_UP, 0);
        lifecycle_end(ctx);
    } else if (is_child) {
        uint64_t delay_ms = backoff_ms(ctx, actor_peek(actor)->streak - 1);
        decided(ctx, CRASH_RESTARTS_LATER, delay_ms);
        actor->phase = ACTOR_BACKOFF;
        if (!arm(ctx, ALARM_RESTART, delay_ms))
            actor->phase = ACTOR_DORMANT; /* no memory for it: its next message will do */
    } else if (may_restart) {
        decided(ctx, CRASH_SLEEPS, 0);
        lifecycle_lie_dormant(ctx);
    } else {
        park(ctx);
    }
}

void lifecycle_crash(context_t *ctx, const char *reason)
{
    actor_t *actor = ctx->actor;
    count_one(&ctx->runtime->counters.failures);
    inside_failed(actor, reason);
    note_failure(ctx, reason);
    forget(actor);
    children_stop(actor);
    actor->incarnation++;
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (extra != NULL) {
        extra->jobs_open = 0;
        extra->is_waiting = false;
    }
    actor->phase = ACTOR_SETTLING;
    actor->settle = SETTLE_CRASH;
    /* What was sent before is out, or held: a down may not overtake what is held. */
    lifecycle_settle(ctx);
}

void lifecycle_kill(context_t *ctx)
{
    const actor_t *actor = ctx->actor;
    bool is_rebuilding = actor->phase == ACTOR_SETTLING && actor->settle == SETTLE_REBUILD;
    bool is_alive = actor->phase == ACTOR_STARTING || actor->phase == ACTOR_RECOVERING ||
                    actor_is_up(actor) || actor->phase == ACTOR_ARRANGING || is_rebuilding;
    if (hold_keeps_kill(ctx))
        return; /* until it resumes */
    if (is_alive)
        lifecycle_crash(ctx, "killed");
}

void lifecycle_rebuild(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    if (!actor_is_up(actor))
        return;
    actor->phase = ACTOR_SETTLING;
    actor->settle = SETTLE_REBUILD;
    lifecycle_settle(ctx);
}

void lifecycle_reread(context_t *ctx)
{
    if (actor_is_durable(ctx->actor))
        lifecycle_rebuild(ctx); /* one that is being read is read once more: recover_end */
}

/* What a state that is rebuilt leaves behind. Asks, jobs and children stay. */
static void forget_for_rebuild(actor_t *actor)
{
    timers_cancel_all(actor);
    topic_unsubscribe_all(actor);
    bonds_forget(actor); /* its start watches again; links stay: the other knows of them */
    be_unknown(actor);
    bonds_tell_streams(actor);
    backlog_forget(actor);
    actor_free_state(actor);
}

static void rebuild(context_t *ctx)
{
    forget_for_rebuild(ctx->actor);
    recover_begin(ctx);
}

void lifecycle_restore(context_t *ctx, str_t kept)
{
    if (!actor_is_up(ctx->actor))
        return;
    forget_for_rebuild(ctx->actor);
    if (away_restore(ctx->actor, kept) == ERR_OK)
        lifecycle_run(ctx);
    else
        recover_begin(ctx); /* the journal has it, too */
}

bool lifecycle_arm_restart(context_t *ctx, uint64_t delay_ms)
{
    return arm(ctx, ALARM_RESTART, delay_ms);
}

void lifecycle_restart_after(context_t *ctx, uint32_t delay_ms)
{
    if (delay_ms > 0 && arm(ctx, ALARM_RESTART, delay_ms))
        ctx->actor->phase = ACTOR_BACKOFF;
    else
        lifecycle_restart(ctx);
}

void lifecycle_restart(context_t *ctx)
{
    bool is_first = ctx->actor->phase == ACTOR_DORMANT && !ctx->actor->is_failed; /* away.h */
    if (!is_first) {
        count_one(&ctx->runtime->counters.restarts);
        inside_life(ctx->actor, RECORD_RESTARTED);
    }
    actor_extra_t *extra = actor_extra_or_null(ctx->actor);
    if (extra != NULL) {
        alarm_cancel(&extra->restart_alarm);
        alarm_cancel(&extra->idle_alarm); /* of what lay crashed; who runs arms its own, or none */
    }
    ctx->actor->phase = ACTOR_STARTING;
}

/* ---- ending ---- */

/* It ends, but not for its supervisor, which may start it again in its slot. */
static void end_to_rest(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    actor_extra_t *extra = actor_extra_or_null(actor);
    actor->is_failed_start = false;
    actor->incarnation++;
    if (extra != NULL) {
        durable_free(STEAL(extra->durable));
        extra->jobs_open = 0;
    }
    rest(ctx);
}

static void finish(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    bool is_clean = !actor->is_failed && actor->state != NULL;
    if (actor_is_durable(actor))
        durable_give_up(actor);
    if (is_clean && !actor->is_failed_start)
        (void)call_stop(ctx); /* a stop that fails stops */
    forget(actor);
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (extra != NULL) {
        children_stop(actor);
        bonds_tell(actor);
        alarm_cancel(&extra->idle_alarm);
        alarm_cancel(&extra->restart_alarm);
    }
    if (!tie_may_end(actor)) {
        end_to_rest(ctx);
        return;
    }
    if (!actor->is_removed)
        (void)registry_remove(ctx->runtime->registry, actor, false);
    inside_life(actor, RECORD_ENDED);
    actor->phase = ACTOR_ENDED;
    tie_ended(actor);
}

void lifecycle_end(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    if (supervision_must_wait(ctx))
        return;
    const durable_t *durable = actor_peek(actor)->durable;
    bool may_snapshot = actor->phase == ACTOR_RUNNING && durable != NULL &&
                        durable->append_count == 0 && !durable_is_tainted(durable);
    if (may_snapshot && durable_snapshot_is_due(actor, 1))
        durable_snapshot(actor);
    if (actor_is_waiting(actor))
        actor_extra_there(actor)->is_waiting = false;
    actor->phase = ACTOR_SETTLING;
    actor->settle = SETTLE_END;
    lifecycle_settle(ctx);
}

void lifecycle_settle(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    if (actor->phase != ACTOR_SETTLING)
        return;
    if (actor_is_durable(actor) && actor_peek(actor)->durable->append_count > 0)
        return;
    if (actor_peek(actor)->is_storing)
        return;
    switch ((actor_settle_t)actor->settle) {
    case SETTLE_REBUILD:
        rebuild(ctx);
        break;
    case SETTLE_CRASH:
        bonds_tell(actor);
        after_crash(ctx);
        break;
    case SETTLE_END:
        finish(ctx);
        break;
    }
}

static bool is_quiescent(const context_t *ctx)
{
    const actor_extra_t *extra = actor_peek(ctx->actor);
    children_forget_gone(ctx->actor);
    return extra->asks.open_count == 0 && extra->jobs_open == 0 && extra->timers.count == 0 &&
           children_count(ctx->actor) == 0 && extra->subscriptions == NULL &&
           extra->deferred_count == 0 && ctx->now_ns >= extra->tokens_until_ns &&
           backlog_is_plain(extra->backlog) && !bonds_keep_awake(extra->bonds) &&
           !tie_has_supervisor(ctx->actor) && extra->names == NULL && extra->groups == NULL &&
           (extra->durable == NULL || extra->durable->append_count == 0);
}

bool lifecycle_may_leave(const context_t *ctx)
{
    return ctx->actor->phase == ACTOR_RUNNING && !ctx->actor->is_stopping && is_quiescent(ctx);
}

bool lifecycle_leave(context_t *ctx, _Atomic uint64_t *counter)
{
    actor_t *actor = ctx->actor;
    if (!registry_remove(ctx->runtime->registry, actor, true))
        return false;
    actor->is_removed = true;
    count_one(counter);
    lifecycle_end(ctx);
    return true;
}

/* False: it stays, for now. */
static bool leave(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    bool is_asleep_elsewhere = actor->kind->hibernates && actor->is_virtual;
    if (actor->phase == ACTOR_RUNNING && is_asleep_elsewhere)
        return !bonds_are_any(actor_peek(actor)->bonds) && hibernate(ctx);
    if (actor->state != NULL && durable_snapshot_is_due(actor, 1))
        durable_snapshot(actor);
    return lifecycle_leave(ctx, &ctx->runtime->counters.passivations);
}

void lifecycle_stay(context_t *ctx)
{
    arm_idle(ctx, MAX(ctx->actor->kind->idle_ms, 1U));
}

void lifecycle_give_way(context_t *ctx, uint32_t active_ms)
{
    if (actor_active_ms(ctx->actor) == active_ms && lifecycle_may_leave(ctx))
        (void)leave(ctx);
}

void lifecycle_idle(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    bool is_down = actor->phase == ACTOR_DORMANT || actor->phase == ACTOR_PARKED;
    if (actor->phase != ACTOR_RUNNING && !is_down) {
        arm_idle(ctx, MAX(actor->kind->idle_ms, 1000U));
        return;
    }
    uint32_t idle_ms = is_down ? 0 : actor->kind->idle_ms;
    uint32_t since_ms = context_now_ms(ctx) - actor_active_ms(actor); /* both wrap */
    if (since_ms >= idle_ms && (is_down || is_quiescent(ctx)) && leave(ctx))
        return;
    arm_idle(ctx, MAX(since_ms < idle_ms ? idle_ms - since_ms : idle_ms, 1U));
}

bool lifecycle_bury(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    message_t *message;
    while ((message = actor_pop_user(actor)) != NULL)
        reject_by(actor, message, ERR_NOT_FOUND, DEAD_GONE);
    while ((message = mailbox_pop_system(&actor->mailbox, &actor->mailbox_end)) != NULL)
        system_message_drop(ctx->runtime, message);
    if (!mailbox_is_alone(&actor->mailbox, &actor->mailbox_end))
        return false;
    actor_dispose(actor);
    return registry_recycle(ctx->runtime->registry, actor);
}

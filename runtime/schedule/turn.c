#include "runtime/base/memory.h"
#include "runtime/code/hold.h"
#include "runtime/context.h"
#include "runtime/durable/away.h"
#include "runtime/durable/outbox.h"
#include "runtime/durable/recover.h"
#include "runtime/inside/inside.h"
#include "runtime/inside/inspect.h"
#include "runtime/life/bonds.h"
#include "runtime/life/lifecycle.h"
#include "runtime/life/relations.h"
#include "runtime/life/supervision.h"
#include "runtime/mail/asking.h"
#include "runtime/mail/backlog.h"
#include "runtime/mail/gather.h"
#include "runtime/memory/pressure.h"
#include "runtime/remote/vacating.h"

#include <string.h>

enum {
    ASK_RETRY_NS = 10 * 1000 * 1000
}; /* when there was no memory to tell an asker of its time */

#define TIMER_PERIOD_MAX_MS (UINT64_MAX / 4 / 1000000) /* a century and more */

/* What a look at the clock that comes too late is put down to. schema NULL: no message. */
static inline void note_step(context_t *ctx, const schema_t *schema)
{
    scheduler_note_step(ctx->scheduler, ctx->bits, ctx->actor->kind, schema);
}

static inline void note_message(context_t *ctx, const message_t *message)
{
    note_step(ctx, message->schema);
}

/* ---- system messages ---- */

static void appended(context_t *ctx, message_t *message)
{
    actor_t *actor = ctx->actor;
    durable_t *durable = actor_peek(actor)->durable;
    durable_appended(actor, CONTAINER_OF(message, append_t, message));
    if (!actor_is_up(actor)) {
        lifecycle_settle(ctx);
        return;
    }
    if (durable_is_tainted(durable))
        lifecycle_rebuild(ctx);
    else if (durable->append_count == 0 &&
             durable_snapshot_is_due(actor, actor->kind->snapshot_every))
        durable_snapshot(actor);
}

/* Counted from when it was due, not from now: a period does not drift. The times that have passed
 * meanwhile are left out. */
static void arm_again(context_t *ctx, alarm_t *alarm)
{
    uint64_t now_ns = clock_mono_ns(&ctx->runtime->clock), due_ns = wheel_due_ns(&alarm->entry);
    uint64_t late_ns = now_ns > due_ns ? now_ns - due_ns : 0;
    uint64_t period_ns = MIN(alarm->period_ms, TIMER_PERIOD_MAX_MS) * 1000000;
    due_ns += (late_ns / period_ns + 1) * period_ns;
    alarm_arm_at(alarm, ctx->scheduler, due_ns);
}

/* One that fired, and is there. NULL: no memory. */
static message_t *timer_command(context_t *ctx, alarm_t *alarm)
{
    alarm_renew(alarm, ctx->bits);
    if (alarm->period_ms == 0) {
        timer_table_take(&actor_extra_there(ctx->actor)->timers, alarm);
        return alarm_become_command(alarm);
    }
    message_t *command = alarm_command(alarm);
    arm_again(ctx, alarm); /* never two of one timer in the lane */
    alarm_unref(alarm);
    return command;
}

static void continue_alarm(context_t *ctx, alarm_t *alarm)
{
    actor_extra_t *extra = actor_extra_or_null(ctx->actor);
    if (extra == NULL || !timer_table_has(&extra->timers, alarm)) {
        alarm_unref(alarm); /* cancelled, or of the incarnation before */
        return;
    }
    inside_life(ctx->actor, RECORD_TIMER);
    message_t *command = timer_command(ctx, alarm);
    if (command != NULL) {
        command->sender = ctx->bits;
        /* Also from the stash it comes to this state, or to nobody. */
        extra->subscriber = MAX(extra->subscriber, UINT32_C(1));
        command->incarnation = extra->subscriber;
        command->is_by_ref = true;
        count_own(&ctx->scheduler->counters.sent);
        (void)call_timer(ctx, command);
    } else {
        dead_letter_by(ctx->actor, NULL, DEAD_NO_MEMORY);
    }
}

/* False: it is not open any more. */
static bool answered(context_t *ctx, uint64_t correlation, const answer_t *answer)
{
    ask_t ask;
    actor_extra_t *extra = actor_extra_or_null(ctx->actor);
    if (extra == NULL || !ask_take(&extra->asks, correlation, &ask))
        return false;
    (void)call_answer(ctx, &ask, answer);
    ask_free_data(&ask);
    return true;
}

/* The asks whose time is over get an answer of our making, each in a step of its own. */
static void expire_asks(context_t *ctx)
{
    actor_extra_t *extra = actor_extra_or_null(ctx->actor);
    uint64_t self = actor_bits(ctx->actor), correlation;
    ask_table_fired(&extra->asks);
    uint64_t now_ns = clock_mono_ns(&ctx->runtime->clock);
    while (ask_table_due(&extra->asks, now_ns, &correlation)) {
        reply_token_t token = {self, correlation};
        message_t *reply = reply_new(token, ERR_TIMEOUT, NULL, NULL, (str_t){NULL, 0});
        if (reply == NULL) {
            ask_table_defer(&extra->asks, correlation, now_ns + ASK_RETRY_NS);
            break;
        }
        deliver_reply(ctx->runtime, reply);
    }
    IGNORE_ERR(ask_table_arm(&extra->asks, ctx->scheduler, self)); /* with the alarm that came */
}

static void end_gather(context_t *ctx, uint64_t correlation, err_t missing)
{
    ask_t ask;
    (void)ask_take(&actor_extra_there(ctx->actor)->asks, correlation, &ask);
    gather_end(ask.gather, missing);
    (void)call_answers(ctx, &ask);
    ask_free_data(&ask);
}

/* Takes the reply of one of many who were asked; false: it is of another ask. */
static bool gathered(context_t *ctx, message_t *reply)
{
    actor_extra_t *extra = actor_extra_or_null(ctx->actor);
    uint64_t correlation = reply->reply_to.correlation;
    const ask_t *ask = extra == NULL ? NULL : ask_at(&extra->asks, correlation);
    if (ask == NULL || ask->gather == NULL)
        return false;
    gather_t *gather = ask->gather;
    bool is_over =
        ask->is_due; /* then this is what expire_asks sent, or an answer just before it */
    bool is_own = gather->count == 0 || (is_over && reply->err == ERR_TIMEOUT);
    if (is_own || !gather_take(gather, reply)) {
        if (!is_own)
            dead_letter_by(ctx->actor, reply, DEAD_SECOND_REPLY);
        message_free(reply);
    }
    bool is_done = gather_is_done(gather);
    if (is_done || is_over)
        end_gather(ctx, correlation, is_done ? ERR_CANCELLED : ERR_TIMEOUT);
    return true;
}

static void continue_reply(context_t *ctx, message_t *reply)
{
    if (gathered(ctx, reply))
        return;
    answer_t answer = answer_of(reply);
    if (!answered(ctx, reply->reply_to.correlation, &answer))
        dead_letter_by(ctx->actor, reply, DEAD_LATE_REPLY);
    message_free(reply);
}

static void continue_job(context_t *ctx, job_t *job)
{
    if (job->message.incarnation == ctx->actor->incarnation) {
        actor_extra_there(ctx->actor)->jobs_open--;
        (void)call_job(ctx, job);
    }
    job_free(job);
}

/* What ends in the author's code: in RUNNING only. */
static void continuation(context_t *ctx, message_t *message)
{
    actor_is_active(ctx->actor, context_now_ms(ctx));
    if (message->kind == MESSAGE_REPLY)
        continue_reply(ctx, message);
    else if (message->kind == MESSAGE_JOB)
        continue_job(ctx, CONTAINER_OF(message, job_t, message));
    else
        continue_alarm(ctx, CONTAINER_OF(message, alarm_t, message));
}

static void continue_or_defer(context_t *ctx, message_t *message)
{
    actor_t *actor = ctx->actor;
    bool is_rebuilding = actor->phase == ACTOR_RECOVERING || actor->phase == ACTOR_HELD ||
                         (actor->phase == ACTOR_SETTLING && actor->settle == SETTLE_REBUILD);
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (actor_is_up(actor)) {
        continuation(ctx, message);
    } else if (is_rebuilding && extra != NULL) {
        lane_push(&extra->deferred, message);
        extra->deferred_count++;
    } else {
        system_message_free(message);
    }
}

static void housekeeping_alarm(context_t *ctx, alarm_t *alarm)
{
    actor_t *actor = ctx->actor;
    ctx->rung = alarm;
    if (alarm == actor_peek(actor)->asks.alarm)
        expire_asks(ctx);
    else if (alarm == actor_peek(actor)->idle_alarm)
        lifecycle_idle(ctx);
    else if (alarm == actor_peek(actor)->restart_alarm && actor->phase == ACTOR_BACKOFF)
        lifecycle_restart(ctx);
    else if (alarm == actor_peek(actor)->restart_alarm && actor_is_waiting(actor))
        away_alarm(ctx);
    else if (alarm->purpose == ALARM_SHUTDOWN)
        supervision_alarm(ctx, alarm);
    ctx->rung = NULL;
    alarm_unref(alarm);
}

/* By its parent, or (0) from outside. */
static void stop(context_t *ctx, uint64_t by)
{
    if (by != 0 && by != actor_parent(ctx->actor))
        return; /* meant for one that had this slot before */
    if (tie_has_supervisor(ctx->actor))
        return; /* which stops it, in order */
    ctx->actor->is_stopping = true;
    supervision_interrupt(ctx);
}

static void system_message(context_t *ctx, message_t *message)
{
    switch ((int)message->kind) {
    case MESSAGE_APPENDED:
        appended(ctx, message);
        return;
    case MESSAGE_RECOVERED:
        recover_end(ctx, CONTAINER_OF(message, job_t, message));
        return;
    case MESSAGE_ALARM: {
        alarm_t *alarm = CONTAINER_OF(message, alarm_t, message);
        if (alarm_is_cancelled(alarm))
            alarm_unref(alarm);
        else if (alarm->purpose == ALARM_TIMER)
            continue_or_defer(ctx, message);
        else
            housekeeping_alarm(ctx, alarm);
        return;
    }
    case MESSAGE_HOLD:
        hold_begin(ctx, message);
        return;
    case MESSAGE_RESUME:
        hold_resume(ctx, message);
        return;
    case MESSAGE_KILL:
        lifecycle_kill(ctx);
        break;
    case MESSAGE_INSPECT:
        inspect_answer(ctx, message);
        return;
    case MESSAGE_REREAD:
        lifecycle_reread(ctx);
        break;
    case MESSAGE_LEAVE:
        lifecycle_give_way(ctx, (uint32_t)message->sender);
        break;
    case MESSAGE_VACATE:
        vacating_begin(ctx, message->sender != 0);
        break;
    case MESSAGE_STOP:
        stop(ctx, message->sender);
        break;
    case MESSAGE_STOP_ALL: {
        uint64_t by = message->sender;
        children_stop_next(ctx->runtime, message);
        stop(ctx, by);
        return;
    }
    case MESSAGE_STOP_REST:
        runtime_stop_next(ctx->runtime);
        stop(ctx, 0);
        return;
    case MESSAGE_ORDER:
        tie_ordered(ctx, message);
        return;
    case MESSAGE_NOTICE:
        supervision_noticed(ctx, message);
        return;
    case MESSAGE_ARRANGE:
        supervision_step(ctx);
        break;
    default:
        continue_or_defer(ctx, message);
        return;
    }
    message_free(message);
}

/* ---- user messages ---- */

static bool is_overfull(const actor_t *actor)
{
    uint32_t max = actor->kind->mailbox_max == 0 ? MAILBOX_MAX_DEFAULT : actor->kind->mailbox_max;
    return mailbox_user_waiting(&actor->mailbox, &actor->mailbox_end) >= max;
}

/* False: it is dealt with. */
static bool is_to_be_handled(context_t *ctx, message_t *message)
{
    actor_t *actor = ctx->actor;
    if (UNLIKELY(message_is_signal(message))) {
        count_own(&ctx->scheduler->counters.handled);
        bonds_signal(ctx, message);
        return false;
    }
    actor_is_active(actor, context_now_ms(ctx));
    /* Only a topic's messages, a group's changes, and a timer's from the stash, are meant for one
     * state. */
    if (message->incarnation != 0 && message->incarnation != actor_peek(actor)->subscriber) {
        reject_by(actor, message, ERR_NOT_FOUND, DEAD_GONE);
        return false;
    }
    if (message->deadline_ns != 0 && message->deadline_ns <= ctx->now_ns) {
        dead_letter_by(actor, message, DEAD_EXPIRED); /* nobody waits any more */
        message_free(message);
        return false;
    }
    if (UNLIKELY(actor->kind->overflow == OVERFLOW_DROP_OLDEST) && is_overfull(actor) &&
        message->kind == MESSAGE_COMMAND && !message->is_streamed) {
        reject_by(actor, message, ERR_BUSY, DEAD_FULL);
        return false;
    }
    return true;
}

/* Somebody looks, and wants to see its end. */
static void watched_user_message(context_t *ctx, message_t *message)
{
    if (is_to_be_handled(ctx, message))
        (void)call_command(ctx, message);
}

static void user_message(context_t *ctx, message_t *message)
{
    if (inside_is_watching(ctx->runtime))
        inside_handle(ctx, message, watched_user_message);
    else if (is_to_be_handled(ctx, message))
        call_command_in_turn(ctx, message);
}

/* For what it is sent while it waits for the journal. Signals are not refused: they wait. */
static bool waiting_lane_is_open(actor_t *actor)
{
    if (!actor_is_waiting(actor))
        return false;
    const message_t *first = actor_peek_user(actor);
    return first == NULL || !message_is_signal(first);
}

static bool user_lane_is_open(actor_t *actor)
{
    switch ((actor_phase_t)actor->phase) {
    case ACTOR_RUNNING:
        break;
    case ACTOR_DORMANT:
    case ACTOR_PARKED:
    case ACTOR_STARTING:
        return true;
    case ACTOR_RECOVERING:
        return waiting_lane_is_open(actor);
    case ACTOR_FREE:
    case ACTOR_SETTLING:
    case ACTOR_BACKOFF:
    case ACTOR_HOLDING:
    case ACTOR_HELD:
    case ACTOR_WAITING:
    case ACTOR_ARRANGING:
    case ACTOR_ENDED:
        return false;
    }
    if (UNLIKELY(actor_peek(actor)->is_vacating))
        return false;
    if (UNLIKELY(actor->kind->awaits) &&
        actor_peek(actor)->asks.open_count > outbox_open_asks(actor))
        return false;
    const durable_t *durable = actor_peek(actor)->durable;
    if (durable == NULL || durable->append_count == 0)
        return true;
    /* A snapshot needs a moment with nothing in flight: long past due, one is made. */
    uint64_t overdue = (uint64_t)actor->kind->snapshot_every + 4 * (uint64_t)DURABLE_APPENDS_MAX;
    bool is_overdue = durable_snapshot_is_due(actor, overdue);
    return !durable_is_paused(durable) && !is_overdue;
}

/* Its next message starts it again. */
static bool is_down(const context_t *ctx)
{
    const actor_t *actor = ctx->actor;
    return actor->phase == ACTOR_DORMANT ||
           (actor->phase == ACTOR_PARKED && ctx->now_ns >= actor_peek(actor)->parked_until_ns);
}

static bool user_step(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    if (!user_lane_is_open(actor))
        return false;
    if (is_down(ctx)) {
        const message_t *first = actor_peek_user(actor);
        if (first != NULL && !message_is_signal(first))
            lifecycle_restart(ctx); /* the message waits for it */
        if (first == NULL || !message_is_signal(first))
            return first != NULL;
        /* Who links or watches one that is down is told that nobody is there. */
    }
    if (actor->phase == ACTOR_RECOVERING && actor_peek_user(actor) != NULL && away_try_now(ctx))
        return true; /* the message waits for it */
    if (UNLIKELY(actor->kind->overflow == OVERFLOW_COALESCE) && !ctx->has_coalesced) {
        ctx->has_coalesced = true;
        backlog_coalesce(actor);
    }
    message_t *message = actor_pop_user(actor);
    if (message == NULL)
        return false; /* its sender is between two steps */
    note_message(ctx, message);
    if (actor->phase != ACTOR_RUNNING)
        reject_by(actor, message, ERR_UNAVAILABLE,
                  actor->phase == ACTOR_RECOVERING ? DEAD_NOT_STARTED : DEAD_PARKED);
    else
        user_message(ctx, message);
    return true;
}

/* ---- the turn ---- */

static bool can_end(const actor_t *actor)
{
    return actor_is_up(actor) || actor->phase == ACTOR_STARTING || actor->phase == ACTOR_DORMANT ||
           actor->phase == ACTOR_PARKED || actor->phase == ACTOR_BACKOFF ||
           actor->phase == ACTOR_WAITING || actor_is_waiting(actor);
}

static bool shall_end(const actor_t *actor)
{
    return (actor->is_stopping || vacating_is_due(actor)) && can_end(actor);
}

static bool step_slowly(context_t *ctx, message_t *message)
{
    actor_t *actor = ctx->actor;
    if (message != NULL) {
        note_message(ctx, message);
        if (inside_is_watching(ctx->runtime))
            inside_handle(ctx, message, system_message);
        else
            system_message(ctx, message);
        return true;
    }
    note_step(ctx, NULL);
    if (shall_end(actor)) {
        lifecycle_end(ctx);
        return true;
    }
    if (actor->phase == ACTOR_STARTING) {
        bool may_take_long = actor->kind->start != NULL || actor_extra_or_null(actor) != NULL;
        lifecycle_start(ctx);
        if (may_take_long)
            scheduler_tick_soon(ctx->scheduler);
        return true;
    }
    if (actor_is_up(actor) && actor_peek(actor)->deferred_count > 0) {
        actor_extra_t *extra = actor_extra_there(actor);
        message = lane_pop(&extra->deferred);
        extra->deferred_count--;
        continuation(ctx, message);
        return true;
    }
    return user_step(ctx);
}

/* A user message in the simplest case. */
static inline bool plain_step(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    message_t *message = mailbox_pop_user(&actor->mailbox, &actor->mailbox_end);
    if (message == NULL)
        return false; /* its sender is between two steps */
    note_message(ctx, message);
    bool is_simple = message->kind == MESSAGE_COMMAND && message->incarnation == 0 &&
                     message->deadline_ns == 0 && !inside_is_watching(ctx->runtime);
    if (UNLIKELY(!is_simple)) {
        user_message(ctx, message);
        return true;
    }
    actor_is_active(actor, context_now_ms(ctx));
    call_command_in_turn(ctx, message);
    return true;
}

/* One message, or one step through the phases. False: nothing to do now. */
static inline bool step(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    message_t *message = mailbox_pop_system(&actor->mailbox, &actor->mailbox_end);
    if (LIKELY(message == NULL && actor_is_plain(actor)))
        return plain_step(ctx);
    return step_slowly(ctx, message);
}
/* A message is done. False: the turn has had its time. */
static bool count_step(context_t *ctx)
{
    ctx->steps++;
    if (LIKELY(!scheduler_tick(ctx->scheduler)))
        return true;
    ctx->now_ns = ctx->scheduler->now_ns;
    ctx->now_ms = ctx->scheduler->now_ms;
    return ctx->now_ns - ctx->begin_ns <= SCHEDULER_TURN_NS;
}

static void run_steps(context_t *ctx)
{
    uint32_t steps_max = ctx->scheduler->turn_messages;
    while (ctx->steps < steps_max && ctx->actor->phase != ACTOR_ENDED && step(ctx)) {
        if (!count_step(ctx))
            break;
    }
}

static bool has_own_work(const actor_t *actor)
{
    return actor->phase == ACTOR_STARTING || shall_end(actor) ||
           (actor_is_up(actor) && actor_peek(actor)->deferred_count > 0);
}

/* Gives the actor up. False: there is more to do. */
static inline bool release(actor_t *actor)
{
    if (LIKELY(actor_is_plain(actor)))
        return mailbox_release(&actor->mailbox, &actor->mailbox_end);
    if (has_own_work(actor) || actor->phase == ACTOR_ENDED) {
        mailbox_keep(&actor->mailbox, &actor->mailbox_end);
        return false;
    }
    return user_lane_is_open(actor) ? mailbox_release(&actor->mailbox, &actor->mailbox_end)
                                    : mailbox_park(&actor->mailbox, &actor->mailbox_end);
}

static void count_turn(context_t *ctx)
{
    scheduler_t *scheduler = ctx->scheduler;
    if (ctx->steps == 0) {
        note_step(ctx, NULL);
        (void)scheduler_tick(scheduler); /* so that a queue of these comes to an end */
    } else if (run_queue_is_quiet(&scheduler->queue)) {
        scheduler_read_clock(scheduler); /* while it is known whose turn it was */
        ctx->now_ns = scheduler->now_ns;
    }
    uint64_t took_ns =
        scheduler->tick == 1 ? ctx->now_ns - ctx->begin_ns : ctx->steps * scheduler->step_ns;
    count_own_by(&ctx->actor->busy_ns, took_ns);
    count_own_by(&scheduler->counters.messages, ctx->steps);
    inside_turn_end(ctx, ctx->begin_ns, ctx->steps);
}

static void end_turn(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    if (UNLIKELY(actor->phase != ACTOR_RUNNING) && actor_peek(actor)->hold != NULL)
        hold_progress(ctx);
    count_turn(ctx);
    if (actor_extra_or_null(actor) != NULL)
        actor_recharge(actor);
    pressure_look(ctx);
    if (actor->phase == ACTOR_ENDED && lifecycle_bury(ctx))
        return;
    ctx->actor = NULL; /* it may be another's by now */
    if (!release(actor))
        run_queue_put(&ctx->scheduler->queue, actor);
}

void turn_run(context_t *ctx, actor_t *actor)
{
    ctx->actor = actor;
    ctx->bits = actor_bits(actor);
    ctx->begin_ns = ctx->now_ns = ctx->scheduler->now_ns;
    ctx->now_ms = ctx->scheduler->now_ms;
    ctx->steps = 0;
    ctx->has_coalesced = false;
    inside_turn_begin(ctx);
    run_steps(ctx);
    end_turn(ctx);
}

void turn_failed(context_t *ctx)
{
    call_failed_in_turn(ctx);
    (void)count_step(ctx);
    end_turn(ctx);
}

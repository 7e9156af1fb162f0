#include "runtime/inside/crashes.h"
#include "runtime/life/lifecycle.h"
#include "runtime/life/supervision.h"

#include <stdio.h>

static void advance(context_t *ctx, supervisor_t *self);

static supervisor_t *state_of(const context_t *ctx)
{
    const actor_t *actor = ctx->actor;
    return actor->kind == &supervisor_kind ? actor->state : NULL;
}

static bool is_simple(const supervisor_t *self)
{
    return self->spec->strategy == SUPERVISOR_SIMPLE;
}

static void answer(context_t *ctx, reply_token_t *asker, err_t err, uint64_t ref)
{
    reply_token_t token = STEAL(*asker);
    if (token.asker == 0)
        return;
    if (err != ERR_OK)
        actor_refuse_to(ctx, token, err);
    else if (ref != 0)
        actor_reply_to(ctx, token, supervisor_child, .ref_bits = ref);
    else
        actor_reply_to(ctx, token, supervisor_done);
}

/* ---- waiting ---- */

static bool arm(context_t *ctx, supervisor_t *self, uint32_t delay_ms)
{
    alarm_cancel(&self->deadline);
    if (delay_ms == CHILD_SHUTDOWN_INFINITE)
        return true;
    self->deadline = alarm_new(ALARM_SHUTDOWN, actor_bits(ctx->actor), NULL, NULL);
    if (self->deadline == NULL)
        return false;
    alarm_arm(self->deadline, ctx->scheduler, delay_ms);
    return true;
}

static void waited(supervisor_t *self)
{
    self->is_waiting = false;
    alarm_cancel(&self->deadline);
}

/* Asks a child to stop; to be patient takes an alarm, so without memory it is killed at once. */
static void stop_one(context_t *ctx, supervisor_t *self, child_t *child, bool is_rest)
{
    uint32_t patience_ms = child_shutdown_ms(child);
    bool is_now = patience_ms == CHILD_SHUTDOWN_KILL || !arm(ctx, self, patience_ms);
    if (is_now)
        (void)arm(ctx, self, SUPERVISOR_KILL_MS);
    child->kills = is_now ? 1 : 0;
    child->state = CHILD_STOPPING;
    self->is_waiting = true;
    if (is_rest)
        tie_wish(child->tie, is_now ? TIE_REST_NOW : TIE_REST);
    else
        tie_wish(child->tie, is_now ? TIE_END_NOW : TIE_END);
}

/* ---- the sequence ---- */

static void set_goal(context_t *ctx, supervisor_t *self, arrange_goal_t goal, bool is_stop_step)
{
    self->goal = goal;
    self->is_stop_step = is_stop_step;
    ctx->actor->phase = goal == GOAL_NONE ? ACTOR_RUNNING : ACTOR_ARRANGING;
}

static void stop_from(context_t *ctx, supervisor_t *self, arrange_goal_t goal, child_t *from)
{
    set_goal(ctx, self, goal, true);
    self->from = from;
    self->at = self->last;
}

static void fail_after(context_t *ctx, supervisor_t *self, const char *reason)
{
    snprintf(self->reason, sizeof self->reason, "%s", reason);
    answer(ctx, &self->asker, ERR_UNAVAILABLE, 0);
    stop_from(ctx, self, GOAL_FAIL, NULL);
}

static void decided(const context_t *ctx, const child_t *child, crash_decision_t decision,
                    uint64_t delay_ms)
{
    if (child->tie != NULL)
        crash_decided(ctx->runtime, child->tie->crash_number, decision, delay_ms);
}

static void give_up(context_t *ctx, supervisor_t *self)
{
    if (ctx->runtime->log != NULL)
        log_error(ctx->runtime->log, "runtime",
                  "supervisor %s gives up: over %u restarts in %llu ms", self->spec->name,
                  self->restarts_max, (unsigned long long)(self->period_ns / 1000000));
    fail_after(ctx, self, "shutdown: too many restarts");
}

/* All have stopped, and gone. */
static void end(context_t *ctx, supervisor_t *self)
{
    arrange_goal_t goal = self->goal;
    char reason[ACTOR_REASON_SIZE];
    snprintf(reason, sizeof reason, "%s", self->reason);
    waited(self);
    set_goal(ctx, self, GOAL_NONE, false);
    if (goal == GOAL_FAIL)
        lifecycle_crash(ctx, reason); /* frees self */
    else
        lifecycle_end(ctx);
}

static void stopped_all(context_t *ctx, supervisor_t *self)
{
    if (self->goal == GOAL_RESTART) {
        self->is_stop_step = false;
        self->at = self->from == NULL ? self->first : self->from;
    } else if (self->goal == GOAL_REMOVE) {
        set_goal(ctx, self, GOAL_NONE, false);
        answer(ctx, &self->asker, ERR_OK, 0);
    } else if (self->leaving > 0) {
        self->is_waiting = true; /* for who was let go: each has an order to end */
        (void)arm(ctx, self, SUPERVISOR_KILL_MS);
    }
}

/* Takes one that is down out of the way. */
static void put_away(supervisor_t *self, child_t *child)
{
    if (child->tie != NULL)
        child_let_go(self, child);
    if (child->spec.restart == CHILD_TEMPORARY || is_simple(self))
        child_remove(self, child);
}

static void stop_some(context_t *ctx, supervisor_t *self)
{
    child_t *child = self->at;
    if (child == NULL) {
        stopped_all(ctx, self);
        return;
    }
    bool is_rest = self->goal == GOAL_RESTART && child->spec.restart != CHILD_TEMPORARY;
    if (child->state == CHILD_UP || child->state == CHILD_STARTING) {
        stop_one(ctx, self, child, is_rest);
        return;
    }
    bool is_last = child == self->from;
    self->at = is_last ? NULL : child->previous;
    if (!is_rest)
        put_away(self, child);
}

/* Of a simple one: side by side, one deadline for all. */
static void stop_all_at_once(context_t *ctx, supervisor_t *self)
{
    uint32_t patience_ms = self->first == NULL ? 0 : child_shutdown_ms(self->first);
    bool is_now = patience_ms == CHILD_SHUTDOWN_KILL || !arm(ctx, self, patience_ms);
    if (is_now)
        (void)arm(ctx, self, SUPERVISOR_KILL_MS);
    self->end_kills = is_now ? 1 : 0;
    child_t *next;
    for (child_t *child = self->first; child != NULL; child = next) {
        next = child->next;
        if (child->state == CHILD_OFF || child->state == CHILD_DOWN) {
            put_away(self, child);
            continue;
        }
        child->state = CHILD_STOPPING;
        tie_wish(child->tie, is_now ? TIE_END_NOW : TIE_END);
    }
    self->at = NULL;
    self->is_waiting = self->count > 0;
}

static void started_all(context_t *ctx, supervisor_t *self)
{
    bool is_begin = self->goal == GOAL_BEGIN;
    set_goal(ctx, self, GOAL_NONE, false);
    self->from = NULL;
    if (is_begin)
        tie_started(ctx->actor);
}

static void add_failed(context_t *ctx, supervisor_t *self, child_t *child)
{
    set_goal(ctx, self, GOAL_NONE, false);
    answer(ctx, &self->asker, ERR_INTERNAL, 0);
    if (child->tie != NULL)
        child_let_go(self, child);
    if (self->is_new)
        child_remove(self, child);
}

static void count_failed_start(context_t *ctx, supervisor_t *self, child_t *child)
{
    char reason[ACTOR_REASON_SIZE];
    decided(ctx, child, self->goal == GOAL_RESTART ? CRASH_RESTARTS_GROUP : CRASH_ENDS, 0);
    if (self->goal == GOAL_BEGIN) {
        snprintf(reason, sizeof reason, "shutdown: %.40s does not start: %.60s", child->spec.id,
                 child->tie == NULL ? "no memory" : child->tie->reason);
        fail_after(ctx, self, reason);
    } else if (self->goal == GOAL_ADD) {
        add_failed(ctx, self, child);
    } else if (supervisor_may_restart(self, ctx->now_ns)) {
        stop_from(ctx, self, GOAL_RESTART, self->from);
    } else {
        give_up(ctx, self);
    }
}

static void start_some(context_t *ctx, supervisor_t *self)
{
    child_t *child = self->at;
    if (child == NULL) {
        started_all(ctx, self);
        return;
    }
    err_t err = ERR_OK;
    self->is_waiting = child->state != CHILD_UP;
    if (child->state == CHILD_OFF)
        err = child_spawn(ctx, self, child, true);
    else if (child->state == CHILD_DOWN)
        child_run(child, true, child_backoff_ms(ctx, self, child));
    else
        self->at = child->next;
    if (err != ERR_OK) {
        waited(self);
        count_failed_start(ctx, self, child);
    }
}

static void started(context_t *ctx, supervisor_t *self, child_t *child)
{
    child->is_restarting = false;
    if (child->state == CHILD_STARTING)
        child->state = CHILD_UP;
    answer(ctx, &child->asker, ERR_OK, child->tie->child);
    if (!self->is_waiting || self->is_stop_step || self->at != child)
        return;
    waited(self);
    self->at = self->goal == GOAL_ADD ? NULL : child->next;
    if (self->goal == GOAL_ADD)
        answer(ctx, &self->asker, ERR_OK, child->tie->child);
}

/* ---- deciding ---- */

static bool has_active_significant(const supervisor_t *self)
{
    for (const child_t *child = self->first; child != NULL; child = child->next) {
        if (child->spec.is_significant && child->state != CHILD_OFF)
            return true;
    }
    return false;
}

/* It ended by itself and stays so. */
static void finished(context_t *ctx, supervisor_t *self, child_t *child)
{
    bool is_significant = child->spec.is_significant;
    decided(ctx, child, CRASH_ENDS, 0);
    put_away(self, child);
    supervisor_auto_shutdown_t mode = self->spec->auto_shutdown;
    bool is_over =
        is_significant && (mode == SUPERVISOR_ANY_SIGNIFICANT ||
                           (mode == SUPERVISOR_ALL_SIGNIFICANT && !has_active_significant(self)));
    if (is_over)
        fail_after(ctx, self, "shutdown: what it was for has ended");
}

/* In its slot; where it has none any more, in a new one: no memory for that is one failure more. */
static void run_again(context_t *ctx, supervisor_t *self, child_t *child)
{
    child->restarts++;
    child->is_restarting = true;
    if (child->state == CHILD_DOWN) {
        uint32_t delay_ms = child_backoff_ms(ctx, self, child);
        decided(ctx, child, delay_ms == 0 ? CRASH_RESTARTS : CRASH_RESTARTS_LATER, delay_ms);
        child_run(child, false, delay_ms);
        return;
    }
    while (child_spawn(ctx, self, child, false) != ERR_OK) {
        if (!supervisor_may_restart(self, ctx->now_ns)) {
            give_up(ctx, self);
            return;
        }
    }
}

static void restart(context_t *ctx, supervisor_t *self, child_t *child)
{
    supervisor_strategy_t strategy = self->spec->strategy;
    bool is_group = strategy == SUPERVISOR_ONE_FOR_ALL || strategy == SUPERVISOR_REST_FOR_ONE;
    if (!supervisor_may_restart(self, ctx->now_ns)) {
        decided(ctx, child, CRASH_GIVEN_UP, 0);
        give_up(ctx, self);
    } else if (is_group) {
        child->restarts++;
        decided(ctx, child, CRASH_RESTARTS_GROUP, 0);
        stop_from(ctx, self, GOAL_RESTART, strategy == SUPERVISOR_REST_FOR_ONE ? child : NULL);
    } else {
        run_again(ctx, self, child);
    }
}

static void decide(context_t *ctx, supervisor_t *self, child_t *child, bool is_abnormal)
{
    bool never_ran = child->tie != NULL && atomic_load(&child->tie->starts) == 0;
    if (child->asker.asker != 0 && never_ran) { /* a simple one's first start */
        answer(ctx, &child->asker, ERR_INTERNAL, 0);
        put_away(self, child);
        return;
    }
    bool is_wanted = child->spec.restart == CHILD_PERMANENT || child->is_restarting ||
                     (child->spec.restart == CHILD_TRANSIENT && is_abnormal);
    if (is_wanted)
        restart(ctx, self, child);
    else
        finished(ctx, self, child);
}

static void decide_later(supervisor_t *self, child_t *child)
{
    if (child->is_failed_queued)
        return;
    if (self->failed_first == NULL)
        self->failed_end = &self->failed_first;
    child->is_failed_queued = true;
    child->failed_next = NULL;
    *self->failed_end = child;
    self->failed_end = &child->failed_next;
}

/* What went down during a sequence and was not started again by it. */
static void decide_failed(context_t *ctx, supervisor_t *self)
{
    while (self->goal == GOAL_NONE && self->failed_first != NULL) {
        child_t *child = self->failed_first;
        self->failed_first = child->failed_next;
        child->is_failed_queued = false;
        if (child->state == CHILD_DOWN)
            decide(ctx, self, child, child->tie->is_abnormal);
    }
}

/* All have stopped, and who was let go has left. */
static bool is_over(const supervisor_t *self)
{
    bool has_more = is_simple(self) ? self->count > 0 : self->at != NULL;
    return self->goal >= GOAL_END && !has_more && self->leaving == 0;
}

/* As far as it goes without waiting. At its end self may be freed. */
static void advance(context_t *ctx, supervisor_t *self)
{
    for (;;) {
        if (self->goal == GOAL_NONE)
            decide_failed(ctx, self);
        if (self->goal == GOAL_NONE || self->is_waiting)
            return;
        if (is_over(self)) {
            end(ctx, self);
            return;
        }
        if (self->goal >= GOAL_END && is_simple(self) && self->count > 0)
            stop_all_at_once(ctx, self);
        else if (self->is_stop_step)
            stop_some(ctx, self);
        else
            start_some(ctx, self);
    }
}

/* ---- what happens ---- */

static void went_down(context_t *ctx, supervisor_t *self, child_t *child)
{
    child->state = CHILD_DOWN;
    bool is_awaited = self->is_waiting && self->at == child;
    if (is_awaited && self->is_stop_step) {
        decided(ctx, child, CRASH_RESTARTS_GROUP, 0);
        waited(self);
    } else if (is_awaited) {
        waited(self);
        count_failed_start(ctx, self, child);
    } else if (self->goal == GOAL_NONE) {
        decide(ctx, self, child, child->tie->is_abnormal);
    } else {
        decide_later(self, child);
    }
}

static void has_ended(context_t *ctx, supervisor_t *self, child_t *child)
{
    bool is_awaited = self->is_waiting && self->at == child;
    bool is_stopped = child->state == CHILD_STOPPING || self->goal >= GOAL_END;
    child_gone(self, child);
    if (is_simple(self) && is_stopped) {
        child_remove(self, child);
        if (is_awaited)
            self->at = NULL;
        if (is_awaited || self->count == 0)
            waited(self);
    } else if (is_awaited) {
        waited(self);
        if (!self->is_stop_step)
            count_failed_start(ctx, self, child);
    } else if (self->goal == GOAL_NONE) {
        decide(ctx, self, child, true); /* nobody wished it */
    }
}

static void has_left(supervisor_t *self, tie_t *tie)
{
    if (!tie->is_leaving || !atomic_load(&tie->is_ended))
        return;
    tie->is_leaving = false;
    self->leaving--;
    if (is_over(self))
        waited(self);
}

static void look_at(context_t *ctx, supervisor_t *self, tie_t *tie)
{
    child_t *child = tie->owner;
    /* Downs first: a start that is seen after them came before the next. */
    bool is_ended = atomic_load(&tie->is_ended);
    uint64_t downs = atomic_load(&tie->downs);
    uint64_t starts = atomic_load(&tie->starts);
    if (starts != tie->starts_seen) {
        tie->starts_seen = starts;
        started(ctx, self, child);
    }
    bool is_down = downs != tie->downs_seen && tie_has_heard(tie);
    tie->downs_seen = downs;
    if (is_ended)
        has_ended(ctx, self, child);
    else if (is_down)
        went_down(ctx, self, child);
}

void supervision_noticed(context_t *ctx, message_t *notice)
{
    tie_t *tie = CONTAINER_OF(notice, tie_t, notice);
    supervisor_t *self = state_of(ctx);
    atomic_store(&tie->is_notice_rung, false); /* before it is looked at: pairs with tell */
    bool is_known = self != NULL && tie->supervisor_incarnation == ctx->actor->incarnation;
    if (is_known && tie->owner == NULL)
        has_left(self, tie);
    else if (is_known)
        look_at(ctx, self, tie);
    tie_unref(tie);
    if (is_known)
        advance(ctx, self);
}

static void give_up_child(context_t *ctx, supervisor_t *self, child_t *child)
{
    if (ctx->runtime->log != NULL)
        log_error(ctx->runtime->log, "runtime",
                  "supervisor %s: child %s does not end and is given up", self->spec->name,
                  child->spec.id);
    tie_wish(child->tie, TIE_END_NOW); /* not to rest: nobody would wish it anything any more */
    child_gone(self, child);
}

static void overdue(context_t *ctx, supervisor_t *self, child_t *child)
{
    if (child->kills > 0) {
        give_up_child(ctx, self, child);
        waited(self);
        return;
    }
    child->kills = 1;
    bool is_rest = self->goal == GOAL_RESTART && child->spec.restart != CHILD_TEMPORARY;
    tie_wish(child->tie, is_rest ? TIE_REST_NOW : TIE_END_NOW);
    if (!arm(ctx, self, SUPERVISOR_KILL_MS))
        overdue(ctx, self, child); /* no memory to wait for it */
}

/* Of a simple one that ends. */
static void give_up_all(context_t *ctx, supervisor_t *self)
{
    while (self->first != NULL) {
        child_t *child = self->first;
        if (child->tie != NULL)
            give_up_child(ctx, self, child);
        child_remove(self, child);
    }
    waited(self);
}

static void all_overdue(context_t *ctx, supervisor_t *self)
{
    bool is_first = self->end_kills++ == 0;
    if (!is_first || !arm(ctx, self, SUPERVISOR_KILL_MS)) {
        give_up_all(ctx, self);
        return;
    }
    for (child_t *child = self->first; child != NULL; child = child->next) {
        if (child->tie != NULL)
            tie_wish(child->tie, TIE_END_NOW);
    }
}

void supervision_alarm(context_t *ctx, alarm_t *alarm)
{
    supervisor_t *self = state_of(ctx);
    if (self == NULL || alarm != self->deadline || !self->is_waiting)
        return;
    if (self->at != NULL)
        overdue(ctx, self, self->at);
    else if (self->count > 0 && is_simple(self))
        all_overdue(ctx, self);
    else {
        self->leaving = 0; /* each has its order, and nobody waits for it any more */
        waited(self);
    }
    advance(ctx, self);
}

void arrange_begin(context_t *ctx, supervisor_t *self)
{
    set_goal(ctx, self, GOAL_BEGIN, false);
    self->at = self->first;
}

void arrange_one(context_t *ctx, supervisor_t *self, arrange_goal_t goal, child_t *child)
{
    set_goal(ctx, self, goal, goal == GOAL_REMOVE);
    self->from = self->at = child;
    advance(ctx, self);
}

void supervision_step(context_t *ctx)
{
    supervisor_t *self = state_of(ctx);
    if (self != NULL)
        advance(ctx, self);
}

void supervision_interrupt(context_t *ctx)
{
    supervisor_t *self = state_of(ctx);
    if (self == NULL || ctx->actor->phase != ACTOR_ARRANGING || self->goal == GOAL_REMOVE ||
        self->goal >= GOAL_END)
        return;
    waited(self);
    answer(ctx, &self->asker, ERR_UNAVAILABLE, 0);
    stop_from(ctx, self, GOAL_END, NULL);
    advance(ctx, self);
}

bool supervision_must_wait(context_t *ctx)
{
    supervisor_t *self = state_of(ctx);
    if (self == NULL || (self->active == 0 && self->leaving == 0))
        return false;
    stop_from(ctx, self, GOAL_END, NULL);
    advance(ctx, self);
    return true;
}

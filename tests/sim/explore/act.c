#include "tests/sim/explore/act.h"

#include "runtime/base/memory.h"
#include "tests/sim/explore/plan.h"
#include "tests/sim/explore/world.h"

#include <stdio.h>
#include <string.h>

#define DEF_FILE "tests/sim/explore/act.def"
#include "runtime/base/schema_define.h"

enum { CHILDREN_MAX = 4, TIMERS_MAX = 4 };

typedef struct actor_state {
    ledger_t *ledger; /* NULL: it never started */
    const act_service_t *service;
    uint64_t serial, count;
    uint32_t from;
    actor_ref_t children[CHILDREN_MAX];
    actor_timer_t timers[TIMERS_MAX];
    uint32_t child_count, timer_count, subscribed; /* a bit a topic */
} actor_state_t;

#define ACTOR_DEF "tests/sim/explore/act.def"
#define ACTOR_STATE actor_state_t
#define ACTOR_ALSO(X) X(actor_down) X(actor_exit)
#define ACTOR_BEHAVIOURS(X) X(locked, STASH, act_unlock)
#include "runtime/actor_kind.h"

address_t act_address(uint32_t target, char room[static 12])
{
    snprintf(room, 12, "%u", target % TARGET_KEYS);
    return address_of(target_kind_name((target_kind_t)(target / TARGET_KEYS)), str_from(room));
}

/* ---- steps ---- */

/* A command being carried out. */
typedef struct run {
    actor_state_t *self;
    context_t *ctx;
    uint64_t id;
    const act_step_t *steps;
    uint32_t count, at;
    bool is_later;
    err_t err;
} run_t;

/* The steps that go along with this one; they are not ours any more. */
static act_t take_along(run_t *run, const act_step_t *step, uint64_t id)
{
    uint32_t count = MIN(step->count, run->count - run->at);
    act_t message = {.id = id, .steps = {run->steps + run->at, count}};
    run->at += count;
    return message;
}

static void send_to(run_t *run, address_t to, uint32_t to_id, const act_step_t *step)
{
    ledger_t *ledger = run->self->ledger;
    uint64_t id = ledger_send(ledger, run->self->from, to_id, false);
    act_t message = take_along(run, step, id);
    err_t err = actor_send_message(run->ctx, to, &act_schema, &message);
    if (err == ERR_NO_MEMORY)
        ledger_excuse(ledger, id);
}

static void send_ref(run_t *run, uint64_t ref, const act_step_t *step)
{
    if (ref != 0)
        send_to(run, address_of_ref((actor_ref_t){ref}), ACT_REF | (uint32_t)ref, step);
}

typedef struct asked {
    uint64_t debt, serial;
    uint64_t id, asker_id; /* of the ask at hand, and of the one it is made for */
    reply_token_t token;
    bool has_token, is_emitting;
} asked_t;

void act_check_answer(ledger_t *ledger, const answer_t *answer, uint64_t id)
{
    ledger_trace(ledger, "  ask %llu: %s", (unsigned long long)id, err_name(answer->err));
    /* By name there is always somebody: what the last one left is the next one's. */
    if (answer->err == ERR_NOT_FOUND)
        ledger_fail(ledger, ORACLE_LOSS, "ask %llu by name found nobody", (unsigned long long)id);
    if (answer->err != ERR_OK)
        return;
    const act_answer_t *reply = answer->message;
    if (answer->schema != &act_answer_schema)
        ledger_fail(ledger, ORACLE_ANSWER, "ask %llu was answered with nothing",
                    (unsigned long long)id);
    else if (reply->id != id)
        ledger_fail(ledger, ORACLE_ANSWER, "ask %llu had the answer of %llu",
                    (unsigned long long)id, (unsigned long long)reply->id);
}

/* What ends an ask or a job ends it for the state that began it; only a rebuilt one inherits. */
static void settle(const actor_state_t *self, const asked_t *asked)
{
    ledger_pay(self->ledger, asked->debt);
    if (asked->serial != self->serial && !self->service->is_durable)
        ledger_fail(self->ledger, ORACLE_ANSWER, "ask %llu of state %llu ended in %llu",
                    (unsigned long long)asked->id, (unsigned long long)asked->serial,
                    (unsigned long long)self->serial);
}

static void on_answer(void *state, context_t *ctx, const answer_t *answer, void *data,
                      UNUSED size_t data_size)
{
    actor_state_t *self = state;
    const asked_t *asked = data;
    settle(self, asked);
    act_check_answer(self->ledger, answer, asked->id);
    if (asked->is_emitting && self->service->is_durable)
        emit(ctx, act_counted, .id = 0, .number = 1);
    if (asked->has_token && answer->err != ERR_OK)
        actor_refuse_to(ctx, asked->token, answer->err);
    else if (asked->has_token)
        actor_reply_to(ctx, asked->token, act_answer, .id = asked->asker_id, .count = self->count);
}

static void step_ask(run_t *run, const act_step_t *step)
{
    static const uint32_t timeouts_ms[] = {5, 20, 100, 1000, 5000};
    actor_state_t *self = run->self;
    uint64_t id = ledger_send(self->ledger, self->from, step->target, true);
    asked_t asked = {.serial = self->serial,
                     .id = id,
                     .asker_id = run->id,
                     .is_emitting = (step->number & 1) != 0};
    asked.debt = ledger_owe(self->ledger, DEBT_ASK, self->serial, id);
    if (!run->is_later) {
        run->is_later = asked.has_token = true;
        asked.token = actor_reply_later(run->ctx);
    }
    char room[12];
    address_t to = act_address(step->target, room);
    act_t message = take_along(run, step, id);
    actor_ask_message(run->ctx, to, timeouts_ms[step->number % COUNT_OF(timeouts_ms)], on_answer,
                      &asked, sizeof asked, &act_schema, &message);
}

static void on_answers(void *state, context_t *ctx, const answer_t *answers, uint32_t count,
                       void *data, UNUSED size_t data_size)
{
    actor_state_t *self = state;
    const asked_t *asked = data;
    settle(self, asked);
    for (uint32_t i = 0; i < count; i++)
        act_check_answer(self->ledger, &answers[i], asked->id);
    if (asked->has_token)
        actor_reply_to(ctx, asked->token, act_answer, .id = asked->asker_id, .count = count);
}

/* Three neighbours; of an asker among them the poll waits in its own mailbox. */
static void step_ask_many(run_t *run, const act_step_t *step)
{
    enum { ASKED = 3 };
    actor_state_t *self = run->self;
    asked_t asked = {.serial = self->serial, .id = run->id, .asker_id = run->id};
    asked.debt = ledger_owe(self->ledger, DEBT_ASK, self->serial, run->id);
    if (!run->is_later) {
        run->is_later = asked.has_token = true;
        asked.token = actor_reply_later(run->ctx);
    }
    char rooms[ASKED][12];
    address_t to[ASKED];
    for (uint32_t i = 0; i < ASKED; i++)
        to[i] = act_address((step->target + i * 4) % (TARGET_KINDS * TARGET_KEYS), rooms[i]);
    ask_many_t many = {.to = to,
                       .count = ASKED,
                       .needed = step->number % (ASKED + 1),
                       .timeout_ms = 10 + step->number * 20,
                       .then = on_answers,
                       .data = &asked,
                       .data_size = sizeof asked};
    actor_ask_many_message(run->ctx, &many, &act_poll_schema, &(act_poll_t){.id = run->id});
}

static err_t work(void *data, UNUSED size_t data_size)
{
    asked_t *asked = data;
    asked->is_emitting = !asked->is_emitting;
    return ERR_OK;
}

static void on_worked(void *state, context_t *ctx, err_t err, void *data, UNUSED size_t data_size)
{
    actor_state_t *self = state;
    const asked_t *asked = data;
    ledger_trace(self->ledger, "  job of %llu: %s", (unsigned long long)asked->id, err_name(err));
    settle(self, asked);
    if (asked->is_emitting && self->service->is_durable)
        emit(ctx, act_counted, .id = 0, .number = 1);
}

static void step_offload(run_t *run, const act_step_t *step)
{
    actor_state_t *self = run->self;
    asked_t asked = {.serial = self->serial, .id = run->id, .is_emitting = (step->number & 1) != 0};
    asked.debt = ledger_owe(self->ledger, DEBT_JOB, self->serial, run->id);
    actor_offload(run->ctx, (offload_lane_t)(step->number % OFFLOAD_LANES), work, on_worked, &asked,
                  sizeof asked);
}

static void watch(run_t *run, uint64_t ref)
{
    ledger_t *ledger = run->self->ledger;
    uint64_t debt = ledger_owe(ledger, DEBT_DOWN, run->self->serial, ref);
    ledger->debts[debt - 1].is_excused = true; /* until it is made: there may be no memory for it */
    uint64_t monitor = actor_monitor(run->ctx, (actor_ref_t){ref}).bits;
    ledger->debts[debt - 1].monitor = monitor;
    ledger->debts[debt - 1].is_excused = monitor == 0;
}

static void step_spawn(run_t *run, const act_step_t *step)
{
    actor_state_t *self = run->self;
    actor_ref_t child;
    if (self->child_count == CHILDREN_MAX || self->service->child == NULL)
        return;
    err_t err = step->op == ACT_spawn
                    ? actor_spawn(run->ctx, self->service->child, STR("child"), &child)
                    : actor_spawn_linked(run->ctx, self->service->child, STR("child"), &child);
    if (err != ERR_OK)
        return;
    self->children[self->child_count++] = child;
    ledger_child(self->ledger, self->serial, child.bits, self->service->is_durable);
    if (step->op == ACT_spawn_linked)
        ledger_link(self->ledger, self->serial, child.bits, self->service->is_trapping);
    if ((step->number & 1) != 0)
        watch(run, child.bits);
}

/* Another one that began not long ago; 0: there is none. */
static uint64_t another(const run_t *run, const act_step_t *step)
{
    uint64_t ref = ledger_ref(run->self->ledger, step->number);
    return ref == context_self(run->ctx).bits ? 0 : ref;
}

static void step_bond(run_t *run, const act_step_t *step)
{
    actor_state_t *self = run->self;
    actor_ref_t other = {another(run, step)};
    uint64_t detail;
    if (step->op == ACT_demonitor && ledger_cancel(self->ledger, DEBT_DOWN, self->serial, &detail))
        actor_demonitor(run->ctx, (actor_monitor_t){detail});
    if (step->op == ACT_unlink && ledger_cancel(self->ledger, DEBT_EXIT, self->serial, &detail))
        actor_unlink(run->ctx, (actor_ref_t){detail});
    if (other.bits == 0)
        return;
    if (step->op == ACT_monitor)
        watch(run, other.bits);
    if (step->op == ACT_exit)
        IGNORE_ERR(actor_exit(run->ctx, other, (step->number & 1) != 0 ? "normal" : "told to"));
    if (step->op == ACT_kill)
        IGNORE_ERR(actor_kill(run->ctx, other));
    if (step->op == ACT_link) {
        actor_link(run->ctx, other);
        ledger_link(self->ledger, self->serial, other.bits, self->service->is_trapping);
    }
}

static void step_timer(run_t *run, const act_step_t *step)
{
    actor_state_t *self = run->self;
    if (self->timer_count == TIMERS_MAX)
        return;
    self->timers[self->timer_count++] =
        actor_timer_start(run->ctx, step->number, (step->number & 1) == 0 ? 0 : 1 + step->number,
                          act_tick, .serial = self->serial, .left = step->number & 1);
}

static void step_cancel(run_t *run)
{
    if (run->self->timer_count > 0)
        actor_timer_cancel(run->ctx, run->self->timers[--run->self->timer_count]);
}

static str_t topic_of(const act_step_t *step)
{
    return step->number % 2 == 0 ? STR("even") : STR("odd");
}

static void step_tell_child(run_t *run, const act_step_t *step)
{
    if (run->self->child_count > 0)
        send_ref(run, run->self->children[step->number % run->self->child_count].bits, step);
}

/* An answer that is given in this call, after all; or never. */
static void step_late(run_t *run, bool is_answered)
{
    if (run->is_later)
        return;
    run->is_later = true;
    reply_token_t token = actor_reply_later(run->ctx);
    if (is_answered)
        actor_reply_to(run->ctx, token, act_answer, .id = run->id, .count = run->self->count);
}

static void step_named(run_t *run, const act_step_t *step)
{
    char room[12];
    send_to(run, act_address(step->target, room), step->target, step);
}

static void step_emit(run_t *run, const act_step_t *step)
{
    if (run->self->service->is_durable)
        emit(run->ctx, act_counted, .id = run->id, .number = step->number);
    else
        run->self->count++;
}

static void carry_out(run_t *run, const act_step_t *step)
{
    switch ((act_op_t)step->op) {
    case ACT_reply:
    case ACT_OP_COUNT:
        break; /* at the end anyway */
    case ACT_emit:
        step_emit(run, step);
        break;
    case ACT_send:
        step_named(run, step);
        break;
    case ACT_send_ref:
        send_ref(run, ledger_ref(run->self->ledger, step->number), step);
        break;
    case ACT_ask:
        step_ask(run, step);
        break;
    case ACT_refuse:
        run->err = actor_refuse(run->ctx, ERR_FORBIDDEN, "told to refuse %llu",
                                (unsigned long long)run->id);
        break;
    case ACT_fail:
        actor_fail(run->ctx, "told to");
    case ACT_stop:
        actor_stop(run->ctx);
        break;
    case ACT_spawn:
    case ACT_spawn_linked:
        step_spawn(run, step);
        break;
    case ACT_tell_child:
        step_tell_child(run, step);
        break;
    case ACT_monitor:
    case ACT_demonitor:
    case ACT_link:
    case ACT_unlink:
    case ACT_exit:
    case ACT_kill:
        step_bond(run, step);
        break;
    case ACT_timer:
        step_timer(run, step);
        break;
    case ACT_cancel:
        step_cancel(run);
        break;
    case ACT_subscribe:
        if (actor_subscribe(run->ctx, topic_of(step)) == ERR_OK)
            run->self->subscribed |= 1U << step->number % 2;
        break;
    case ACT_publish:
        actor_publish(run->ctx, topic_of(step), act_news, .number = step->number,
                      .id = ledger_publish(run->self->ledger));
        break;
    case ACT_offload:
        step_offload(run, step);
        break;
    case ACT_silence:
        step_late(run, false);
        break;
    case ACT_late:
        step_late(run, true);
        break;
    case ACT_stash:
        break; /* before all others, in ON(act) */
    case ACT_unstash:
        actor_unstash_all(run->ctx);
        break;
    case ACT_become:
        (void)actor_timer_start(run->ctx, 1 + step->number, 0, act_unlock);
        actor_become(run->ctx, locked);
        break;
    case ACT_ask_many:
        step_ask_many(run, step);
        break;
    case ACT_wrong:
        run->id++;
        break;
    }
}

/* ---- handlers ---- */

ON(act)
{
    run_t run = {.self = self,
                 .ctx = ctx,
                 .id = command->id,
                 .steps = command->steps.items,
                 .count = command->steps.count};
    ledger_message_t *message = &self->ledger->messages[command->id - 1];
    if (run.count > 0 && run.steps[0].op == ACT_stash && !message->is_stashed) {
        err_t err = actor_stash(ctx);
        message->is_stashed = true;
        ledger_trace(self->ledger, "  stashed %llu", (unsigned long long)command->id);
        if (err == ERR_OK)
            return err;
        run.err = err;
    }
    ledger_handle(self->ledger, command->id);
    while (run.at < run.count && run.err == ERR_OK) {
        const act_step_t *step = &run.steps[run.at++];
        carry_out(&run, step);
    }
    if (run.err != ERR_OK || run.is_later)
        return run.err;
    return actor_reply(ctx, act_answer, .id = run.id, .count = self->count);
}

ON(act_tick)
{
    if (command->serial != self->serial)
        ledger_fail(self->ledger, ORACLE_TIMER, "a timer of state %llu rang in %llu",
                    (unsigned long long)command->serial, (unsigned long long)self->serial);
    self->count++;
    if (self->count % 3 == 0)
        for (uint32_t i = 0; i < self->timer_count; i++)
            actor_timer_cancel(ctx, self->timers[i]);
    return ERR_OK;
}

ON(act_unlock)
{
    return ERR_OK;
}

ON_IN(locked, act_unlock)
{
    actor_unbecome(ctx);
    actor_unstash_all(ctx);
    return ERR_OK;
}

ON(act_poll)
{
    return actor_reply(ctx, act_answer, .id = command->id, .count = self->count);
}

ON(act_news)
{
    if ((self->subscribed & 1U << command->number % 2) == 0)
        ledger_fail(self->ledger, ORACLE_ONCE, "state %llu heard what it did not subscribe to",
                    (unsigned long long)self->serial);
    ledger_hear(self->ledger, self->serial, command->id);
    self->count += command->number;
    return ERR_OK;
}

ON(actor_down)
{
    ledger_trace(self->ledger, "  down %llx: %.*s", (unsigned long long)command->ref_bits,
                 STR_ARG(command->reason));
    ledger_down(self->ledger, self->serial, command->ref_bits, command->monitor_bits);
    return ERR_OK;
}

ON(actor_exit)
{
    ledger_trace(self->ledger, "  exit %llx: %.*s", (unsigned long long)command->ref_bits,
                 STR_ARG(command->reason));
    if (command->is_link)
        ledger_exit(self->ledger, self->serial, command->ref_bits);
    return ERR_OK;
}

APPLY(act_counted)
{
    self->count++;
}

/* ---- life ---- */

static err_t start(void *state, context_t *ctx)
{
    actor_state_t *self = state;
    self->service = context_service(ctx);
    self->ledger = self->service->ledger;
    self->serial = ledger_begin(self->ledger, context_self(ctx).bits);
    str_t key = context_key(ctx);
    bool is_child = self->service->first_target == ACT_CHILD || key.data[0] > '9';
    self->from = is_child ? ACT_CHILD + (uint32_t)self->serial
                          : self->service->first_target + (uint32_t)(key.data[0] - '0');
    ledger_trace(self->ledger, "  state %llu begins: %u", (unsigned long long)self->serial,
                 self->from);
    return ERR_OK;
}

static void deinit(void *state)
{
    const actor_state_t *self = state;
    if (self->ledger != NULL)
        ledger_end(self->ledger, self->serial);
}

static void snapshot(const void *state, buf_t *out)
{
    const actor_state_t *self = state;
    buf_append_u64(out, self->count);
}

static err_t restore(void *state, str_t text)
{
    actor_state_t *self = state;
    return str_to_u64(text, &self->count);
}

ACTOR_KIND(act, .start = start, .deinit = deinit, .snapshot = snapshot, .restore = restore);

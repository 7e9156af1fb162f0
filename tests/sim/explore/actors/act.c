#include "tests/sim/explore/actors/steps.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#include <stdio.h>
#include <string.h>

#define DEF_FILE "tests/sim/explore/actors/act.def"
#include "runtime/base/schema_define.h"

#define ACTOR_DEF "tests/sim/explore/actors/act.def"
#define ACTOR_STATE actor_state_t
#define ACTOR_ALSO(X)                                                                              \
    X(actor_down)                                                                                  \
    X(actor_exit) X(group_changed) X(stream_begin) X(stream_credit) X(stream_end)
#define ACTOR_BEHAVIOURS(X) X(locked, STASH, act_unlock)
#include "runtime/actor_kind.h"

address_t act_address(uint32_t target, char room[static 12])
{
    snprintf(room, 12, "%u", target % TARGET_KEYS);
    return address_of(target_kind_name((target_kind_t)(target / TARGET_KEYS)), str_from(room));
}

/* ---- steps ---- */

/* The steps that go along with this one; they are not ours any more. */
act_t run_take_along(run_t *run, const act_step_t *step, uint64_t id)
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
    act_t message = run_take_along(run, step, id);
    err_t err = actor_send_message(run->ctx, to, &act_schema, &message);
    if (err == ERR_NO_MEMORY)
        ledger_excuse(ledger, id);
}

static void send_ref(run_t *run, uint64_t ref, const act_step_t *step)
{
    if (ref != 0)
        send_to(run, address_of_ref((actor_ref_t){ref}), ACT_REF | (uint32_t)ref, step);
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
    case ACT_register:
    case ACT_unregister:
        step_name(run, step);
        break;
    case ACT_send_name:
        step_send_name(run, step);
        break;
    case ACT_join:
    case ACT_leave:
    case ACT_watch_group:
        step_group(run, step);
        break;
    case ACT_send_one:
    case ACT_send_all:
        step_call(run, step);
        break;
    case ACT_work:
        step_work(run, step);
        break;
    case ACT_cancel_work:
        step_cancel_work(run, step);
        break;
    case ACT_await_room:
        step_await_room(run, step);
        break;
    case ACT_flow:
        step_flow(run, step);
        break;
    case ACT_flow_end:
    case ACT_flow_stop:
        step_flow_end(run, step);
        break;
    case ACT_post:
        step_post(run, step);
        break;
    case ACT_wrong:
        run->id++;
        break;
    }
}

/* ---- handlers ---- */

/* Code of one version only ever sees states of that version. */
static void check_version(const actor_state_t *self, uint32_t version)
{
    if (self->version != version)
        ledger_fail(self->ledger, ORACLE_VERSION,
                    "state %llu is of version %u and in the hands of version %u",
                    (unsigned long long)self->serial, self->version, version);
}

static err_t obey(actor_state_t *self, context_t *ctx, const act_t *command)
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

ON(act)
{
    check_version(self, 0);
    return obey(self, ctx, command);
}

static err_t act_in_other(void *self, context_t *ctx, const void *message)
{
    check_version(self, 1);
    return obey(self, ctx, message);
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

ON(act_call)
{
    gathering_called(self, ctx, command);
    return ERR_OK;
}

ON(group_changed)
{
    gathering_changed(self, ctx, command);
    return ERR_OK;
}

ON(stream_begin)
{
    return flowing_begun(self, ctx, command);
}

ON(stream_credit)
{
    flowing_credited(self, ctx, command);
    return ERR_OK;
}

ON(act_item)
{
    flowing_item(self, ctx, command);
    return ERR_OK;
}

ON(act_letter)
{
    return posting_took(self, ctx, command);
}

ON(stream_end)
{
    flowing_ended(self, ctx, command);
    return ERR_OK;
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
    if (!flowing_down(self, ctx, command))
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

/* It counts for nothing that a command is answered with. */
APPLY(act_received)
{
}

APPLY(act_counted)
{
    self->count++;
}

/* ---- life ---- */

/* What was kept of a state is its count; all else is new. */
static void begin(actor_state_t *self, context_t *ctx, uint32_t version)
{
    const act_service_t *service = context_service(ctx);
    if (service->ledger->is_rehearsing)
        return;
    *self = (actor_state_t){
        .ledger = service->ledger, .service = service, .version = version, .count = self->count};
    self->serial = ledger_begin(self->ledger, context_self(ctx).bits);
    str_t key = context_key(ctx);
    bool is_child = service->first_target == ACT_CHILD || key.data[0] > '9';
    self->from = is_child ? ACT_CHILD + (uint32_t)self->serial
                          : service->first_target + (uint32_t)(key.data[0] - '0');
    ledger_trace(self->ledger, "  state %llu begins: %u", (unsigned long long)self->serial,
                 self->from);
}

static err_t start(void *state, context_t *ctx)
{
    begin(state, ctx, 0);
    return ERR_OK;
}

static err_t start_other(void *state, context_t *ctx)
{
    begin(state, ctx, 1);
    return ERR_OK;
}

static void deinit(void *state)
{
    const actor_state_t *self = state;
    if (self->ledger != NULL)
        ledger_end(self->ledger, self->serial);
}

/* All of it, for a replacement, where whoever comes next has no ledger before `replaced`. */
static void snapshot(const void *state, buf_t *out)
{
    actor_state_t copy = *(const actor_state_t *)state;
    copy.ledger = NULL;
    copy.service = NULL;
    buf_append(out, str_of(&copy, sizeof copy));
}

static err_t restore(void *state, str_t text)
{
    if (text.size != sizeof(actor_state_t))
        return ERR_CORRUPT;
    memcpy(state, text.data, text.size);
    return ERR_OK;
}

static err_t upgrade(void *state)
{
    ((actor_state_t *)state)->version = 0;
    return ERR_OK;
}

static err_t upgrade_other(void *state)
{
    ((actor_state_t *)state)->version = 1;
    return ERR_OK;
}

static void replaced(void *state, context_t *ctx)
{
    actor_state_t *self = state;
    self->service = context_service(ctx);
    self->ledger = self->service->ledger;
    ledger_resume(self->ledger, self->serial);
    ledger_trace(self->ledger, "  state %llu goes on in version %u",
                 (unsigned long long)self->serial, self->version);
}

ACTOR_KIND(act, .start = start, .deinit = deinit, .snapshot = snapshot, .restore = restore,
           .upgrade = upgrade, .replaced = replaced, .continuations = asking_continuations,
           .continuation_count = ASKING_CONTINUATIONS);

void act_make_other_version(actor_kind_t *kind, actor_handler_t room[static ACT_HANDLERS_MAX])
{
    ASSERT(kind->handler_count <= ACT_HANDLERS_MAX);
    for (size_t i = 0; i < kind->handler_count; i++) {
        room[i] = kind->handlers[i];
        if (room[i].schema == &act_schema)
            room[i].handle = act_in_other;
    }
    kind->handlers = room;
    kind->start = start_other;
    kind->upgrade = upgrade_other;
}

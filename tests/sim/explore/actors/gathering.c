#include "runtime/runtime.h"
#include "tests/sim/explore/actors/steps.h"
#include "tests/sim/explore/crowd.h"

void step_name(run_t *run, const act_step_t *step)
{
    const actor_state_t *self = run->self;
    crowd_t *crowd = self->ledger->crowd;
    uint32_t name = step->number % CROWD_NAMES;
    if (step->op == ACT_register)
        crowd_registered(crowd, self->serial, name, actor_register(run->ctx, crowd_name(name)));
    else
        crowd_unregistered(crowd, self->serial, name, actor_unregister(run->ctx, crowd_name(name)));
}

/* To whoever has it when it goes out, so nothing is known of its order. */
void step_send_name(run_t *run, const act_step_t *step)
{
    const actor_state_t *self = run->self;
    uint64_t id = ledger_send(self->ledger, self->from, ACT_NAME | step->number, false);
    self->ledger->messages[id - 1].is_unordered = true;
    act_t message = run_take_along(run, step, id);
    err_t err = actor_send_message(run->ctx, address_named(crowd_name(step->number % CROWD_NAMES)),
                                   &act_schema, &message);
    if (err == ERR_NO_MEMORY)
        ledger_excuse(self->ledger, id);
}

static void watch(run_t *run, uint32_t group)
{
    actor_state_t *self = run->self;
    if ((self->watched & 1U << group) != 0)
        return;
    actor_ref_t members[CROWD_MEMBERS_MAX];
    uint32_t count = 0;
    err_t err = actor_watch_group(run->ctx, crowd_group(group), members, CROWD_MEMBERS_MAX, &count);
    if (err != ERR_OK)
        return;
    self->watched |= 1U << group;
    crowd_watched(self->ledger->crowd, self->serial, group, members, count);
}

void step_group(run_t *run, const act_step_t *step)
{
    const actor_state_t *self = run->self;
    crowd_t *crowd = self->ledger->crowd;
    uint32_t group = step->number % CROWD_GROUPS;
    if (step->op == ACT_watch_group)
        watch(run, group);
    else if (step->op == ACT_join)
        crowd_joined(crowd, self->serial, group, actor_join(run->ctx, crowd_group(group)));
    else
        crowd_left(crowd, self->serial, group, actor_leave(run->ctx, crowd_group(group)));
}

void step_call(run_t *run, const act_step_t *step)
{
    crowd_t *crowd = run->self->ledger->crowd;
    uint32_t group = step->number % CROWD_GROUPS, count = 0;
    uint64_t id = crowd_call(crowd, group);
    err_t err;
    if (step->op == ACT_send_all) {
        err = actor_send_all(run->ctx, crowd_group(group), &count, act_call, .id = id);
    } else {
        group_pick_t pick = step->count % 2 == 0 ? GROUP_NEXT : GROUP_RANDOM;
        err = actor_send_one(run->ctx, crowd_group(group), pick, act_call, .id = id);
        count = err == ERR_OK;
    }
    crowd_sent(crowd, id, count, err);
}

void gathering_called(const actor_state_t *self, const context_t *ctx, const act_call_t *call)
{
    crowd_heard(self->ledger->crowd, call->id, context_self(ctx).bits);
}

void gathering_changed(const actor_state_t *self, context_t *ctx, const group_changed_t *change)
{
    runtime_stats_t stats;
    runtime_stats(context_runtime(ctx), &stats);
    crowd_changed(self->ledger->crowd, self->serial, change, stats.dead_letters == 0);
}

#include "tests/sim/explore/actors/steps.h"

static void watch(run_t *run, uint64_t ref)
{
    ledger_t *ledger = run->self->ledger;
    uint64_t debt = ledger_owe(ledger, DEBT_DOWN, run->self->serial, ref);
    ledger->debts[debt - 1].is_excused = true; /* until it is made: there may be no memory for it */
    uint64_t monitor = actor_monitor(run->ctx, (actor_ref_t){ref}).bits;
    ledger->debts[debt - 1].monitor = monitor;
    ledger->debts[debt - 1].is_excused = monitor == 0;
}

void step_spawn(run_t *run, const act_step_t *step)
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

void step_bond(run_t *run, const act_step_t *step)
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

#include "runtime/schedule/help.h"

#include "runtime/context.h"
#include "runtime/inside/inside.h"

/* ---- taking ---- */

static void take_over(scheduler_t *self, scheduler_t *victim, actor_t *const *stolen,
                      uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (inside_watches(self->runtime, INSIDE_MESSAGES))
            inside_stolen(self, stolen[i], victim->index);
        run_queue_put(&self->queue, stolen[i]);
    }
    count_own_by(&self->counters.stolen, count);
    atomic_store_explicit(&victim->is_robbed, true, memory_order_relaxed);
}

bool help_steal(scheduler_t *self)
{
    runtime_t *runtime = self->runtime;
    actor_t *stolen[RUN_STEAL_MAX];
    for (uint32_t i = 1; i < runtime->scheduler_count; i++) {
        scheduler_t *victim = &runtime->schedulers[(self->index + i) % runtime->scheduler_count];
        uint32_t count = run_queue_steal(&victim->queue, stolen);
        if (count > 0) {
            take_over(self, victim, stolen, count);
            return true;
        }
        run_queue_ask(&victim->queue);
    }
    return false;
}

/* ---- calling ---- */

static void wake_helper(scheduler_t *self)
{
    runtime_t *runtime = self->runtime;
    if (atomic_load_explicit(&runtime->sleepers, memory_order_relaxed) == 0)
        return;
    for (uint32_t i = 1; i < runtime->scheduler_count; i++) {
        scheduler_t *other = &runtime->schedulers[(self->index + i) % runtime->scheduler_count];
        if (atomic_load(&other->is_asleep)) {
            scheduler_wake(other);
            return;
        }
    }
}

static void look_for_help(scheduler_t *self)
{
    if (!run_queue_is_crowded(&self->queue)) {
        self->crowded_ns = 0;
        return;
    }
    if (self->crowded_ns == 0)
        self->crowded_ns = self->now_ns;
    if (self->now_ns - self->crowded_ns < self->help_ns)
        return;
    self->crowded_ns = self->now_ns;
    self->help_ns = MIN(self->help_ns * 2, (uint64_t)SCHEDULER_HELP_MAX_NS);
    if (atomic_exchange_explicit(&self->is_robbed, false, memory_order_relaxed))
        self->help_ns = SCHEDULER_HELP_NS;
    if (run_queue_born(&self->queue) > 1)
        run_queue_share(&self->queue); /* for who comes */
    wake_helper(self);
}

void help_look(scheduler_t *self)
{
    bool is_long = self->step_ns >= SCHEDULER_LONG_NS;
    if (is_long != atomic_load_explicit(&self->queue.is_generous, memory_order_relaxed))
        atomic_store_explicit(&self->queue.is_generous, is_long, memory_order_relaxed);
    look_for_help(self);
}

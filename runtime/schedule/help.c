#include "runtime/schedule/help.h"

#include "runtime/context.h"
#include "runtime/inside/inside.h"

/* ---- the limit ---- */

static uint32_t limit_word(const runtime_t *runtime)
{
    return atomic_load_explicit(&runtime->help.limit, memory_order_relaxed);
}

static scheduler_t *host_of(runtime_t *runtime, uint32_t word)
{
    return &runtime->schedulers[word >> HELP_LIMIT_BITS];
}

/* How many places behind the last one that shares; 0: it is one of them. */
static uint32_t places_beyond(const scheduler_t *self, uint32_t word)
{
    if (LIKELY(word == 0))
        return 0;
    uint32_t count = self->runtime->scheduler_count;
    uint32_t place = (self->index + count - (word >> HELP_LIMIT_BITS)) % count;
    uint32_t limit = word & ((1U << HELP_LIMIT_BITS) - 1);
    return place < limit ? 0 : place - limit + 1;
}

/* Who sleeps is to take part, or to watch. */
static void tell_sleepers(scheduler_t *self)
{
    for (uint32_t i = 0; i < self->runtime->scheduler_count; i++)
        scheduler_wake(&self->runtime->schedulers[i]);
}

/* By who steps the governor: what it says is in force. */
static void publish(scheduler_t *self, uint64_t due_ns)
{
    help_t *help = &self->runtime->help;
    const governor_t *governor = &self->runtime->governor;
    uint32_t before = limit_word(self->runtime), word = 0;
    if (governor->limit < governor->scheduler_count) {
        uint32_t host = before == 0 ? self->index : before >> HELP_LIMIT_BITS;
        word = help_limit_of(host, governor->limit);
    }
    atomic_store_explicit(&help->limit, word, memory_order_relaxed);
    /* Release: pairs with the acquire of who steps next. */
    atomic_store_explicit(&help->due_ns, due_ns, memory_order_release);
    if (word != before)
        tell_sleepers(self);
}

static governor_sample_t sample(const runtime_t *runtime, uint64_t now_ns)
{
    governor_sample_t sum = {.now_ns = now_ns};
    for (uint32_t i = 0; i < runtime->scheduler_count; i++) {
        const scheduler_counters_t *counters = &runtime->schedulers[i].counters;
        uint64_t since_ns = atomic_load_explicit(&counters->sleeps_since_ns, memory_order_relaxed);
        sum.messages += atomic_load_explicit(&counters->messages, memory_order_relaxed);
        sum.moved += atomic_load_explicit(&counters->moved, memory_order_relaxed);
        sum.slept_ns += atomic_load_explicit(&counters->slept_ns, memory_order_relaxed);
        if (since_ns != 0 && since_ns < now_ns)
            sum.slept_ns += now_ns - since_ns;
    }
    return sum;
}

/* False: somebody else does. */
static bool begin_step(help_t *help, uint64_t due_ns)
{
    return due_ns != UINT64_MAX &&
           atomic_compare_exchange_strong_explicit(&help->due_ns, &due_ns, UINT64_MAX,
                                                   memory_order_acquire, memory_order_relaxed);
}

static void govern(scheduler_t *self, uint64_t due_ns)
{
    runtime_t *runtime = self->runtime;
    if (!begin_step(&runtime->help, due_ns))
        return;
    governor_sample_t now = sample(runtime, self->now_ns);
    governor_step(&runtime->governor, &now);
    publish(self, runtime->governor.due_ns);
}

static void lift(scheduler_t *self)
{
    runtime_t *runtime = self->runtime;
    uint64_t due_ns = atomic_load_explicit(&runtime->help.due_ns, memory_order_relaxed);
    if (!begin_step(&runtime->help, due_ns))
        return;
    governor_lift(&runtime->governor, self->now_ns);
    publish(self, runtime->governor.due_ns);
}

void help_init(runtime_t *runtime)
{
    uint64_t now_ns = clock_mono_ns(&runtime->clock);
    governor_init(&runtime->governor, runtime->scheduler_count, now_ns);
    atomic_init(&runtime->help.due_ns, runtime->is_simulated ? UINT64_MAX : now_ns);
}

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

/* It has been in the same turn since the watcher looked last, a while ago. */
static bool is_stuck(scheduler_t *self, const scheduler_t *host)
{
    uint64_t messages = atomic_load_explicit(&host->counters.messages, memory_order_relaxed);
    bool has_moved = self->watch.host != host || self->watch.messages != messages ||
                     atomic_load_explicit(&host->is_asleep, memory_order_relaxed);
    if (has_moved)
        self->watch = (help_watch_t){host, messages, self->now_ns};
    return self->now_ns - self->watch.since_ns >= HELP_WATCH_NS;
}

/* What was sent to one that is stuck, and not looked at since. */
static bool rescue(scheduler_t *self, scheduler_t *host)
{
    bool has_taken = false, has_returned = false;
    actor_t *actor = run_queue_take_incoming(&host->queue), *next;
    for (; actor != NULL; actor = next) {
        next = actor->run_next;
        if (actor->kind->is_pinned) {
            run_queue_send(&host->queue, actor);
            has_returned = true;
        } else {
            take_over(self, host, &actor, 1);
            has_taken = true;
        }
    }
    if (has_returned)
        scheduler_wake(host);
    return has_taken;
}

/* For the first one beyond. */
static bool watch_host(scheduler_t *self, uint32_t word)
{
    scheduler_t *host = host_of(self->runtime, word);
    if (!is_stuck(self, host))
        return false;
    lift(self);
    return rescue(self, host);
}

static bool steal_from(scheduler_t *self, scheduler_t *victim, bool is_beyond)
{
    actor_t *stolen[RUN_STEAL_MAX];
    if (is_beyond && !atomic_load_explicit(&victim->queue.is_generous, memory_order_relaxed))
        return false;
    uint32_t count = run_queue_steal(&victim->queue, stolen);
    if (count > 0)
        take_over(self, victim, stolen, count);
    else
        run_queue_ask(&victim->queue);
    return count > 0;
}

bool help_steal(scheduler_t *self)
{
    runtime_t *runtime = self->runtime;
    uint32_t word = limit_word(runtime), beyond = places_beyond(self, word);
    if (UNLIKELY(beyond == 1) && watch_host(self, word))
        return true;
    for (uint32_t i = 1; i < runtime->scheduler_count; i++) {
        uint32_t index = (self->index + i) % runtime->scheduler_count;
        if (steal_from(self, &runtime->schedulers[index], beyond > 0))
            return true;
    }
    return false;
}

/* ---- handing over ---- */

/* Not before the turn at hand has ended. */
static void look_to_hand_over(scheduler_t *self)
{
    self->is_to_hand_over = self->now_ns - self->woke_ns >= HELP_BURST_NS &&
                            self->step_ns < SCHEDULER_LONG_NS && !run_queue_is_quiet(&self->queue);
    if (self->is_to_hand_over)
        self->break_ns = 0;
}

void help_hand_over(scheduler_t *self)
{
    self->is_to_hand_over = false;
    uint32_t word = limit_word(self->runtime), count = 0;
    if (places_beyond(self, word) == 0)
        return;
    scheduler_t *host = host_of(self->runtime, word);
    actor_t *actor;
    while (count < RUN_RING && (actor = run_queue_take_free(&self->queue)) != NULL) {
        run_queue_send(&host->queue, actor);
        count++;
    }
    count_own_by(&self->counters.handed_over, count);
    if (count > 0)
        scheduler_wake(host);
}

uint64_t help_watch_ns(const scheduler_t *self, uint64_t now_ns)
{
    bool is_watcher = places_beyond(self, limit_word(self->runtime)) == 1;
    return is_watcher ? now_ns + HELP_WATCH_NS : UINT64_MAX;
}

/* ---- calling ---- */

static void wake_helper(scheduler_t *self)
{
    runtime_t *runtime = self->runtime;
    uint32_t word = limit_word(runtime);
    if (atomic_load_explicit(&runtime->sleepers, memory_order_relaxed) == 0)
        return;
    for (uint32_t i = 1; i < runtime->scheduler_count; i++) {
        scheduler_t *other = &runtime->schedulers[(self->index + i) % runtime->scheduler_count];
        bool may_help = self->step_ns >= SCHEDULER_LONG_NS || places_beyond(other, word) == 0;
        if (may_help && atomic_load(&other->is_asleep)) {
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
    uint64_t due_ns = atomic_load_explicit(&self->runtime->help.due_ns, memory_order_relaxed);
    if (UNLIKELY(self->now_ns >= due_ns))
        govern(self, due_ns);
    if (UNLIKELY(places_beyond(self, limit_word(self->runtime)) > 0))
        look_to_hand_over(self);
    look_for_help(self);
}

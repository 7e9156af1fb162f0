/* Short, talkative work with long turns in between, while somebody who holds the governor limits
 * who shares it, as often and as badly as can be, and then while the governor itself does: each
 * token makes all its hops, whoever hands over, takes, watches, sleeps and wakes. Work that was
 * handed to one that is stuck, or lies with one that sleeps, is a wait that does not end. */
#include "runtime/kernel.h"
#include "runtime/schedule/help.h"
#include "tests/stress/racer.h"

#include <stdio.h>

#define DEF_FILE "tests/stress/help.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/stress/help.def"
#include "runtime/base/schema_define.h"

enum { TALKERS = 96, PINNED_EVERY = 8, TOKENS = 256, HOPS = 1000, LONG_EVERY = 1024 };

typedef struct talker {
    char nothing;
} talker_t;

typedef struct table {
    runtime_t *runtime;
    _Atomic uint64_t refs[TALKERS];
    _Atomic uint64_t up, hops, over; /* talkers; hops made; tokens that made them all */
    _Atomic bool is_over;
    random_seed_t seed;
} table_t;

static table_t table;

#define ACTOR_DEF "tests/stress/help.def"
#define ACTOR_STATE talker_t
#include "runtime/actor_kind.h"

static uint64_t next_chance(uint64_t chance)
{
    return chance * 6364136223846793005U + 1442695040888963407U;
}

/* A long turn; some are too long for whoever watches. */
static void work_long(uint64_t chance)
{
    for (uint64_t i = 0; i < 500 + (chance >> 40) % 20000; i++)
        __builtin_ia32_pause();
}

ON(help_hop)
{
    uint64_t chance = next_chance(command->chance);
    atomic_fetch_add_explicit(&table.hops, 1, memory_order_relaxed);
    if ((chance >> 33) % LONG_EVERY == 0)
        work_long(chance);
    if (command->left == 0) {
        atomic_fetch_add(&table.over, 1);
        return ERR_OK;
    }
    uint64_t to = atomic_load(&table.refs[(chance >> 33) % TALKERS]);
    race_check(actor_send(ctx, address_of_ref((actor_ref_t){to}), help_hop,
                          .left = command->left - 1, .chance = chance) == ERR_OK,
               "a hop");
    return ERR_OK;
}

ON(help_begin)
{
    uint64_t index = atomic_fetch_add(&table.up, 1);
    atomic_store(&table.refs[index], context_self(ctx).bits);
    return ERR_OK;
}

ACTOR_KIND(help, .mailbox_max = 4 * TOKENS);
static actor_kind_t pinned_kind;

static uint64_t draw(uint64_t below)
{
    ms_random_t random = random_seeded(&table.seed);
    return random_below(&random, below);
}

/* ---- who limits ---- */

/* In the governor's place; wakes nobody for it: nothing may depend on that. */
static void limit_badly(UNUSED void *context)
{
    runtime_t *runtime = table.runtime;
    uint64_t due_ns = atomic_load(&runtime->help.due_ns);
    while (due_ns == UINT64_MAX ||
           !atomic_compare_exchange_strong(&runtime->help.due_ns, &due_ns, UINT64_MAX))
        due_ns = atomic_load(&runtime->help.due_ns);
    while (!atomic_load(&table.is_over)) {
        uint32_t host = (uint32_t)draw(runtime->scheduler_count);
        uint32_t limit = (uint32_t)draw(runtime->scheduler_count);
        atomic_store(&runtime->help.limit, limit == 0 ? 0 : help_limit_of(host, limit));
        for (uint64_t spin = draw(100000); spin > 0; spin--)
            __builtin_ia32_pause();
    }
    atomic_store(&runtime->help.limit, 0);
    atomic_store(&runtime->help.due_ns, 0);
}

/* ---- a race ---- */

static void open_table(uint32_t schedulers)
{
    table = (table_t){.seed = {schedulers}};
    pinned_kind = help_kind;
    pinned_kind.name = "pinned";
    pinned_kind.is_pinned = true;
    runtime_options_t options = {.scheduler_count = schedulers};
    race_check(runtime_new(&options, &table.runtime) == ERR_OK, "new");
    race_check(runtime_register(table.runtime, &help_kind, NULL) == ERR_OK, "register");
    race_check(runtime_register(table.runtime, &pinned_kind, NULL) == ERR_OK, "register");
    race_check(runtime_start(table.runtime) == ERR_OK, "start");
    for (uint32_t i = 0; i < TALKERS; i++) {
        char key[12];
        int size = snprintf(key, sizeof key, "%u", i);
        const char *kind = i % PINNED_EVERY == 0 ? "pinned" : "help";
        address_t to = address_of(kind, str_of(key, (size_t)size));
        race_check(runtime_send(table.runtime, to, help_begin) == ERR_OK, "begin");
    }
    race_wait(&table.up, TALKERS, "all are up");
}

static void send_round(uint64_t hops)
{
    uint64_t before = atomic_load(&table.over);
    for (uint64_t i = 0; i < TOKENS; i++) {
        actor_ref_t to = {atomic_load(&table.refs[i % TALKERS])};
        race_check(runtime_send(table.runtime, address_of_ref(to), help_hop, .left = hops - 1,
                                .chance = before + i) == ERR_OK,
                   "a token");
    }
    race_wait(&table.over, before + TOKENS, "each token makes its hops");
}

static uint64_t handed_over(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < table.runtime->scheduler_count; i++)
        sum += atomic_load(&table.runtime->schedulers[i].counters.handed_over);
    return sum;
}

/* Returns how many hops. */
static uint64_t race(uint32_t schedulers, bool is_limited_badly)
{
    uint64_t rounds = race_rounds(1);
    uv_thread_t thread;
    open_table(schedulers);
    if (is_limited_badly)
        race_check(uv_thread_create(&thread, limit_badly, NULL) == 0, "a thread");
    uint64_t made = 0;
    for (; made < rounds || (is_limited_badly && handed_over() == 0); made++)
        send_round(HOPS);
    atomic_store(&table.is_over, true);
    if (is_limited_badly)
        uv_thread_join(&thread);
    race_settle(table.runtime);
    uint64_t hops = atomic_load(&table.hops);
    race_check(hops == made * TOKENS * HOPS, "no hop is lost or made twice");
    printf("%u schedulers: %llu hops, %llu actors handed over\n", schedulers,
           (unsigned long long)hops, (unsigned long long)handed_over());
    (void)race_end(&table.runtime);
    return hops;
}

int main(void)
{
    uint64_t hops = 0;
    for (uint32_t schedulers = 2; schedulers <= 4; schedulers += 2) {
        hops += race(schedulers, true);
        hops += race(schedulers, false);
    }
    race_report(hops, "hops between schedulers that come and go");
    return 0;
}

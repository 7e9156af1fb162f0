/* Members under supervisors link, unlink, watch, kill, fail and end, in random order, while
 * everything is under way. What is checked, always:
 *
 *  1. A down is of a monitor that is still open, and each open one has its down when its target has
 *     ended for good: exactly one.
 *  2. An exit is of a link that is still there; who linked has exactly one, unless it unlinked.
 *  3. A down and an exit come after the last message of the dead one.
 *  4. Everybody that shall be there is, once nothing fails any more; after the drain nobody is.
 *  5. One seed, one history.
 *
 * MS_SEED=n replays one seed; MS_ROUNDS=n runs n times as many. */
#include "runtime/simulation.h"
#include "runtime/supervisor.h"
#include "tests/support/check.h"
#include "tests/support/faults/memory_faults.h"

#include <stdlib.h>

#define DEF_FILE "tests/sim/supervision.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/sim/supervision.def"
#include "runtime/base/schema_define.h"

enum { FAIL = 100, CHECK = 101 };
enum { MEMBERS = 9, MONITORS_MAX = 64, ACTS = 400, SEEDS = 200 };

typedef struct world {
    uint64_t seed;
    simulation_t *simulation;
    runtime_t *runtime;
    random_seed_t plan;
    uint64_t refs[MEMBERS], lives[MEMBERS];
    bool is_up[MEMBERS];
    uint64_t alive, downs, exits, last_words, checks;
} world_t;

typedef struct member {
    world_t *world;
    uint32_t index;
    uint64_t monitors[MONITORS_MAX]; /* open ones; 0: free */
    uint32_t watched[MONITORS_MAX];
    bool is_linked[MEMBERS];      /* by this side; only to a higher index */
    uint64_t heard_last[MEMBERS]; /* the life of whom it heard the last words of */
} member_t;

#define ACTOR_DEF "tests/sim/supervision.def"
#define ACTOR_STATE member_t
#define ACTOR_ALSO(X) X(actor_down) X(actor_exit)
#include "runtime/actor_kind.h"
#include "tests/support/scale.h"

static void claim(const member_t *self, bool is_true, const char *what)
{
    cr_assert(is_true, "seed %llu: member %u: %s", (unsigned long long)self->world->seed,
              self->index, what);
}

static uint32_t index_of(const world_t *world, uint64_t ref)
{
    for (uint32_t i = 0; i < MEMBERS; i++) {
        if (world->refs[i] == ref)
            return i;
    }
    return MEMBERS;
}

static void watch(member_t *self, context_t *ctx, uint32_t whom)
{
    for (size_t i = 0; i < MONITORS_MAX; i++) {
        if (self->monitors[i] == 0) {
            self->watched[i] = whom;
            self->monitors[i] = actor_monitor(ctx, (actor_ref_t){self->world->refs[whom]}).bits;
            return;
        }
    }
}

static void unwatch(member_t *self, context_t *ctx, uint32_t number)
{
    uint64_t *monitor = &self->monitors[number % MONITORS_MAX];
    actor_demonitor(ctx, (actor_monitor_t){*monitor});
    *monitor = 0;
}

/* All others have failed: nothing may be open any more. */
static void check_told(const member_t *self)
{
    for (size_t i = 0; i < MONITORS_MAX; i++)
        claim(self, self->monitors[i] == 0 || self->watched[i] == self->index,
              "a monitor without its down");
    for (size_t i = 0; i < MEMBERS; i++)
        claim(self, !self->is_linked[i], "a link without its exit");
    self->world->checks++;
}

/* Its last words to one, and who they were for in the reason. */
static void last_words(member_t *self, context_t *ctx, uint32_t whom)
{
    uint64_t life = self->world->lives[self->index];
    IGNORE_ERR(actor_send(ctx, address_of_ref((actor_ref_t){self->world->refs[whom]}), member_hear,
                          .from = self->index, .life = life)); /* it may be gone */
    char reason[64];
    snprintf(reason, sizeof reason, "to %u in %llu", whom, (unsigned long long)life);
    actor_fail(ctx, reason);
}

ON(member_act)
{
    uint32_t whom = command->whom % MEMBERS;
    actor_ref_t other = {self->world->refs[whom]};
    bool may_link = whom > self->index;
    switch (command->what) {
    case FAIL:
        actor_fail(ctx, "at the end");
    case CHECK:
        check_told(self);
        break;
    case 0:
        actor_stop(ctx);
        break;
    case 1:
        IGNORE_ERR(actor_kill(ctx, other)); /* or gone */
        break;
    case 2:
    case 3:
        if (may_link)
            actor_link(ctx, other);
        self->is_linked[whom] |= may_link;
        break;
    case 4:
        if (may_link)
            actor_unlink(ctx, other);
        self->is_linked[whom] = false;
        break;
    case 5:
        watch(self, ctx, whom);
        break;
    case 6:
        unwatch(self, ctx, command->number);
        break;
    default:
        last_words(self, ctx, whom);
    }
    return ERR_OK;
}

ON(member_hear)
{
    claim(self, self->heard_last[command->from] < command->life, "heard of a life that is over");
    self->heard_last[command->from] = command->life;
    return ERR_OK;
}

/* A reason of last_words to this member: they must have been heard. */
static void check_order(member_t *self, uint64_t ref, str_t reason)
{
    unsigned to = 0;
    unsigned long long life = 0;
    char text[128];
    (void)str_to_array(reason, text, sizeof text);
    if (sscanf(text, "failed: to %u in %llu", &to, &life) != 2 || to != self->index)
        return;
    uint32_t from = index_of(self->world, ref);
    if (from == MEMBERS)
        return; /* of a slot that it has left */
    self->world->last_words++;
    /* Not when this member was started in between: then they were heard by the one before. */
    bool is_heard = self->heard_last[from] >= life || from == self->index;
    claim(self, is_heard || self->heard_last[from] == 0, "told of an end before the last words");
}

ON(actor_down)
{
    bool is_open = false;
    for (size_t i = 0; i < MONITORS_MAX && !is_open; i++) {
        is_open = self->monitors[i] == command->monitor_bits;
        if (is_open)
            self->monitors[i] = 0;
    }
    claim(self, is_open, "a down without a monitor");
    self->world->downs++;
    check_order(self, command->ref_bits, command->reason);
    return ERR_OK;
}

ON(actor_exit)
{
    uint32_t from = index_of(self->world, command->ref_bits);
    if (from > self->index && from < MEMBERS) {
        claim(self, self->is_linked[from], "an exit without a link");
        self->is_linked[from] = false;
    }
    self->world->exits++;
    check_order(self, command->ref_bits, command->reason);
    return ERR_OK;
}

static err_t start(void *state, context_t *ctx)
{
    member_t *self = state;
    world_t *world = context_service(ctx);
    self->index = (uint32_t)context_key(ctx).data[0] - '0';
    self->world = world;
    world->alive++;
    world->lives[self->index]++;
    world->refs[self->index] = context_self(ctx).bits;
    world->is_up[self->index] = true;
    return ERR_OK;
}

static void deinit(void *state)
{
    const member_t *self = state;
    if (self->world == NULL)
        return;
    self->world->alive--;
    self->world->is_up[self->index] = false;
}

ACTOR_KIND(member, .start = start, .deinit = deinit, .traps_exits = true);

#define MEMBER(name)                                                                               \
    {                                                                                              \
        .id = name, .kind = &member_kind, .key = STR_INIT(name)                                    \
    }
#define OFTEN .intensity = 1000000, .period_ms = 1000
static const child_spec_t one_kids[] = {MEMBER("0"), MEMBER("1"), MEMBER("2")};
static const child_spec_t all_kids[] = {MEMBER("3"), MEMBER("4"), MEMBER("5")};
static const child_spec_t rest_kids[] = {MEMBER("6"), MEMBER("7"), MEMBER("8")};
static const supervisor_spec_t one = {.name = "one",
                                      OFTEN,
                                      .backoff_first_ms = 5,
                                      .backoff_max_ms = 20,
                                      .children = one_kids,
                                      .child_count = 3};
static const supervisor_spec_t all = {.name = "all",
                                      .strategy = SUPERVISOR_ONE_FOR_ALL,
                                      .intensity = 20, /* then it is started again from above */
                                      .period_ms = 100,
                                      .children = all_kids,
                                      .child_count = 3};
static const supervisor_spec_t rest = {.name = "rest",
                                       .strategy = SUPERVISOR_REST_FOR_ONE,
                                       OFTEN,
                                       .children = rest_kids,
                                       .child_count = 3};
static const child_spec_t top_kids[] = {{.id = "one", .supervisor = &one},
                                        {.id = "all", .supervisor = &all},
                                        {.id = "rest", .supervisor = &rest}};
static const supervisor_spec_t top = {.name = "top", OFTEN, .children = top_kids, .child_count = 3};

static uint32_t draw(world_t *world, uint64_t below)
{
    ms_random_t random = random_seeded(&world->plan);
    return (uint32_t)random_below(&random, below);
}

static void world_start(world_t *world, uint64_t seed)
{
    *world = (world_t){.seed = seed, .plan = {seed * 7 + 3}};
    check_ok(simulation_new(seed, &world->simulation));
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 1 + draw(world, 3),
                                              .clock = simulation_clock(world->simulation),
                                              .random = simulation_random(world->simulation),
                                              .is_simulated = true},
                         &world->runtime));
    check_ok(runtime_register(world->runtime, &member_kind, world));
    check_ok(runtime_start(world->runtime));
    simulation_attach(world->simulation, world->runtime);
    actor_ref_t ref;
    check_ok(supervisor_start(world->runtime, &top, &ref));
    simulation_settle(world->simulation);
}

static void act(world_t *world)
{
    address_t to = address_of_ref((actor_ref_t){world->refs[draw(world, MEMBERS)]});
    uint32_t what = draw(world, 8), whom = draw(world, MEMBERS);
    IGNORE_ERR(runtime_send(world->runtime, to, member_act, .what = what, /* full, or gone */
                            .whom = whom, .number = draw(world, MONITORS_MAX)));
    for (uint32_t steps = draw(world, 6); steps > 0; steps--)
        (void)simulation_step(world->simulation);
}

static bool is_everybody_up(void *context)
{
    const world_t *world = context;
    for (size_t i = 0; i < MEMBERS; i++) {
        if (!world->is_up[i])
            return false;
    }
    return true;
}

/* Member 0 stands alone under its supervisor: the others may fail without it. */
static void check_end(world_t *world)
{
    for (uint32_t i = 1; i < MEMBERS; i++)
        check_ok(runtime_send(world->runtime, address_of_ref((actor_ref_t){world->refs[i]}),
                              member_act, .what = FAIL));
    simulation_settle(world->simulation);
    cr_assert(simulation_run(world->simulation, is_everybody_up, world, 100000));
    uint64_t checks = world->checks;
    check_ok(runtime_send(world->runtime, address_of_ref((actor_ref_t){world->refs[0]}), member_act,
                          .what = CHECK));
    simulation_settle(world->simulation);
    cr_assert(world->checks == checks + 1);
}

static uint64_t run(uint64_t seed, world_t *totals)
{
    world_t world;
    world_start(&world, seed);
    for (int i = 0; i < ACTS; i++)
        act(&world);
    simulation_settle(world.simulation);
    cr_assert(simulation_run(world.simulation, is_everybody_up, &world, 100000),
              "seed %llu: not everybody is up again", (unsigned long long)seed);
    check_end(&world);
    uint64_t fingerprint = simulation_fingerprint(world.simulation);

    check_ok(runtime_drain(world.runtime, 10000));
    runtime_stats_t stats;
    runtime_stats(world.runtime, &stats);
    cr_assert(stats.actors == 0 && world.alive == 0, "seed %llu: %llu are left",
              (unsigned long long)seed, (unsigned long long)stats.actors);
    totals->downs += world.downs;
    totals->exits += world.exits;
    totals->last_words += world.last_words;
    runtime_free(world.runtime);
    simulation_free(world.simulation);
    return fingerprint;
}

Test(sim_supervision, everybody_is_told_once_in_order_and_comes_back)
{
    uint64_t only = scale_number("MS_SEED", 0);
    uint64_t last = only != 0 ? only : SEEDS * scale_rounds();
    static world_t totals;

    for (uint64_t seed = only != 0 ? only : 1; seed <= last; seed++)
        (void)run(seed, &totals);

    if (only == 0)
        cr_assert(totals.downs > last && totals.exits > last && totals.last_words > last,
                  "the runs are as rough as they should be: %llu %llu %llu",
                  (unsigned long long)totals.downs, (unsigned long long)totals.exits,
                  (unsigned long long)totals.last_words);
}

Test(sim_supervision, one_seed_is_one_history)
{
    static world_t totals;
    for (uint64_t seed = 1000; seed < 1010; seed++) {
        uint64_t first = run(seed, &totals);
        cr_assert(eq(u64, run(seed, &totals), first));
        cr_assert(ne(u64, run(seed + 100, &totals), first));
    }
}

/* A tree that starts, fails twice in each group, and ends, with the nth allocation failing. */
static void run_without_memory(world_t *world)
{
    runtime_options_t options = {.scheduler_count = 2,
                                 .clock = simulation_clock(world->simulation),
                                 .random = simulation_random(world->simulation),
                                 .is_simulated = true};
    actor_ref_t ref;
    if (runtime_new(&options, &world->runtime) != ERR_OK)
        return;
    if (runtime_register(world->runtime, &member_kind, world) != ERR_OK ||
        runtime_start(world->runtime) != ERR_OK)
        return;
    simulation_attach(world->simulation, world->runtime);
    if (supervisor_start(world->runtime, &top, &ref) != ERR_OK)
        return;
    simulation_settle(world->simulation);
    for (uint32_t i = 0; i < MEMBERS; i += 2) {
        IGNORE_ERR(runtime_send(world->runtime, address_of_ref((actor_ref_t){world->refs[i]}),
                                member_act, .what = FAIL)); /* or it does not run */
        simulation_settle(world->simulation);
    }
    (void)memory_faults_arm(false);
    check_ok(runtime_drain(world->runtime, 5000));
}

Test(sim_supervision, without_memory_a_tree_fails_or_stands_and_ends_all_the_same)
{
    bool has_failed = true;
    uint64_t nth = 0;
    while (has_failed && nth < 5000) {
        nth++;
        int64_t live = memory_faults_live();
        world_t world = {.seed = nth};
        check_ok(simulation_new(nth, &world.simulation));
        memory_faults_reset();
        memory_faults_choose(&nth, 1);
        (void)memory_faults_arm(true);

        run_without_memory(&world);

        (void)memory_faults_arm(false);
        has_failed = memory_faults_failed() > 0;
        runtime_free(world.runtime);
        simulation_free(world.simulation);
        cr_assert(world.alive == 0, "allocation %llu", (unsigned long long)nth);
        cr_assert(memory_faults_live() == live, "allocation %llu: %lld blocks are left",
                  (unsigned long long)nth, (long long)(memory_faults_live() - live));
    }
    memory_faults_reset();
    cr_assert(nth > 50 && nth < 5000, "%llu allocations", (unsigned long long)nth);
}

/* An actor that fails at every step of a long handler, from below frames that own things: all that
 * it held is given back (by the count of blocks, and under AddressSanitizer), who asked is told,
 * and the next message finds a fresh one. Then the same with every allocation failing in turn. */
#include "runtime/base/json.h"
#include "runtime/base/memory.h"
#include "runtime/simulation.h"
#include "tests/support/check.h"
#include "tests/support/faults/memory_faults.h"

#define DEF_FILE "tests/sim/failing.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/sim/failing.def"
#include "runtime/base/schema_define.h"

enum { STEPS = 24 };

typedef struct world {
    uint64_t opened, cleaned; /* by frames of the handler */
    uint64_t answers;
    err_t err;
    bool has_finished;
    actor_kind_t child;
} world_t;

typedef struct failing {
    world_t *world;
    uint32_t steps; /* until it fails */
    buf_t held;     /* of the state: freed by deinit */
} failing_t;

#define ACTOR_DEF "tests/sim/failing.def"
#define ACTOR_STATE failing_t
#define ACTOR_ALSO(X) X(actor_down) X(actor_exit)
#include "runtime/actor_kind.h"

static void clean(world_t **world)
{
    (*world)->cleaned++;
}

/* Each call is a place where it may fail. */
static void step(failing_t *self, context_t *ctx)
{
    if (self->steps-- == 0)
        actor_fail(ctx, "at this step");
}

static void on_answer(UNUSED void *self, UNUSED context_t *ctx, UNUSED const answer_t *answer,
                      UNUSED void *data, UNUSED size_t data_size)
{
}

static err_t work(UNUSED void *data, UNUSED size_t data_size)
{
    return ERR_OK;
}

static void on_work(UNUSED void *self, UNUSED context_t *ctx, UNUSED err_t err, UNUSED void *data,
                    UNUSED size_t data_size)
{
}

static void start_others(failing_t *self, context_t *ctx)
{
    world_t *cleaned SCOPED(clean) = self->world;
    self->world->opened++;
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    actor_ref_t child = {0}, linked = {0};
    json_object_begin(&json);
    step(self, ctx);
    IGNORE_ERR(actor_spawn(ctx, &self->world->child, STR("a child with a name"), &child));
    step(self, ctx);
    IGNORE_ERR(actor_spawn_linked(ctx, &self->world->child, STR("child"), &linked));
    step(self, ctx);
    (void)actor_monitor(ctx, child);
    actor_monitor_t monitor = actor_monitor(ctx, linked);
    step(self, ctx);
    actor_demonitor(ctx, monitor);
    actor_link(ctx, child);
    step(self, ctx);
    actor_unlink(ctx, linked);
    (void)actor_link_at(ctx, address_of("failing", STR("other")));
    json_object_end(&json);
    step(self, ctx);
    (void)cleaned;
}

static void wait_for_others(failing_t *self, context_t *ctx)
{
    world_t *cleaned SCOPED(clean) = self->world;
    self->world->opened++;
    char *owned MEMORY_SCOPED = memory_new(100);
    step(self, ctx);
    actor_ask(ctx, address_of("failing", STR("other")), 1000, on_answer, "data", 4,
              failing_silence);
    step(self, ctx);
    actor_offload(ctx, OFFLOAD_COMPUTE, work, on_work, "job", 3);
    step(self, ctx);
    actor_timer_t timer = actor_timer_start(ctx, 10, 10, failing_tick);
    (void)actor_timer_start(ctx, 5, 0, failing_tick);
    step(self, ctx);
    actor_timer_cancel(ctx, timer);
    IGNORE_ERR(actor_subscribe(ctx, STR("topic")));
    step(self, ctx);
    start_others(self, ctx);
    (void)owned, (void)cleaned;
    step(self, ctx);
}

ON(failing_go)
{
    world_t *cleaned SCOPED(clean) = self->world;
    self->world->opened++;
    self->steps = command->steps;
    step(self, ctx);
    buf_printf(&self->held, "%s", "what the state owns");
    (void)actor_memory_new(ctx, 1000);
    str_t text = arena_printf(context_arena(ctx), "%s", "in the arena of the call");
    step(self, ctx);
    err_t err = actor_reply(ctx, failing_done, .text = text);
    step(self, ctx);
    actor_publish(ctx, STR("topic"), failing_done, .text = text);
    step(self, ctx);
    IGNORE_ERR(actor_send(ctx, address_of("failing", context_key(ctx)), failing_tick));
    IGNORE_ERR(actor_exit(ctx, context_self(ctx), "normal"));
    step(self, ctx);
    wait_for_others(self, ctx);
    step(self, ctx);
    (void)cleaned;
    self->world->has_finished = true;
    return err;
}

ON(failing_tick)
{
    return ERR_OK;
}

ON(failing_silence)
{
    (void)actor_reply_later(ctx);
    return ERR_OK;
}

ON(actor_down)
{
    return ERR_OK;
}

ON(actor_exit)
{
    return ERR_OK;
}

static err_t start(void *state, context_t *ctx)
{
    failing_t *self = state;
    self->world = context_service(ctx);
    return ERR_OK;
}

static void deinit(void *state)
{
    failing_t *self = state;
    buf_deinit(&self->held);
}

ACTOR_KIND(failing, .start = start, .deinit = deinit, .remembers = 4, .restarts_max = 1000000);

static void on_reply(void *context, const answer_t *answer)
{
    world_t *world = context;
    world->answers++;
    world->err = answer->err;
}

static bool is_answered(void *context)
{
    const world_t *world = context;
    return world->answers > 0;
}

/* What can't be made for want of memory is left out: false. */
static bool play(runtime_t *runtime, simulation_t *simulation, world_t *world, uint32_t steps)
{
    world->child = failing_kind;
    world->child.service = world;
    if (runtime_register(runtime, &failing_kind, world) != ERR_OK ||
        runtime_start(runtime) != ERR_OK)
        return false;
    simulation_attach(simulation, runtime);
    (void)edge_ask(runtime_edge(runtime, 0), address_of("failing", STR("one")), 2000, STR(""),
                   on_reply, world, failing_go, .steps = steps);
    (void)simulation_run(simulation, is_answered, world, 100000);
    simulation_settle(simulation);
    return true;
}

static void run(world_t *world, uint32_t steps)
{
    simulation_t *simulation = NULL;
    runtime_t *runtime = NULL;
    if (simulation_new(steps + 1, &simulation) != ERR_OK)
        return;
    runtime_options_t options = {.scheduler_count = 2,
                                 .clock = simulation_clock(simulation),
                                 .random = simulation_random(simulation),
                                 .is_simulated = true};
    if (runtime_new(&options, &runtime) == ERR_OK && play(runtime, simulation, world, steps)) {
        bool was_armed =
            memory_faults_arm(false); /* an end that waits for memory is another test */
        check_ok(runtime_drain(runtime, 5000));
        (void)memory_faults_arm(was_armed);
    }
    runtime_free(runtime);
    simulation_free(simulation);
}

Test(sim_failing, at_every_step_everything_is_given_back)
{
    uint32_t finished = 0;
    for (uint32_t steps = 0; steps < STEPS; steps++) {
        int64_t live = memory_faults_live();
        world_t world = {0};

        run(&world, steps);

        cr_expect(memory_faults_live() == live, "step %u: %lld blocks are left", steps,
                  (long long)(memory_faults_live() - live));
        cr_expect(eq(u64, world.opened, world.cleaned));
        cr_expect(eq(u64, world.answers, 1));
        cr_expect(world.err == (world.has_finished ? ERR_OK : ERR_INTERNAL), "step %u: %s", steps,
                  err_name(world.err));
        finished += world.has_finished;
    }
    cr_expect(finished > 0 && finished < STEPS / 2, "%u were not told to fail", finished);
}

Test(sim_failing, whichever_allocation_fails_everything_is_given_back)
{
    static const uint32_t steps[] = {3, 9, 15, STEPS};
    uint64_t tried = 0;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        bool has_failed = true;
        for (uint64_t nth = 1; has_failed && nth < 2000; nth++) {
            int64_t live = memory_faults_live();
            world_t world = {0};
            memory_faults_reset();
            memory_faults_choose(&nth, 1);
            (void)memory_faults_arm(true);

            run(&world, steps[i]);

            (void)memory_faults_arm(false);
            has_failed = memory_faults_failed() > 0;
            tried += has_failed;
            cr_assert(memory_faults_live() == live, "allocation %llu: %lld blocks are left",
                      (unsigned long long)nth, (long long)(memory_faults_live() - live));
            cr_assert(world.opened == world.cleaned, "allocation %llu", (unsigned long long)nth);
        }
        cr_assert(has_failed == false, "an end is reached");
    }
    memory_faults_reset();
    cr_assert(tried > 100, "%llu allocations failed", (unsigned long long)tried);
}

/* How often an actor may fail: as often within any period as its kind says, wherever that begins.
 */
#include "runtime/simulation.h"
#include "tests/support/actors/toy.h"
#include "tests/support/check.h"

typedef struct world {
    simulation_t *simulation;
    runtime_t *runtime;
    toy_world_t toy;
    bool is_over, is_answered;
    err_t err;
} world_t;

static void on_time(void *context)
{
    ((world_t *)context)->is_over = true;
}

static bool is_over(void *context)
{
    return ((const world_t *)context)->is_over;
}

static void pass(world_t *world, uint64_t ms)
{
    world->is_over = false;
    simulation_after(world->simulation, ms, on_time, world);
    cr_assert(simulation_run(world->simulation, is_over, world, 10000));
}

static void on_answer(void *context, const answer_t *answer)
{
    world_t *world = context;
    world->is_answered = true;
    world->err = answer->err;
}

static bool is_answered(void *context)
{
    return ((const world_t *)context)->is_answered;
}

static err_t ask_message(world_t *world, const schema_t *schema, const void *message)
{
    world->is_answered = false;
    edge_ask_message(runtime_edge(world->runtime, 0), address_of("toy", STR("a")), 1000, STR(""),
                     on_answer, world, schema, message);
    cr_assert(simulation_run(world->simulation, is_answered, world, 10000));
    return world->err;
}

#define ask(world, command) ask_message((world), &command##_schema, &(command##_t){})

static void world_init(world_t *world)
{
    *world = (world_t){.is_over = false};
    check_ok(simulation_new(1, &world->simulation));
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = simulation_clock(world->simulation),
                                 .random = simulation_random(world->simulation),
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &world->runtime));
    check_ok(runtime_register(world->runtime, &toy_kind, &world->toy));
    check_ok(runtime_start(world->runtime));
    simulation_attach(world->simulation, world->runtime);
}

static void world_deinit(world_t *world)
{
    simulation_detach(world->simulation, world->runtime);
    runtime_free(world->runtime);
    simulation_free(world->simulation);
}

/* toy: 3 within 60 s. */
Test(sim_intensity, the_period_begins_with_any_failure)
{
    world_t world;
    world_init(&world);

    check_err(ask(&world, toy_fail), ERR_INTERNAL);
    pass(&world, 58000);
    check_err(ask(&world, toy_fail), ERR_INTERNAL);
    check_err(ask(&world, toy_fail), ERR_INTERNAL);
    pass(&world, 4000); /* the first is a minute ago */
    check_err(ask(&world, toy_fail), ERR_INTERNAL);
    check_ok(ask(&world, toy_count));
    check_err(ask(&world, toy_fail), ERR_INTERNAL); /* the fourth in five seconds */
    check_err(ask(&world, toy_count), ERR_UNAVAILABLE);
    world_deinit(&world);
}

Test(sim_intensity, who_is_well_for_a_period_may_fail_as_often_again)
{
    world_t world;
    world_init(&world);

    for (int times = 0; times < 3; times++) {
        for (int i = 0; i < 3; i++)
            check_err(ask(&world, toy_fail), ERR_INTERNAL);
        check_ok(ask(&world, toy_count));
        pass(&world, 60001);
    }
    world_deinit(&world);
}

#include "runtime/kernel.h"
#include "tests/support/actors/pipe.h"
#include "tests/support/actors/scene.h"

static const actor_kind_t *const kinds[] = {&source_kind, &sink_kind};
static pipe_world_t world;
static const address_t source = {"source", {"a", 1}, {0}}, sink = {"sink", {"a", 1}, {0}};

static void begin(scene_t *scene, uint64_t seed)
{
    memset(&world, 0, sizeof world);
    scene_begin(
        scene, &(scene_options_t){
                   .seed = seed, .kinds = kinds, .kind_count = COUNT_OF(kinds), .service = &world});
}

Test(stream, all_arrives_in_order_and_no_more_is_under_way_than_the_window)
{
    static const uint32_t windows[] = {1, 2, 3, 64, STREAM_WINDOW_MAX};
    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        for (uint64_t seed = 1; seed <= 20; seed++) {
            scene_t scene;
            begin(&scene, seed);

            check_ok(scene_send(&scene, source, pipe_start, .items = 500, .window = windows[i]));
            scene_settle(&scene);

            cr_assert(world.got == 500 && world.wrong == 0, "window %u: %llu", windows[i],
                      (unsigned long long)world.got);
            cr_assert(world.underway_max <= windows[i] && world.underway_max > windows[i] / 4);
            cr_assert(world.in_ends == 1 && world.last_err == ERR_OK);
            scene_end(&scene);
        }
    }
}

Test(stream, a_window_that_is_none_is_refused)
{
    scene_t scene;
    begin(&scene, 1);

    check_err(scene_asked(&scene, source, pipe_start, .items = 1, .window = 0).err, ERR_INVALID);
    check_err(
        scene_asked(&scene, source, pipe_start, .items = 1, .window = STREAM_WINDOW_MAX + 1).err,
        ERR_INVALID);
    scene_end(&scene);
}

Test(stream, a_consumer_that_gives_up_ends_it_and_says_why)
{
    scene_t scene;
    begin(&scene, 1);
    world.stops_at_ten = true;

    check_ok(scene_send(&scene, source, pipe_start, .items = 500, .window = 8));
    scene_settle(&scene);

    cr_assert(world.out_ends == 1 && world.last_err == ERR_FULL);
    cr_assert(world.got >= 10 && world.got <= 10 + 8 && world.wrong == 0);
    scene_end(&scene);
}

/* Either side dies somewhere on the way: the other hears of it once, and a new stream works. */
Test(stream, the_death_of_either_side_ends_it_for_the_other)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        scene_t scene;
        begin(&scene, seed);

        check_ok(scene_send(&scene, source, pipe_start, .items = 300, .window = 4));
        for (uint64_t i = 0; i < seed; i++)
            (void)simulation_step(scene.simulation);
        uint64_t is_over = world.sent == 300 ? 1 : 0;
        check_ok(scene_send(&scene, seed % 2 == 0 ? source : sink, pipe_break));
        scene_settle(&scene);
        cr_assert(world.out_ends + world.in_ends <= 1 + is_over, "seed %llu",
                  (unsigned long long)seed);
        uint64_t before = world.got;
        check_ok(scene_send(&scene, source, pipe_start, .items = 20, .window = 4));
        scene_settle(&scene);

        cr_assert(world.got == before + 20, "seed %llu: %llu of the next stream",
                  (unsigned long long)seed, (unsigned long long)(world.got - before));
        scene_end(&scene);
    }
}

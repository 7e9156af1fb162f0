#include "tests/support/actors/scene.h"
#include "tests/support/actors/toy.h"

static const actor_kind_t *const kinds[] = {&toy_kind};
static toy_world_t world;

static void begin(scene_t *scene)
{
    memset(&world, 0, sizeof world);
    scene_begin(scene,
                &(scene_options_t){.seed = 1, .kinds = kinds, .kind_count = 1, .service = &world});
    check_ok(
        scene_asked(scene, address_of("toy", STR("a")), toy_timer, .delay_ms = 10, .period_ms = 10)
            .err);
}

/* The clock is ahead of the wheel by what was skipped, so each time comes late by that. */
Test(timers, a_period_does_not_drift_and_leaves_out_what_it_missed)
{
    static const struct {
        const char *what;
        uint64_t late_ms, ticks;
    } cases[] = {
        {"in time", 0, 40},
        {"a little late", 3, 40},
        {"just before the next", 9, 40},
        {"as late as the next: every other is left out", 10, 20},
        {"three are missed each time", 35, 10},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        scene_t scene;
        begin(&scene);

        scene_skip(&scene, cases[i].late_ms);
        scene_pass(&scene, 400);

        uint64_t ticks = atomic_load(&world.ticks);
        cr_expect(ticks + 1 >= cases[i].ticks && ticks <= cases[i].ticks + 1, "%s: %llu ticks",
                  cases[i].what, (unsigned long long)ticks);
        scene_end(&scene);
    }
}

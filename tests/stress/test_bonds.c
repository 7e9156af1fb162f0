/* Actors that spawn, link, watch, unlink and kill children which end by themselves meanwhile, on
 * several schedulers: each monitor has its one down. */
#include "tests/stress/racer.h"

#include <sched.h>
#include <stdio.h>

enum { ROUNDS = 1500, NAMES = 12, CHILDREN = 6 };

static void tell(race_thread_t *self)
{
    char room[12];
    for (uint64_t i = 0; i < self->rounds; i++) {
        err_t err = runtime_send(self->runtime, race_name(self, "stay", NAMES, room), racer_bind,
                                 .count = CHILDREN);
        if (err == ERR_BUSY || i % 8 == 0)
            sched_yield();
    }
}

int main(void)
{
    static racer_world_t world;
    runtime_t *runtime = race_start(&world, 3);
    do
        race_run(runtime, &world, race_rounds(ROUNDS), tell);
    while (race_goes_on(5 * atomic_load(&world.monitors)));
    race_settle(runtime);
    race_check(atomic_load(&world.monitors) > ROUNDS, "there were children");
    race_wait(&world.downs, atomic_load(&world.monitors), "each monitor has its one down");
    race_end(&runtime);
    race_report(5 * atomic_load(&world.monitors),
                "children spawned, linked, watched, ended and heard of");
    return 0;
}

/* Timers that are started and cancelled by actors which wander between schedulers, and asks whose
 * answers race their deadlines: a cancelled timer does not ring, each of the others rings once, and
 * each ask ends once. */
#include "tests/stress/racer.h"

#include <sched.h>
#include <stdio.h>

enum { ROUNDS = 20000, NAMES = 32, TIMERS = 6 };

static _Atomic uint64_t timers;

static void tell(race_thread_t *self)
{
    char room[12], other[12];
    for (uint64_t i = 0; i < self->rounds; i++) {
        address_t to = race_name(self, "stay", NAMES, room);
        str_t whom = race_name(self, "stay", NAMES, other).key;
        err_t err = ERR_OK;
        switch (race_draw(self, 3)) {
        case 0:
            err = runtime_send(self->runtime, to, racer_time, .count = TIMERS);
            if (err == ERR_OK)
                atomic_fetch_add(&timers, TIMERS / 2);
            break;
        case 1:
            err = runtime_send(self->runtime, to, racer_ask, .to = whom,
                               .timeout_ms = 1 + (uint32_t)race_draw(self, 3));
            break;
        default:
            err = runtime_send(self->runtime, to, racer_ask, .to = whom, .timeout_ms = 1,
                               .is_silent = true);
        }
        if (err == ERR_BUSY || i % 64 == 0)
            sched_yield();
    }
}

/* Every other timer is cancelled. */
static uint64_t operations(racer_world_t *world)
{
    return 4 * atomic_load(&timers) + 2 * atomic_load(&world->asked);
}

int main(void)
{
    static racer_world_t world;
    runtime_t *runtime = race_start(&world, 3);
    do
        race_run(runtime, &world, race_rounds(ROUNDS), tell);
    while (race_goes_on(operations(&world)));
    race_settle(runtime);
    race_wait(&world.ticks, atomic_load(&timers), "each timer that is not cancelled rings once");
    race_wait(&world.answered, atomic_load(&world.asked), "each ask ends once");
    race_end(&runtime);
    race_report(operations(&world),
                "timers armed, cancelled and rung; asks, their deadlines and answers");
    return 0;
}

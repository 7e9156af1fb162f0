/* Jobs on full lanes, of actors that stay and of actors that stop or fail meanwhile: who stays gets
 * each of its jobs back once, run or refused; the rest is freed, and a drain waits for what runs.
 */
#include "tests/stress/racer.h"

#include <sched.h>
#include <stdio.h>

enum { ROUNDS = 4000, NAMES = 16, JOBS = 6 };

static void tell_who_stays(race_thread_t *self)
{
    char room[12];
    for (uint64_t i = 0; i < self->rounds; i++) {
        err_t err = runtime_send(self->runtime, race_name(self, "stay", NAMES, room), racer_work,
                                 .count = JOBS);
        if (err == ERR_BUSY || i % 16 == 0)
            sched_yield();
    }
}

static void tell_who_ends(race_thread_t *self)
{
    char room[12];
    for (uint64_t i = 0; i < self->rounds; i++) {
        address_t to = race_name(self, "racer", NAMES, room);
        err_t err = runtime_send(self->runtime, to, racer_work, .count = JOBS);
        if (err == ERR_OK && race_draw(self, 2) == 0)
            err = runtime_send(self->runtime, to, racer_end, .is_failure = i % 2 == 0);
        if (err == ERR_BUSY || i % 16 == 0)
            sched_yield();
    }
}

int main(void)
{
    static racer_world_t world;
    runtime_t *runtime = race_start(&world, 3);
    do
        race_run(runtime, &world, race_rounds(ROUNDS), tell_who_stays);
    while (race_goes_on(2 * atomic_load(&world.jobs)));
    race_settle(runtime);
    race_check(atomic_load(&world.jobs) > 0, "there were jobs");
    race_wait(&world.worked, atomic_load(&world.jobs), "each job comes back once");
    race_run(runtime, &world, race_rounds(ROUNDS), tell_who_ends);
    race_end(&runtime);
    race_check(atomic_load(&world.worked) <= atomic_load(&world.jobs), "none comes back twice");
    race_report(2 * atomic_load(&world.jobs), "jobs offered and given back");
    return 0;
}

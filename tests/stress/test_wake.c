/* The sleep and wake handshake: threads of the outside bring one piece of work at a time to
 * schedulers that are about to sleep, asleep, or just awake, and wait until it is done. A wake-up
 * that gets lost is a wait that does not end. */
#include "tests/stress/racer.h"

#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 15000, SCHEDULERS = 3, LOST_AFTER_S = 30 };

static void done(void *context)
{
    sem_post(context);
}

static void wait_for(sem_t *sem)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LOST_AFTER_S;
    race_check(sem_timedwait(sem, &until) == 0, "nobody sleeps while there is work");
}

static void bring(race_thread_t *self)
{
    sem_t sem;
    sem_init(&sem, 0, 0);
    char room[12];
    for (uint64_t i = 0; i < self->rounds; i++) {
        edge_t *edge = runtime_edge(self->runtime, (uint32_t)race_draw(self, SCHEDULERS));
        race_check(edge_post(edge, done, &sem) == ERR_OK, "a post");
        if (race_draw(self, 2) == 0) { /* an actor becomes ready beside it */
            address_t to = race_name(self, "stay", 8, room);
            (void)(runtime_send(self->runtime, to, racer_time, .count = 1) == ERR_OK);
        }
        wait_for(&sem);
        for (uint64_t spin = race_draw(self, 2000); spin > 0; spin--)
            __builtin_ia32_pause(); /* so that they are at every point of going to sleep */
    }
    sem_destroy(&sem);
}

int main(void)
{
    static racer_world_t world;
    runtime_t *runtime = race_start(&world, SCHEDULERS);
    race_run(runtime, &world, race_rounds_of(ROUNDS, RACE_THREADS), bring);
    race_end(&runtime);
    race_report(race_rounds_of(ROUNDS, RACE_THREADS) * RACE_THREADS,
                "pieces of work for who may be asleep");
    return 0;
}

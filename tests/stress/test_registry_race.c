/* Threads send to names and to references of activations that are passivated, stop, fail and are
 * recycled all the while: every message is handled by whom it is for, or counted. */
#include "tests/stress/racer.h"

#include <sched.h>
#include <stdio.h>

enum { ROUNDS = 150000, NAMES = 48 };

static void to_reference(race_thread_t *self)
{
    uint64_t ref = atomic_load(&self->world->refs[race_draw(self, RACER_REFS)]);
    if (ref != 0)
        (void)(runtime_send(self->runtime, address_of_ref((actor_ref_t){ref}), racer_note,
                            .sender = self->index, .ref = ref) == ERR_OK);
}

static void send_all(race_thread_t *self)
{
    char room[12];
    for (uint64_t i = 0; i < self->rounds; i++) {
        address_t to = race_name(self, "racer", NAMES, room);
        uint64_t what = race_draw(self, 64);
        err_t err = ERR_OK;
        if (what < 3)
            err = runtime_send(self->runtime, to, racer_end, .is_failure = what == 0);
        else if (what < 24)
            to_reference(self);
        else
            err = runtime_send(self->runtime, to, racer_note, .sender = self->index, .number = i);
        if (err == ERR_BUSY)
            sched_yield();
    }
}

int main(void)
{
    static racer_world_t world;
    runtime_t *runtime = race_start(&world, 3);
    do
        race_run(runtime, &world, race_rounds(ROUNDS), send_all);
    while (race_goes_on(race_sent(runtime)));
    uint64_t sent = race_end(&runtime);
    race_check(atomic_load(&world.next_ref) > 10 * NAMES, "there were activations enough");
    race_report(sent, "messages to names and references");
    return 0;
}

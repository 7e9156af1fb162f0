/* A runtime that is drained while every edge asks, threads send and jobs run, again and again: each
 * ask ends exactly once, and the drain is always done in time. */
#include "tests/stress/racer.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 60, SCHEDULERS = 3, OPEN = 16, NAMES = 16 };

typedef struct client {
    edge_t *edge;
    racer_world_t *world;
    uint32_t next;
    _Atomic bool *is_over;
} client_t;

static void ask_one(client_t *self);

static void on_answer(void *context, const answer_t *answer)
{
    client_t *self = context;
    atomic_fetch_add(&self->world->answered, 1);
    if (answer->err != ERR_UNAVAILABLE && !atomic_load(self->is_over))
        ask_one(self);
}

static void ask_one(client_t *self)
{
    char room[12];
    snprintf(room, sizeof room, "%u", self->next++ % NAMES);
    address_t to = address_of(self->next % 3 == 0 ? "stay" : "racer", str_from(room));
    atomic_fetch_add(&self->world->asked, 1);
    edge_ask(self->edge, to, 30000, STR(""), on_answer, self, racer_echo, .number = self->next);
}

static void begin(void *context)
{
    client_t *self = context;
    for (uint32_t i = 0; i < OPEN; i++)
        ask_one(self);
}

static void send_some(race_thread_t *self)
{
    char room[12];
    err_t err = ERR_OK;
    for (uint64_t i = 0; i < self->rounds && err != ERR_UNAVAILABLE; i++) {
        address_t to = race_name(self, "racer", NAMES, room);
        err = i % 8 == 0 ? runtime_send(self->runtime, to, racer_work, .count = 2)
                         : runtime_send(self->runtime, to, racer_note, .number = i);
    }
}

static uint64_t round_of(uint64_t number)
{
    static client_t clients[SCHEDULERS];
    racer_world_t world;
    memset(&world, 0, sizeof world);
    _Atomic bool is_over = false;
    runtime_t *runtime = race_start(&world, SCHEDULERS);
    for (uint32_t i = 0; i < SCHEDULERS; i++) {
        clients[i] = (client_t){.edge = runtime_edge(runtime, i),
                                .world = &world,
                                .next = i * 100,
                                .is_over = &is_over};
        race_check(edge_post(clients[i].edge, begin, &clients[i]) == ERR_OK, "a post");
    }
    race_run(runtime, &world, number % 7 * race_rounds(40), send_some);
    uint64_t sent = race_end(&runtime);
    race_check(atomic_load(&world.asked) == atomic_load(&world.answered),
               "each ask ends exactly once");
    return sent;
}

int main(void)
{
    uint64_t sent = 0;
    for (uint64_t i = 0; i < race_rounds(ROUNDS) || race_goes_on(sent); i++)
        sent += round_of(i);
    race_report(sent, "messages to a node that drains");
    return 0;
}

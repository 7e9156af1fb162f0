/* Jobs that are cancelled while lanes are full, take them up and give them back, by the actor that
 * asked, on its way of failing and stopping, and by the outside: each comes back once, what ran was
 * not cancelled before, and what was cancelled before it began never runs. */
#include "tests/stress/racer.h"

#include <sched.h>

enum { ROUNDS = 1500, NAMES = 12, JOBS = 8 };

static void cancel(race_thread_t *self)
{
    char room[12];
    for (uint64_t i = 0; i < self->rounds; i++) {
        address_t to = race_name(self, i % 4 == 0 ? "racer" : "stay", NAMES, room);
        err_t err = runtime_send(self->runtime, to, racer_cancel, .count = JOBS);
        if (err == ERR_OK && i % 8 == 0)
            err = runtime_send(self->runtime, to, racer_end, .is_failure = i % 16 == 0);
        if (err == ERR_BUSY || i % 16 == 0)
            sched_yield();
    }
}

/* Jobs of the edges: begun there, cancelled there, at any moment. */
typedef struct edge_client {
    edge_t *edge;
    racer_world_t *world;
    uint32_t left, open;
    uint64_t last;
    uv_sem_t *is_done;
    _Atomic uint64_t ran;
} edge_client_t;

static err_t work(void *data)
{
    edge_client_t *self = data;
    atomic_fetch_add(&self->ran, 1);
    return ERR_OK;
}

static void next_job(edge_client_t *self);

static void on_worked(void *data, err_t err)
{
    edge_client_t *self = data;
    race_check(err == ERR_OK || err == ERR_CANCELLED || err == ERR_BUSY, "an end that a job has");
    atomic_fetch_add(&self->world->worked, 1);
    if (err == ERR_OK)
        atomic_fetch_add(&self->world->ticks, 1);
    self->open--;
    next_job(self);
}

static void next_job(edge_client_t *self)
{
    while (self->left > 0 && self->open < JOBS) {
        offload_options_t options = {.lane = (offload_lane_t)(self->left % OFFLOAD_LANES)};
        self->left--;
        self->open++;
        atomic_fetch_add(&self->world->jobs, 1);
        uint64_t ticket = edge_offload_with(self->edge, &options, work, on_worked, self);
        edge_offload_cancel(self->edge, self->left % 2 == 0 ? ticket : self->last);
        self->last = ticket;
    }
    if (self->left == 0 && self->open == 0)
        uv_sem_post(self->is_done);
}

static void begin(void *context)
{
    next_job(context);
}

static void run_edges(runtime_t *runtime, racer_world_t *world)
{
    edge_client_t clients[RACE_THREADS];
    uv_sem_t is_done;
    uint64_t ran = 0, before = atomic_load(&world->ticks);
    uv_sem_init(&is_done, 0);
    for (uint32_t i = 0; i < RACE_THREADS; i++) {
        clients[i] = (edge_client_t){.edge = runtime_edge(runtime, i),
                                     .world = world,
                                     .left = (uint32_t)race_rounds(ROUNDS) * JOBS,
                                     .is_done = &is_done};
        race_check(edge_post(clients[i].edge, begin, &clients[i]) == ERR_OK, "a post");
    }
    for (uint32_t i = 0; i < RACE_THREADS; i++)
        uv_sem_wait(&is_done);
    for (uint32_t i = 0; i < RACE_THREADS; i++)
        ran += atomic_load(&clients[i].ran);
    race_check(ran == atomic_load(&world->ticks) - before,
               "what ran is done, and nothing else ran");
    uv_sem_destroy(&is_done);
}

int main(void)
{
    static racer_world_t world;
    runtime_t *runtime = race_start(&world, RACE_THREADS);
    do {
        run_edges(runtime, &world);
        race_check(atomic_load(&world.worked) == atomic_load(&world.jobs), "each comes back once");
    } while (race_goes_on(3 * atomic_load(&world.jobs)));
    uint64_t jobs = atomic_load(&world.jobs);
    do
        race_run(runtime, &world, race_rounds(ROUNDS), cancel);
    while (race_goes_on(3 * (atomic_load(&world.jobs) - jobs)));
    race_end(&runtime);
    race_check(atomic_load(&world.worked) <= atomic_load(&world.jobs), "none comes back twice");
    race_report(3 * atomic_load(&world.jobs), "jobs offered, cancelled and given back");
    return 0;
}

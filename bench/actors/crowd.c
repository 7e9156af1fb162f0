/* Big, scatter, spawn and skynet: many actors. */

#include "bench/actors/actors.h"

enum {
    BIG_ACTORS = 1024,
    SCATTER_WORKERS = 64,
    SPAWN_BATCH = 128,  /* a message */
    SPAWN_AHEAD = 2048, /* alive before the collector has heard of them */
    SPAWN_CREDIT = 256, /* what the collector grants at once */
    SKYNET_BRANCHES = 10
};

static struct {
    uint64_t actors[BIG_ACTORS], workers[SCATTER_WORKERS];
    _Atomic uint64_t left;
} crowd;

/* ---- big: everyone asks somebody by chance, waits, and asks the next ---- */

typedef struct talker {
    uint64_t rounds;
    uint32_t chance;
} talker_t;

static void talker_next(talker_t *self, context_t *ctx)
{
    self->chance = self->chance * 1664525U + 1013904223U;
    self->rounds--;
    SEND(crowd.actors[(self->chance >> 16) % BIG_ACTORS], ping, .from = SELF());
}

HANDLER(talker, task)
{
    self->chance = (uint32_t)message->peer * 7919U;
    self->rounds = message->rounds;
    return ERR_OK;
}

HANDLER(talker, go)
{
    talker_next(self, ctx);
    return ERR_OK;
}

HANDLER(talker, ping)
{
    SEND(message->from, pong);
    return ERR_OK;
}

HANDLER(talker, pong)
{
    if (self->rounds > 0)
        talker_next(self, ctx);
    else if (atomic_fetch_sub(&crowd.left, 1) == 1)
        stage_done();
    return ERR_OK;
}

HANDLERS(talker, HEARS(talker, ping), HEARS(talker, pong), HEARS(talker, go), HEARS(talker, task))
KIND(talker, .mailbox_max = 2 * BIG_ACTORS)

typedef struct big {
    char nothing;
} big_t;

HANDLER(big, setup)
{
    atomic_store(&crowd.left, BIG_ACTORS);
    for (uint64_t i = 0; i < BIG_ACTORS; i++) {
        crowd.actors[i] = SPAWN(talker);
        SEND(crowd.actors[i], task, .peer = i + 1, .rounds = message->each);
    }
    stage_done();
    return ERR_OK;
}

HANDLER(big, go)
{
    for (uint64_t i = 0; i < BIG_ACTORS; i++)
        SEND(crowd.actors[i], go);
    return ERR_OK;
}

HANDLERS(big, HEARS(big, setup), HEARS(big, go))
ROOT(big)

void bench_big(void)
{
    uint64_t rounds = bench_amount(4000);
    stage_open(&big_kind);
    double took_ns = stage_warm_and_run_ns(BIG_ACTORS, rounds);
    bench_line("big", (double)(2 * BIG_ACTORS * rounds) / took_ns * 1e9, "messages/s");
    stage_close();
}

/* ---- scatter: one asks 64 at once, and asks again when all have answered ---- */

typedef struct worker {
    char nothing;
} worker_t;

HANDLER(worker, ping)
{
    SEND(message->from, pong);
    return ERR_OK;
}

HANDLERS(worker, HEARS(worker, ping))
KIND(worker)

typedef struct gatherer {
    uint64_t rounds, missing;
} gatherer_t;

HANDLER(gatherer, setup)
{
    self->rounds = message->each;
    for (uint64_t i = 0; i < SCATTER_WORKERS; i++)
        crowd.workers[i] = SPAWN(worker);
    stage_done();
    return ERR_OK;
}

static void scatter(gatherer_t *self, context_t *ctx)
{
    self->missing = SCATTER_WORKERS;
    for (uint64_t i = 0; i < SCATTER_WORKERS; i++)
        SEND(crowd.workers[i], ping, .from = SELF());
}

HANDLER(gatherer, go)
{
    scatter(self, ctx);
    return ERR_OK;
}

HANDLER(gatherer, pong)
{
    if (--self->missing > 0)
        return ERR_OK;
    if (--self->rounds > 0)
        scatter(self, ctx);
    else
        stage_done();
    return ERR_OK;
}

HANDLERS(gatherer, HEARS(gatherer, pong), HEARS(gatherer, go), HEARS(gatherer, setup))
ROOT(gatherer)

void bench_scatter(void)
{
    uint64_t rounds = bench_amount(50000);
    stage_open(&gatherer_kind);
    double took_ns = stage_warm_and_run_ns(SCATTER_WORKERS, rounds);
    bench_line("scatter", (double)(2 * SCATTER_WORKERS * rounds) / took_ns * 1e9, "messages/s");
    stage_close();
}

/* ---- spawn: born, one message, one answer, dead ---- */

typedef struct once {
    char nothing;
} once_t;

HANDLER(once, hello)
{
    SEND(message->collector, took);
    actor_stop(ctx);
    return ERR_OK;
}

HANDLERS(once, HEARS(once, hello))
KIND(once, .is_temporary = true)

typedef struct collector {
    uint64_t spawner, taken, expected;
} collector_t;

HANDLER(collector, task)
{
    self->spawner = message->peer;
    self->expected = message->rounds;
    return ERR_OK;
}

HANDLER(collector, took)
{
    self->taken++;
    if (self->taken == self->expected)
        stage_done();
    else if (self->taken % SPAWN_CREDIT == 0)
        SEND(self->spawner, credit, .count = SPAWN_CREDIT);
    return ERR_OK;
}

HANDLERS(collector, HEARS(collector, took), HEARS(collector, task))
KIND(collector, .mailbox_max = 2 * SPAWN_AHEAD)

typedef struct spawner {
    uint64_t collector, left, credit;
} spawner_t;

static void spawn_some(spawner_t *self, context_t *ctx)
{
    for (uint32_t i = 0; i < SPAWN_BATCH && self->left > 0 && self->credit > 0; i++) {
        SEND(SPAWN(once), hello, .collector = self->collector);
        self->left--;
        self->credit--;
    }
    if (self->left > 0 && self->credit > 0)
        SEND(SELF(), more);
}

HANDLER(spawner, setup)
{
    self->left = message->each;
    self->credit = SPAWN_AHEAD;
    self->collector = SPAWN(collector);
    SEND(self->collector, task, .peer = SELF(), .rounds = message->each);
    stage_done();
    return ERR_OK;
}

HANDLER(spawner, go)
{
    spawn_some(self, ctx);
    return ERR_OK;
}

HANDLER(spawner, more)
{
    spawn_some(self, ctx);
    return ERR_OK;
}

HANDLER(spawner, credit)
{
    bool is_waiting = self->credit == 0;
    self->credit += message->count;
    if (is_waiting)
        spawn_some(self, ctx);
    return ERR_OK;
}

HANDLERS(spawner, HEARS(spawner, more), HEARS(spawner, credit), HEARS(spawner, go),
         HEARS(spawner, setup))
ROOT(spawner)

void bench_spawns(void)
{
    uint64_t actors = bench_amount(1000000);
    stage_open(&spawner_kind);
    double took_ns = stage_warm_and_run_ns(1, actors);
    bench_line("spawn", (double)actors / took_ns * 1e9, "spawns/s");
    stage_close();
}

/* ---- skynet: a tree of ten branches each, summed up from its leaves ---- */

typedef struct branch {
    uint64_t parent, sum;
    uint32_t answers;
} branch_t;

static const actor_kind_t branch_kind;

HANDLER(branch, leaf)
{
    if (message->size == 1) {
        SEND(message->parent, sum, .value = message->number);
        actor_stop(ctx);
        return ERR_OK;
    }
    self->parent = message->parent;
    uint64_t size = message->size / SKYNET_BRANCHES;
    for (uint64_t i = 0; i < SKYNET_BRANCHES; i++)
        SEND(SPAWN(branch), leaf, .parent = SELF(), .number = message->number + i * size,
             .size = size);
    return ERR_OK;
}

HANDLER(branch, sum)
{
    self->sum += message->value;
    if (++self->answers < SKYNET_BRANCHES)
        return ERR_OK;
    SEND(self->parent, sum, .value = self->sum);
    actor_stop(ctx);
    return ERR_OK;
}

HANDLERS(branch, HEARS(branch, leaf), HEARS(branch, sum))
KIND(branch, .is_temporary = true)

typedef struct skynet {
    uint64_t leaves;
} skynet_t;

HANDLER(skynet, setup)
{
    self->leaves = message->each;
    stage_done();
    return ERR_OK;
}

HANDLER(skynet, go)
{
    SEND(SPAWN(branch), leaf, .parent = SELF(), .size = self->leaves);
    return ERR_OK;
}

HANDLER(skynet, sum)
{
    ASSERT(message->value == self->leaves * (self->leaves - 1) / 2);
    stage_done();
    return ERR_OK;
}

HANDLERS(skynet, HEARS(skynet, setup), HEARS(skynet, go), HEARS(skynet, sum))
ROOT(skynet)

void bench_skynet(void)
{
    uint64_t leaves = 1000000;
    while (leaves > bench_amount(1000000) && leaves > SKYNET_BRANCHES)
        leaves /= SKYNET_BRANCHES;
    stage_open(&skynet_kind);
    (void)stage_run_ns("warm-up", 1, 10000);
    bench_line("skynet", stage_run_ns("run", 1, leaves) / 1e6, "ms");
    stage_close();
}

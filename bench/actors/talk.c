/* Ping-pong, the ring, fan-in and ask: few actors, many messages. */

#include "bench/actors/actors.h"

enum { PAIRS_MAX = 256, RING_NODES = 503, PRODUCERS = 100, PRODUCER_BURST = 64 };

/* ---- ping-pong: the last pair to end ends the run ---- */

static struct {
    uint64_t pings[PAIRS_MAX], nodes[RING_NODES], producers[PRODUCERS];
    _Atomic uint64_t left;
} talk;

typedef struct pong_actor {
    char nothing;
} pong_actor_t;

HANDLER(pong_actor, ping)
{
    SEND(message->from, pong);
    return ERR_OK;
}

HANDLERS(pong_actor, HEARS(pong_actor, ping))
KIND(pong_actor)

typedef struct ping_actor {
    uint64_t peer, rounds;
} ping_actor_t;

HANDLER(ping_actor, task)
{
    self->rounds = message->rounds;
    self->peer = SPAWN(pong_actor);
    return ERR_OK;
}

HANDLER(ping_actor, go)
{
    SEND(self->peer, ping, .from = SELF());
    return ERR_OK;
}

HANDLER(ping_actor, pong)
{
    if (--self->rounds > 0)
        SEND(self->peer, ping, .from = SELF());
    else if (atomic_fetch_sub(&talk.left, 1) == 1)
        stage_done();
    return ERR_OK;
}

HANDLERS(ping_actor, HEARS(ping_actor, task), HEARS(ping_actor, go), HEARS(ping_actor, pong))
KIND(ping_actor)

typedef struct pairs {
    uint64_t count;
} pairs_t;

HANDLER(pairs, setup)
{
    self->count = message->count;
    atomic_store(&talk.left, message->count);
    for (uint64_t i = 0; i < message->count; i++) {
        talk.pings[i] = SPAWN(ping_actor);
        SEND(talk.pings[i], task, .rounds = message->each);
    }
    stage_done();
    return ERR_OK;
}

HANDLER(pairs, go)
{
    for (uint64_t i = 0; i < self->count; i++)
        SEND(talk.pings[i], go);
    return ERR_OK;
}

HANDLERS(pairs, HEARS(pairs, setup), HEARS(pairs, go))
ROOT(pairs)

void bench_pingpong(uint64_t pairs)
{
    ASSERT(pairs <= PAIRS_MAX);
    uint64_t rounds = bench_amount(pairs == 1 ? 3000000 : 6000000 / pairs);
    char name[32];
    snprintf(name, sizeof name, "pingpong%u", (unsigned)pairs);
    stage_open(&pairs_kind);
    double took_ns = stage_warm_and_run_ns(pairs, rounds);
    bench_line(name, (double)(pairs * rounds) / took_ns * 1e9, "trips/s");
    stage_close();
}

/* ---- the ring: one message through 503 actors ---- */

typedef struct node {
    uint64_t next;
} node_t;

HANDLER(node, task)
{
    self->next = message->peer;
    return ERR_OK;
}

HANDLER(node, hop)
{
    if (message->left == 0)
        stage_done();
    else
        SEND(self->next, hop, .left = message->left - 1);
    return ERR_OK;
}

HANDLERS(node, HEARS(node, task), HEARS(node, hop))
KIND(node)

typedef struct ring {
    uint64_t hops;
} ring_t;

HANDLER(ring, setup)
{
    self->hops = message->each;
    for (uint64_t i = 0; i < RING_NODES; i++)
        talk.nodes[i] = SPAWN(node);
    for (uint64_t i = 0; i < RING_NODES; i++)
        SEND(talk.nodes[i], task, .peer = talk.nodes[(i + 1) % RING_NODES]);
    stage_done();
    return ERR_OK;
}

HANDLER(ring, go)
{
    SEND(talk.nodes[0], hop, .left = self->hops);
    return ERR_OK;
}

HANDLERS(ring, HEARS(ring, setup), HEARS(ring, go))
ROOT(ring)

void bench_ring(void)
{
    uint64_t hops = bench_amount(5000000);
    stage_open(&ring_kind);
    double took_ns = stage_warm_and_run_ns(RING_NODES, hops);
    bench_line("ring", (double)hops / took_ns * 1e9, "hops/s");
    stage_close();
}

/* ---- fan-in: our mailboxes are bounded, so a producer lets the sink catch up after a burst ----
 */

typedef struct sink {
    uint64_t total, expected;
} sink_t;

HANDLER(sink, task)
{
    self->expected = message->rounds;
    return ERR_OK;
}

HANDLER(sink, add)
{
    self->total += message->amount;
    if (self->total == self->expected)
        stage_done();
    return ERR_OK;
}

HANDLER(sink, sync)
{
    SEND(message->from, synced);
    return ERR_OK;
}

HANDLERS(sink, HEARS(sink, add), HEARS(sink, sync), HEARS(sink, task))
KIND(sink, .mailbox_max = 16384)

typedef struct producer {
    uint64_t sink, left;
} producer_t;

static void producer_burst(producer_t *self, context_t *ctx)
{
    for (uint32_t i = 0; i < PRODUCER_BURST && self->left > 0; i++, self->left--)
        SEND(self->sink, add, .amount = 1);
    if (self->left > 0)
        SEND(self->sink, sync, .from = SELF());
}

HANDLER(producer, task)
{
    self->sink = message->peer;
    self->left = message->rounds;
    return ERR_OK;
}

HANDLER(producer, go)
{
    producer_burst(self, ctx);
    return ERR_OK;
}

HANDLER(producer, synced)
{
    producer_burst(self, ctx);
    return ERR_OK;
}

HANDLERS(producer, HEARS(producer, synced), HEARS(producer, go), HEARS(producer, task))
KIND(producer)

typedef struct crowd {
    char nothing;
} crowd_t;

HANDLER(crowd, setup)
{
    uint64_t sink = SPAWN(sink);
    SEND(sink, task, .rounds = message->count * message->each);
    for (uint64_t i = 0; i < message->count; i++) {
        talk.producers[i] = SPAWN(producer);
        SEND(talk.producers[i], task, .peer = sink, .rounds = message->each);
    }
    stage_done();
    return ERR_OK;
}

HANDLER(crowd, go)
{
    for (uint64_t i = 0; i < PRODUCERS; i++)
        SEND(talk.producers[i], go);
    return ERR_OK;
}

HANDLERS(crowd, HEARS(crowd, setup), HEARS(crowd, go))
ROOT(crowd)

void bench_fanin(void)
{
    uint64_t each = bench_amount(100000);
    stage_open(&crowd_kind);
    double took_ns = stage_warm_and_run_ns(PRODUCERS, each);
    bench_line("fanin", (double)(PRODUCERS * each) / took_ns * 1e9, "messages/s");
    stage_close();
}

/* ---- ask: one at a time ---- */

typedef struct echo {
    char nothing;
} echo_t;

HANDLER(echo, add)
{
    return actor_reply(ctx, sum, .value = message->amount);
}

HANDLERS(echo, HEARS(echo, add))
KIND(echo)

typedef struct asker {
    uint64_t echo, left;
} asker_t;

static void asker_ask(asker_t *self, context_t *ctx);

static void asker_answered(void *self, context_t *ctx, const answer_t *answer, UNUSED void *data,
                           UNUSED size_t data_size)
{
    asker_t *asker = self;
    ASSERT(answer->err == ERR_OK && ((const sum_t *)answer->message)->value == asker->left);
    if (--asker->left > 0)
        asker_ask(asker, ctx);
    else
        stage_done();
}

static void asker_ask(asker_t *self, context_t *ctx)
{
    actor_ask(ctx, bench_to(self->echo), 0, asker_answered, NULL, 0, add, .amount = self->left);
}

HANDLER(asker, setup)
{
    self->left = message->each;
    self->echo = SPAWN(echo);
    stage_done();
    return ERR_OK;
}

HANDLER(asker, go)
{
    asker_ask(self, ctx);
    return ERR_OK;
}

HANDLERS(asker, HEARS(asker, setup), HEARS(asker, go))
ROOT(asker)

void bench_ask(void)
{
    uint64_t asks = bench_amount(1000000);
    stage_open(&asker_kind);
    double took_ns = stage_warm_and_run_ns(1, asks);
    bench_line("ask", took_ns / (double)asks, "ns");
    stage_close();
}

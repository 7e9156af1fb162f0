/* runtime.*: asks between two actors, messages of many into one, activations, the way from an idle
 * node to an answer, and what an idle actor weighs. */

#include "bench/bench.h"
#include "runtime/base/assert.h"
#include "runtime/runtime.h"

#include <malloc.h>
#include <stdatomic.h>
#include <string.h>

#define DEF_FILE "bench/runtime_bench.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "bench/runtime_bench.def"
#include "runtime/base/schema_define.h"

enum {
    RALLY_ROUNDS = 300000,
    PAIRS = 64,
    FLOODERS = 8,
    FLOOD_EACH = 250000,
    FLOOD_BATCH = 256,
    ACTIVATIONS = 200000,
    WAKES = 2000
};

typedef struct meter {
    uv_sem_t done;
    _Atomic uint64_t left;
} meter_t;

static void meter_count(meter_t *self)
{
    if (atomic_fetch_sub(&self->left, 1) == 1)
        uv_sem_post(&self->done);
}

typedef struct bencher {
    char with[32];
    uint64_t rounds;
} bencher_t;

#define ACTOR_DEF "bench/runtime_bench.def"
#define ACTOR_STATE bencher_t
#include "runtime/actor_kind.h"

ON(bench_echo)
{
    return actor_reply(ctx, bench_done, .number = command->number);
}

static void rally(bencher_t *self, context_t *ctx);

static void on_return(void *self, context_t *ctx, const answer_t *answer, UNUSED void *data,
                      UNUSED size_t data_size)
{
    ASSERT(answer->err == ERR_OK);
    rally(self, ctx);
}

static void rally(bencher_t *self, context_t *ctx)
{
    if (self->rounds == 0) {
        meter_count(context_service(ctx));
        return;
    }
    self->rounds--;
    actor_ask(ctx, address_of("bench", str_from(self->with)), 60000, on_return, NULL, 0, bench_echo,
              .number = self->rounds);
}

ON(bench_rally)
{
    snprintf(self->with, sizeof self->with, "%.*s", STR_ARG(command->with));
    self->rounds = command->rounds;
    rally(self, ctx);
    return ERR_OK;
}

static void flood(bencher_t *self, context_t *ctx);

static void on_taken(void *self, context_t *ctx, const answer_t *answer, UNUSED void *data,
                     UNUSED size_t data_size)
{
    ASSERT(answer->err == ERR_OK);
    flood(self, ctx);
}

/* A batch, then an ask behind it: its answer says that the batch was taken. */
static void flood(bencher_t *self, context_t *ctx)
{
    address_t to = address_of("bench", str_from(self->with));
    for (uint32_t i = 0; i < FLOOD_BATCH && self->rounds > 0; i++, self->rounds--)
        ASSERT(actor_send(ctx, to, bench_drop, .number = self->rounds) == ERR_OK);
    if (self->rounds > 0)
        actor_ask(ctx, to, 60000, on_taken, NULL, 0, bench_echo);
}

ON(bench_flood)
{
    snprintf(self->with, sizeof self->with, "%.*s", STR_ARG(command->to));
    self->rounds = command->count;
    flood(self, ctx);
    return ERR_OK;
}

ON(bench_drop)
{
    meter_count(context_service(ctx));
    return ERR_OK;
}

ACTOR_KIND(bench, .mailbox_max = 16384);

typedef struct node {
    runtime_t *runtime;
    meter_t meter;
} node_t;

static void node_start(node_t *self, uint32_t schedulers, uint64_t left)
{
    uv_sem_init(&self->meter.done, 0);
    atomic_store(&self->meter.left, left);
    runtime_options_t options = {.scheduler_count = schedulers};
    ASSERT(runtime_new(&options, &self->runtime) == ERR_OK);
    ASSERT(runtime_register(self->runtime, &bench_kind, &self->meter) == ERR_OK);
    ASSERT(runtime_start(self->runtime) == ERR_OK);
}

static void node_stop(node_t *self)
{
    ASSERT(runtime_drain(self->runtime, 60000) == ERR_OK);
    runtime_free(self->runtime);
    uv_sem_destroy(&self->meter.done);
}

static double asks_per_second(uint32_t schedulers, uint32_t pairs)
{
    node_t node;
    node_start(&node, schedulers, pairs);
    uint64_t rounds = RALLY_ROUNDS / pairs;
    double begin = bench_seconds();
    for (uint32_t i = 0; i < pairs; i++) {
        char from[16], with[16];
        snprintf(from, sizeof from, "a%u", i);
        snprintf(with, sizeof with, "b%u", i);
        ASSERT(runtime_send(node.runtime, address_of("bench", str_from(from)), bench_rally,
                            .with = str_from(with), .rounds = rounds) == ERR_OK);
    }
    uv_sem_wait(&node.meter.done);
    double seconds = bench_seconds() - begin;
    node_stop(&node);
    return (double)(rounds * pairs) / seconds;
}

static double messages_per_second(uint32_t schedulers)
{
    node_t node;
    node_start(&node, schedulers, (uint64_t)FLOODERS * FLOOD_EACH);
    double begin = bench_seconds();
    for (uint32_t i = 0; i < FLOODERS; i++) {
        char from[16];
        snprintf(from, sizeof from, "f%u", i);
        ASSERT(runtime_send(node.runtime, address_of("bench", str_from(from)), bench_flood,
                            .to = STR("sink"), .count = FLOOD_EACH) == ERR_OK);
    }
    uv_sem_wait(&node.meter.done);
    double seconds = bench_seconds() - begin;
    node_stop(&node);
    return (double)FLOODERS * FLOOD_EACH / seconds;
}

static double activations_per_second(double *out_bytes)
{
    node_t node;
    node_start(&node, 0, ACTIVATIONS);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    double begin = bench_seconds();
    for (uint32_t i = 0; i < ACTIVATIONS; i++) {
        char key[16];
        snprintf(key, sizeof key, "%u", i);
        ASSERT(runtime_send(node.runtime, address_of("bench", str_from(key)), bench_drop) ==
               ERR_OK);
    }
    uv_sem_wait(&node.meter.done);
    double seconds = bench_seconds() - begin;
    size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    *out_bytes = (double)(after - before) / ACTIVATIONS;
    node_stop(&node);
    return ACTIVATIONS / seconds;
}

static void wakes_us(double *out_median, double *out_p99)
{
    static double figures[WAKES];
    node_t node;
    node_start(&node, 0, 1);
    for (size_t i = 0; i < WAKES; i++) {
        atomic_store(&node.meter.left, 1);
        uv_sleep(1); /* everybody sleeps again */
        double begin = bench_seconds();
        ASSERT(runtime_send(node.runtime, address_of("bench", STR("w")), bench_drop) == ERR_OK);
        uv_sem_wait(&node.meter.done);
        figures[i] = (bench_seconds() - begin) * 1e6;
    }
    node_stop(&node);
    *out_median = bench_median(figures, WAKES); /* sorts */
    *out_p99 = figures[WAKES * 99 / 100];
}

int main(void)
{
    double figures[5][BENCH_PAIRS], bytes = 0, wake = 0, wake_p99 = 0;
    for (size_t i = 0; i < BENCH_PAIRS; i++) {
        figures[0][i] = asks_per_second(1, 1);
        figures[1][i] = asks_per_second(0, 1);
        figures[2][i] = asks_per_second(0, PAIRS);
        figures[3][i] = messages_per_second(0);
        figures[4][i] = activations_per_second(&bytes);
    }
    wakes_us(&wake, &wake_p99);
    bench_print("runtime.asks_one_scheduler", bench_median(figures[0], BENCH_PAIRS), "asks/s");
    bench_print("runtime.asks", bench_median(figures[1], BENCH_PAIRS), "asks/s");
    bench_print("runtime.asks_64_pairs", bench_median(figures[2], BENCH_PAIRS), "asks/s");
    bench_print("runtime.fan_in", bench_median(figures[3], BENCH_PAIRS), "messages/s");
    bench_print("runtime.activations", bench_median(figures[4], BENCH_PAIRS), "actors/s");
    bench_print("runtime.actor_size", bytes, "bytes");
    bench_print("runtime.wake", wake, "us");
    bench_print("runtime.wake_p99", wake_p99, "us");
    return 0;
}

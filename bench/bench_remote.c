/* What other nodes cost a runtime, without a network: `cluster.locate`, what a send to a placed
 * actor of this node costs more than one to an actor without others, and `cluster.codec`, a message
 * of 100 bytes into its wire form and out of it, delivered. */

#include "bench/bench.h"
#include "runtime/base/assert.h"
#include "runtime/router.h"

#include <stdatomic.h>
#include <string.h>

#define DEF_FILE "bench/remote_bench.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "bench/remote_bench.def"
#include "runtime/base/schema_define.h"

enum { SENDS = 2000000, CARRIED = 1000000, BATCH = 1000, NODE = 1, OTHER = 2 };

typedef struct sink {
    uint64_t rounds;
    char text[100];
} sink_t;

#define ACTOR_DEF "bench/remote_bench.def"
#define ACTOR_STATE sink_t
#include "runtime/actor_kind.h"

/* One after the other, to itself. */
ON(hop_on)
{
    uv_sem_t *done = context_service(ctx);
    if (command->left == 0) {
        uv_sem_post(done);
        return ERR_OK;
    }
    return actor_send(ctx, address_of(command->is_placed ? "placed" : "unplaced", context_key(ctx)),
                      hop_on, .left = command->left - 1, .is_placed = command->is_placed);
}

ON(hop_text)
{
    if (command->number == 0)
        uv_sem_post(context_service(ctx));
    return ERR_OK;
}

ACTOR_KIND(placed, .placement = PLACED_BY_KEY, .mailbox_max = 65535);
ACTOR_KIND(unplaced, .mailbox_max = 65535);

typedef struct bench {
    runtime_t *here, *there;
    uv_sem_t done;
    buf_t wire;
} bench_t;

static err_t carry(void *context, UNUSED uint64_t node, UNUSED bool is_owed, router_fill_fn fill,
                   void *what)
{
    bench_t *self = context;
    buf_reset(&self->wire);
    return fill(what, &self->wire);
}

static runtime_t *node_new(bench_t *self, uint64_t node)
{
    static const router_table_t table = {.send = carry};
    const router_t router = {&table, self};
    runtime_t *runtime = NULL;
    runtime_options_t options = {.scheduler_count = 1};
    ASSERT(runtime_new(&options, &runtime) == ERR_OK);
    ASSERT(runtime_register(runtime, &placed_kind, &self->done) == ERR_OK);
    ASSERT(runtime_register(runtime, &unplaced_kind, &self->done) == ERR_OK);
    ASSERT(runtime_join(runtime, node, &router) == ERR_OK);
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        ASSERT(runtime_place(runtime, i, NODE) == ERR_OK);
    runtime_set_serving(runtime, true);
    ASSERT(runtime_start(runtime) == ERR_OK);
    return runtime;
}

static double ns_a_send(bench_t *self, bool is_placed)
{
    double begin = bench_seconds();
    ASSERT(runtime_send(self->here, address_of(is_placed ? "placed" : "unplaced", STR("42")),
                        hop_on, .left = SENDS, .is_placed = is_placed) == ERR_OK);
    uv_sem_wait(&self->done);
    return (bench_seconds() - begin) * 1e9 / SENDS;
}

/* What the sender does, what the receiver does, and its actor. */
static double carried_per_second(bench_t *self)
{
    static const char text[80];
    double begin = bench_seconds();
    for (uint64_t i = 0; i < CARRIED; i++) {
        uint64_t number = (i + 1) % BATCH;
        ASSERT(runtime_send(self->there, address_of("placed", STR("43")), hop_text,
                            .number = number, .text = str_of(text, sizeof text)) == ERR_OK);
        ASSERT(runtime_receive(self->here, OTHER, buf_str(&self->wire)) == ERR_OK);
        if (number == 0)
            uv_sem_wait(&self->done);
    }
    return CARRIED / (bench_seconds() - begin);
}

int main(void)
{
    bench_t bench = {0};
    double placed[BENCH_PAIRS], unplaced[BENCH_PAIRS], carried[BENCH_PAIRS];
    uv_sem_init(&bench.done, 0);
    bench.here = node_new(&bench, NODE);
    bench.there = node_new(&bench, OTHER);
    for (size_t i = 0; i < BENCH_PAIRS; i++) {
        unplaced[i] = ns_a_send(&bench, false);
        placed[i] = ns_a_send(&bench, true);
        carried[i] = carried_per_second(&bench);
    }
    double without = bench_median(unplaced, BENCH_PAIRS);
    bench_print("cluster.locate", bench_median(placed, BENCH_PAIRS) - without, "ns");
    bench_print("cluster.local_send", without, "ns");
    bench_print("cluster.codec", bench_median(carried, BENCH_PAIRS), "messages/s");
    ASSERT(runtime_drain(bench.there, 10000) == ERR_OK &&
           runtime_drain(bench.here, 10000) == ERR_OK);
    runtime_free(bench.there);
    runtime_free(bench.here);
    buf_deinit(&bench.wire);
    uv_sem_destroy(&bench.done);
    return 0;
}

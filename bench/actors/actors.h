#pragma once
/* actors.h -- what the benchmarks of bench_actors share: a stage (one runtime, one signal to the
 * main thread) and short words to write a kind with.
 *
 * A figure is one run of the program. Its stage registers one virtual kind, the root, which makes
 * all other actors as children: `setup` makes them, `go` starts the clock's part, and stage_done
 * ends it, from whatever actor sees that all is done. The warm-up is another key of the root. */

#include "runtime/base/assert.h"
#include "runtime/runtime.h"

#include <stdatomic.h>
#include <stdio.h>

#define DEF_FILE "bench/actors/actors.def"
#include "runtime/base/schema_declare.h"

typedef struct bench_options {
    uint32_t schedulers; /* 0: one a core */
    double scale;        /* of all amounts of work; 1 for figures, less to try something */
} bench_options_t;

extern bench_options_t bench_options;

uint64_t bench_now_ns(void);
/* An amount of work, scaled; at least 1. */
uint64_t bench_amount(uint64_t full);
void bench_line(const char *name, double value, const char *unit);
/* Prints NAME_p50 and NAME_p99 of times in ns, as us. Sorts. */
void bench_percentiles(const char *name, uint64_t *times_ns, size_t count);
/* What the kernel counts as resident of this process. */
uint64_t bench_resident_bytes(void);
/* Computes for `rounds`; bench_calibrate says how many take that long. */
void bench_work(uint64_t rounds);
uint64_t bench_calibrate(uint64_t duration_ns);

/* ---- the stage ---- */

/* Of the next stage: where its actors hibernate. */
void stage_give_store(state_store_t *store);
void stage_open(const actor_kind_t *root);
void stage_close(void);
runtime_t *stage_runtime(void);
/* From any actor: what main waits for in stage_wait. */
void stage_done(void);
void stage_wait(void);
/* setup, then go; how long go took. */
double stage_run_ns(const char *key, uint64_t count, uint64_t each);
/* Warm-up with a tenth, then the real run. */
double stage_warm_and_run_ns(uint64_t count, uint64_t each);

/* ---- writing a kind ----
 *
 * HANDLER(pong, ping) {...} is pong's handler of a ping; it sees self (pong_t *), ctx and message
 * (const ping_t *). HEARS(pong, ping) is its line in the table. */

#define HANDLER(kind, name)                                                                        \
    static err_t kind##_##name(kind##_t *self, context_t *ctx, const name##_t *message);           \
    static err_t kind##_on_##name(void *self, context_t *ctx, const void *message)                 \
    {                                                                                              \
        return kind##_##name(self, ctx, message);                                                  \
    }                                                                                              \
    static err_t kind##_##name(UNUSED kind##_t *self, UNUSED context_t *ctx,                       \
                               UNUSED const name##_t *message)
#define HEARS(kind, message)                                                                       \
    {                                                                                              \
        &message##_schema, kind##_on_##message                                                     \
    }
/* HANDLERS(pong, HEARS...) is its table, then KIND(pong, limits...) its kind, pong_kind; ROOT the
 * root's. */
#define HANDLERS(kind, ...) static const actor_handler_t kind##_handlers[] = {__VA_ARGS__};
#define KIND_NAMED(kind, shown, ...)                                                               \
    static const actor_kind_t kind##_kind = {.name = shown,                                        \
                                             .state_size = sizeof(kind##_t),                       \
                                             .handlers = kind##_handlers,                          \
                                             .handler_count = COUNT_OF(kind##_handlers),           \
                                             __VA_ARGS__};
#define KIND(kind, ...) KIND_NAMED(kind, #kind, __VA_ARGS__)
#define ROOT(kind, ...) KIND_NAMED(kind, "root", __VA_ARGS__)

static inline address_t bench_to(uint64_t ref_bits)
{
    return address_of_ref((actor_ref_t){ref_bits});
}

/* Sends; a message that is not taken would make the figure a lie. */
#define SEND(ref_bits, message, ...)                                                               \
    ASSERT(actor_send(ctx, bench_to(ref_bits), message, __VA_ARGS__) == ERR_OK)
#define SELF() (context_self(ctx).bits)
/* A child that nobody restarts. */
#define SPAWN(kind) bench_spawn(ctx, &kind##_kind)
uint64_t bench_spawn(context_t *ctx, const actor_kind_t *kind);

/* ---- the figures ---- */

void bench_pingpong(uint64_t pairs);
void bench_ring(void);
void bench_fanin(void);
void bench_ask(void);
void bench_big(void);
void bench_scatter(void);
void bench_spawns(void);
void bench_skynet(void);
void bench_idle_bytes(void);
void bench_idle_bytes_virtual(void);
void bench_idle_bytes_hibernated(void);
void bench_busy_rtt(void);
void bench_idle_wake(void);
void bench_timers(void);
void bench_restart(void);
void bench_respawn(void);

/* What an idle actor weighs: a million of them, each of which has had one message and keeps 16
 * bytes of state. Anonymous ones are children of 250 actors; virtual ones have a key each. */

#include "bench/actors/actors.h"
#include "runtime/state_store_file.h"

#include <stdlib.h>

enum { NURSERIES = 250, SETTLE_MS = 500, WAVE = 2000, SLEEPERS_WOKEN = 1000 };

static _Atomic uint64_t unheard;

typedef struct sleeper {
    uint64_t hits, sum;
} sleeper_t;

HANDLER(sleeper, hello)
{
    self->hits++;
    self->sum += message->collector;
    if (atomic_fetch_sub(&unheard, 1) == 1)
        stage_done();
    return ERR_OK;
}

HANDLERS(sleeper, HEARS(sleeper, hello))
KIND(sleeper)

typedef struct nursery {
    uint64_t count;
} nursery_t;

HANDLER(nursery, setup)
{
    self->count = message->each;
    stage_done();
    return ERR_OK;
}

HANDLER(nursery, go)
{
    for (uint64_t i = 0; i < self->count; i++)
        SEND(SPAWN(sleeper), hello, .collector = i);
    return ERR_OK;
}

HANDLERS(nursery, HEARS(nursery, setup), HEARS(nursery, go))
ROOT(nursery)

static void report(const char *name, uint64_t actors, uint64_t before_bytes)
{
    uv_sleep(SETTLE_MS);
    uint64_t after_bytes = bench_resident_bytes();
    bench_line(name, ((double)after_bytes - (double)before_bytes) / (double)actors, "bytes");
}

void bench_idle_bytes(void)
{
    uint64_t each = bench_amount(1000000) / NURSERIES + 1;
    uint64_t actors = each * NURSERIES;
    char key[16];
    stage_open(&nursery_kind);
    uint64_t before_bytes = bench_resident_bytes();
    atomic_store(&unheard, actors);
    for (uint32_t i = 0; i < NURSERIES; i++) {
        snprintf(key, sizeof key, "%u", i);
        ASSERT(runtime_send(stage_runtime(), address_of("root", str_from(key)), setup,
                            .each = each) == ERR_OK);
        stage_wait();
        ASSERT(runtime_send(stage_runtime(), address_of("root", str_from(key)), go) == ERR_OK);
    }
    stage_wait();
    report("idle_bytes", actors, before_bytes);
    _Exit(0); /* the figure is taken; a million ends are none of it */
}

static const actor_kind_t virtual_kind = {.name = "root",
                                          .state_size = sizeof(sleeper_t),
                                          .handlers = sleeper_handlers,
                                          .handler_count = COUNT_OF(sleeper_handlers)};

void bench_idle_bytes_virtual(void)
{
    uint64_t actors = bench_amount(1000000);
    char key[16];
    stage_open(&virtual_kind);
    uint64_t before_bytes = bench_resident_bytes();
    atomic_store(&unheard, actors);
    for (uint64_t i = 0; i < actors; i++) {
        snprintf(key, sizeof key, "%u", (unsigned)i);
        ASSERT(runtime_send(stage_runtime(), address_of("root", str_from(key)), hello) == ERR_OK);
    }
    stage_wait();
    report("idle_bytes_virtual", actors, before_bytes);
    _Exit(0);
}

/* ---- asleep in a file: they come in waves, and a first one of others before it counts, so that
 * the room of those that are awake at one time, which all have in turn, does not count ---- */

HANDLER(dozer, hello)
{
    self->hits++;
    self->sum += message->collector;
    if (atomic_fetch_sub(&unheard, 1) == 1)
        stage_done();
    return ERR_OK;
}

HANDLERS(dozer, HEARS(dozer, hello))
ROOT(dozer, .state_schema = &dozer_schema, .hibernates = true, .idle_ms = 1)

static void wait_until_all_sleep(void)
{
    runtime_stats_t stats;
    do {
        uv_sleep(1);
        runtime_stats(stage_runtime(), &stats);
    } while (stats.actors > 0);
}

static void say_hello(uint64_t number)
{
    char key[24];
    snprintf(key, sizeof key, "%llu", (unsigned long long)number);
    ASSERT(runtime_send(stage_runtime(), address_of("root", str_from(key)), hello) == ERR_OK);
}

static void wake_some(uint64_t actors)
{
    static uint64_t times_ns[SLEEPERS_WOKEN];
    for (uint64_t i = 0; i < SLEEPERS_WOKEN; i++) {
        atomic_store(&unheard, 1);
        uint64_t begin_ns = bench_now_ns();
        say_hello(i * 7919 % actors);
        stage_wait();
        times_ns[i] = bench_now_ns() - begin_ns;
        uv_sleep(1);
    }
    bench_percentiles("hibernated_wake", times_ns, SLEEPERS_WOKEN);
}

void bench_idle_bytes_hibernated(void)
{
    uint64_t actors = (bench_amount(1000000) / WAVE + 1) * WAVE;
    const char *folder = getenv("TMPDIR");
    char path[512];
    state_store_t *store = NULL;
    snprintf(path, sizeof path, "%s/bench-actors-%d", folder == NULL ? "/tmp" : folder,
             (int)uv_os_getpid());
    ASSERT(state_store_file_open(path, &store) == ERR_OK);
    stage_give_store(store);
    stage_open(&dozer_kind);
    uint64_t before_bytes = 0;
    for (uint64_t i = 0; i < actors + WAVE; i += WAVE) {
        atomic_store(&unheard, WAVE);
        for (uint64_t k = 0; k < WAVE; k++)
            say_hello((i + actors) % (actors + WAVE) + k);
        stage_wait();
        wait_until_all_sleep();
        before_bytes = i == 0 ? bench_resident_bytes() : before_bytes;
    }
    report("idle_bytes_hibernated", actors, before_bytes);
    wake_some(actors);
    stage_close();
    state_store_file_close(store);
}

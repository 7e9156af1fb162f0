/* Floods, on two schedulers: a hundred thousand messages to actors that block each other, timers,
 * asks that time out, actors that are started and end or sleep; each ends with the memory back at
 * its start, to the byte where the runtime counts, and about where the system does. */
#include "runtime/runtime.h"
#include "runtime/state_store_file.h"
#include "tests/stress/racer.h"
#include "tests/support/patience.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEF_FILE "tests/stress/floods.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/stress/floods.def"
#include "runtime/base/schema_define.h"

enum { ROUNDS = 4, SINKS = 64, MESSAGES = 200000, TIMERS_EACH = 500, SLEEPERS = 20000 };
/* What one more round of the same may leave behind: caches, and how the heap lies. */
enum { SLACK_BYTES = 24 << 20 };
#ifdef MS_SANITIZED
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

static struct {
    _Atomic uint64_t handled, fired, answered;
    runtime_t *runtime;
} world;

static void check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

typedef struct flooded {
    flooded_state_t kept;
    void *block;
} flooded_t;

#define ACTOR_DEF "tests/stress/floods.def"
#define ACTOR_STATE flooded_t
#include "runtime/actor_kind.h"

ON(flood_drop)
{
    self->kept.count++;
    atomic_fetch_add(&world.handled, 1);
    return ERR_OK;
}

ON(flood_timers)
{
    for (uint32_t i = 0; i < command->count; i++)
        (void)actor_timer_start(ctx, 1 + i % 100, 0, flood_tick);
    return ERR_OK;
}

ON(flood_tick)
{
    atomic_fetch_add(&world.fired, 1);
    return ERR_OK;
}

static void on_answer(UNUSED void *self, UNUSED context_t *ctx, const answer_t *answer,
                      UNUSED void *data, UNUSED size_t data_size)
{
    check(answer->err == ERR_TIMEOUT, "nobody answers");
    atomic_fetch_add(&world.answered, 1);
}

/* Asks that are never answered: each is ended by its deadline. */
ON(flood_asks)
{
    for (uint32_t i = 0; i < command->count; i++)
        actor_ask(ctx, address_of("flooded", STR("mute")), 1 + i % 50, on_answer, &i, sizeof i,
                  flood_silence);
    return ERR_OK;
}

ON(flood_silence)
{
    (void)actor_reply_later(ctx);
    return ERR_OK;
}

/* Half of them end, with blocks in their hands; the rest sleep. */
ON(flood_once)
{
    self->block = actor_memory_new_or_fail(ctx, 200);
    memset(self->block, 1, 200);
    self->kept.count++;
    atomic_fetch_add(&world.handled, 1);
    if (command->is_last)
        actor_stop(ctx);
    return ERR_OK;
}

ON(flood_count)
{
    check(self->kept.count == 1, "what slept is as it was");
    atomic_fetch_add(&world.handled, 1);
    actor_stop(ctx);
    return ERR_OK;
}

ACTOR_KIND(flooded, .mailbox_max = 65535);

static const actor_kind_t sleeper_kind = {.name = "sleeper",
                                          .state_size = sizeof(flooded_t),
                                          .state_schema = &flooded_state_schema,
                                          .handlers = actor_handlers,
                                          .handler_count = COUNT_OF(actor_handlers) - 1,
                                          .idle_ms = 20,
                                          .hibernates = true};

static void wait_for(_Atomic uint64_t *counter, uint64_t wanted, const char *what)
{
    for (uint32_t i = 0; i < 60000 && atomic_load(counter) < wanted; i++)
        uv_sleep(1);
    check(atomic_load(counter) == wanted, what);
    atomic_store(counter, 0);
}

static runtime_stats_t stats_now(void)
{
    runtime_stats_t stats;
    runtime_stats(world.runtime, &stats);
    return stats;
}

static void wait_for_actors(uint64_t wanted, const char *what)
{
    for (uint32_t i = 0; i < 60000 && stats_now().actors != wanted; i++)
        uv_sleep(1);
    check(stats_now().actors == wanted, what);
}

#define send_to(kind, i, command, ...)                                                             \
    do {                                                                                           \
        char key_[24];                                                                             \
        snprintf(key_, sizeof key_, "%u", (unsigned)(i));                                          \
        err_t err_;                                                                                \
        while ((err_ = runtime_send(world.runtime, address_of((kind), str_from(key_)), command,    \
                                    __VA_ARGS__)) == ERR_BUSY)                                     \
            uv_sleep(0);                                                                           \
        check(err_ == ERR_OK, "sent");                                                             \
    } while (0)

static void flood_mailboxes(void)
{
    for (uint32_t i = 0; i < MESSAGES; i++)
        send_to("flooded", i % SINKS, flood_drop, .number = i);
    wait_for(&world.handled, MESSAGES, "every message");
}

static void flood_with_timers(void)
{
    for (uint32_t i = 0; i < SINKS; i++)
        send_to("flooded", i, flood_timers, .count = TIMERS_EACH);
    wait_for(&world.fired, SINKS * TIMERS_EACH, "every timer");
}

static void flood_with_asks(void)
{
    for (uint32_t i = 0; i < SINKS; i++)
        send_to("flooded", i, flood_asks, .count = 200);
    wait_for(&world.answered, SINKS * 200, "every deadline");
}

static void flood_with_actors(uint64_t others)
{
    for (uint32_t i = 0; i < SLEEPERS; i++)
        send_to("sleeper", i, flood_once, .is_last = i % 2 == 0);
    wait_for(&world.handled, SLEEPERS, "every actor");
    wait_for_actors(others, "half ended, half asleep");
    for (uint32_t i = 1; i < SLEEPERS; i += 2)
        send_to("sleeper", i, flood_count);
    wait_for(&world.handled, SLEEPERS / 2, "every one that slept");
    wait_for_actors(others, "all ended");
}

/* A charge is exact when the turn is over: until nobody has had one for a while. */
static uint64_t settled_charge(void)
{
    uint64_t turns = 0;
    for (uint32_t i = 0; i < 2000 && stats_now().turns != turns; i++) {
        turns = stats_now().turns;
        uv_sleep(10);
    }
    return stats_now().actor_bytes;
}

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long long pages = 0, resident = 0;
    check(file != NULL && fscanf(file, "%llu %llu", &pages, &resident) == 2, "statm");
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Schedulers that idle give back what they keep. */
static uint64_t settled_pools(void)
{
    uint64_t bytes = stats_now().pool_bytes;
    for (uint32_t i = 0; i < 2000 && bytes > (8U << 20); i++) {
        uv_sleep(1);
        bytes = stats_now().pool_bytes;
    }
    return bytes;
}

int main(void)
{
    char path[] = "/tmp/ms-floods-XXXXXX";
    int fd = mkstemp(path);
    check(fd >= 0, "a file");
    close(fd);
    state_store_t *store = NULL;
    check(state_store_file_open(path, &store) == ERR_OK, "a store");
    runtime_options_t options = {.scheduler_count = 2, .state_store = store};
    check(runtime_new(&options, &world.runtime) == ERR_OK, "a runtime");
    check(runtime_register(world.runtime, &flooded_kind, NULL) == ERR_OK, "a kind");
    check(runtime_register(world.runtime, &sleeper_kind, NULL) == ERR_OK, "a kind");
    check(runtime_start(world.runtime) == ERR_OK, "start");

    /* Whether it ever sees an ask depends on the machine: so it has what an ask would make it need.
     */
    check(runtime_send(world.runtime, address_of("flooded", STR("mute")), flood_timers,
                       .count = 1) == ERR_OK,
          "sent");
    wait_for(&world.fired, 1, "a timer");
    uint64_t others = SINKS + 1, bytes = 0, resident = 0;
    for (uint32_t round = 0; round < race_rounds(ROUNDS); round++) {
        flood_mailboxes();
        flood_with_timers();
        flood_with_asks();
        flood_with_actors(others);
        check(settled_pools() <= (8U << 20), "the pools went back to the system");
        if (round == 0) { /* by now every table is as large as it gets */
            bytes = settled_charge();
            resident = resident_bytes();
        }
        check(settled_charge() == bytes, "the charge is what it was, to the byte");
        printf("actors hold %llu, pools %llu, resident %llu\n",
               (unsigned long long)stats_now().actor_bytes,
               (unsigned long long)stats_now().pool_bytes, (unsigned long long)resident_bytes());
    }
    /* A sanitizer keeps what was freed, and notes about it. */
    check(IS_SANITIZED || resident_bytes() <= resident + SLACK_BYTES, "so is the system's, about");
    runtime_stats_t stats = stats_now();
    check(stats.sleeps == stats.wakes && stats.sleeps >= SLEEPERS / 2, "who slept woke");
    check(stats.sleeps_lost == 0 && stats.sleeps_refused == 0, "nobody was lost");
    check(runtime_drain(world.runtime, PATIENCE_MS) == ERR_OK, "drained");
    check(stats_now().actor_bytes == 0, "at the end nothing is charged");
    runtime_free(world.runtime);
    state_store_file_close(store);
    race_report(stats.sent, "messages, timers and asks in floods");
    return 0;
}

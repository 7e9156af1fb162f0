/* Durable purses on several schedulers, a journal that is decided by a thread of its own and
 * refuses now and then, subscribers on every scheduler: each balance is what was acknowledged, and
 * every publish is one that is in the journal. */
#include "runtime/journal_memory.h"
#include "runtime/runtime.h"
#include "tests/stress/racer.h"
#include "tests/support/actors/purse.h"
#include "tests/support/patience.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { SCHEDULERS = 3, PURSES = 8, OPEN = 32, PUTS = 1500 };

typedef struct world {
    runtime_t *runtime;
    journal_memory_t *memory;
    random_seed_t faults; /* the journal thread's */
    _Atomic bool is_over;
    _Atomic uint32_t running;
    _Atomic uint64_t acknowledged[PURSES], published;
} world_t;

typedef struct client {
    world_t *world;
    edge_t *edge;
    random_seed_t seed;
    uint32_t left, open, purse[OPEN];
    bool is_used[OPEN];
    struct put {
        struct client *client;
        uint32_t slot;
        uint64_t amount;
    } puts[OPEN];
    uint64_t refused;
} client_t;

static void check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

static void go_on(client_t *self);

static void on_put(void *context, const answer_t *answer)
{
    struct put *put = context;
    client_t *self = put->client;
    if (answer->err == ERR_OK) {
        atomic_fetch_add(&self->world->acknowledged[self->purse[put->slot]], put->amount);
        check(answer->position > 0, "an acknowledged command has a position");
    } else {
        self->refused++;
        check(answer->err != ERR_TIMEOUT && answer->err != ERR_INTERNAL, err_name(answer->err));
    }
    self->is_used[put->slot] = false;
    self->open--;
    go_on(self);
}

static void go_on(client_t *self)
{
    ms_random_t random = random_seeded(&self->seed);
    for (uint32_t slot = 0; slot < OPEN && self->left > 0; slot++) {
        if (self->is_used[slot])
            continue;
        self->is_used[slot] = true;
        self->purse[slot] = (uint32_t)random_below(&random, PURSES);
        self->puts[slot] = (struct put){self, slot, 1 + random_below(&random, 9)};
        char key[4];
        int size = snprintf(key, sizeof key, "%u", self->purse[slot] % 10);
        self->open++;
        self->left--;
        edge_ask(self->edge, address_of("purse", str_of(key, (size_t)size)), 60000, STR(""), on_put,
                 &self->puts[slot], purse_put, .amount = self->puts[slot].amount);
    }
    if (self->left == 0 && self->open == 0)
        atomic_fetch_sub(&self->world->running, 1);
}

static void on_published(void *context, str_t topic, const schema_t *schema, const void *message)
{
    world_t *world = context;
    (void)topic, (void)schema, (void)message;
    atomic_fetch_add(&world->published, 1);
}

static void begin(void *context)
{
    client_t *self = context;
    check(edge_subscribe(self->edge, STR("purses"), on_published, self->world) != NULL,
          "subscribe");
    go_on(self);
}

static journal_fault_t fault(void *context, const journal_append_t *append)
{
    world_t *world = context;
    (void)append;
    ms_random_t random = random_seeded(&world->faults);
    bool is_refused = random_below(&random, 40) == 0;
    return (journal_fault_t){is_refused ? ERR_FULL : ERR_OK, !is_refused};
}

static void commit(void *context)
{
    world_t *world = context;
    while (!atomic_load(&world->is_over)) {
        if (!journal_memory_step(world->memory))
            sched_yield();
    }
}

static err_t add_up(void *context, const journal_record_t *record)
{
    uint64_t *balances = context;
    arena_t arena ARENA_SCOPED = {0};
    purse_was_put_t put;
    check(schema_decode(&purse_was_put_schema, record->event.payload, &arena, &put) == ERR_OK,
          "decode");
    balances[record->stream.data[record->stream.size - 1] - '0'] += put.amount;
    return ERR_OK;
}

static uint64_t run(void)
{
    static world_t world;
    static client_t clients[SCHEDULERS];
    memset(&world, 0, sizeof world);
    uv_thread_t committer;
    check(journal_memory_new(true, &world.memory) == ERR_OK, "journal");
    journal_memory_set_faults(world.memory, fault, &world);
    runtime_options_t options = {.scheduler_count = SCHEDULERS,
                                 .journal = journal_memory_journal(world.memory)};
    check(runtime_new(&options, &world.runtime) == ERR_OK, "new");
    check(runtime_register(world.runtime, &purse_kind, NULL) == ERR_OK, "register");
    check(runtime_start(world.runtime) == ERR_OK, "start");
    check(uv_thread_create(&committer, commit, &world) == 0, "thread");
    atomic_store(&world.running, SCHEDULERS);
    for (uint32_t i = 0; i < SCHEDULERS; i++) {
        clients[i] = (client_t){
            .world = &world, .edge = runtime_edge(world.runtime, i), .seed = {i + 1}, .left = PUTS};
        check(edge_post(clients[i].edge, begin, &clients[i]) == ERR_OK, "post");
    }
    while (atomic_load(&world.running) > 0)
        uv_sleep(1);
    check(runtime_drain(world.runtime, PATIENCE_MS) == ERR_OK, "drain");
    atomic_store(&world.is_over, true);
    uv_thread_join(&committer);

    uint64_t balances[10] = {0}, refused = 0;
    journal_t *journal = journal_memory_journal(world.memory);
    check(journal->table->feed(journal, 0, SIZE_MAX, add_up, balances) == ERR_OK, "feed");
    for (uint32_t i = 0; i < PURSES; i++)
        check(balances[i] == atomic_load(&world.acknowledged[i]), "acknowledged is written");
    for (uint32_t i = 0; i < SCHEDULERS; i++)
        refused += clients[i].refused;
    check(refused > 0 && refused < SCHEDULERS * PUTS, "some are refused, not all");
    printf("%zu written, %llu refused, %llu published\n", journal_memory_count(world.memory),
           (unsigned long long)refused, (unsigned long long)atomic_load(&world.published));
    runtime_free(world.runtime);
    journal_memory_free(world.memory);
    return UINT64_C(3) * SCHEDULERS * PUTS;
}

int main(void)
{
    uint64_t operations = 0;
    do
        operations += run();
    while (race_goes_on(operations));
    race_report(operations, "commands given, appended and told");
    return 0;
}

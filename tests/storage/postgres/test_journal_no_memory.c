/* The journal in PostgreSQL with the n-th allocation failing, n from 1 until none is left to fail:
 * what is acknowledged is there, what is refused is not, and no block is left. */

#include "runtime/base/memory.h"
#include "storage/postgres/journal_postgres.h"
#include "tests/support/check.h"
#include "tests/support/faults/memory_faults.h"
#include "tests/support/journal_contract.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"

#include <stdatomic.h>
#include <stdio.h>

enum { ALLOCATIONS_MAX = 500, AT_ONCE = 3 };

typedef struct world {
    postgres_t server;
    journal_postgres_t *journal;
    uint64_t round;
    _Atomic bool is_held, may_go;
    _Atomic uint32_t answered;
    err_t errs[AT_ONCE];
    uint64_t versions[AT_ONCE];
} world_t;

typedef struct place {
    world_t *world;
    uint32_t index;
} place_t;

static err_t open_journal(world_t *self)
{
    return journal_postgres_open(&(journal_postgres_options_t){.address = self->server.address,
                                                               .direct = self->server.address,
                                                               .replica = self->server.address,
                                                               .timeout_ms = POSTGRES_PATIENCE_MS},
                                 &self->journal);
}

static void start(world_t *self)
{
    *self = (world_t){0};
    postgres_start(&self->server);
}

static void stop(world_t *self)
{
    journal_postgres_close(self->journal);
    postgres_stop(&self->server);
}
#define WORLD_SCOPED SCOPED(stop)

/* ---- each allocation ---- */

static void fail_each(world_t *self, const char *what, err_t (*use)(world_t *self))
{
    uint64_t failing = 0;
    for (bool is_through = false; !is_through;) {
        failing++;
        self->round = failing;
        memory_faults_reset();
        memory_faults_choose(&failing, 1);
        memory_faults_arm(true);
        err_t err = use(self);
        memory_faults_arm(false);
        is_through = memory_faults_failed() == 0;
        cr_assert(err == ERR_OK || (err == ERR_NO_MEMORY && !is_through), "%s, allocation %llu: %s",
                  what, (unsigned long long)failing, err_name(err));
        cr_assert(failing < ALLOCATIONS_MAX);
    }
    cr_expect(failing > 5, "%s: %llu allocations", what, (unsigned long long)failing);
    memory_faults_reset();
}

/* ---- opening ---- */

static err_t open_and_close(world_t *self)
{
    int64_t live = memory_faults_live();
    err_t err = open_journal(self);
    journal_postgres_close(STEAL(self->journal));
    cr_assert(memory_faults_live() == live, "allocation %llu: %lld blocks are left",
              (unsigned long long)self->round, (long long)(memory_faults_live() - live));
    return err;
}

Test(journal_postgres_no_memory, opening_says_so_and_leaves_nothing)
{
    world_t world WORLD_SCOPED;
    start(&world);

    fail_each(&world, "open", open_and_close);
}

/* ---- appending ---- */

static void hold(void *context, err_t err, uint64_t version, uint64_t position)
{
    world_t *self = context;
    (void)version, (void)position;
    check_ok(err);
    atomic_store(&self->is_held, true);
    wait_until(atomic_load(&self->may_go));
}

static void landed(void *context, err_t err, uint64_t version, uint64_t position)
{
    const place_t *place = context;
    (void)position;
    place->world->errs[place->index] = err;
    place->world->versions[place->index] = version;
    atomic_fetch_add(&place->world->answered, 1);
}

static err_t count_record(void *context, const journal_record_t *record)
{
    *(uint64_t *)context = record->version;
    return ERR_OK;
}

static void append(world_t *self, str_t stream, uint64_t expected, journal_done_fn done,
                   void *context)
{
    journal_t *journal = journal_postgres_journal(self->journal);
    journal_event_t event = {STR("noted"), STR("x")};
    journal->table->append(journal, &(journal_append_t){.stream = stream,
                                                        .expected_version = expected,
                                                        .epoch = 1,
                                                        .events = &event,
                                                        .event_count = 1,
                                                        .done = done,
                                                        .done_context = context});
}

/* So that what is appended meanwhile is one round. */
static void hold_committer(world_t *self)
{
    char name[32];
    int size = snprintf(name, sizeof name, "hold/%llu", (unsigned long long)self->round);
    bool is_armed = memory_faults_arm(false);
    atomic_store(&self->is_held, false);
    atomic_store(&self->may_go, false);
    append(self, str_of(name, (size_t)size), 0, hold, self);
    wait_until(atomic_load(&self->is_held));
    memory_faults_arm(is_armed);
}

static err_t check_there(world_t *self, str_t stream)
{
    journal_t *journal = journal_postgres_journal(self->journal);
    uint64_t there = 0, told = 0;
    err_t err = ERR_OK;
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        told = MAX(told, self->errs[i] == ERR_OK ? self->versions[i] : 0);
        cr_assert(self->errs[i] != ERR_OK || self->versions[i] == i + 1,
                  "allocation %llu: append %u was acknowledged at version %llu",
                  (unsigned long long)self->round, i, (unsigned long long)self->versions[i]);
        err = err == ERR_OK || self->errs[i] == ERR_NO_MEMORY ? self->errs[i] : err;
    }
    check_ok(journal->table->read(journal, stream, 0, count_record, &there));
    cr_assert_eq(there, told, "allocation %llu: version %llu was told, %llu is there",
                 (unsigned long long)self->round, (unsigned long long)told,
                 (unsigned long long)there);
    return err;
}

static err_t append_run(world_t *self)
{
    char name[32];
    place_t places[AT_ONCE];
    str_t stream = str_of(
        name, (size_t)snprintf(name, sizeof name, "noted/%llu", (unsigned long long)self->round));
    journal_t *journal = journal_postgres_journal(self->journal);
    hold_committer(self);
    atomic_store(&self->answered, 0);
    for (uint32_t i = 0; i < AT_ONCE; i++) {
        places[i] = (place_t){self, i};
        append(self, stream, i, landed, &places[i]);
    }
    journal->table->snapshot_put(journal, stream, 1, STR("state"));
    atomic_store(&self->may_go, true);
    wait_until(atomic_load(&self->answered) == AT_ONCE);
    memory_faults_arm(false);
    return check_there(self, stream);
}

Test(journal_postgres_no_memory, what_is_acknowledged_is_there)
{
    world_t world WORLD_SCOPED;
    start(&world);
    int64_t live = memory_faults_live();
    check_ok(open_journal(&world));

    fail_each(&world, "append", append_run);

    journal_postgres_close(STEAL(world.journal));
    cr_expect_eq(memory_faults_live(), live);
}

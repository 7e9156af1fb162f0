/* Two rounds under way on one connection. A first append whose answer is kept waiting holds the
 * committer up until a crowd has queued; the crowd then goes out as two rounds, by halves. */
#include "runtime/base/memory.h"
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

enum { CROWD = 200, HALF = CROWD / 2 };

typedef struct rig {
    postgres_t server;
    journal_postgres_t *journal;
    pg_t *other;
    _Atomic bool is_held, may_go;
    _Atomic uint32_t answered;
    uint32_t order[CROWD]; /* which was answered first, ... */
    struct place {
        struct rig *rig;
        uint32_t index;
        err_t err;
        uint64_t version, position;
    } places[CROWD];
} rig_t;

static void start(rig_t *self, uint64_t timeout_ms, bool is_pooled)
{
    char address[512];
    *self = (rig_t){0};
    postgres_start(&self->server);
    snprintf(address, sizeof address, "%s", self->server.address);
    if (is_pooled)
        postgres_start_bouncer(&self->server, address, sizeof address);
    check_ok(journal_postgres_open(
        &(journal_postgres_options_t){.address = address, .timeout_ms = timeout_ms},
        &self->journal));
    check_ok(pg_open(
        &(pg_options_t){.address = self->server.address, .timeout_ms = POSTGRES_PATIENCE_MS},
        &self->other));
}

static void stop(rig_t *self)
{
    pg_close(self->other);
    journal_postgres_close(self->journal);
    postgres_stop(&self->server);
}
#define RIG_SCOPED SCOPED(stop)

static void hold(void *context, err_t err, uint64_t version, uint64_t position)
{
    rig_t *self = context;
    (void)version, (void)position;
    check_ok(err);
    atomic_store(&self->is_held, true);
    wait_until(atomic_load(&self->may_go));
}

static void landed(void *context, err_t err, uint64_t version, uint64_t position)
{
    struct place *place = context;
    rig_t *self = place->rig;
    place->err = err;
    place->version = version;
    place->position = position;
    self->order[atomic_load(&self->answered)] = place->index;
    atomic_fetch_add(&self->answered, 1);
}

static void append(rig_t *self, str_t stream, uint64_t expected, journal_done_fn done,
                   void *context)
{
    journal_event_t event = {STR("noted"), STR("x")};
    journal_t *journal = journal_postgres_journal(self->journal);
    journal->table->append(journal, &(journal_append_t){.stream = stream,
                                                        .expected_version = expected,
                                                        .epoch = 1,
                                                        .events = &event,
                                                        .event_count = 1,
                                                        .done = done,
                                                        .done_context = context});
}

static void hold_committer(rig_t *self)
{
    atomic_store(&self->is_held, false);
    atomic_store(&self->may_go, false);
    append(self, STR("hold/1"), 0, hold, self);
    wait_until(atomic_load(&self->is_held));
}

static void append_at(rig_t *self, uint32_t index, str_t stream, uint64_t expected)
{
    self->places[index] = (struct place){.rig = self, .index = index, .err = ERR_INTERNAL};
    append(self, stream, expected, landed, &self->places[index]);
}

static str_t stream_of(char name[32], uint32_t index)
{
    int size = snprintf(name, 32, "crowd/%03u", index);
    return str_of(name, (size_t)size);
}

static uint64_t overlapped(const rig_t *self)
{
    journal_postgres_stats_t stats;
    journal_postgres_stats(self->journal, &stats);
    return stats.overlapped;
}

static err_t keep_version(void *context, const journal_record_t *record)
{
    *(uint64_t *)context = record->version;
    return ERR_OK;
}

static uint64_t version_of(rig_t *self, str_t stream)
{
    uint64_t version = 0;
    journal_t *journal = journal_postgres_journal(self->journal);
    check_ok(journal->table->read(journal, stream, 0, keep_version, &version));
    return version;
}

static int32_t backend(rig_t *self)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    pg_statement_t statement = {
        .sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'musicstream'"
               " AND query LIKE '%ms_append%'"};
    check_ok(pg_run(self->other, &statement, &result));
    cr_assert_eq(PQntuples(result), 1);
    return pg_get_i32(result, 0, 0);
}

/* ---- what raises, what contradicts ---- */

enum {
    RAISES = 5,
    TWICE = 7,
    TAKEN = 9,
    LATE = 11,
    LATE_WRONG = 13,
    AGAIN = HALF + 7,
    TAKEN_LATE = HALF + 9,
    LATE_RIGHT = HALF + 13
};

static void append_crowd(rig_t *self)
{
    char name[32];
    for (uint32_t i = 0; i < CROWD; i++) {
        if (i == RAISES)
            append_at(self, i, STR("not utf-8 \xff\xfe"), 0);
        else if (i == AGAIN)
            append_at(self, i, stream_of(name, TWICE), 1);
        else if (i == LATE_WRONG || i == LATE_RIGHT) /* together they look like one run from 0 */
            append_at(self, i, stream_of(name, LATE), i == LATE_RIGHT ? 1 : 0);
        else
            append_at(self, i, stream_of(name, i), i == TAKEN || i == TAKEN_LATE ? 3 : 0);
    }
}

static err_t wanted_of(uint32_t index)
{
    return index == RAISES                                                ? ERR_INVALID
           : index == TAKEN || index == TAKEN_LATE || index == LATE_WRONG ? ERR_CONFLICT
                                                                          : ERR_OK;
}

static uint32_t place_of(const rig_t *self, uint32_t index)
{
    uint32_t place = 0;
    while (place < CROWD && self->order[place] != index)
        place++;
    return place;
}

/* The round that raises is written again append by append while the other one has landed. Had that
 * one held what follows on a stream of the first, it would have been refused. */
static void is_settled_each_by_its_own(bool is_pooled)
{
    rig_t rig RIG_SCOPED;
    start(&rig, POSTGRES_PATIENCE_MS, is_pooled);
    hold_committer(&rig);
    append_crowd(&rig);

    atomic_store(&rig.may_go, true);
    wait_until(atomic_load(&rig.answered) == CROWD);

    cr_expect_eq(overlapped(&rig), 1);
    for (uint32_t i = 0; i < CROWD; i++)
        cr_expect_eq(rig.places[i].err, wanted_of(i), "%u: %s", i, err_name(rig.places[i].err));
    cr_expect_eq(rig.places[AGAIN].version, 2);
    cr_expect_eq(rig.places[LATE_RIGHT].version, 2);
    cr_expect_lt(place_of(&rig, LATE_WRONG), place_of(&rig, LATE_RIGHT));
    cr_expect_gt(rig.places[AGAIN].position, rig.places[TWICE].position);
}

Test(journal_rounds, a_raise_in_the_first_is_refused_alone_and_the_second_stands)
{
    is_settled_each_by_its_own(false);
}

Test(journal_rounds, so_it_is_through_pgbouncer)
{
    is_settled_each_by_its_own(true);
}

/* ---- order ---- */

Test(journal_rounds, answers_come_in_the_order_of_the_appends_and_snapshots_are_kept)
{
    rig_t rig RIG_SCOPED;
    char name[32];
    uint64_t version = 0;
    buf_t state BUF_SCOPED = BUF_INIT;
    start(&rig, POSTGRES_PATIENCE_MS, false);
    journal_t *journal = journal_postgres_journal(rig.journal);
    hold_committer(&rig);
    journal->table->snapshot_put(journal, STR("hold/1"), 1, STR("first"));
    for (uint32_t i = 0; i < CROWD; i++) /* not in the order of their streams' names */
        append_at(&rig, i, stream_of(name, (i * 37) % CROWD), 0);

    atomic_store(&rig.may_go, true);
    wait_until(atomic_load(&rig.answered) == CROWD);

    cr_expect_eq(overlapped(&rig), 1);
    for (uint32_t i = 0; i < CROWD; i++) {
        cr_expect_eq(rig.order[i], i, "%u was answered in place %u", rig.order[i], i);
        check_ok(rig.places[i].err);
    }
    check_ok(journal->table->snapshot_get(journal, STR("hold/1"), &version, &state));
    cr_expect_eq(version, 1);
}

/* An append that is wrong from the start has its answer when what came before it has. */
Test(journal_rounds, what_is_refused_at_once_waits_for_what_came_before_it)
{
    rig_t rig RIG_SCOPED;
    char name[32];
    char long_name[JOURNAL_STREAM_SIZE_MAX + 1];
    memset(long_name, 'x', sizeof long_name);
    start(&rig, POSTGRES_PATIENCE_MS, false);
    hold_committer(&rig);
    for (uint32_t i = 0; i < CROWD - 1; i++) /* the last one has to wait for a third round */
        append_at(&rig, i, stream_of(name, i == CROWD - 2 ? 0 : i), i == CROWD - 2 ? 1 : 0);
    append_at(&rig, CROWD - 1, str_of(long_name, sizeof long_name), 0);

    atomic_store(&rig.may_go, true);
    wait_until(atomic_load(&rig.answered) == CROWD);

    check_ok(rig.places[CROWD - 2].err);
    check_err(rig.places[CROWD - 1].err, ERR_LIMIT);
    cr_expect_eq(rig.order[CROWD - 1], CROWD - 1);
}

/* ---- the connection goes ---- */

static void start_crowd(rig_t *self)
{
    char name[32];
    hold_committer(self);
    for (uint32_t i = 0; i < CROWD; i++)
        append_at(self, i, stream_of(name, i), 0);
}

static void expect_unknown_and_not_there(rig_t *self)
{
    char name[32];
    for (uint32_t i = 0; i < CROWD; i++) {
        cr_expect_eq(self->places[i].err, ERR_TIMEOUT, "%u: %s", i, err_name(self->places[i].err));
        cr_expect_eq(version_of(self, stream_of(name, i)), 0, "%u", i);
    }
}

Test(journal_rounds, when_the_connection_is_lost_both_are_unknown_and_then_settled)
{
    rig_t rig RIG_SCOPED;
    start(&rig, POSTGRES_PATIENCE_MS, false);
    start_crowd(&rig);
    int32_t pid = backend(&rig);
    check_ok(pg_run_script(rig.other, "BEGIN; LOCK TABLE events")); /* the first stays under way */

    atomic_store(&rig.may_go, true);
    wait_until(overlapped(&rig) == 1);
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", pid);
    check_ok(pg_run_script(rig.other, sql));
    wait_until(atomic_load(&rig.answered) == CROWD);
    check_ok(pg_run_script(rig.other, "COMMIT"));
    wait_until(journal_postgres_is_up(rig.journal));

    expect_unknown_and_not_there(&rig);
    journal_subject_t subject = {.journal = journal_postgres_journal(rig.journal)};
    check_ok(journal_append_wait(&subject, STR("crowd/000"), 0, STR("x")).err);
}

/* The server's process stands still with both rounds before it, unread; the node gives them up,
 * connects again, and reads. Then the process goes on. */
Test(journal_rounds, what_was_sent_over_a_lost_connection_never_lands_behind_a_read)
{
    rig_t rig RIG_SCOPED;
    start(&rig, 1500, false);
    start_crowd(&rig);
    int32_t pid = backend(&rig);

    cr_assert_eq(kill(pid, SIGSTOP), 0);
    atomic_store(&rig.may_go, true);
    wait_until(atomic_load(&rig.answered) == CROWD);
    wait_until(journal_postgres_is_up(rig.journal));
    expect_unknown_and_not_there(&rig);
    cr_assert_eq(kill(pid, SIGCONT), 0);
    wait_until(kill(pid, 0) != 0); /* until it has found that nobody is there */

    expect_unknown_and_not_there(&rig);
}

/* ---- closing ---- */

static void *close_journal(void *context)
{
    rig_t *rig = context;
    journal_postgres_close(rig->journal);
    return NULL;
}

Test(journal_rounds, closing_waits_for_both_and_answers_all)
{
    rig_t rig RIG_SCOPED;
    pthread_t closer;
    start(&rig, POSTGRES_PATIENCE_MS, false);
    start_crowd(&rig);
    check_ok(pg_run_script(rig.other, "BEGIN; LOCK TABLE events"));

    atomic_store(&rig.may_go, true);
    wait_until(overlapped(&rig) == 1);
    cr_assert_eq(pthread_create(&closer, NULL, close_journal, &rig), 0);
    cr_expect_eq(atomic_load(&rig.answered), 0);
    check_ok(pg_run_script(rig.other, "COMMIT"));
    pthread_join(closer, NULL);
    rig.journal = NULL;

    cr_expect_eq(atomic_load(&rig.answered), CROWD);
    for (uint32_t i = 0; i < CROWD; i++)
        check_ok(rig.places[i].err);
}

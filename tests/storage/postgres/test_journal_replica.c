/* The feed from a streaming standby: nothing is skipped, whatever it has replayed; one that is
 * behind, away or left behind by a fail-over is not waited for. */
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { WRITERS = 3, WRITER_APPENDS = 150, SUBTRANSACTIONS = 100 };

typedef struct pair {
    postgres_t primary, standby;
} pair_t;

static void pair_start(pair_t *self)
{
    postgres_start(&self->primary);
    postgres_start_standby(&self->standby, &self->primary);
}

static void pair_stop(pair_t *self)
{
    postgres_stop(&self->standby);
    postgres_stop(&self->primary);
}

static pg_t *connected(const postgres_t *server)
{
    pg_t *pg = NULL;
    check_ok(pg_open(
        &(pg_options_t){.address = server->address, .timeout_ms = POSTGRES_PATIENCE_MS}, &pg));
    return pg;
}

static void script(const postgres_t *server, const char *sql)
{
    pg_t *pg PG_SCOPED = connected(server);
    check_ok(pg_run_script(pg, sql));
}

static bool is_so(const postgres_t *server, const char *sql)
{
    pg_t *pg PG_SCOPED = connected(server);
    PGresult *result PG_RESULT_SCOPED = NULL;
    check_ok(pg_run(pg, &(pg_statement_t){.sql = sql}, &result));
    return PQntuples(result) > 0;
}

/* All standbys have replayed what is there. */
static void level(const postgres_t *primary)
{
    wait_until(is_so(primary, "SELECT FROM pg_stat_replication HAVING count(*) > 0"
                              " AND bool_and(replay_lsn >= pg_current_wal_lsn())"));
}

static void pause_replay(const pair_t *pair)
{
    script(&pair->standby, "SELECT pg_wal_replay_pause()");
    wait_until(is_so(&pair->standby, "SELECT WHERE pg_get_wal_replay_pause_state() = 'paused'"));
}

static void resume_replay(const pair_t *pair)
{
    script(&pair->standby, "SELECT pg_wal_replay_resume()");
}

static journal_postgres_t *opened(const char *address, const char *replica)
{
    journal_postgres_t *journal = NULL;
    check_ok(journal_postgres_open(
        &(journal_postgres_options_t){
            .address = address, .replica = replica, .timeout_ms = POSTGRES_PATIENCE_MS},
        &journal));
    return journal;
}

static journal_postgres_stats_t stats_of(const journal_postgres_t *journal)
{
    journal_postgres_stats_t stats;
    journal_postgres_stats(journal, &stats);
    return stats;
}

static err_t append_one(journal_postgres_t *journal, const char *stream, uint64_t expected)
{
    journal_subject_t subject = {.journal = journal_postgres_journal(journal)};
    return journal_append_wait(&subject, str_from(stream), expected, STR("x")).err;
}

/* ---- who reads the feed when told ---- */

typedef struct follower {
    journal_postgres_t *journal;
    _Atomic bool is_told;
    uint64_t position, versions[10], count;
} follower_t;

static void told(void *context, UNUSED uint64_t head)
{
    atomic_store(&((follower_t *)context)->is_told, true);
}

static void follower_start(follower_t *self, journal_postgres_t *journal)
{
    *self = (follower_t){.journal = journal, .is_told = true};
    check_ok(journal_hooks_add(journal_postgres_store(journal).hooks, told, self));
}

static err_t follow(void *context, const journal_record_t *record)
{
    follower_t *follower = context;
    uint32_t stream = (uint32_t)(record->stream.data[record->stream.size - 1] - '0');
    cr_assert(record->position > follower->position);
    cr_assert_eq(record->version, follower->versions[stream] + 1, "%.*s", STR_ARG(record->stream));
    follower->position = record->position;
    follower->versions[stream]++;
    follower->count++;
    return ERR_OK;
}

static void read_feed(follower_t *self)
{
    journal_t *j = journal_postgres_journal(self->journal);
    check_ok(j->table->feed(j, self->position, SIZE_MAX, follow, self));
}

static void read_until(follower_t *self, uint64_t count)
{
    patience_t patience = PATIENCE_FOR("what was written, read when the hooks said so");
    while (self->count < count) {
        if (atomic_exchange(&self->is_told, false))
            read_feed(self);
        patience_spend(&patience);
    }
}

/* ---- what a standby shows ---- */

static void begin_slow(pg_t *slow, bool is_overflowing)
{
    buf_t sql BUF_SCOPED = BUF_INIT;
    buf_append(&sql, STR("BEGIN; INSERT INTO streams VALUES ('s/0', 0, 1);"
                         "INSERT INTO events VALUES ('s/0', 1, 1, pg_current_xact_id(), 0, 0, 'e',"
                         " '', '', '');"));
    for (int i = 0; is_overflowing && i < SUBTRANSACTIONS; i++)
        buf_printf(&sql, "SAVEPOINT s%d; INSERT INTO snapshots VALUES ('%d', 1, '');", i, i);
    check_ok(pg_run_script(slow, buf_terminated(&sql)));
}

/* The standby has the commit of a transaction, and not yet that of one with a lower number. */
static void steps_over_nothing(bool is_overflowing)
{
    pair_t pair SCOPED(pair_stop) = {0};
    follower_t follower;
    pair_start(&pair);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED =
        opened(pair.primary.address, pair.standby.address);
    pg_t *slow PG_SCOPED = connected(&pair.primary);
    follower_start(&follower, journal);
    check_ok(append_one(journal, "s/2", 0));
    level(&pair.primary);
    read_until(&follower, 1);
    cr_assert(stats_of(journal).replica_pages > 0, "it came from the standby");

    begin_slow(slow, is_overflowing);
    check_ok(append_one(journal, "s/1", 0));
    level(&pair.primary);
    pause_replay(&pair);
    check_ok(pg_run_script(slow, "COMMIT"));
    read_until(&follower, 3); /* the database has it, before long */

    cr_assert(stats_of(journal).replica_missed > 0);
    resume_replay(&pair);
}

Test(journal_replica, what_commits_out_of_order_is_not_stepped_over)
{
    steps_over_nothing(false);
    steps_over_nothing(true);
}

typedef struct writer {
    const postgres_t *server;
    uint32_t index;
    pthread_t thread;
} writer_t;

static void *write_all(void *context)
{
    const writer_t *writer = context;
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(writer->server->address, NULL);
    char stream[] = "writer/0";
    stream[sizeof stream - 2] = (char)('0' + writer->index);
    for (uint64_t i = 0; i < WRITER_APPENDS; i++)
        check_ok(append_one(journal, stream, i));
    return NULL;
}

/* It falls behind and comes back all the time. */
static void *pause_and_resume(void *context)
{
    const writer_t *writer = context;
    pg_t *pg PG_SCOPED = connected(writer->server);
    for (uint64_t i = 0; i < WRITER_APPENDS / 5; i++) {
        check_ok(pg_run_script(pg, "SELECT pg_wal_replay_pause()"));
        check_ok(pg_run_script(pg, "SELECT pg_sleep(0.005)"));
        check_ok(pg_run_script(pg, "SELECT pg_wal_replay_resume()"));
    }
    return NULL;
}

Test(journal_replica, a_follower_of_concurrent_writers_skips_nothing)
{
    pair_t pair SCOPED(pair_stop) = {0};
    writer_t writers[WRITERS + 1];
    follower_t follower;
    pair_start(&pair);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED =
        opened(pair.primary.address, pair.standby.address);
    follower_start(&follower, journal);
    check_ok(append_one(journal, "s/9", 0));
    level(&pair.primary);
    read_until(&follower, 1);
    cr_assert(stats_of(journal).replica_pages > 0, "it is read from the start");
    for (uint32_t i = 0; i <= WRITERS; i++) {
        bool is_writer = i < WRITERS;
        writers[i] = (writer_t){.server = is_writer ? &pair.primary : &pair.standby, .index = i};
        pthread_create(&writers[i].thread, NULL, is_writer ? write_all : pause_and_resume,
                       &writers[i]);
    }

    read_until(&follower, 1 + (uint64_t)WRITERS * WRITER_APPENDS);

    for (uint32_t i = 0; i <= WRITERS; i++)
        pthread_join(writers[i].thread, NULL);
}

static void ended(void *context, err_t err, UNUSED uint64_t version, UNUSED uint64_t position)
{
    atomic_store((_Atomic int *)context, (int)err);
}

/* A standby has a commit before the database tells anybody that it is durable: here that waits for
 * another standby. */
Test(journal_replica, what_nobody_was_told_is_durable_is_not_shown)
{
    enum { OPEN = -1 };
    pair_t pair SCOPED(pair_stop) = {0};
    follower_t follower;
    _Atomic int outcome = OPEN;
    journal_event_t event = {STR("noted"), STR("x")};
    pair_start(&pair);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED =
        opened(pair.primary.address, pair.standby.address);
    journal_t *j = journal_postgres_journal(journal);
    follower_start(&follower, journal);
    check_ok(append_one(journal, "s/0", 0));
    level(&pair.primary);
    read_until(&follower, 1);
    script(&pair.primary, "ALTER SYSTEM SET synchronous_standby_names = 'another'");
    script(&pair.primary, "SELECT pg_reload_conf()");
    wait_until(is_so(&pair.primary, "SELECT WHERE current_setting('synchronous_standby_names')"
                                    " = 'another'"));

    j->table->append(j, &(journal_append_t){.stream = STR("s/0"),
                                            .expected_version = 1,
                                            .epoch = 1,
                                            .events = &event,
                                            .event_count = 1,
                                            .done = ended,
                                            .done_context = &outcome});
    wait_until(is_so(&pair.standby, "SELECT FROM events WHERE stream = 's/0' AND version = 2"));
    read_feed(&follower);
    uint64_t before = follower.count;
    cr_assert_eq(atomic_load(&outcome), OPEN);
    script(&pair.primary, "ALTER SYSTEM SET synchronous_standby_names = ''");
    script(&pair.primary, "SELECT pg_reload_conf()");
    read_until(&follower, 2);

    cr_assert_eq(before, 1);
    wait_until(atomic_load(&outcome) == ERR_OK);
}

/* ---- behind, away ---- */

Test(journal_replica, one_that_is_behind_or_away_is_not_waited_for_and_used_again)
{
    pair_t pair SCOPED(pair_stop) = {0};
    follower_t follower;
    pair_start(&pair);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED =
        opened(pair.primary.address, pair.standby.address);
    follower_start(&follower, journal);
    check_ok(append_one(journal, "s/0", 0));
    level(&pair.primary);
    read_until(&follower, 1);

    pause_replay(&pair);
    check_ok(append_one(journal, "s/0", 1));
    read_until(&follower, 2);
    cr_assert(stats_of(journal).replica_missed > 0);
    resume_replay(&pair);
    level(&pair.primary);
    check_ok(append_one(journal, "s/0", 2));
    read_until(&follower, 3);
    wait_until((read_feed(&follower), stats_of(journal).replica_behind_ms == 0));

    postgres_do(&pair.standby, "kill");
    check_ok(append_one(journal, "s/0", 3));
    read_until(&follower, 4);
    postgres_do(&pair.standby, "restart");
    uint64_t pages = stats_of(journal).replica_pages;
    for (uint64_t version = 4; stats_of(journal).replica_pages == pages; version++) {
        check_ok(append_one(journal, "s/0", version));
        read_until(&follower, version + 1);
    }
}

/* ---- left behind ---- */

Test(journal_replica, one_that_does_not_follow_the_new_server_is_not_read)
{
    pair_t pair SCOPED(pair_stop) = {0};
    postgres_t left POSTGRES_SCOPED = {0};
    follower_t follower;
    char address[512];
    pair_start(&pair);
    postgres_start_standby(&left, &pair.primary);
    postgres_both(&pair.primary, &pair.standby, address, sizeof address);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(address, left.address);
    check_ok(append_one(journal, "s/0", 0));
    level(&pair.primary);
    script(&pair.standby, "ALTER SYSTEM SET primary_conninfo = ''");
    script(&pair.standby, "SELECT pg_reload_conf()");
    wait_until(!is_so(&pair.primary, "SELECT FROM pg_stat_replication OFFSET 1"));
    check_ok(append_one(journal, "s/1", 0)); /* only the one that is left behind hears of it */
    level(&pair.primary);

    postgres_do(&pair.primary, "kill");
    postgres_do(&pair.standby, "promote");
    wait_until(stats_of(journal).went_back == 1 && journal_postgres_is_up(journal));
    err_t err = ERR_UNAVAILABLE;
    wait_until((err = append_one(journal, "s/0", 1)) != ERR_UNAVAILABLE);
    check_ok(err);
    follower_start(&follower, journal);
    read_until(&follower, 2);

    cr_assert_eq(follower.versions[0], 2);
    cr_assert_eq(follower.versions[1], 0, "what is lost was read");
}

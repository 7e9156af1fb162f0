#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"

#include <pthread.h>
#include <stdio.h>

static journal_postgres_t *opened(const char *address)
{
    journal_postgres_t *journal = NULL;
    check_ok(journal_postgres_open(&(journal_postgres_options_t){.address = address,
                                                                 .timeout_ms = POSTGRES_PATIENCE_MS,
                                                                 .second_min = 1},
                                   &journal));
    return journal;
}

static journal_subject_t subject_of(journal_postgres_t *journal)
{
    return (journal_subject_t){.journal = journal_postgres_journal(journal)};
}

static pg_t *connected(const postgres_t *server)
{
    pg_t *pg = NULL;
    check_ok(pg_open(
        &(pg_options_t){.address = server->address, .timeout_ms = POSTGRES_PATIENCE_MS}, &pg));
    return pg;
}

static void keeps_contract(const char *address, uint64_t seed)
{
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(address);
    journal_subject_t subject = subject_of(journal);
    buf_t problem BUF_SCOPED = BUF_INIT;
    cr_assert(journal_contract_holds(&subject, &problem), "%s", buf_terminated(&problem));
    for (uint64_t i = 0; i < 3; i++)
        cr_assert(journal_model_holds(&subject, seed + i, 300, &problem), "seed %llu: %s",
                  (unsigned long long)(seed + i), buf_terminated(&problem));
}

Test(journal_postgres, keeps_the_contract)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);

    keeps_contract(server.address, 1);
}

Test(journal_postgres, keeps_the_contract_through_pgbouncer_in_transaction_mode)
{
    postgres_t server POSTGRES_SCOPED = {0};
    char address[512];
    postgres_start(&server);
    postgres_start_bouncer(&server, address, sizeof address);

    keeps_contract(address, 1);
}

/* ---- the feed ---- */

static err_t count_record(void *context, const journal_record_t *record)
{
    (void)record;
    ++*(size_t *)context;
    return ERR_OK;
}

static size_t feed_count(journal_postgres_t *journal)
{
    size_t count = 0;
    journal_t *j = journal_postgres_journal(journal);
    check_ok(j->table->feed(j, 0, SIZE_MAX, count_record, &count));
    return count;
}

/* A transaction of another node that began first and commits last: what a number from a sequence
 * would make a follower step over. */
Test(journal_postgres, what_commits_later_lies_behind_what_was_read)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(server.address);
    journal_subject_t subject = subject_of(journal);
    pg_t *slow PG_SCOPED = connected(&server);

    check_ok(pg_run_script(slow, "BEGIN; INSERT INTO streams VALUES ('s/slow', 0, 1);"
                                 "INSERT INTO events VALUES ('s/slow', 1, 1, pg_current_xact_id(), "
                                 "0, 0, 'e', '', '', '');"));
    check_ok(journal_append_wait(&subject, STR("s/quick"), 0, STR("x")).err);
    size_t before = feed_count(journal);
    check_ok(pg_run_script(slow, "COMMIT"));

    cr_assert_eq(before, 0, "a follower stepped over what was still being written");
    cr_assert_eq(feed_count(journal), 2);
}

enum { WRITERS = 3, WRITER_APPENDS = 400 };

typedef struct writer {
    const char *address;
    uint32_t index;
} writer_t;

static void *write_all(void *context)
{
    const writer_t *writer = context;
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(writer->address);
    journal_subject_t subject = subject_of(journal);
    char stream[32];
    int size = snprintf(stream, sizeof stream, "writer/%u", writer->index);
    for (uint64_t i = 0; i < WRITER_APPENDS; i++)
        check_ok(journal_append_wait(&subject, str_of(stream, (size_t)size), i, STR("x")).err);
    return NULL;
}

typedef struct follower {
    uint64_t position, versions[WRITERS], count;
} follower_t;

static err_t follow(void *context, const journal_record_t *record)
{
    follower_t *follower = context;
    uint32_t writer = (uint32_t)(record->stream.data[record->stream.size - 1] - '0');
    cr_assert(record->position > follower->position);
    cr_assert_eq(record->version, follower->versions[writer] + 1, "writer %u", writer);
    follower->position = record->position;
    follower->versions[writer]++;
    follower->count++;
    return ERR_OK;
}

Test(journal_postgres, a_follower_of_concurrent_writers_skips_nothing)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(server.address);
    journal_t *j = journal_postgres_journal(journal);
    pthread_t threads[WRITERS];
    writer_t writers[WRITERS];
    follower_t follower = {0};
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (writer_t){server.address, i};
        pthread_create(&threads[i], NULL, write_all, &writers[i]);
    }

    patience_t patience = PATIENCE_FOR("all that was written, in the feed");
    while (follower.count < (uint64_t)WRITERS * WRITER_APPENDS) {
        check_ok(j->table->feed(j, follower.position, 100, follow, &follower));
        patience_spend(&patience);
    }

    for (uint32_t i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
}

static int64_t number(pg_t *pg, const char *sql)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    check_ok(pg_run(pg, &(pg_statement_t){.sql = sql}, &result));
    return pg_get_i64(result, 0, 0);
}

/* What the connections read that were closed by now. */
static int64_t events_read(pg_t *pg)
{
    wait_until(number(pg, "SELECT count(*) FROM pg_stat_activity"
                          " WHERE application_name = 'musicstream'") == 0);
    return number(pg, "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables"
                      " WHERE relname = 'events'");
}

/* By the index, and no further: ORDER BY means a column of the result before one of the table. */
Test(journal_postgres, a_page_of_the_feed_reads_no_more_than_the_page)
{
    enum { ROWS = 5000, PAGE = 10 };
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    pg_t *pg PG_SCOPED = connected(&server);
    size_t count = 0;
    check_ok(pg_run_script(pg, "INSERT INTO events SELECT 's/1', i, 1, pg_current_xact_id(), i, 0,"
                               " 'e', '', '', '' FROM generate_series(1, 5000) AS i;"
                               "ANALYZE events"));
    int64_t before = events_read(pg);
    journal_postgres_t *journal = opened(server.address);
    journal_t *j = journal_postgres_journal(journal);

    check_ok(j->table->feed(j, 0, PAGE, count_record, &count));
    journal_postgres_close(journal);

    cr_assert_eq(count, PAGE);
    int64_t read = events_read(pg) - before;
    cr_assert(read < ROWS / 10, "%lld rows were read for %d", (long long)read, PAGE);
}

/* ---- batches ---- */

typedef struct tally {
    pthread_mutex_t lock;
    uint32_t left, ok, conflicts, invalid;
} tally_t;

static void tally_done(void *context, err_t err, uint64_t version, uint64_t position)
{
    tally_t *tally = context;
    (void)version, (void)position;
    pthread_mutex_lock(&tally->lock);
    tally->left--;
    tally->ok += err == ERR_OK;
    tally->conflicts += err == ERR_CONFLICT;
    tally->invalid += err == ERR_INVALID;
    pthread_mutex_unlock(&tally->lock);
}

static uint32_t left_of(tally_t *tally)
{
    pthread_mutex_lock(&tally->lock);
    uint32_t left = tally->left;
    pthread_mutex_unlock(&tally->lock);
    return left;
}

static void append_async(journal_postgres_t *journal, tally_t *tally, str_t stream,
                         uint64_t expected)
{
    journal_t *j = journal_postgres_journal(journal);
    journal_event_t events[2] = {{STR("noted"), STR("a")}, {STR("noted"), STR("b")}};
    pthread_mutex_lock(&tally->lock);
    tally->left++;
    pthread_mutex_unlock(&tally->lock);
    j->table->append(j, &(journal_append_t){.stream = stream,
                                            .expected_version = expected,
                                            .epoch = 1,
                                            .events = events,
                                            .event_count = 2,
                                            .done = tally_done,
                                            .done_context = tally});
}

Test(journal_postgres, what_raises_is_refused_alone)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(server.address);
    tally_t tally = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char stream[32];

    for (int i = 0; i < 300; i++) {
        int size = snprintf(stream, sizeof stream, "raise/%d", i);
        append_async(journal, &tally, str_of(stream, (size_t)size), 0);
        if (i % 100 == 50)
            append_async(journal, &tally, STR("not utf-8 \xff\xfe"), 0);
    }
    wait_until(left_of(&tally) == 0);

    cr_assert_eq(tally.ok, 300);
    cr_assert_eq(tally.invalid, 3);
    cr_assert_eq(feed_count(journal), 600);
}

Test(journal_postgres, appends_of_one_stream_in_one_batch_are_judged_in_their_order)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(server.address);
    tally_t tally = {.lock = PTHREAD_MUTEX_INITIALIZER};

    for (uint64_t i = 0; i < 200; i++) {
        append_async(journal, &tally, STR("fold/1"), 2 * i);
        append_async(journal, &tally, STR("fold/1"), 2 * i); /* made against what is gone by now */
    }
    wait_until(left_of(&tally) == 0);

    cr_assert_eq(tally.ok, 200);
    cr_assert_eq(tally.conflicts, 200);
    cr_assert_eq(feed_count(journal), 400);
    journal_postgres_stats_t stats;
    journal_postgres_stats(journal, &stats);
    cr_assert(stats.transactions < 400, "%llu transactions",
              (unsigned long long)stats.transactions);
}

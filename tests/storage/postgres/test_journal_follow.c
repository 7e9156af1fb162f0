/* How a node hears of another one's commits, and of what lies behind a transaction that is open. */
#include "runtime/base/clock.h"
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"
#include "tests/support/said.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { WRITERS = 3, WRITER_APPENDS = 300 };

static journal_postgres_t *opened(journal_postgres_options_t options)
{
    journal_postgres_t *journal = NULL;
    options.timeout_ms = POSTGRES_PATIENCE_MS;
    check_ok(journal_postgres_open(&options, &journal));
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

/* ---- a follower that reads only when it is told ---- */

typedef struct follower {
    journal_postgres_t *journal;
    _Atomic bool is_told;
    uint64_t position, versions[WRITERS], count;
} follower_t;

static void told(void *context, uint64_t head)
{
    follower_t *follower = context;
    (void)head;
    atomic_store(&follower->is_told, true);
}

static void follower_start(follower_t *self, journal_postgres_t *journal)
{
    *self = (follower_t){.journal = journal};
    check_ok(journal_hooks_add(journal_postgres_store(journal).hooks, told, self));
}

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

static void read_when_told(follower_t *self)
{
    journal_t *j = journal_postgres_journal(self->journal);
    if (atomic_exchange(&self->is_told, false))
        check_ok(j->table->feed(j, self->position, SIZE_MAX, follow, self));
}

static void read_until(follower_t *self, uint64_t count)
{
    patience_t patience = PATIENCE_FOR("what was written, read when the hooks said so");
    while (read_when_told(self), self->count < count)
        patience_spend(&patience);
}

/* ---- hearing ---- */

Test(journal_follow, a_commit_of_one_node_is_heard_by_another)
{
    postgres_t server POSTGRES_SCOPED = {0};
    follower_t follower;
    postgres_start(&server);
    journal_postgres_t *here JOURNAL_POSTGRES_SCOPED =
        opened((journal_postgres_options_t){.address = server.address});
    journal_postgres_t *there JOURNAL_POSTGRES_SCOPED =
        opened((journal_postgres_options_t){.address = server.address, .node = 1});
    follower_start(&follower, there);
    wait_until(stats_of(here).is_listening && stats_of(there).is_listening);

    check_ok(append_one(here, "w/0", 0));
    read_until(&follower, 1);

    wait_until(stats_of(there).heard > 0); /* looking alone would find it, too */
    cr_assert_eq(stats_of(here).notified, 1);
    cr_assert_eq(stats_of(here).heard, 0, "a node heard itself");
    cr_assert_eq(stats_of(there).notified, 0, "what was heard was passed on");
}

typedef struct writer {
    const char *address;
    uint32_t index;
    uint64_t notified, took_ms;
} writer_t;

static uint64_t now_ms(void)
{
    ms_clock_t clock = clock_system();
    return clock_mono_ms(&clock);
}

static void *write_all(void *context)
{
    writer_t *writer = context;
    uint64_t begin = now_ms();
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED =
        opened((journal_postgres_options_t){.address = writer->address});
    char stream[] = "writer/0";
    stream[sizeof stream - 2] = (char)('0' + writer->index);
    wait_until(stats_of(journal).is_listening);
    for (uint64_t i = 0; i < WRITER_APPENDS; i++)
        check_ok(append_one(journal, stream, i));
    writer->notified = stats_of(journal).notified;
    writer->took_ms = now_ms() - begin;
    return NULL;
}

Test(journal_follow, woken_by_concurrent_writers_it_skips_nothing)
{
    postgres_t server POSTGRES_SCOPED = {0};
    pthread_t threads[WRITERS];
    writer_t writers[WRITERS];
    follower_t follower;
    postgres_start(&server);
    journal_postgres_t *there JOURNAL_POSTGRES_SCOPED =
        opened((journal_postgres_options_t){.address = server.address, .node = 1});
    follower_start(&follower, there);
    wait_until(stats_of(there).is_listening);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (writer_t){.address = server.address, .index = i};
        pthread_create(&threads[i], NULL, write_all, &writers[i]);
    }

    read_until(&follower, (uint64_t)WRITERS * WRITER_APPENDS);

    for (uint32_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        cr_assert(writers[i].notified > 0);
        cr_assert(writers[i].notified <= writers[i].took_ms / JOURNAL_POSTGRES_NOTIFY_MS + 1,
                  "%llu NOTIFYs in %llu ms", (unsigned long long)writers[i].notified,
                  (unsigned long long)writers[i].took_ms);
    }
    wait_until(stats_of(there).heard > 0);
}

/* ---- when it can't be heard ---- */

Test(journal_follow, behind_a_pooler_it_looks_and_with_the_server_named_it_hears)
{
    postgres_t server POSTGRES_SCOPED = {0};
    char bouncer[512];
    follower_t follower;
    postgres_start(&server);
    postgres_start_bouncer(&server, bouncer, sizeof bouncer);
    journal_postgres_t *here JOURNAL_POSTGRES_SCOPED =
        opened((journal_postgres_options_t){.address = bouncer, .direct = server.address});
    journal_postgres_t *there JOURNAL_POSTGRES_SCOPED =
        opened((journal_postgres_options_t){.address = bouncer, .node = 1});
    follower_start(&follower, there);

    wait_until(stats_of(here).is_listening);
    check_ok(append_one(here, "w/0", 0));
    read_until(&follower, 1);

    wait_until(stats_of(here).notified == 1);
    cr_assert_not(stats_of(there).is_listening);
}

Test(journal_follow, a_connection_that_is_lost_is_made_again)
{
    postgres_t server POSTGRES_SCOPED = {0};
    pg_t *other PG_SCOPED = NULL;
    follower_t follower;
    postgres_start(&server);
    check_ok(pg_open(&(pg_options_t){.address = server.address, .timeout_ms = POSTGRES_PATIENCE_MS},
                     &other));
    journal_postgres_t *here JOURNAL_POSTGRES_SCOPED =
        opened((journal_postgres_options_t){.address = server.address});
    journal_postgres_t *there JOURNAL_POSTGRES_SCOPED =
        opened((journal_postgres_options_t){.address = server.address, .node = 1});
    follower_start(&follower, there);
    wait_until(stats_of(here).is_listening && stats_of(there).is_listening);

    check_ok(pg_run_script(other, "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                                  " WHERE application_name = 'musicstream listens'"));
    check_ok(append_one(here, "w/0", 0));
    read_until(&follower, 1);
    wait_until(stats_of(here).is_listening && stats_of(there).is_listening);
    uint64_t heard = stats_of(there).heard;
    check_ok(append_one(here, "w/0", 1));

    wait_until(stats_of(there).heard > heard);
    read_until(&follower, 2);
}

/* ---- a transaction that is open for long ---- */

Test(journal_follow, what_a_long_transaction_holds_up_is_named_and_told_of_when_it_ends)
{
    postgres_t server POSTGRES_SCOPED = {0};
    pg_t *slow PG_SCOPED = NULL;
    said_t said SAID_SCOPED = said_new(LOG_WARNING);
    follower_t follower;
    postgres_start(&server);
    check_ok(pg_open(&(pg_options_t){.address = server.address,
                                     .application = "report of the year",
                                     .timeout_ms = POSTGRES_PATIENCE_MS},
                     &slow));
    journal_postgres_t *here JOURNAL_POSTGRES_SCOPED = opened((journal_postgres_options_t){
        .address = server.address, .stalled_ms = 50, .log = &said.log});
    follower_start(&follower, here);

    check_ok(pg_run_script(slow, "BEGIN; SELECT pg_current_xact_id()"));
    check_ok(append_one(here, "w/0", 0));
    wait_until((read_when_told(&follower), stats_of(here).stalled_ms >= 50));
    wait_until(said_count(&said, "report of the year") > 0);
    uint64_t before = follower.count;
    check_ok(pg_run_script(slow, "COMMIT"));
    read_until(&follower, 1); /* nobody appends any more: it is told all the same */

    cr_assert_eq(before, 0, "it read over what is still open");
    wait_until(stats_of(here).stalled_ms == 0);
}

/* The primary is lost and its standby takes over: with commits that waited for it nothing is lost,
 * without it is noticed what is. */
#include "storage/kv.h"
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg.h"
#include "storage/projection.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"
#include "tests/support/said.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STREAMS = 4, APPENDS_BEFORE = 200 };

/* ---- two servers ---- */

typedef struct pair {
    postgres_t primary, standby;
    char address[512];
} pair_t;

static void pair_stop(pair_t *self)
{
    postgres_stop(&self->standby);
    postgres_stop(&self->primary);
}

static void script(const postgres_t *server, const char *sql)
{
    pg_t *pg PG_SCOPED = NULL;
    check_ok(pg_open(
        &(pg_options_t){.address = server->address, .timeout_ms = POSTGRES_PATIENCE_MS}, &pg));
    check_ok(pg_run_script(pg, sql));
}

/* Whether the server says so. */
static bool is_so(const postgres_t *server, const char *sql)
{
    pg_t *pg PG_SCOPED = NULL;
    PGresult *result PG_RESULT_SCOPED = NULL;
    check_ok(pg_open(
        &(pg_options_t){.address = server->address, .timeout_ms = POSTGRES_PATIENCE_MS}, &pg));
    check_ok(pg_run(pg, &(pg_statement_t){.sql = sql}, &result));
    return PQntuples(result) > 0;
}

static void pair_start(pair_t *self)
{
    postgres_start(&self->primary);
    postgres_start_standby(&self->standby, &self->primary);
    postgres_both(&self->primary, &self->standby, self->address, sizeof self->address);
    wait_until(is_so(&self->primary, "SELECT FROM pg_stat_replication WHERE state = 'streaming'"));
}

/* Commits wait for the standby from now on. */
static void make_synchronous(const pair_t *self)
{
    script(&self->primary, "ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    script(&self->primary, "SELECT pg_reload_conf()");
    wait_until(is_so(&self->primary, "SELECT FROM pg_stat_replication WHERE sync_state = 'sync'"));
}

/* What is written from now on never reaches the standby. */
static void cut(const pair_t *self)
{
    script(&self->standby, "ALTER SYSTEM SET primary_conninfo = ''");
    script(&self->standby, "SELECT pg_reload_conf()");
    wait_until(!is_so(&self->primary, "SELECT FROM pg_stat_replication"));
}

static void level(const pair_t *self)
{
    wait_until(is_so(&self->primary, "SELECT FROM pg_stat_replication"
                                     " WHERE replay_lsn >= pg_current_wal_lsn()"));
}

static void fail_over(const pair_t *self, const char *how)
{
    postgres_do(&self->primary, how);
    postgres_do(&self->standby, "promote");
}

/* ---- journals ---- */

static journal_postgres_t *opened(const char *address, uint64_t node, const ms_log_t *log)
{
    journal_postgres_t *journal = NULL;
    check_ok(journal_postgres_open(
        &(journal_postgres_options_t){
            .address = address, .node = node, .timeout_ms = POSTGRES_PATIENCE_MS, .log = log},
        &journal));
    return journal;
}

static append_result_t append_one(journal_postgres_t *journal, const char *stream,
                                  uint64_t expected)
{
    journal_subject_t subject = {.journal = journal_postgres_journal(journal)};
    return journal_append_wait(&subject, str_from(stream), expected, STR("x"));
}

static err_t keep_version(void *context, const journal_record_t *record)
{
    *(uint64_t *)context = record->version;
    return ERR_OK;
}

static uint64_t version_of(journal_postgres_t *journal, const char *stream)
{
    journal_t *j = journal_postgres_journal(journal);
    uint64_t version = 0;
    err_t err = ERR_UNAVAILABLE;
    wait_until((err = j->table->read(j, str_from(stream), 0, keep_version, &version)) !=
               ERR_UNAVAILABLE);
    check_ok(err);
    return version;
}

/* The first one may find the connection lost: then the stream tells. */
static void append_when_up(journal_postgres_t *journal, const char *stream, uint64_t expected)
{
    err_t err = ERR_UNAVAILABLE;
    wait_until((err = append_one(journal, stream, expected).err) == ERR_OK ||
               (err == ERR_TIMEOUT && version_of(journal, stream) == expected + 1) ||
               (err != ERR_TIMEOUT && err != ERR_UNAVAILABLE));
    cr_assert(err == ERR_OK || err == ERR_TIMEOUT, "%s", err_name(err));
}

static uint64_t went_back(const journal_postgres_t *journal)
{
    journal_postgres_stats_t stats;
    journal_postgres_stats(journal, &stats);
    return stats.went_back;
}

static uint64_t history_of(journal_postgres_t *journal)
{
    journal_t *j = journal_postgres_journal(journal);
    return j->table->history(j);
}

/* ---- a projection ---- */

/* Each stream's newest version, by a projection. */
static err_t apply(UNUSED void *context, kv_tx_t *tx, const journal_record_t *record)
{
    return kv_put(tx, 0, record->stream, str_of(&record->version, sizeof record->version));
}

static err_t reset(void *context, kv_tx_t *tx)
{
    ++*(int *)context;
    return kv_clear(tx, 0);
}

typedef struct projected {
    temporary_t folder;
    kv_t *kv;
    projection_t *projection;
    int resets;
} projected_t;

static void projected_open(projected_t *self, journal_postgres_t *journal)
{
    static const char *const tables[] = {"versions", "position"};
    temporary_name_t path = temporary_in(&self->folder, "env");
    check_ok(kv_open(
        &(kv_options_t){
            .path = path.path, .tables = tables, .table_count = COUNT_OF(tables), .is_lazy = true},
        &self->kv));
    check_ok(projection_open(&(projection_options_t){.name = "versions",
                                                     .journal = journal_postgres_journal(journal),
                                                     .kv = self->kv,
                                                     .table = 1,
                                                     .context = &self->resets,
                                                     .apply = apply,
                                                     .reset = reset},
                             &self->projection));
}

static void projected_close(projected_t *self)
{
    projection_close(STEAL(self->projection));
    kv_close(STEAL(self->kv));
}

static void step_all(projected_t *self)
{
    bool is_behind = true;
    while (is_behind)
        check_ok(projection_step(self->projection, &is_behind));
}

static uint64_t projected_version(projected_t *self, const char *stream)
{
    kv_tx_t tx KV_TX_SCOPED = {0};
    uint64_t version = 0;
    str_t value;
    check_ok(kv_read(self->kv, &tx));
    if (kv_get(&tx, 0, str_from(stream), &value) == ERR_OK)
        memcpy(&version, value.data, sizeof version);
    return version;
}

/* ---- under load ---- */

typedef struct load {
    journal_postgres_t *journal;
    char stream[32];
    _Atomic uint64_t *done_count;
    _Atomic bool *is_over;
    uint64_t acknowledged, unknown; /* versions; unknown: 0, or the one it would be */
    pthread_t thread;
} load_t;

/* Appends on and on; what nobody answered is asked of the stream. */
static void *run_load(void *context)
{
    load_t *load = context;
    while (!atomic_load(load->is_over)) {
        append_result_t result = append_one(load->journal, load->stream, load->acknowledged);
        if (result.err == ERR_TIMEOUT) {
            uint64_t version = version_of(load->journal, load->stream);
            cr_assert(version == load->acknowledged || version == load->acknowledged + 1,
                      "%s: %llu are there, %llu were acknowledged", load->stream,
                      (unsigned long long)version, (unsigned long long)load->acknowledged);
            load->acknowledged = version;
        } else if (result.err == ERR_OK) {
            load->acknowledged++;
            atomic_fetch_add(load->done_count, 1);
        } else {
            cr_assert_eq(result.err, ERR_UNAVAILABLE, "%s", err_name(result.err));
        }
    }
    return NULL;
}

typedef struct follower {
    journal_postgres_t *journal;
    uint64_t position, versions[STREAMS], count;
} follower_t;

static err_t follow(void *context, const journal_record_t *record)
{
    follower_t *follower = context;
    uint32_t stream = (uint32_t)(record->stream.data[record->stream.size - 1] - '0');
    cr_assert(record->position > follower->position, "the feed goes back");
    cr_assert_eq(record->version, follower->versions[stream] + 1, "%.*s: skipped",
                 STR_ARG(record->stream));
    follower->position = record->position;
    follower->versions[stream]++;
    follower->count++;
    return ERR_OK;
}

static void read_feed(follower_t *self)
{
    journal_t *j = journal_postgres_journal(self->journal);
    err_t err = j->table->feed(j, self->position, SIZE_MAX, follow, self);
    cr_assert(err == ERR_OK || err == ERR_UNAVAILABLE, "%s", err_name(err));
}

static void all_is_there_after(const char *how)
{
    pair_t pair SCOPED(pair_stop) = {0};
    load_t loads[STREAMS] = {0};
    _Atomic uint64_t done_count = 0;
    _Atomic bool is_over = false;
    projected_t projected = {.folder = temporary_new()};
    pair_start(&pair);
    make_synchronous(&pair);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(pair.address, 0, NULL);
    journal_postgres_t *there JOURNAL_POSTGRES_SCOPED = opened(pair.address, 1, NULL);
    follower_t follower = {.journal = there};
    projected_open(&projected, there);
    for (uint32_t i = 0; i < STREAMS; i++) {
        loads[i] = (load_t){.journal = journal, .done_count = &done_count, .is_over = &is_over};
        snprintf(loads[i].stream, sizeof loads[i].stream, "load/%u", i);
        pthread_create(&loads[i].thread, NULL, run_load, &loads[i]);
    }
    wait_until((read_feed(&follower), atomic_load(&done_count) >= APPENDS_BEFORE));
    uint64_t before = history_of(journal);
    step_all(&projected);
    int resets = projected.resets;

    fail_over(&pair, how);
    uint64_t at = atomic_load(&done_count);
    wait_until((read_feed(&follower), atomic_load(&done_count) >= at + APPENDS_BEFORE));
    atomic_store(&is_over, true);
    uint64_t total = 0;
    for (uint32_t i = 0; i < STREAMS; i++) {
        pthread_join(loads[i].thread, NULL);
        total += loads[i].acknowledged;
        cr_assert_eq(version_of(journal, loads[i].stream), loads[i].acknowledged);
    }

    wait_until((read_feed(&follower), follower.count >= total));
    cr_assert_eq(follower.count, total);
    wait_until(history_of(there) > before);
    step_all(&projected);
    for (uint32_t i = 0; i < STREAMS; i++)
        cr_assert_eq(projected_version(&projected, loads[i].stream), loads[i].acknowledged);
    cr_assert_eq(projected.resets, resets, "nothing was lost: it goes on");
    cr_assert_eq(went_back(journal), 0);
    projected_close(&projected);
    temporary_remove(&projected.folder);
}

Test(failover, all_that_was_acknowledged_is_there_when_commits_waited_for_the_standby)
{
    all_is_there_after("kill");
    all_is_there_after("immediate");
}

/* ---- what is lost ---- */

/* Two appends that the standby has, and two that it never hears of. */
static void append_and_lose(const pair_t *pair, journal_postgres_t *journal)
{
    check_ok(append_one(journal, "kept/1", 0).err);
    check_ok(append_one(journal, "kept/1", 1).err);
    level(pair);
    cut(pair);
    check_ok(append_one(journal, "kept/1", 2).err);
    check_ok(append_one(journal, "lost/1", 0).err);
}

Test(failover, what_a_standby_never_had_is_noticed_and_nowhere_any_more)
{
    pair_t pair SCOPED(pair_stop) = {0};
    projected_t projected = {.folder = temporary_new()};
    said_t said SAID_SCOPED = said_new(LOG_ERROR);
    pair_start(&pair);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(pair.address, 0, &said.log);
    projected_open(&projected, journal);
    append_and_lose(&pair, journal);
    step_all(&projected);
    cr_assert_eq(projected_version(&projected, "lost/1"), 1);
    int resets = projected.resets;

    fail_over(&pair, "kill");
    wait_until(went_back(journal) == 1 && journal_postgres_is_up(journal));
    step_all(&projected);

    cr_assert_eq(version_of(journal, "kept/1"), 2);
    cr_assert_eq(version_of(journal, "lost/1"), 0);
    cr_assert_eq(projected.resets, resets + 1, "built again");
    cr_assert_eq(projected_version(&projected, "kept/1"), 2);
    cr_assert_eq(projected_version(&projected, "lost/1"), 0);
    cr_assert(said_count(&said, "are lost") > 0);
    check_err(append_one(journal, "kept/1", 3).err, ERR_CONFLICT);
    check_ok(append_one(journal, "kept/1", 2).err);
    projected_close(&projected);
    temporary_remove(&projected.folder);
}

/* The node was not there when it happened. The position alone would not tell: what came since lies
 * behind it. */
/* ---- beneath a pooler ---- */

static void tell_bouncer(const postgres_t *server, int signal)
{
    temporary_name_t name = temporary_in(&server->folder, "bouncer.pid");
    int pid = 0;
    FILE *file = fopen(name.path, "r");
    cr_assert(file != NULL && fscanf(file, "%d", &pid) == 1);
    fclose(file);
    cr_assert_eq(kill(pid, signal), 0);
}

/* The pooler is told to wait, and then finds the other server where the first one was. */
static void fail_over_beneath(const pair_t *pair)
{
    temporary_name_t from = temporary_in(&pair->primary.folder, ".s.PGSQL.5432");
    temporary_name_t to = temporary_in(&pair->standby.folder, ".s.PGSQL.5432");
    tell_bouncer(&pair->primary, SIGUSR1); /* PAUSE */
    wait_until(!is_so(&pair->primary, "SELECT FROM pg_stat_activity"
                                      " WHERE application_name LIKE 'musicstream%'"));
    fail_over(pair, "immediate");
    (void)unlink(from.path);
    cr_assert_eq(symlink(to.path, from.path), 0);
    tell_bouncer(&pair->primary, SIGUSR2); /* RESUME */
}

/* No connection of ours is lost. */
Test(failover, a_server_that_takes_over_beneath_a_pooler_is_noticed)
{
    pair_t pair SCOPED(pair_stop) = {0};
    char address[512];
    pair_start(&pair);
    postgres_start_bouncer(&pair.primary, address, sizeof address);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(address, 0, NULL);
    uint64_t before = history_of(journal);
    append_and_lose(&pair, journal);

    fail_over_beneath(&pair);
    wait_until(history_of(journal) > before);

    cr_assert_eq(went_back(journal), 1);
    cr_assert_eq(version_of(journal, "kept/1"), 2);
    append_when_up(journal, "kept/1", 2);
}

Test(failover, a_projection_of_a_node_that_did_not_run_meanwhile_is_compared)
{
    pair_t pair SCOPED(pair_stop) = {0};
    projected_t projected = {.folder = temporary_new()};
    pair_start(&pair);
    journal_postgres_t *before = opened(pair.address, 0, NULL);
    projected_open(&projected, before);
    append_and_lose(&pair, before);
    step_all(&projected);
    projected_close(&projected);
    journal_postgres_close(before);

    fail_over(&pair, "immediate");
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(pair.address, 0, NULL);
    check_ok(append_one(journal, "more/1", 0).err);
    projected_open(&projected, journal);
    step_all(&projected);

    cr_assert_eq(projected_version(&projected, "kept/1"), 2);
    cr_assert_eq(projected_version(&projected, "lost/1"), 0);
    cr_assert_eq(projected_version(&projected, "more/1"), 1);
    projected_close(&projected);
    temporary_remove(&projected.folder);
}

/* ---- the wrong server ---- */

Test(failover, a_server_that_was_replaced_and_comes_back_is_not_written_to)
{
    pair_t pair SCOPED(pair_stop) = {0};
    said_t said SAID_SCOPED = said_new(LOG_ERROR);
    pair_start(&pair);
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = opened(pair.address, 0, &said.log);
    check_ok(append_one(journal, "s/1", 0).err);
    level(&pair);
    fail_over(&pair, "kill");
    append_when_up(journal, "s/1", 1);

    postgres_do(&pair.primary, "restart"); /* the first host, and it takes writes */
    postgres_do(&pair.standby, "kill");
    err_t err = ERR_UNAVAILABLE;
    wait_until((err = append_one(journal, "s/1", 1).err) == ERR_OK ||
               said_count(&said, "it was replaced") >= 3);
    cr_assert(err == ERR_UNAVAILABLE || err == ERR_TIMEOUT, "%s", err_name(err));
    postgres_do(&pair.primary, "stop");
    postgres_do(&pair.standby, "restart");
    append_when_up(journal, "s/1", 2);

    cr_assert_eq(version_of(journal, "s/1"), 3);
}

/* A machine that is gone answers nothing, not even that. */
Test(failover, a_host_that_says_nothing_keeps_nobody_from_the_next)
{
    postgres_t server POSTGRES_SCOPED = {0};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    char address[512];
    pg_t *pg PG_SCOPED = NULL;
    int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(silent, (struct sockaddr *)&at, size) == 0 && listen(silent, 1) == 0);
    cr_assert(getsockname(silent, (struct sockaddr *)&at, &size) == 0);
    postgres_start(&server);
    snprintf(address, sizeof address,
             "host=127.0.0.1,%s port=%u,5432 user=postgres dbname=postgres", server.folder.path,
             ntohs(at.sin_port));

    check_ok(pg_open(&(pg_options_t){.address = address, .timeout_ms = 5000}, &pg));

    close(silent);
}

/* The fence: journals of several nodes on one PostgreSQL, partitions that go from one to the other,
 * and a node that goes on writing when it should not. */
#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "storage/postgres/journal_postgres.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

enum { NODES = 3 };

typedef struct node {
    uint64_t number;
    partition_epochs_t *epochs;
    journal_postgres_t *journal;
    pg_t *pg; /* to take with */
} node_t;

typedef struct rig {
    postgres_t server;
    node_t nodes[NODES];
} rig_t;

static pg_t *connected(const rig_t *self)
{
    pg_t *pg = NULL;
    check_ok(pg_open(
        &(pg_options_t){.address = self->server.address, .timeout_ms = POSTGRES_PATIENCE_MS}, &pg));
    return pg;
}

static void start_node(rig_t *self, size_t at)
{
    node_t *node = &self->nodes[at];
    node->number = at + 1;
    node->pg = connected(self);
    node->epochs = partition_epochs_new();
    check_ok(
        journal_postgres_open(&(journal_postgres_options_t){.address = self->server.address,
                                                            .node = node->number,
                                                            .epochs = node->epochs,
                                                            .timeout_ms = POSTGRES_PATIENCE_MS},
                              &node->journal));
}

static void start(rig_t *self, size_t nodes)
{
    *self = (rig_t){0};
    postgres_start(&self->server);
    for (size_t i = 0; i < nodes; i++)
        start_node(self, i);
}

static void stop_node(node_t *self)
{
    journal_postgres_close(self->journal);
    partition_epochs_free(self->epochs);
    pg_close(self->pg);
    *self = (node_t){0};
}

static void stop(rig_t *self)
{
    for (size_t i = 0; i < NODES; i++)
        stop_node(&self->nodes[i]);
    postgres_stop(&self->server);
}
#define RIG_SCOPED SCOPED(stop)

static err_t take(node_t *self, uint64_t owner, const char *stream)
{
    partition_claim_t *all MEMORY_SCOPED = memory_new_array(PARTITION_COUNT, sizeof *all);
    uint64_t version;
    TRY(partitions_read(self->pg, all, &version));
    partition_claim_t claim = all[partition_of(str_from(stream))];
    claim.owner = owner;
    TRY(partitions_take(self->pg, &(partitions_taker_t){.node = self->number}, &claim, 1,
                        self->epochs));
    return claim.is_taken ? ERR_OK : ERR_FORBIDDEN;
}

static err_t append_at(journal_postgres_t *journal, const char *stream, uint64_t expected,
                       uint64_t epoch)
{
    journal_subject_t subject = {.journal = journal_postgres_journal(journal)};
    journal_event_t event = {STR("noted"), STR("x")};
    return journal_append_wait_for(&subject, (journal_append_t){.stream = str_from(stream),
                                                                .expected_version = expected,
                                                                .epoch = epoch,
                                                                .wall_ms = 1700000000000,
                                                                .events = &event,
                                                                .event_count = 1})
        .err;
}

static err_t append(journal_postgres_t *journal, const char *stream, uint64_t expected)
{
    uint64_t epoch = journal_epoch(journal_postgres_journal(journal), str_from(stream));
    return append_at(journal, stream, expected, epoch);
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
    check_ok(j->table->read(j, str_from(stream), 0, keep_version, &version));
    return version;
}

static uint64_t fenced(journal_postgres_t *journal)
{
    journal_postgres_stats_t stats;
    journal_postgres_stats(journal, &stats);
    return stats.fenced;
}

/* ---- who may append ---- */

Test(partitions, only_the_owner_at_its_epoch_appends)
{
    rig_t rig RIG_SCOPED;
    start(&rig, 2);
    node_t *a = &rig.nodes[0], *b = &rig.nodes[1];
    uint32_t partition = partition_of(STR("fence/1"));

    check_err(append(a->journal, "fence/1", 0), ERR_UNAVAILABLE);
    check_ok(take(a, PARTITION_OWNER_ALONE, "fence/1"));
    check_ok(append(a->journal, "fence/1", 0));

    /* a goes on as if nothing had happened. */
    check_err(take(b, PARTITION_OWNER_ALONE, "fence/1"), ERR_FORBIDDEN);
    check_ok(take(b, a->number, "fence/1"));
    uint64_t old_epoch = partition_epochs_at(a->epochs, partition);
    cr_assert_eq(old_epoch, 2);
    check_err(append(a->journal, "fence/1", 1), ERR_UNAVAILABLE);
    cr_assert_eq(partition_epochs_at(a->epochs, partition), 0, "it was not told");
    check_ok(append(b->journal, "fence/1", 1));
    check_err(append(b->journal, "fence/1", 1), ERR_CONFLICT);

    /* It comes back, and with it what was decided before. */
    check_ok(take(a, b->number, "fence/1"));
    check_err(append_at(a->journal, "fence/1", 2, old_epoch), ERR_UNAVAILABLE);
    partition_epochs_set(a->epochs, partition, old_epoch); /* nor does the server let it pass */
    check_err(append_at(a->journal, "fence/1", 2, old_epoch), ERR_UNAVAILABLE);
    partition_epochs_set(a->epochs, partition, 4);
    check_ok(append(a->journal, "fence/1", 2));
    cr_assert_eq(version_of(b->journal, "fence/1"), 3);
    cr_assert_eq(fenced(a->journal), 4);
    cr_assert_eq(fenced(b->journal), 0);

    /* What is still its own goes on. */
    check_ok(take(a, PARTITION_OWNER_ALONE, "kept/1"));
    check_ok(append(a->journal, "kept/1", 0));
    check_ok(take(b, a->number, "fence/1"));
    check_err(append(a->journal, "fence/1", 3), ERR_UNAVAILABLE);
    check_ok(append(a->journal, "kept/1", 1));
}

/* Of its own, durable history: only what the partition's owner says of it is kept. */
Test(partitions, only_the_owner_at_its_epoch_leaves_a_snapshot)
{
    rig_t rig RIG_SCOPED;
    start(&rig, 2);
    node_t *a = &rig.nodes[0], *b = &rig.nodes[1];
    journal_t *of_a = journal_postgres_journal(a->journal);
    buf_t state BUF_SCOPED = BUF_INIT;
    uint64_t version = 0;
    check_ok(take(a, PARTITION_OWNER_ALONE, "fence/1"));
    check_ok(take(a, PARTITION_OWNER_ALONE, "kept/1"));
    check_ok(append(a->journal, "fence/1", 0));
    check_ok(append(a->journal, "kept/1", 0));
    check_ok(take(b, a->number, "fence/1"));

    of_a->table->snapshot_put(of_a, STR("fence/1"), 1, STR("of a history that is lost"));
    of_a->table->snapshot_put(of_a, STR("kept/1"), 1, STR("its own"));
    check_ok(append(a->journal, "kept/1", 1)); /* a round after them */
    wait_until(of_a->table->snapshot_get(of_a, STR("kept/1"), &version, &state) == ERR_OK);

    check_err(of_a->table->snapshot_get(of_a, STR("fence/1"), &version, &state), ERR_NOT_FOUND);
}

/* ---- taking ---- */

enum { FIRST = 100, CONTESTED = 512 };

typedef struct racer {
    rig_t *rig;
    size_t at;
    partition_claim_t *claims;
    err_t err;
} racer_t;

static void *race(void *context)
{
    racer_t *self = context;
    node_t *node = &self->rig->nodes[self->at];
    wait_until((self->err = partitions_take(node->pg, &(partitions_taker_t){.node = node->number},
                                            self->claims, CONTESTED, node->epochs)) != ERR_BUSY);
    return NULL;
}

/* Of two who take the same at once each gets what the other does not. */
static void race_for_the_rest(rig_t *rig)
{
    pthread_t threads[2];
    partition_claim_t claims[2][CONTESTED];
    racer_t racers[2] = {{rig, 0, claims[0], ERR_OK}, {rig, 1, claims[1], ERR_OK}};
    for (uint32_t i = 0; i < CONTESTED; i++)
        claims[0][i] = claims[1][i] = (partition_claim_t){FIRST + i, 0, 1, false};

    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        check_ok(racers[i].err);
    }

    for (uint32_t i = 0; i < CONTESTED; i++) {
        bool is_a = partition_epochs_at(rig->nodes[0].epochs, FIRST + i) == 2;
        bool is_b = partition_epochs_at(rig->nodes[1].epochs, FIRST + i) == 2;
        cr_assert(is_a != is_b, "partition %u", i);
        cr_assert_eq(claims[0][i].owner, claims[1][i].owner);
        cr_assert(claims[0][i].epoch == 2 && claims[1][i].epoch == 2);
    }
}

Test(partitions, it_is_taken_in_the_name_of_the_newest_view_from_the_owner_and_epoch_that_were_read)
{
    rig_t rig RIG_SCOPED;
    partition_claim_t claims[3] = {{7, 0, 1, false}, {8, 9, 1, false}, {9, 0, 2, false}};
    uint64_t version;
    partition_claim_t *all MEMORY_SCOPED = memory_new_array(PARTITION_COUNT, sizeof *all);
    start(&rig, 2);
    node_t *a = &rig.nodes[0];
    partitions_taker_t taker = {.node = a->number, .version = 5};

    check_err(partitions_take(a->pg, &taker, claims, COUNT_OF(claims), a->epochs), ERR_CONFLICT);
    cr_assert_eq(partition_epochs_at(a->epochs, 7), 0);
    check_ok(pg_run_script(a->pg, "UPDATE cluster SET version = 5"));
    check_ok(partitions_take(a->pg, &taker, claims, COUNT_OF(claims), a->epochs));
    cr_assert_eq(claims[0].owner, a->number);
    cr_assert_eq(claims[0].epoch, 2);
    cr_assert_eq(claims[1].owner, PARTITION_OWNER_ALONE, "it is told who has it");
    cr_assert_eq(claims[1].epoch, 1);
    cr_assert_eq(claims[2].owner, PARTITION_OWNER_ALONE, "its epoch was another");
    cr_assert_eq(claims[2].epoch, 1);
    cr_assert_eq(partition_epochs_at(a->epochs, 7), 2);
    cr_assert_eq(partition_epochs_at(a->epochs, 8), 0);

    check_ok(partitions_take(a->pg, &taker, claims, 1, NULL));
    cr_assert_eq(claims[0].owner, a->number);
    cr_assert_eq(claims[0].epoch, 3, "one's own is taken anew");
    claims[0].epoch = 2;
    check_ok(partitions_take(a->pg, &taker, claims, 1, a->epochs));
    cr_assert_eq(claims[0].epoch, 3);
    cr_assert_not(claims[0].is_taken);
    cr_assert_eq(partition_epochs_at(a->epochs, 7), 2, "what was not taken is not served");
    check_ok(partitions_read(a->pg, all, &version));
    cr_assert_eq(version, 5);
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        cr_assert(all[i].partition == i && all[i].owner == (i == 7) &&
                  all[i].epoch == 1 + 2 * (i == 7));

    race_for_the_rest(&rig);
}

/* ---- what is under way ---- */

typedef struct zombie {
    node_t *node;
    _Atomic bool is_answered;
    err_t err;
} zombie_t;

static void *append_slowly(void *context)
{
    zombie_t *self = context;
    self->err = append(self->node->journal, "slow/1", 1);
    atomic_store(&self->is_answered, true);
    return NULL;
}

static int64_t number(pg_t *pg, const char *sql)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    check_ok(pg_run(pg, &(pg_statement_t){.sql = sql}, &result));
    return pg_get_i64(result, 0, 0);
}

Test(partitions, what_is_under_way_when_it_is_taken_is_ended_and_does_not_land)
{
    rig_t rig RIG_SCOPED;
    pthread_t thread;
    start(&rig, 2);
    node_t *a = &rig.nodes[0], *b = &rig.nodes[1];
    zombie_t zombie = {.node = a};
    pg_t *holder PG_SCOPED = connected(&rig);
    check_ok(take(a, PARTITION_OWNER_ALONE, "slow/1"));
    check_ok(append(a->journal, "slow/1", 0));

    /* Its batch has begun, has the fence's row and waits in the middle. */
    check_ok(
        pg_run_script(holder, "BEGIN; SELECT FROM streams WHERE stream = 'slow/1' FOR UPDATE"));
    cr_assert_eq(pthread_create(&thread, NULL, append_slowly, &zombie), 0);
    wait_until(number(b->pg, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0);
    cr_assert_not(atomic_load(&zombie.is_answered));
    check_ok(take(b, a->number, "slow/1"));
    uint64_t version = version_of(b->journal, "slow/1");
    check_ok(pg_run_script(holder, "COMMIT"));
    pthread_join(thread, NULL);

    cr_assert_eq(version, 1);
    cr_assert_neq(zombie.err, ERR_OK);
    check_ok(append(b->journal, "slow/1", 1));
    cr_assert_eq(version_of(b->journal, "slow/1"), 2);
    wait_until(journal_postgres_is_up(a->journal)); /* it comes back, and may still not */
    check_err(append(a->journal, "slow/1", 2), ERR_UNAVAILABLE);
}

/* ---- nodes that never stop writing ---- */

enum { STREAMS = 4, TURNS = 150 };

typedef struct history {
    rig_t *rig;
    _Atomic uint64_t landed[STREAMS], unknown[STREAMS], handed_over, not_final;
    _Atomic bool is_over;
} history_t;

typedef struct writer {
    history_t *history;
    size_t at;
    pthread_t thread;
} writer_t;

static const char *const stream_names[STREAMS] = {"moving/1", "moving/2", "moving/3", "moving/4"};

/* Appends as long as it may, from what it has read under an epoch. What it read must be the end of
 * the stream: the first append upon it meets no other's. */
static void serve(history_t *history, node_t *node, size_t stream)
{
    journal_t *journal = journal_postgres_journal(node->journal);
    const char *name = stream_names[stream];
    uint64_t epoch = journal_epoch(journal, str_from(name)), version = 0;
    sched_yield(); /* who owns nothing goes round and round */
    if (epoch == 0 ||
        journal->table->read(journal, str_from(name), 0, keep_version, &version) != ERR_OK)
        return;
    for (;;) {
        err_t err = append_at(node->journal, name, version, epoch);
        atomic_fetch_add(&history->not_final, err == ERR_CONFLICT);
        if (err != ERR_OK) {
            atomic_fetch_add(&history->unknown[stream], err == ERR_TIMEOUT);
            return;
        }
        version++;
        atomic_fetch_add(&history->landed[stream], 1);
        if (atomic_load(&history->is_over))
            return;
    }
}

static void *write_on(void *context)
{
    writer_t *self = context;
    random_seed_t seed = {self->at};
    ms_random_t random = random_seeded(&seed);
    while (!atomic_load(&self->history->is_over))
        serve(self->history, &self->history->rig->nodes[self->at],
              (size_t)random_below(&random, STREAMS));
    return NULL;
}

static uint64_t landed(history_t *self)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < STREAMS; i++)
        sum += atomic_load(&self->landed[i]);
    return sum;
}

static void hand_around(history_t *history, ms_random_t *random)
{
    uint64_t before = landed(history);
    node_t *to = &history->rig->nodes[random_below(random, NODES)];
    node_t *from = &history->rig->nodes[random_below(random, NODES)];
    const char *stream = stream_names[random_below(random, STREAMS)];
    if (take(to, from->number, stream) == ERR_OK && to != from)
        atomic_fetch_add(&history->handed_over, 1);
    wait_until(landed(history) > before);
}

/* Between what a batch has looked at and its commit there is time for others. */
static const char slow_commit_sql[] =
    "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
    "  'BEGIN PERFORM pg_sleep(0.003); RETURN NULL; END';"
    "CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED"
    "  FOR EACH ROW EXECUTE FUNCTION wait()";

/* Nobody is told to stop: owners find out by being refused. */
Test(partitions, with_nodes_that_never_stop_writing_each_stream_has_one_history)
{
    rig_t rig RIG_SCOPED;
    history_t history = {.rig = &rig};
    writer_t writers[NODES];
    random_seed_t seed = {6};
    ms_random_t random = random_seeded(&seed);
    start(&rig, NODES);
    check_ok(pg_run_script(rig.nodes[0].pg, slow_commit_sql));
    for (size_t i = 0; i < STREAMS; i++)
        check_ok(take(&rig.nodes[0], PARTITION_OWNER_ALONE, stream_names[i]));
    for (size_t i = 0; i < NODES; i++) {
        writers[i] = (writer_t){.history = &history, .at = i};
        cr_assert_eq(pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
    }

    for (int turn = 0; turn < TURNS; turn++)
        hand_around(&history, &random);
    atomic_store(&history.is_over, true);
    for (size_t i = 0; i < NODES; i++)
        pthread_join(writers[i].thread, NULL);

    cr_assert(atomic_load(&history.handed_over) > 10);
    cr_assert_eq(atomic_load(&history.not_final), 0, "what was read at an epoch was not final");
    for (size_t i = 0; i < STREAMS; i++) {
        uint64_t version = version_of(rig.nodes[0].journal, stream_names[i]);
        uint64_t landed = atomic_load(&history.landed[i]),
                 unknown = atomic_load(&history.unknown[i]);
        cr_assert(version >= landed && version <= landed + unknown, "%s", stream_names[i]);
    }
}

/* ---- a cluster that was none, and is none any more ---- */

static journal_postgres_t *opened_alone(const rig_t *self)
{
    journal_postgres_t *journal = NULL;
    check_ok(
        journal_postgres_open(&(journal_postgres_options_t){.address = self->server.address,
                                                            .timeout_ms = POSTGRES_PATIENCE_MS},
                              &journal));
    return journal;
}

Test(partitions, an_installation_becomes_a_cluster_and_goes_back)
{
    rig_t rig RIG_SCOPED;
    start(&rig, 1);
    node_t *a = &rig.nodes[0];
    journal_postgres_t *before = opened_alone(&rig);
    check_ok(append(before, "home/1", 0));
    journal_postgres_close(before);

    check_ok(take(a, PARTITION_OWNER_ALONE, "home/1"));
    check_ok(append(a->journal, "home/1", 1));
    check_ok(pg_run_script(a->pg, "INSERT INTO members VALUES (1, 2, 0, 100, 1, 2, 0, 2,"
                                  " ms_now_ms(), '{}', decode(repeat('00', 32), 'hex'), 'a:1', '',"
                                  " '{}')"));

    journal_postgres_t *after JOURNAL_POSTGRES_SCOPED = opened_alone(&rig);
    check_ok(append(after, "home/1", 2));
    check_ok(append(after, "elsewhere/1", 0));
    check_err(append(a->journal, "home/1", 3), ERR_UNAVAILABLE);
    cr_assert_eq(number(a->pg, "SELECT count(*) FROM members"
                               " WHERE status = 4 AND acknowledged = -1 AND died = 2"),
                 1, "its members are not gone");
    cr_assert_eq(version_of(after, "home/1"), 3);
}

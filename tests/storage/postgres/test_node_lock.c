/* One node at a time on a database: who comes second is told who was first; who is killed, or loses
 * the connection, leaves nothing behind. */
#include "storage/postgres/journal_postgres.h"
#include "storage/postgres/pg.h"
#include "tests/support/check.h"
#include "tests/support/journal_contract.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"
#include "tests/support/said.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static err_t take(const char *address, buf_t *out_holder, node_lock_t **out_lock)
{
    return node_lock_take(
        &(node_lock_options_t){.address = address, .timeout_ms = POSTGRES_PATIENCE_MS}, out_holder,
        out_lock);
}

static node_lock_t *taken(const char *address)
{
    node_lock_t *lock = NULL;
    check_ok(take(address, NULL, &lock));
    return lock;
}

/* Ends the connections that hold locks, and waits until they are gone. */
static void cut(const postgres_t *server)
{
    pg_t *admin PG_SCOPED = NULL;
    check_ok(pg_open(
        &(pg_options_t){.address = server->address, .timeout_ms = POSTGRES_PATIENCE_MS}, &admin));
    check_ok(pg_run_script(admin, "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                                  "  WHERE application_name LIKE 'musicstream % on %'"));
}

Test(node_lock, a_second_is_told_who_was_first)
{
    postgres_t server POSTGRES_SCOPED = {0};
    buf_t holder BUF_SCOPED = BUF_INIT;
    char want[32];
    node_lock_t *second NODE_LOCK_SCOPED = NULL;
    postgres_start(&server);
    node_lock_t *first = taken(server.address);
    snprintf(want, sizeof want, "musicstream %d on ", (int)getpid());

    check_err(take(server.address, &holder, &second), ERR_CONFLICT);
    cr_assert(str_starts_with(buf_str(&holder), str_from(want)), "%s", buf_terminated(&holder));
    check_ok(node_lock_hold(first));

    node_lock_free(first);
    check_ok(take(server.address, NULL, &second));
}

static err_t share(const postgres_t *server, node_lock_t **out_lock)
{
    return node_lock_take(&(node_lock_options_t){.address = server->address,
                                                 .is_shared = true,
                                                 .timeout_ms = POSTGRES_PATIENCE_MS},
                          NULL, out_lock);
}

Test(node_lock, nodes_of_a_cluster_share_it_and_keep_a_lone_one_out)
{
    postgres_t server POSTGRES_SCOPED = {0};
    node_lock_t *a NODE_LOCK_SCOPED = NULL, *b NODE_LOCK_SCOPED = NULL, *c NODE_LOCK_SCOPED = NULL;
    node_lock_t *lone = NULL;
    postgres_start(&server);

    check_ok(share(&server, &a));
    check_ok(share(&server, &b));
    check_err(take(server.address, NULL, &lone), ERR_CONFLICT);
    check_ok(node_lock_hold(b));

    node_lock_free(STEAL(a));
    node_lock_free(STEAL(b));
    check_ok(take(server.address, NULL, &lone));
    check_err(share(&server, &c), ERR_CONFLICT);
    node_lock_free(lone);
    check_ok(share(&server, &c));
}

Test(node_lock, a_killed_node_leaves_it_behind)
{
    postgres_t server POSTGRES_SCOPED = {0};
    int ends[2];
    char is_held;
    postgres_start(&server);
    cr_assert(pipe(ends) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        node_lock_t *lock = NULL;
        if (take(server.address, NULL, &lock) == ERR_OK && write(ends[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    close(ends[1]);
    cr_assert(read(ends[0], &is_held, 1) == 1, "the child took no lock");
    close(ends[0]);
    kill(child, SIGKILL);
    cr_assert(waitpid(child, NULL, 0) == child);

    node_lock_t *lock NODE_LOCK_SCOPED = taken(server.address);
    check_ok(node_lock_hold(lock));
}

Test(node_lock, after_its_connection_was_lost_it_is_taken_again_unless_another_was_quicker)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    node_lock_t *lock NODE_LOCK_SCOPED = taken(server.address);

    cut(&server);
    check_ok(node_lock_hold(lock));

    cut(&server);
    node_lock_t *other = taken(server.address);
    check_err(node_lock_hold(lock), ERR_CONFLICT);
    node_lock_free(other);
    err_t err = ERR_CONFLICT;
    wait_until((err = node_lock_hold(lock)) != ERR_CONFLICT);
    check_ok(err);
}

/* Who asks four times a second whether it still has the lock does not connect as often. */
Test(node_lock, while_it_cant_be_had_it_is_not_tried_each_time)
{
    postgres_t server POSTGRES_SCOPED = {0};
    said_t said SAID_SCOPED = said_new(LOG_WARNING);
    node_lock_t *lock NODE_LOCK_SCOPED = NULL;
    postgres_start(&server);
    check_ok(node_lock_take(&(node_lock_options_t){.address = server.address,
                                                   .timeout_ms = POSTGRES_PATIENCE_MS,
                                                   .log = &said.log},
                            NULL, &lock));

    postgres_do(&server, "immediate");
    for (int i = 0; i < 1000; i++)
        check_err(node_lock_hold(lock), ERR_UNAVAILABLE);
    cr_expect_lt(said_count(&said, "\n"), 100);
    postgres_do(&server, "restart");
    check_ok(node_lock_ask(lock));
}

/* What it would lock there belongs to whoever is given that connection next. */
Test(node_lock, behind_pgbouncer_nothing_is_locked)
{
    postgres_t server POSTGRES_SCOPED = {0};
    char address[512];
    postgres_start(&server);
    postgres_start_bouncer(&server, address, sizeof address);

    node_lock_t *pooled NODE_LOCK_SCOPED = taken(address);
    node_lock_t *another NODE_LOCK_SCOPED = taken(address);
    node_lock_t *direct NODE_LOCK_SCOPED = taken(server.address);

    check_ok(node_lock_hold(pooled));
    check_ok(node_lock_hold(another));
    check_ok(node_lock_hold(direct));
}

static err_t append_one(journal_postgres_t *journal, uint64_t expected)
{
    journal_subject_t subject = {.journal = journal_postgres_journal(journal)};
    return journal_append_wait(&subject, STR("locked/1"), expected, STR("x")).err;
}

Test(node_lock, a_journal_writes_nothing_while_another_node_has_it)
{
    postgres_t server POSTGRES_SCOPED = {0};
    journal_postgres_t *journal JOURNAL_POSTGRES_SCOPED = NULL;
    postgres_start(&server);
    check_ok(
        journal_postgres_open(&(journal_postgres_options_t){.address = server.address,
                                                            .lock = taken(server.address),
                                                            .timeout_ms = POSTGRES_PATIENCE_MS},
                              &journal));
    check_ok(append_one(journal, 0));

    cut(&server);
    node_lock_t *other = taken(server.address);
    wait_until(!journal_postgres_is_up(journal)); /* also while nobody appends */
    check_err(append_one(journal, 1), ERR_UNAVAILABLE);
    node_lock_free(other);
    wait_until(journal_postgres_is_up(journal));

    check_ok(append_one(journal, 1));
}

/* ---- under load ---- */

typedef struct busy {
    journal_postgres_t *journal;
    _Atomic bool is_held, may_go, is_answered;
    err_t err;
} busy_t;

static void hold(void *context, err_t err, uint64_t version, uint64_t position)
{
    busy_t *self = context;
    (void)version, (void)position;
    check_ok(err);
    atomic_store(&self->is_held, true);
    wait_until(atomic_load(&self->may_go));
}

static void landed(void *context, err_t err, uint64_t version, uint64_t position)
{
    busy_t *self = context;
    (void)version, (void)position;
    self->err = err;
    atomic_store(&self->is_answered, true);
}

static void append_at(busy_t *self, uint64_t expected, journal_done_fn done)
{
    const journal_event_t event = {STR("noted"), STR("x")};
    journal_t *journal = journal_postgres_journal(self->journal);
    journal->table->append(journal, &(journal_append_t){.stream = STR("locked/1"),
                                                        .expected_version = expected,
                                                        .epoch = 1,
                                                        .events = &event,
                                                        .event_count = 1,
                                                        .done = done,
                                                        .done_context = self});
}

static journal_postgres_t *opened(const char *address, node_lock_t *lock)
{
    journal_postgres_t *journal = NULL;
    check_ok(journal_postgres_open(
        &(journal_postgres_options_t){
            .address = address, .lock = lock, .timeout_ms = POSTGRES_PATIENCE_MS},
        &journal));
    return journal;
}

/* The committer always has something to do, so it does not look at its lock in between: what the
 * other node has struck out tells it. */
Test(node_lock, a_journal_that_never_rests_writes_nothing_while_another_node_has_it)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    busy_t busy = {.journal = opened(server.address, taken(server.address))};
    append_at(&busy, 0, hold);
    wait_until(atomic_load(&busy.is_held));

    cut(&server);
    journal_postgres_t *other JOURNAL_POSTGRES_SCOPED =
        opened(server.address, taken(server.address));
    append_at(&busy, 1, landed);
    atomic_store(&busy.may_go, true);
    wait_until(atomic_load(&busy.is_answered));

    check_err(busy.err, ERR_UNAVAILABLE);
    check_ok(append_one(other, 1));
    journal_postgres_close(busy.journal);
}

/* The table of members by itself: what is compared and set, what only grows, what is refused. */
#include "cluster/members/member_table.h"

#include "runtime/base/memory.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"

#include <pthread.h>
#include <stdio.h>

enum { LEASE_MS = 1000, UNSEEN_MS = 3600000 };

static pg_t *connected(const char *address)
{
    pg_t *pg = NULL;
    check_ok(pg_open(&(pg_options_t){.address = address, .timeout_ms = POSTGRES_PATIENCE_MS}, &pg));
    return pg;
}

static membership_change_t row(uint64_t node, member_status_t status)
{
    membership_change_t change = {.row = {.node = node,
                                          .status = status,
                                          .roles = MEMBER_ACTORS | MEMBER_MEDIA,
                                          .weight = 70,
                                          .level = 3,
                                          .joined = 2,
                                          .seen_ms = 5, /* the server's clock counts */
                                          .vote_count = 2,
                                          .votes = {{7, 70}, {UINT32_MAX, 80}}}};
    snprintf(change.row.address, sizeof change.row.address, "node-%llu:8485",
             (unsigned long long)node);
    snprintf(change.row.zone, sizeof change.row.zone, "north");
    change.row.key[31] = 0xff;
    return change;
}

static bool put(pg_t *pg, uint64_t version, membership_change_t change)
{
    bool is_landed = false;
    check_ok(member_table_write(pg, version, &change, 1, STR("{\"a\":1}"), &is_landed));
    return is_landed;
}

static roster_t *read_all(pg_t *pg)
{
    roster_t *roster = NULL;
    check_ok(member_table_read(pg, &roster));
    return roster;
}

static member_t seen(pg_t *pg, uint64_t node)
{
    roster_t *roster ROSTER_SCOPED = read_all(pg);
    const member_t *member = view_find(&roster->view, node);
    return member == NULL ? (member_t){0} : *member;
}

static uint64_t version_of(pg_t *pg)
{
    roster_t *roster ROSTER_SCOPED = read_all(pg);
    return roster->view.version;
}

static void a_row_comes_back_as_it_was(pg_t *pg)
{
    member_t want = row(4, MEMBER_JOINING).row;
    cr_assert(put(pg, 1, row(4, MEMBER_JOINING)));

    roster_t *roster ROSTER_SCOPED = read_all(pg);
    const member_t *got = view_find(&roster->view, 4);
    cr_assert_eq(roster->view.version, 2);
    cr_assert(got->status == want.status && got->roles == want.roles &&
              got->weight == want.weight && got->level == want.level && got->joined == 2 &&
              got->died == 0 && got->acknowledged == 0);
    cr_assert(got->seen_ms > want.seen_ms && got->seen_ms <= roster->view.read_ms);
    cr_assert_eq(got->vote_count, 2);
    cr_assert(memcmp(got->votes, want.votes, sizeof want.votes) == 0);
    cr_assert(memcmp(got->key, want.key, sizeof want.key) == 0);
    check_str(str_from(got->address), str_from(want.address));
    check_str(str_from(got->zone), STR("north"));
    check_str(roster_details(roster, 4), STR("{\"a\":1}"));
    check_str(roster_details(roster, 5), STR(""));
}

static void what_is_made_against_another_version_changes_nothing(pg_t *pg)
{
    cr_assert_not(put(pg, 1, row(4, MEMBER_DEAD)));
    cr_assert_not(put(pg, 3, row(5, MEMBER_JOINING)));
    cr_assert_eq(seen(pg, 4).status, MEMBER_JOINING);
    cr_assert_eq(seen(pg, 5).node, 0);
    cr_assert_eq(version_of(pg), 2);
}

static void polls_only_raise(pg_t *pg)
{
    uint64_t version = 0;
    member_status_t status = MEMBER_DEAD;
    check_ok(member_table_poll(pg, 4, 2, &version, &status));
    cr_assert(version == 2 && status == MEMBER_JOINING);
    uint64_t seen_ms = seen(pg, 4).seen_ms;
    cr_assert_eq(seen(pg, 4).acknowledged, 2);

    check_ok(member_table_poll(pg, 4, 1, &version, &status));
    cr_assert_eq(seen(pg, 4).acknowledged, 2);
    cr_assert(put(pg, 2, row(4, MEMBER_ACTIVE))); /* from a view that knew of no acknowledgement */
    cr_assert_eq(seen(pg, 4).acknowledged, 2);
    cr_assert(seen(pg, 4).seen_ms >= seen_ms);
    check_ok(member_table_poll(pg, 9, 1, &version, &status));
    cr_assert(version == 3 && status == 0, "it has no row");
}

static void details_are_a_change(pg_t *pg)
{
    char *much MEMORY_SCOPED = memory_new(MEMBER_DETAILS_SIZE_MAX + 1);
    memset(much, 'x', MEMBER_DETAILS_SIZE_MAX + 1);
    check_err(member_table_describe(pg, 4, str_of(much, MEMBER_DETAILS_SIZE_MAX + 1)), ERR_LIMIT);
    check_err(member_table_describe(pg, 9, STR("{}")), ERR_NOT_FOUND);
    cr_assert_eq(version_of(pg), 3);
    check_ok(member_table_describe(pg, 4, str_of(much, MEMBER_DETAILS_SIZE_MAX)));
    cr_assert_eq(version_of(pg), 4);
    cr_assert(put(pg, 4, row(4, MEMBER_ACTIVE)));
    roster_t *roster ROSTER_SCOPED = read_all(pg);
    cr_assert_eq(roster_details(roster, 4).size, MEMBER_DETAILS_SIZE_MAX, "a write took them away");
}

static void leases_are_of_one_length(pg_t *pg)
{
    uint64_t there_ms = 0;
    check_ok(member_table_agree(pg, LEASE_MS, &there_ms));
    check_ok(member_table_agree(pg, LEASE_MS, &there_ms));
    check_err(member_table_agree(pg, LEASE_MS + 1, &there_ms), ERR_CONFLICT);
    cr_assert_eq(there_ms, LEASE_MS);
}

static void gone_is_final(pg_t *pg)
{
    uint64_t version = 0, there_ms = 0;
    member_status_t status = 0;
    check_err(member_table_say_gone(pg, 9, 0), ERR_NOT_FOUND);
    check_err(member_table_say_gone(pg, 4, UNSEEN_MS), ERR_BUSY);
    cr_assert_eq(seen(pg, 4).status, MEMBER_ACTIVE);
    check_ok(member_table_say_gone(pg, 4, 0));
    member_t gone = seen(pg, 4);
    cr_assert(gone.status == MEMBER_DEAD && gone.acknowledged == MEMBER_GONE && gone.died == 6);

    check_ok(member_table_poll(pg, 4, 99, &version, &status));
    cr_assert(version == 6 && status == MEMBER_DEAD);
    membership_change_t dead = row(4, MEMBER_DEAD);
    dead.row.acknowledged = 3;
    cr_assert(put(pg, 6, dead));
    cr_assert_eq(seen(pg, 4).acknowledged, MEMBER_GONE);
    cr_assert_eq(seen(pg, 4).seen_ms, gone.seen_ms, "the dead are not seen");
    check_ok(member_table_agree(pg, LEASE_MS + 1, &there_ms)); /* nobody has a lease any more */

    membership_change_t removal = {.row = {.node = 4}, .is_removed = true};
    check_ok(pg_run_script(pg, "INSERT INTO writers VALUES (77, 4)"));
    cr_assert(put(pg, 7, removal));
    cr_assert_eq(seen(pg, 4).node, 0);
    check_ok(pg_run_script(pg, "INSERT INTO writers VALUES (77, 5)"));
}

Test(member_table, it_changes_from_one_version_to_the_next)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    pg_t *pg PG_SCOPED = connected(server.address);
    uint64_t first = 0, second = 0;

    check_ok(member_table_draw(pg, &first));
    check_ok(member_table_draw(pg, &second));
    cr_assert(first > 0 && second > first);
    a_row_comes_back_as_it_was(pg);
    what_is_made_against_another_version_changes_nothing(pg);
    polls_only_raise(pg);
    details_are_a_change(pg);
    leases_are_of_one_length(pg);
    gone_is_final(pg);
}

/* ---- many at once ---- */

enum { WRITERS = 4, WRITES = 40 };

typedef struct writer {
    pg_t *pg;
    uint64_t landed;
    err_t err;
} writer_t;

enum { SHARED = 1 };

/* A count in a row, one more with each write that lands. */
static err_t write_once(writer_t *self)
{
    bool is_landed = false;
    roster_t *roster ROSTER_SCOPED = NULL;
    membership_change_t change = row(SHARED, MEMBER_ACTIVE);
    TRY(member_table_read(self->pg, &roster));
    const member_t *there = view_find(&roster->view, SHARED);
    change.row.vote_count = 1;
    change.row.votes[0].at_ms = there == NULL ? 1 : there->votes[0].at_ms + 1;
    TRY(member_table_write(self->pg, roster->view.version, &change, 1, STR("{}"), &is_landed));
    self->landed += is_landed;
    return ERR_OK;
}

static void *write_many(void *context)
{
    writer_t *self = context;
    for (int i = 0; i < WRITES && self->err == ERR_OK; i++)
        self->err = write_once(self);
    return NULL;
}

Test(member_table, each_version_is_made_by_one)
{
    postgres_t server POSTGRES_SCOPED = {0};
    pthread_t threads[WRITERS];
    writer_t writers[WRITERS];
    uint64_t landed = 0;
    postgres_start(&server);
    pg_t *pg PG_SCOPED = connected(server.address);

    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = (writer_t){.pg = connected(server.address)};
        cr_assert_eq(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        pg_close(writers[i].pg);
        check_ok(writers[i].err);
        landed += writers[i].landed;
    }

    cr_assert(landed >= WRITES); /* of those who collide one gets through */
    cr_assert_eq(version_of(pg), 1 + landed);
    cr_assert_eq(seen(pg, SHARED).votes[0].at_ms, landed, "one was lost");
}

/* ---- another server ---- */

static bool is_level(pg_t *pg)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    static const pg_statement_t statement = {
        .sql = "SELECT FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"};
    check_ok(pg_run(pg, &statement, &result));
    return PQntuples(result) > 0;
}

Test(member_table, after_a_fail_over_versions_go_on_above_all_that_were_lost)
{
    postgres_t primary POSTGRES_SCOPED = {0}, standby POSTGRES_SCOPED = {0};
    uint64_t version = 0, drawn = 0;
    member_status_t status = 0;
    postgres_start(&primary);
    postgres_start_standby(&standby, &primary);
    pg_t *before = connected(primary.address);
    cr_assert(put(before, 1, row(4, MEMBER_ACTIVE)));
    wait_until(is_level(before));
    pg_t *reader = connected(standby.address);
    roster_t *roster = NULL;
    cr_assert_neq(member_table_read(reader, &roster), ERR_OK, "a standby knows no view");
    pg_close(reader);
    pg_close(before);

    postgres_do(&primary, "immediate");
    postgres_do(&standby, "promote");
    pg_t *after PG_SCOPED = connected(standby.address);

    version = version_of(after);
    cr_assert(version >= UINT64_C(1) << 40);
    cr_assert_not(put(after, 2, row(4, MEMBER_DEAD)), "made against a view of the lost server");
    check_ok(member_table_draw(after, &drawn));
    cr_assert(gt(u64, drawn, 10000000), "no number that the lost server may have drawn");
    check_ok(member_table_poll(after, 4, 2, &version, &status));
    cr_assert(version == version_of(after) && status == MEMBER_ACTIVE);
    cr_assert(put(after, version, row(5, MEMBER_JOINING)));
    cr_assert_eq(version_of(after), version + 1);
}

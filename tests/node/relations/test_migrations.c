#include "relations_rig.h"

#include "actors/protocol/room.h"
#include "node/relations.h"
#include "storage/postgres/migrate.h"
#include "storage/relations/relation_build.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

/* A database as the release before `number` left it: the migrations below, by hand. */
static void make_older(const char *address, int number)
{
    pg_t *pg = NULL;
    check_ok(pg_open(&(pg_options_t){.address = address, .timeout_ms = POSTGRES_PATIENCE_MS}, &pg));
    check_ok(
        pg_run_script(pg, "CREATE TABLE migrations (number integer PRIMARY KEY, name text NOT NULL,"
                          " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"));
    for (int i = 1; i < number; i++) {
        char command[600];
        snprintf(command, sizeof command, "cat %s/storage/migrations/%04d_*.sql",
                 getenv("MS_SOURCE"), i);
        buf_t sql BUF_SCOPED = BUF_INIT;
        FILE *file = popen(command, "r");
        for (int c = fgetc(file); c != EOF; c = fgetc(file))
            buf_append_char(&sql, (char)c);
        cr_assert_eq(pclose(file), 0);
        char bytes[4];
        pg_statement_t note = {.sql = "INSERT INTO migrations (number, name, sha256)"
                                      " VALUES ($1, 'older', encode(sha256($2), 'hex'))",
                               .parameters = {pg_i32(bytes, i), pg_bytes(buf_str(&sql))},
                               .parameter_count = 2};
        check_ok(pg_run(pg, &note, NULL));
        check_ok(pg_run_script(pg, buf_terminated(&sql)));
    }
    pg_close(pg);
}

static void open_older(relations_rig_t *rig, const char *address)
{
    pg_close(rig->pg);
    rig->pg = NULL;
    check_ok(
        pg_open(&(pg_options_t){.address = address, .timeout_ms = POSTGRES_PATIENCE_MS}, &rig->pg));
}

/* As the release of that time did: the program of today appends to a schema of today. */
static void append_older(pg_t *pg, uint64_t version, const user_favourite_set_t *event)
{
    char bytes[8];
    buf_t payload BUF_SCOPED = BUF_INIT;
    schema_encode(&user_favourite_set_schema, event, &payload);
    pg_statement_t statements[2] = {
        {.sql = "INSERT INTO streams (stream, partition, version) VALUES ('user/ana', $1, 1)"
                " ON CONFLICT (stream) DO UPDATE SET version = streams.version + 1",
         .parameter_count = 1},
        {.sql = "INSERT INTO events VALUES ('user/ana', $1, 1, pg_current_xact_id(), 0, 0, $2, $3,"
                " '', '')",
         .parameters = {pg_i64(bytes, (int64_t)version),
                        pg_text(str_from(user_favourite_set_schema.name)),
                        pg_bytes(buf_str(&payload))},
         .parameter_count = 3}};
    char partition[4];
    statements[0].parameters[0] = pg_i32(partition, (int32_t)partition_of(STR("user/ana")));
    check_ok(pg_transaction(pg, statements, COUNT_OF(statements), NULL));
}

Test(migrations, relational_tables_come_to_a_database_that_is_in_use)
{
    relations_rig_t rig RIG_SCOPED;
    char address[300];
    uint64_t version = 0;
    rig_start(&rig);
    check_ok(pg_run_script(rig.pg, "CREATE DATABASE older"));
    snprintf(address, sizeof address, "postgresql://postgres@/older%s",
             strchr(rig.server.address, '?'));
    make_older(address, 2);
    open_older(&rig, address);
    for (; version < 100; version++)
        append_older(rig.pg, version + 1, &(user_favourite_set_t){version + 1, true});

    check_ok(migrate(address, NULL));
    cr_expect_eq(rig_number(&rig, "SELECT count(*) FROM favourites"), 0);
    cr_expect_eq(rig_number(&rig, "SELECT count(*) FROM projections"), 0);
    check_ok(
        relation_build_missing(&(relation_build_options_t){.address = address}, node_relations()));

    cr_expect_eq(rig_number(&rig, "SELECT count(*) FROM favourites"), 100);
    cr_expect_eq(rig_number(&rig, "SELECT count(*) FROM events"), 100);
    check_ok(migrate(address, NULL));
    rig_open_journal(&rig, address);
    user_favourite_set_t event = {999, true};
    rig_append(&rig, STR("user/ana"), &version, &user_favourite_set_schema, &event);
    rig_wait(&rig);
    check_ok(rig.err);
    cr_expect_eq(rig_number(&rig, "SELECT count(*) FROM favourites"), 101);
}

/* What the release before `number` has: the tables of the relations with the journal, and the
 * users' keys. */
static void fill_older(relations_rig_t *rig, int number, uint64_t *version)
{
    for (; *version < 10; ++*version)
        append_older(rig->pg, *version + 1, &(user_favourite_set_t){*version + 1, true});
    check_ok(pg_run_script(rig->pg, "INSERT INTO favourites"
                                    " SELECT 'ana', n, now() FROM generate_series(1, 10) AS n"));
    if (number > 4)
        check_ok(pg_run_script(rig->pg, "INSERT INTO subject_keys VALUES ('ana', '\\x01', 1)"));
    check_ok(pg_run_script(rig->pg, "INSERT INTO playlists VALUES"
                                    " ('mix', 'ana', 1, now(), now(), 1, '{}')"));
    /* A rebuild that was cut short: it goes on with tables of its time. */
    check_ok(pg_run_script(rig->pg, "SELECT ms_build_begin('playlists', 1,"
                                    " '{playlists,playlist_tracks}')"));
}

static void comes_to_one_in_use(relations_rig_t *rig, int number)
{
    char address[300], sql[64];
    uint64_t version = 0;
    const user_favourite_set_t favourite = {999, true};
    const user_setting_set_t setting = {STR("theme"), STR("dark")};
    const playlist_created_t created = {.owner_id = STR("ana"), .name = STR("Mine")};
    const playlist_public_set_t shown = {.is_public = true, .owner_id = STR("ana")};
    const user_follow_set_t follow = {STR("bob"), true};
    const room_created_t made = {STR("ana"), STR("Jazz"), true};
    const user_acted_t acted = {.number = 1, .kind = ACTIVITY_FAVOURITE, .track_id = 1};
    uint64_t list = 0, room = 0;
    snprintf(sql, sizeof sql, "CREATE DATABASE before_%d", number);
    check_ok(pg_run_script(rig->pg, sql));
    snprintf(address, sizeof address, "postgresql://postgres@/before_%d%s", number,
             strchr(rig->server.address, '?'));
    make_older(address, number);
    open_older(rig, address);
    fill_older(rig, number, &version);

    check_ok(migrate(address, NULL));
    check_ok(
        relation_build_missing(&(relation_build_options_t){.address = address}, node_relations()));
    rig_open_journal(rig, address);
    rig_append(rig, STR("user/ana"), &version, &user_favourite_set_schema, &favourite);
    rig_append(rig, STR("user/ana"), &version, &user_setting_set_schema, &setting);
    rig_append(rig, STR("user/ana"), &version, &user_follow_set_schema, &follow);
    rig_append(rig, STR("user/ana"), &version, &user_acted_schema, &acted);
    rig_append(rig, STR("room/new"), &room, &room_created_schema, &made);
    rig_append(rig, STR("playlist/new"), &list, &playlist_created_schema, &created);
    rig_append(rig, STR("playlist/new"), &list, &playlist_public_set_schema, &shown);
    rig_wait(rig);

    check_ok(rig->err);
    cr_expect_eq(rig_number(rig, "SELECT version FROM streams WHERE stream = 'user/ana'"), 14,
                 "before %d", number);
    cr_expect_eq(rig_number(rig, "SELECT count(*) FROM events"), 17, "before %d", number);
    cr_expect_eq(rig_number(rig, "SELECT count(*) FROM favourites"), 11, "before %d", number);
    cr_expect_eq(rig_number(rig, "SELECT count(*) FROM settings"), 1, "before %d", number);
    cr_expect_eq(rig_number(rig, "SELECT count(*) FROM follows"), 1, "before %d", number);
    cr_expect_eq(rig_number(rig, "SELECT count(*) FROM rooms"), 1, "before %d", number);
    cr_expect_eq(rig_number(rig, "SELECT count(*) FROM activities"), 1, "before %d", number);
    cr_expect_eq(rig_number(rig, "SELECT count(*) FROM playlists WHERE is_public"), 1, "before %d",
                 number);
    cr_expect_eq(rig_number(rig, "SELECT count(*) FROM subject_keys"), number > 4, "before %d",
                 number);
}

Test(migrations, each_later_one_comes_to_a_database_that_is_in_use)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);

    for (int number = 3; number <= 10; number++)
        comes_to_one_in_use(&rig, number);
}

Test(migrations, what_is_not_as_it_was_applied_stops_the_node)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);

    check_ok(pg_run_script(rig.pg, "UPDATE migrations SET sha256 = 'other' WHERE number = 2"));
    check_err(migrate(rig.server.address, NULL), ERR_CONFLICT);
    check_ok(pg_run_script(rig.pg, "INSERT INTO migrations VALUES (9999, 'later', '')"));
    check_ok(pg_run_script(
        rig.pg,
        "INSERT INTO migrations SELECT n, 'later', '' FROM generate_series(100, 199) AS n"));
    check_err(migrate(rig.server.address, NULL), ERR_NEWER);
}

#include "relations_rig.h"

#include "actors/protocol/room.h"
#include "node/relations.h"
#include "storage/postgres/migrate.h"
#include "storage/relations/relation_build.h"
#include "tests/support/check.h"
#include "tests/support/postgres/relation_read.h"

#include <stdio.h>

/* A list of bob's that everybody may see, and one that was for a while. */
static void add_lists(relations_rig_t *rig)
{
    static const char *const streams[] = {"playlist/shown", "playlist/hidden"};
    const playlist_track_t tracks[] = {{1, 1000}, {2, 1000}};
    const playlist_created_t created = {STR("bob"), STR("Evening"), {tracks, 2}};
    const playlist_public_set_t on = {.is_public = true, .owner_id = STR("bob")};
    const playlist_public_set_t off = {.owner_id = STR("bob")};
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        uint64_t version = 0;
        str_t stream = str_from(streams[i]);
        rig_append(rig, stream, &version, &playlist_created_schema, &created);
        rig_append(rig, stream, &version, &playlist_public_set_schema, &on);
        if (i == 1)
            rig_append(rig, stream, &version, &playlist_public_set_schema, &off);
    }
}

/* ana and bob talk in a private room; carol, alone, in a public one. */
static void add_rooms(relations_rig_t *rig)
{
    uint64_t hidden = 0, shown = 0;
    const room_created_t closed_door = {STR("ana"), STR("Ours"), false};
    const room_created_t open_door = {STR("carol"), STR("All"), true};
    const room_joined_t bob = {STR("bob")}, eve = {STR("eve")};
    const room_left_t eve_left = {STR("eve")};
    const room_posted_t by_bob = {STR("bob"), 1, STR("hi"), 2, 0};
    const room_posted_t by_carol = {STR("carol"), 1, STR("hi"), 2, 0};
    rig_append(rig, STR("room/hidden"), &hidden, &room_created_schema, &closed_door);
    rig_append(rig, STR("room/hidden"), &hidden, &room_joined_schema, &bob);
    rig_append(rig, STR("room/hidden"), &hidden, &room_joined_schema, &eve);
    rig_append(rig, STR("room/hidden"), &hidden, &room_posted_schema, &by_bob);
    rig_append(rig, STR("room/hidden"), &hidden, &room_left_schema, &eve_left);
    rig_append(rig, STR("room/shown"), &shown, &room_created_schema, &open_door);
    rig_append(rig, STR("room/shown"), &shown, &room_posted_schema, &by_carol);
}

/* bob and dan did something each. */
static void add_activities(relations_rig_t *rig, uint64_t *bob)
{
    uint64_t dan = 0;
    const user_acted_t acted = {.number = 1, .kind = ACTIVITY_FAVOURITE, .track_id = 1};
    rig_append(rig, STR("user/bob"), bob, &user_acted_schema, &acted);
    rig_append(rig, STR("user/dan"), &dan, &user_acted_schema, &acted);
}

/* ana follows bob, bob follows carol, carol follows dan, and no more eve. */
static void add_follows(relations_rig_t *rig, uint64_t *ana, uint64_t *bob)
{
    uint64_t carol = 0;
    const user_follow_set_t to_bob = {STR("bob"), true}, to_carol = {STR("carol"), true};
    const user_follow_set_t to_dan = {STR("dan"), true}, to_eve = {STR("eve"), true};
    const user_follow_set_t no_more = {STR("eve"), false};
    rig_append(rig, STR("user/ana"), ana, &user_follow_set_schema, &to_bob);
    rig_append(rig, STR("user/bob"), bob, &user_follow_set_schema, &to_carol);
    rig_append(rig, STR("user/carol"), &carol, &user_follow_set_schema, &to_dan);
    rig_append(rig, STR("user/carol"), &carol, &user_follow_set_schema, &to_eve);
    rig_append(rig, STR("user/carol"), &carol, &user_follow_set_schema, &no_more);
}

/* ana and bob have a favourite, a rating, a play and a setting each; bob has another favourite. */
static void populate(relations_rig_t *rig)
{
    uint64_t ana = 0, bob = 0;
    user_favourite_set_t favourite = {1, true}, other = {2, true};
    user_rating_set_t rating = {1, 5};
    user_played_t played = {1, 1, 1700000000000};
    user_setting_set_t dark = {STR("theme"), STR("dark")}, light = {STR("theme"), STR("light")};
    rig_append(rig, STR("user/ana"), &ana, &user_favourite_set_schema, &favourite);
    rig_append(rig, STR("user/ana"), &ana, &user_rating_set_schema, &rating);
    rig_append(rig, STR("user/ana"), &ana, &user_played_schema, &played);
    rig_append(rig, STR("user/ana"), &ana, &user_setting_set_schema, &dark);
    rig_append(rig, STR("user/bob"), &bob, &user_favourite_set_schema, &favourite);
    rig_append(rig, STR("user/bob"), &bob, &user_favourite_set_schema, &other);
    rig_append(rig, STR("user/bob"), &bob, &user_rating_set_schema, &rating);
    rig_append(rig, STR("user/bob"), &bob, &user_played_schema, &played);
    rig_append(rig, STR("user/bob"), &bob, &user_setting_set_schema, &dark);
    rig_append(rig, STR("user/bob"), &bob, &user_setting_set_schema, &light);
    add_lists(rig);
    add_follows(rig, &ana, &bob);
    add_rooms(rig);
    add_activities(rig, &bob);
    rig_wait(rig);
    check_ok(rig->err);
}

/* What a reader sees of everybody: rows of the four tables, or -1 and the error. */
static int64_t seen_by(pg_t *pg, const char *user, const char *sql, err_t *out_err)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    *out_err = relation_read_as(pg, str_from(user), &(pg_statement_t){.sql = sql}, &result);
    return *out_err == ERR_OK ? pg_get_i64(result, 0, 0) : -1;
}

static const char all_sql[] =
    "SELECT (SELECT count(*) FROM favourites) + (SELECT count(*) FROM ratings)"
    " + (SELECT count(*) FROM plays) + (SELECT count(*) FROM settings)";

static void expect_seen(pg_t *pg, const char *user, int64_t wanted, const char *what)
{
    err_t err;
    int64_t got = seen_by(pg, user, all_sql, &err);
    cr_expect(got == wanted, "%s: %s sees %lld rows, not %lld (%s)", what, user, (long long)got,
              (long long)wanted, err_text(err));
}

/* Lists, their tracks and the view over both. */
static const char lists_sql[] =
    "SELECT (SELECT count(*) FROM playlists) * 100 + (SELECT count(*) FROM playlist_tracks) * 10"
    " + (SELECT count(*) FROM playlist_entries)";

static void expect_lists(pg_t *pg, const char *user, int64_t wanted, const char *what)
{
    err_t err;
    int64_t got = seen_by(pg, user, lists_sql, &err);
    cr_expect(got == wanted, "%s: %s sees %lld of the lists, not %lld (%s)", what, user,
              (long long)got, (long long)wanted, err_text(err));
}

/* Both ends see a follow. */
static void expect_follows(pg_t *pg, const char *user, int64_t wanted, const char *what)
{
    err_t err;
    int64_t got = seen_by(pg, user, "SELECT count(*) FROM follows", &err);
    cr_expect(got == wanted, "%s: %s sees %lld follows, not %lld (%s)", what, user, (long long)got,
              (long long)wanted, err_text(err));
}

/* Rooms, members and messages: of one's own rooms all, of a public one its row. */
static void expect_rooms(pg_t *pg, const char *user, int64_t wanted, const char *what)
{
    err_t err;
    int64_t got = seen_by(pg, user,
                          "SELECT (SELECT count(*) FROM rooms) * 100"
                          " + (SELECT count(*) FROM room_members) * 10"
                          " + (SELECT count(*) FROM messages)",
                          &err);
    cr_expect(got == wanted, "%s: %s sees %lld of the rooms, not %lld (%s)", what, user,
              (long long)got, (long long)wanted, err_text(err));
}

/* One's own, and of those whom one follows. */
static void expect_activities(pg_t *pg, const char *user, int64_t wanted, const char *what)
{
    err_t err;
    int64_t got = seen_by(pg, user, "SELECT count(*) FROM activities", &err);
    cr_expect(got == wanted, "%s: %s sees %lld activities, not %lld (%s)", what, user,
              (long long)got, (long long)wanted, err_text(err));
}

static pg_t *connected(const char *address)
{
    pg_t *pg = NULL;
    check_ok(pg_open(&(pg_options_t){.address = address, .timeout_ms = POSTGRES_PATIENCE_MS}, &pg));
    return pg;
}

static void expect_own_rows_only(const char *address, const char *what)
{
    err_t err;
    pg_t *pg PG_SCOPED = connected(address);
    expect_seen(pg, "ana", 4, what);
    expect_seen(pg, "bob", 5, what); /* on the connection that ana's reader had */
    expect_seen(pg, "", 0, what);
    expect_seen(pg, "eve", 0, what);
    cr_expect_eq(seen_by(pg, "ana", "SELECT count(*) FROM favourites WHERE user_id = 'bob'", &err),
                 0, "%s", what);

    expect_lists(pg, "ana", 122, what); /* the public one */
    expect_lists(pg, "bob", 244, what);
    expect_lists(pg, "", 0, what);
    expect_follows(pg, "ana", 1, what);
    expect_follows(pg, "bob", 2, what);
    expect_follows(pg, "dan", 1, what);
    expect_follows(pg, "eve", 0, what);
    expect_follows(pg, "", 0, what);
    expect_rooms(pg, "ana", 221, what);
    expect_rooms(pg, "bob", 221, what);
    expect_rooms(pg, "carol", 111, what);
    expect_rooms(pg, "eve", 100, what); /* who left sees no more of it */
    expect_rooms(pg, "", 0, what);
    expect_activities(pg, "ana", 1, what);
    expect_activities(pg, "bob", 1, what);
    expect_activities(pg, "carol", 1, what);
    expect_activities(pg, "eve", 0, what);
    expect_activities(pg, "", 0, what);

    /* After a transaction that failed. */
    cr_expect_eq(seen_by(pg, "bob", "SELECT 1 / (count(*) - 2) FROM favourites", &err), -1);
    cr_expect_eq(err, ERR_INVALID, "%s: %s", what, err_text(err));
    expect_seen(pg, "ana", 4, what);
    expect_lists(pg, "ana", 122, what);
    expect_follows(pg, "ana", 1, what);
    expect_rooms(pg, "eve", 100, what);
    expect_activities(pg, "eve", 0, what);

    /* What a reader must not do at all. */
    static const char *const forbidden[] = {
        "SELECT count(*) FROM events",
        "SELECT count(*) FROM snapshots",
        "SELECT count(*) FROM plays_2023_11",
        "WITH d AS (DELETE FROM favourites RETURNING 1) SELECT count(*) FROM d",
        "INSERT INTO favourites VALUES ('ana', 9, now()) RETURNING 1::bigint",
        "SELECT count(*) FROM analyst.plays",
        "WITH d AS (UPDATE settings SET value = 'dark' RETURNING 1) SELECT count(*) FROM d",
        "INSERT INTO feature_flags VALUES ('x', true, now()) RETURNING 1::bigint",
        "SELECT 1::bigint FROM ms_build_end('tastes')",
        "INSERT INTO room_members VALUES ('hidden', 'ana', now()) RETURNING 1::bigint",
        "WITH d AS (DELETE FROM messages RETURNING 1) SELECT count(*) FROM d",
        "WITH d AS (DELETE FROM follows RETURNING 1) SELECT count(*) FROM d",
        "INSERT INTO follows VALUES ('eve', 'ana', now()) RETURNING 1::bigint",
        "WITH d AS (UPDATE playlists SET is_public = true RETURNING 1) SELECT count(*) FROM d",
        "WITH d AS (DELETE FROM playlist_tracks RETURNING 1) SELECT count(*) FROM d",
    };
    for (size_t i = 0; i < COUNT_OF(forbidden); i++) {
        int64_t got = seen_by(pg, "ana", forbidden[i], &err);
        cr_expect(got == -1 && err == ERR_FORBIDDEN, "%s: %s gave %s", what, forbidden[i],
                  err_text(err));
    }
}

Test(relation_rights, a_reader_sees_their_own_rows_only)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    populate(&rig);

    expect_own_rows_only(rig.server.address, "directly");
}

Test(relation_rights, a_reader_sees_their_own_rows_only_through_pgbouncer)
{
    relations_rig_t rig RIG_SCOPED;
    char address[512];
    rig_start(&rig);
    postgres_start_bouncer(&rig.server, address, sizeof address);
    rig_open_journal(&rig, address); /* what appends goes over the same connections */
    populate(&rig);

    expect_own_rows_only(address, "through pgbouncer");
    uint64_t carol = 3;
    user_favourite_set_t favourite = {1, true};
    rig_append(&rig, STR("user/carol"), &carol, &user_favourite_set_schema, &favourite);
    rig_wait(&rig);
    check_ok(rig.err); /* no reader's role stayed on a connection */
}

/* "postgresql://postgres@/postgres?host=..." as another user of another database. */
static void address_of(const relations_rig_t *rig, const char *user, const char *database,
                       char *out, size_t size)
{
    const char *host = strchr(rig->server.address, '?');
    snprintf(out, size, "postgresql://%s@/%s%s", user, database, host);
}

/* No superuser anywhere: policies hold for who owns the tables, too. */
Test(relation_rights, a_login_without_privileges_of_its_own_is_enough)
{
    relations_rig_t rig RIG_SCOPED;
    char owner[300], node[300];
    rig_start(&rig);
    check_ok(pg_run_script(rig.pg, "CREATE ROLE ana LOGIN CREATEROLE"));
    check_ok(pg_run_script(rig.pg, "CREATE ROLE node LOGIN IN ROLE ms_write, ms_read"));
    check_ok(pg_run_script(rig.pg, "CREATE DATABASE music OWNER ana"));
    address_of(&rig, "ana", "music", owner, sizeof owner);
    address_of(&rig, "node", "music", node, sizeof node);

    check_ok(migrate(owner, NULL));
    check_ok(migrate(node, NULL)); /* nothing to do: no rights needed */
    rig_open_journal(&rig, node);
    populate(&rig);

    expect_own_rows_only(node, "as a plain login");
    expect_own_rows_only(owner, "as the owner");
    pg_t *bare PG_SCOPED = connected(node);
    check_err(pg_run_script(bare, "DROP TABLE favourites"), ERR_FORBIDDEN);
    check_err(pg_run_script(bare, "DELETE FROM events"), ERR_FORBIDDEN);
    check_err(pg_run_script(bare, "ALTER TABLE favourites DISABLE ROW LEVEL SECURITY"),
              ERR_FORBIDDEN);
    check_err(pg_run_script(bare, "CREATE TABLE public.mine (x int)"), ERR_FORBIDDEN);
}

/* The rights came along: with the tables' copies, and the function looks at the new ones. */
Test(relation_rights, a_rebuild_keeps_who_may_read_what)
{
    relations_rig_t rig RIG_SCOPED;
    relation_build_report_t report;
    rig_start(&rig);
    populate(&rig);
    relation_list_t list = node_relations();
    for (size_t i = 0; i < list.count; i++)
        check_ok(relation_build(
            &(relation_build_options_t){.address = rig.server.address, .relation = list.items[i]},
            &report));

    expect_own_rows_only(rig.server.address, "built again");
}

/* What an analyst has: no row of the tables, no column that says who. */
Test(relation_rights, analysts_see_views_only)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    populate(&rig);

    check_ok(pg_run_script(rig.pg, "SET ROLE ms_analyst"));

    cr_expect_eq(rig_number(&rig, "SELECT count(*) FROM analyst.favourites"), 3);
    check_err(pg_run_script(rig.pg, "SELECT * FROM favourites"), ERR_FORBIDDEN);
    check_err(pg_run_script(rig.pg, "SELECT * FROM tracks"), ERR_FORBIDDEN);
    check_ok(pg_run_script(rig.pg, "RESET ROLE"));
    cr_expect_eq(rig_number(&rig, "SELECT count(*) FROM information_schema.columns"
                                  " WHERE table_schema = 'analyst' AND data_type = 'bytea'"),
                 0);
}

/* Every table with a user's rows is under its policy, whatever table comes next. */
Test(relation_rights, every_table_with_a_user_has_its_policy)
{
    relations_rig_t rig RIG_SCOPED;
    buf_t open BUF_SCOPED = BUF_INIT;
    rig_start(&rig);

    rig_text(
        &rig,
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE a.attname IN ('user_id', 'follower_id', 'room_id') AND c.relkind IN ('r', 'p') AND "
        "NOT "
        "c.relispartition"
        "   AND c.relnamespace = 'public'::regnamespace"
        "   AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS ("
        "     SELECT FROM pg_policies p WHERE p.schemaname = 'public' AND p.tablename = c.relname"
        "       AND p.policyname = 'own_rows'))",
        &open);

    check_str(buf_str(&open), STR(""));
}

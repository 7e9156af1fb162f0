#include "relations_rig.h"

#include "actors/protocol/account.h"
#include "actors/protocol/library.h"
#include "actors/protocol/room.h"
#include "actors/protocol/server.h"
#include "actors/protocol/session.h"
#include "actors/protocol/user.h"
#include "actors/social/playlist_rules.h"
#include "node/relations.h"
#include "runtime/base/random.h"
#include "storage/relations/relation_build.h"
#include "tests/support/check.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- playlists: the tables beside what playlist_rules.c makes of the same events ---- */

enum { LISTS = 5, LIST_EDITS = 200, TRACKS_MAX = 3 };

typedef struct list {
    playlist_t rules;
    char stream[32];
    uint64_t version;
} list_t;

static void create(relations_rig_t *rig, list_t *list, ms_random_t *random)
{
    playlist_track_t tracks[TRACKS_MAX];
    uint32_t count = (uint32_t)random_below(random, TRACKS_MAX + 1);
    for (uint32_t i = 0; i < count; i++)
        tracks[i] = (playlist_track_t){100 + i, 1000};
    playlist_created_t event = {STR("ana"), STR("Evening"), {tracks, count}};
    rig_append(rig, str_from(list->stream), &list->version, &playlist_created_schema, &event);
    check_ok(playlist_apply_created(&list->rules, &event, 1));
}

static void insert(relations_rig_t *rig, list_t *list, ms_random_t *random)
{
    playlist_track_t tracks[TRACKS_MAX];
    uint32_t count = 1 + (uint32_t)random_below(random, TRACKS_MAX);
    for (uint32_t i = 0; i < count; i++)
        tracks[i] = (playlist_track_t){1 + random_below(random, 1000), 1000};
    playlist_inserted_t event = {.index = (uint32_t)random_below(random, list->rules.count + 1),
                                 .tracks = {tracks, count}};
    rig_append(rig, str_from(list->stream), &list->version, &playlist_inserted_schema, &event);
    check_ok(playlist_apply_inserted(&list->rules, &event, 1));
}

static void remove_some(relations_rig_t *rig, list_t *list, ms_random_t *random)
{
    uint64_t ids[2];
    uint32_t at = (uint32_t)random_below(random, list->rules.count), count = 1;
    ids[0] = list->rules.entries[at].entry_id;
    if (at + 1 < list->rules.count)
        ids[count++] = list->rules.entries[at + 1].entry_id;
    if (count == 2 && ids[0] > ids[1]) {
        uint64_t swap = ids[0];
        ids[0] = ids[1];
        ids[1] = swap;
    }
    playlist_removed_t event = {.entry_ids = {ids, count}};
    rig_append(rig, str_from(list->stream), &list->version, &playlist_removed_schema, &event);
    playlist_apply_removed(&list->rules, &event, 1);
}

static void move(relations_rig_t *rig, list_t *list, ms_random_t *random)
{
    playlist_moved_t event = {
        .entry_id = list->rules.entries[random_below(random, list->rules.count)].entry_id,
        .index = (uint32_t)random_below(random, list->rules.count)};
    rig_append(rig, str_from(list->stream), &list->version, &playlist_moved_schema, &event);
    playlist_apply_moved(&list->rules, &event, 1);
}

static void set_public(relations_rig_t *rig, list_t *list, ms_random_t *random)
{
    playlist_public_set_t event = {.is_public = random_below(random, 2) == 0};
    rig_append(rig, str_from(list->stream), &list->version, &playlist_public_set_schema, &event);
    playlist_apply_public(&list->rules, &event, 1);
}

static void edit(relations_rig_t *rig, list_t *list, ms_random_t *random)
{
    static void (*const edits[])(relations_rig_t *, list_t *,
                                 ms_random_t *) = {insert, insert, set_public, remove_some, move};
    bool has_entries = list->rules.count > 0;
    edits[random_below(random, has_entries ? COUNT_OF(edits) : 3)](rig, list, random);
}

static void compare_list(relations_rig_t *rig, const list_t *list)
{
    char sql[200];
    buf_t got BUF_SCOPED = BUF_INIT, wanted BUF_SCOPED = BUF_INIT;
    snprintf(sql, sizeof sql,
             "SELECT entry_id || ':' || track_id FROM playlist_entries"
             " WHERE playlist_id = '%s' ORDER BY place",
             list->stream + strlen("playlist/"));
    rig_text(rig, sql, &got);
    for (uint32_t i = 0; i < list->rules.count; i++)
        buf_printf(&wanted, "%s%llu:%llu", i == 0 ? "" : " ",
                   (unsigned long long)list->rules.entries[i].entry_id,
                   (unsigned long long)list->rules.entries[i].track_id);
    check_str(buf_str(&got), buf_str(&wanted));
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM playlists WHERE playlist_id = '%s' AND is_public",
             list->stream + strlen("playlist/"));
    cr_assert_eq(rig_number(rig, sql), list->rules.is_public);
}

Test(relations, playlists_in_tables_are_what_the_rules_make_of_them)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    random_seed_t seed = {7};
    ms_random_t random = random_seeded(&seed);
    list_t lists[LISTS] = {0};
    for (size_t i = 0; i < LISTS; i++) {
        snprintf(lists[i].stream, sizeof lists[i].stream, "playlist/p%zu", i);
        create(&rig, &lists[i], &random);
    }

    for (size_t i = 0; i < LIST_EDITS; i++)
        edit(&rig, &lists[random_below(&random, LISTS)], &random);
    rig_wait(&rig);

    check_ok(rig.err);
    for (size_t i = 0; i < LISTS; i++) {
        compare_list(&rig, &lists[i]);
        playlist_deinit(&lists[i].rules);
    }
    cr_assert_eq(rig_number(&rig,
                            "SELECT count(*) FROM playlists WHERE version <> 1 + (SELECT count(*) "
                            "FROM events WHERE stream = 'playlist/' || playlist_id) - 1"),
                 0);
}

/* ---- every kind of event, and the same tables from the journal ---- */

enum { USERS = 4, ROOTS = 2, MIXED_EVENTS = 500, TRACK_IDS = 40 };

typedef struct world {
    relations_rig_t *rig;
    ms_random_t random;
    uint64_t accounts[USERS], users[USERS], sessions[USERS], libraries[ROOTS], lists[USERS];
    uint64_t plays[USERS], logins[USERS], rooms[USERS], server;
    playlist_t rules[USERS];
} world_t;

static uint64_t pick(world_t *world, uint64_t below)
{
    return random_below(&world->random, below);
}

static void say(world_t *world, const char *kind, size_t key, uint64_t *version,
                const schema_t *schema, const void *event)
{
    char stream[40];
    int size = snprintf(stream, sizeof stream, "%s/k%zu", kind, key);
    rig_append(world->rig, str_of(stream, (size_t)size), version, schema, event);
}

/* More of these: test_relation_people.c. */
static void begin_ties(world_t *world, size_t user)
{
    const user_follow_set_t follow = {STR("k9"), true};
    const room_created_t room = {STR("k0"), STR("Jazz"), true};
    const room_posted_t posted = {STR("k0"), 1, STR("hello"), 5, 0};
    const user_acted_t acted = {.number = 1, .kind = ACTIVITY_RATING, .track_id = 3, .rating = 5};
    say(world, "user", user, &world->users[user], &user_follow_set_schema, &follow);
    say(world, "user", user, &world->users[user], &user_acted_schema, &acted);
    say(world, "room", user, &world->rooms[user], &room_created_schema, &room);
    say(world, "room", user, &world->rooms[user], &room_posted_schema, &posted);
}

static void begin_world(world_t *world)
{
    for (size_t i = 0; i < USERS; i++) {
        account_created_t created = {STR("Ana"), STR("hash"), 1};
        playlist_created_t list = {.owner_id = STR("k0"), .name = STR("Evening")};
        say(world, "account", i, &world->accounts[i], &account_created_schema, &created);
        say(world, "playlist", i, &world->lists[i], &playlist_created_schema, &list);
        check_ok(playlist_apply_created(&world->rules[i], &list, 1));
        begin_ties(world, i);
    }
}

static void account_step(world_t *world, size_t user)
{
    char sid[16];
    snprintf(sid, sizeof sid, "s%llu", (unsigned long long)(world->logins[user] - pick(world, 3)));
    account_session_started_t started = {STR("s?"), STR("Phone")};
    account_session_rotated_t rotated = {str_from(sid), 2 + (uint32_t)pick(world, 9)};
    account_session_ended_t ended = {str_from(sid), 1};
    account_password_changed_t password = {STR("hash")};
    uint64_t *version = &world->accounts[user];
    switch (pick(world, 4)) {
    case 0:
        snprintf(sid, sizeof sid, "s%llu", (unsigned long long)++world->logins[user]);
        started.sid = str_from(sid);
        say(world, "account", user, version, &account_session_started_schema, &started);
        return;
    case 1:
        say(world, "account", user, version, &account_session_ended_schema, &ended);
        return;
    case 2:
        say(world, "account", user, version, &account_password_changed_schema, &password);
        return;
    default:
        say(world, "account", user, version, &account_session_rotated_schema, &rotated);
    }
}

static void user_step(world_t *world, size_t user)
{
    uint64_t track = 1 + pick(world, TRACK_IDS), *version = &world->users[user];
    /* Around the turn of a month, and far away. */
    int64_t at = pick(world, 10) == 0 ? -5 + (int64_t)pick(world, 10) * 1000000000000
                                      : 1704067200000 + (int64_t)pick(world, 2000) - 1000;
    user_favourite_set_t favourite = {track, pick(world, 2) == 0};
    user_rating_set_t rating = {track, (uint32_t)pick(world, 6)};
    user_played_t played = {0, track, at};
    user_import_track_t news[2] = {{track, true, 3, 7, at, 7}, {track + 1, false, 0, 2, 0, 2}};
    user_imported_t imported = {{news, 2}};
    switch (pick(world, 4)) {
    case 0:
        say(world, "user", user, version, &user_favourite_set_schema, &favourite);
        return;
    case 1:
        say(world, "user", user, version, &user_rating_set_schema, &rating);
        return;
    case 2:
        say(world, "user", user, version, &user_imported_schema, &imported);
        return;
    default:
        played.number = ++world->plays[user];
        say(world, "user", user, version, &user_played_schema, &played);
    }
}

static void device_step(world_t *world, size_t user)
{
    char id[8];
    snprintf(id, sizeof id, "d%u", (unsigned)pick(world, 3));
    session_device_seen_t seen = {str_from(id), STR("Kitchen")};
    session_device_forgotten_t forgotten = {str_from(id)};
    if (pick(world, 3) > 0)
        say(world, "session", user, &world->sessions[user], &session_device_seen_schema, &seen);
    else
        say(world, "session", user, &world->sessions[user], &session_device_forgotten_schema,
            &forgotten);
}

static void settings_step(world_t *world, size_t user)
{
    user_setting_set_t own = {STR("theme"), pick(world, 2) == 0 ? STR("dark") : STR("light")};
    server_setting_set_t setting = {STR("notice"), pick(world, 2) == 0 ? STR("") : STR("Hello")};
    server_feature_set_t feature = {pick(world, 2) == 0 ? STR("one") : STR("two"),
                                    pick(world, 2) == 0};
    if (pick(world, 2) == 0)
        say(world, "user", user, &world->users[user], &user_setting_set_schema, &own);
    else if (pick(world, 2) == 0)
        say(world, "server", 0, &world->server, &server_setting_set_schema, &setting);
    else
        say(world, "server", 0, &world->server, &server_feature_set_schema, &feature);
}

static void list_step(world_t *world, size_t user)
{
    list_t list = {.rules = world->rules[user], .version = world->lists[user]};
    snprintf(list.stream, sizeof list.stream, "playlist/k%zu", user);
    edit(world->rig, &list, &world->random);
    world->rules[user] = list.rules;
    world->lists[user] = list.version;
}

static const char *const names[] = {"Björk",     "BJÖRK",          "björk",
                                    "Sigur Rós", "bad \xff bytes", "MF DOOM"};

static library_track_t some_track(world_t *world, size_t root, library_credit_t credits[3],
                                  const str_t *genres)
{
    for (size_t i = 0; i < 3; i++)
        credits[i] = (library_credit_t){.name = str_from(names[pick(world, COUNT_OF(names))]),
                                        .sort_name = str_from(names[pick(world, COUNT_OF(names))]),
                                        .join_phrase = STR(" & ")};
    return (library_track_t){
        .track_id = root * TRACK_IDS + 1 + pick(world, TRACK_IDS),
        .path = STR("a/\xffnot utf-8.flac"),
        .added_ms = (int64_t)pick(world, 5) * 1000000,
        .audio_hash = pick(world, 2) == 0 ? STR("aa") : STR("bb"),
        .samples = 7,
        .title = str_from(names[pick(world, COUNT_OF(names))]),
        .album = str_from(names[pick(world, COUNT_OF(names))]),
        .album_id = pick(world, 2) == 0 ? 1 + pick(world, 4) : 100 * root + 50 + pick(world, 4),
        .has_gain = pick(world, 3) == 0,
        .track_gain_cdb = (int64_t)pick(world, 100),
        .track_peak = 0.5,
        .credits = {credits, (uint32_t)pick(world, 4)},
        .album_credits = {credits, (uint32_t)pick(world, 3)},
        .genres = {genres, (uint32_t)pick(world, 3)},
        .lyrics = pick(world, 3) == 0 ? STR("la\0la") : (str_t){NULL, 0},
    };
}

static void add_files(world_t *world, size_t root)
{
    static const str_t genres[] = {STR_INIT("Jazz"), STR_INIT("jazz")};
    library_credit_t credits[4][3];
    library_track_t tracks[4];
    for (size_t i = 0; i < 4; i++)
        tracks[i] = some_track(world, root, credits[i], genres);
    library_gone_t gone = {root * TRACK_IDS + 1 + pick(world, TRACK_IDS), STR("gone")};
    uint64_t mixed = 100 * root + 50 + pick(world, 4); /* a folder's: of one root */
    library_batch_added_t added = {.tracks = {tracks, 1 + (uint32_t)pick(world, 4)},
                                   .gone = {&gone, (uint32_t)pick(world, 2)},
                                   .mixed_albums = {&mixed, (uint32_t)pick(world, 2)}};
    say(world, "library", root, &world->libraries[root], &library_batch_added_schema, &added);
}

static void library_step(world_t *world, size_t root)
{
    uint64_t id = root * TRACK_IDS + 1 + pick(world, TRACK_IDS), ids[2] = {id, id};
    library_gone_t gone[2] = {{id, STR("one")}, {id, STR("two")}};
    library_loudness_t loud = {
        .track_id = id, .loudness_mlufs = -9000, .track_gain_cdb = (int64_t)pick(world, 50)};
    library_cover_t cover = {
        STR("hash"), pick(world, 2) == 0 ? STR("#000000") : STR("#ffffff"), {ids, 2}};
    library_tracks_gone_t tracks_gone = {{gone, 2}};
    library_tracks_returned_t returned = {{ids, 2}};
    library_loudness_measured_t measured = {{&loud, 1}};
    library_covers_made_t covers = {{&cover, 1}};
    uint64_t *version = &world->libraries[root];
    switch (pick(world, 8)) {
    case 0:
        say(world, "library", root, version, &library_tracks_gone_schema, &tracks_gone);
        return;
    case 1:
        say(world, "library", root, version, &library_tracks_returned_schema, &returned);
        return;
    case 2:
        say(world, "library", root, version, &library_loudness_measured_schema, &measured);
        return;
    case 3:
        say(world, "library", root, version, &library_covers_made_schema, &covers);
        return;
    default:
        add_files(world, root);
    }
}

static void erase(world_t *world, size_t user)
{
    account_erased_t account = {};
    session_erased_t session = {};
    user_erased_t all = {};
    say(world, "account", user, &world->accounts[user], &account_erased_schema, &account);
    say(world, "session", user, &world->sessions[user], &session_erased_schema, &session);
    say(world, "user", user, &world->users[user], &user_erased_schema, &all);
}

static void step(world_t *world)
{
    size_t user = pick(world, USERS);
    if (pick(world, 150) == 0)
        erase(world, user);
    switch (pick(world, 7)) {
    case 6:
        settings_step(world, user);
        return;
    case 0:
        account_step(world, user);
        return;
    case 1:
        device_step(world, user);
        return;
    case 2:
        list_step(world, user);
        return;
    case 3:
        library_step(world, pick(world, ROOTS));
        return;
    default:
        user_step(world, user);
    }
}

static void run_world(world_t *world, size_t events)
{
    for (size_t i = 0; i < events; i++)
        step(world);
    rig_wait(world->rig);
    check_ok(world->rig->err);
}

static void end_world(world_t *world)
{
    for (size_t i = 0; i < USERS; i++)
        playlist_deinit(&world->rules[i]);
}

/* In pages of a few events, so that rows come in other batches than they came from the nodes. */
static relation_build_report_t rebuild(relations_rig_t *rig, const relation_t *relation)
{
    relation_build_report_t report;
    relation_build_options_t options = {
        .address = rig->server.address, .relation = relation, .page = 37};
    check_ok(relation_build(&options, &report));
    return report;
}

Test(relations, every_table_is_what_a_fresh_rebuild_makes_of_it)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    random_seed_t seed = {23};
    world_t world = {.rig = &rig, .random = random_seeded(&seed)};
    buf_t before BUF_SCOPED = BUF_INIT, after BUF_SCOPED = BUF_INIT;
    relation_list_t list = node_relations();
    begin_world(&world);
    run_world(&world, MIXED_EVENTS);
    rig_digest(&rig, &before);

    for (size_t i = 0; i < list.count; i++) {
        relation_build_report_t report = rebuild(&rig, list.items[i]);
        cr_expect(report.events > 0 && report.parked == 0, "%s", list.items[i]->name);
    }
    rig_digest(&rig, &after);

    check_str(buf_str(&after), buf_str(&before));
    cr_expect_gt(rig_number(&rig, "SELECT count(*) FROM credits"), 10);
    cr_expect_gt(rig_number(&rig, "SELECT count(*) FROM analyst.plays"), 10);
    cr_expect_gt(rig_number(&rig, "SELECT count(DISTINCT tableoid) FROM plays"), 3);
    /* And they go on from there. */
    run_world(&world, 100);
    end_world(&world);
}

/* ---- while serving ---- */

typedef struct background {
    world_t *world;
    _Atomic bool is_over;
} background_t;

static void *append_on(void *context)
{
    background_t *background = context;
    do
        run_world(background->world, 20);
    while (!atomic_load(&background->is_over));
    return NULL;
}

Test(relations, tables_are_rebuilt_while_appends_go_on)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    random_seed_t seed = {12};
    world_t world = {.rig = &rig, .random = random_seeded(&seed)};
    background_t background = {.world = &world};
    buf_t before BUF_SCOPED = BUF_INIT, after BUF_SCOPED = BUF_INIT;
    relation_list_t list = node_relations();
    pthread_t thread;
    begin_world(&world);
    run_world(&world, 200);

    pthread_create(&thread, NULL, append_on, &background);
    for (size_t i = 0; i < list.count; i++)
        rebuild(&rig, list.items[i]);
    atomic_store(&background.is_over, true);
    pthread_join(thread, NULL);
    check_ok(rig.err);
    rig_digest(&rig, &before);
    for (size_t i = 0; i < list.count; i++)
        rebuild(&rig, list.items[i]);
    rig_digest(&rig, &after);

    check_str(buf_str(&after), buf_str(&before));
    end_world(&world);
}

static void die_after_two_pages(void *context, uint64_t done, uint64_t total)
{
    int *pages = context;
    (void)done, (void)total;
    if (++*pages == 2)
        kill(getpid(), SIGKILL);
}

Test(relations, a_rebuild_that_was_killed_goes_on)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    random_seed_t seed = {13};
    world_t world = {.rig = &rig, .random = random_seeded(&seed)};
    buf_t before BUF_SCOPED = BUF_INIT, after BUF_SCOPED = BUF_INIT;
    const relation_t *tastes = relation_find(node_relations(), STR("tastes"));
    begin_world(&world);
    run_world(&world, 400);
    rig_digest(&rig, &before);

    pid_t child = fork();
    if (child == 0) {
        int pages = 0;
        relation_build_report_t report;
        relation_build_options_t options = {.address = rig.server.address,
                                            .relation = tastes,
                                            .page = 20,
                                            .progress = die_after_two_pages,
                                            .context = &pages};
        _exit(relation_build(&options, &report) == ERR_OK ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    relation_build_report_t report = rebuild(&rig, tastes);
    rig_digest(&rig, &after);

    check_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    cr_expect_eq(report.begun_at, 40, "it began at %llu", (unsigned long long)report.begun_at);
    check_str(buf_str(&after), buf_str(&before));
    end_world(&world);
}

/* ---- what can't be projected ---- */

static void append_favourite(relations_rig_t *rig, const char *user, uint64_t *version,
                             uint64_t track)
{
    user_favourite_set_t event = {track, true};
    rig_append(rig, str_from(user), version, &user_favourite_set_schema, &event);
}

Test(relations, an_event_that_a_statement_fails_on_is_refused_alone)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    uint64_t versions[3] = {0}, bad = 0, wrong = 0;
    check_ok(pg_run_script(rig.pg, "ALTER TABLE favourites ADD CHECK (track_id <> 666)"));
    user_playlist_added_t other = {STR("no number at all")};
    schema_t disguised = user_playlist_added_schema;
    disguised.name = "user_favourite_set";

    for (uint64_t i = 0; i < 50; i++) {
        append_favourite(&rig, "user/a", &versions[0], 1 + i);
        append_favourite(&rig, "user/b", &versions[1], 1 + i);
    }
    append_favourite(&rig, "user/bad", &bad, 666);
    rig_append(&rig, STR("user/wrong"), &wrong, &disguised, &other);
    append_favourite(&rig, "user/c", &versions[2], 1);
    rig_wait(&rig);

    cr_expect_eq(rig.ok, 101);
    cr_expect_eq(rig.refused, 2);
    cr_expect_eq(rig_number(&rig, "SELECT count(*) FROM favourites"), 101);
    cr_expect_eq(rig_number(&rig, "SELECT count(*) FROM events"), 101);
}

Test(relations, what_the_compare_and_set_refuses_is_in_no_table)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    uint64_t right = 0, late = 7;

    append_favourite(&rig, "user/a", &right, 1);
    append_favourite(&rig, "user/late", &late, 2); /* there is no version 7 */
    append_favourite(&rig, "user/a", &right, 3);
    rig_wait(&rig);

    cr_expect_eq(rig.ok, 2);
    cr_expect_eq(rig_number(&rig, "SELECT count(*) FROM favourites"), 2);
}

Test(relations, a_rebuild_leaves_out_what_a_statement_fails_on_and_says_so)
{
    relations_rig_t rig RIG_SCOPED;
    rig_start(&rig);
    uint64_t version = 0;
    for (uint64_t i = 0; i < 60; i++)
        append_favourite(&rig, "user/a", &version, 600 + 2 * i);
    rig_wait(&rig);
    check_ok(pg_run_script(rig.pg, "ALTER TABLE favourites ADD CHECK (track_id <> 666) NOT VALID"));

    relation_build_report_t report = rebuild(&rig, relation_find(node_relations(), STR("tastes")));

    cr_expect_eq(report.events, 60);
    cr_expect_eq(report.parked, 1);
    cr_expect_eq(rig_number(&rig, "SELECT count(*) FROM favourites"), 59);
    cr_expect_eq(rig_number(&rig, "SELECT parked FROM projections WHERE name = 'tastes'"), 1);
}

#include "relations_rig.h"

#include "actors/protocol/account.h"
#include "actors/protocol/library.h"
#include "actors/protocol/session.h"
#include "actors/protocol/user.h"
#include "actors/social/playlist_rules.h"
#include "actors/social/user_rules.h"
#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

#include <stdio.h>

/* ---- playlists: the tables beside what playlist_rules.c makes of the same events ---- */

enum { LISTS = 5, LIST_EDITS = 400, TRACKS_MAX = 3 };

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
    playlist_inserted_t event = {(uint32_t)random_below(random, list->rules.count + 1),
                                 {tracks, count}};
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
    playlist_removed_t event = {{ids, count}};
    rig_append(rig, str_from(list->stream), &list->version, &playlist_removed_schema, &event);
    playlist_apply_removed(&list->rules, &event, 1);
}

static void move(relations_rig_t *rig, list_t *list, ms_random_t *random)
{
    playlist_moved_t event = {list->rules.entries[random_below(random, list->rules.count)].entry_id,
                              (uint32_t)random_below(random, list->rules.count)};
    rig_append(rig, str_from(list->stream), &list->version, &playlist_moved_schema, &event);
    playlist_apply_moved(&list->rules, &event, 1);
}

static void edit(relations_rig_t *rig, list_t *list, ms_random_t *random)
{
    static void (*const edits[])(relations_rig_t *, list_t *, ms_random_t *) = {insert, insert,
                                                                                remove_some, move};
    bool has_entries = list->rules.count > 0;
    edits[has_entries ? random_below(random, COUNT_OF(edits)) : 0](rig, list, random);
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

/* A random program of edits on a playlist and on a naive twin: an array that is searched from its
 * start and rebuilt at every edit. */

#include "actors/social/playlist_rules.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

enum { TWIN_MAX = 400, PROGRAMS = 60, STEPS = 300 };

typedef struct twin {
    uint64_t ids[TWIN_MAX], tracks[TWIN_MAX];
    uint32_t count;
    uint64_t next_id, version;
    bool is_public;
} twin_t;

static void twin_insert(twin_t *twin, uint32_t index, uint64_t track)
{
    twin_t old = *twin;
    for (uint32_t i = 0, from = 0; i < old.count + 1; i++) {
        bool is_new = i == index;
        twin->ids[i] = is_new ? twin->next_id : old.ids[from];
        twin->tracks[i] = is_new ? track : old.tracks[from];
        from += is_new ? 0 : 1;
    }
    twin->count = old.count + 1;
    twin->next_id++;
}

static uint32_t twin_find(const twin_t *twin, uint64_t id)
{
    uint32_t i = 0;
    while (i < twin->count && twin->ids[i] != id)
        i++;
    return i;
}

static uint64_t twin_take(twin_t *twin, uint32_t index)
{
    uint64_t track = twin->tracks[index];
    for (uint32_t i = index + 1; i < twin->count; i++) {
        twin->ids[i - 1] = twin->ids[i];
        twin->tracks[i - 1] = twin->tracks[i];
    }
    twin->count--;
    return track;
}

static void insert(playlist_t *list, twin_t *twin, const ms_random_t *random)
{
    playlist_track_t tracks[5];
    uint32_t count = (uint32_t)random_below(random, 6);
    int64_t index = (int64_t)random_below(random, twin->count + 3) - 1;
    for (uint32_t i = 0; i < count; i++)
        tracks[i] = (playlist_track_t){1 + random_below(random, 50), 1000};
    playlist_insert_t command = {.user_id = STR("u"), .tracks = {tracks, count}, .index = index};
    playlist_inserted_t event;

    err_t err = playlist_decide_insert(list, &command, &event);

    if (count == 0 || index > twin->count) {
        check_err(err, ERR_INVALID);
        return;
    }
    check_ok(err);
    check_ok(playlist_apply_inserted(list, &event, 7));
    uint32_t at = index == -1 ? twin->count : (uint32_t)index;
    for (uint32_t i = 0; i < count; i++)
        twin_insert(twin, at + i, tracks[i].track_id);
    twin->version++;
}

static void remove_some(playlist_t *list, twin_t *twin, const ms_random_t *random)
{
    arena_t arena ARENA_SCOPED = {0};
    uint64_t ids[6];
    uint32_t count = (uint32_t)random_below(random, 7);
    for (uint32_t i = 0; i < count; i++)
        ids[i] = random_below(random, twin->next_id + 2);
    playlist_remove_t command = {.user_id = STR("u"), .entry_ids = {ids, count}};
    playlist_removed_t event;
    bool is_change = false, was_there = false;

    check_ok(playlist_decide_remove(list, &command, &arena, &event, &is_change));
    if (is_change)
        playlist_apply_removed(list, &event, 7);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = twin_find(twin, ids[i]);
        if (index != twin->count) {
            twin_take(twin, index);
            was_there = true;
        }
    }
    cr_assert(is_change == was_there);
    twin->version += was_there;
}

static void move(playlist_t *list, twin_t *twin, const ms_random_t *random)
{
    uint64_t id = random_below(random, twin->next_id + 2);
    uint32_t from = twin_find(twin, id), to = (uint32_t)random_below(random, twin->count + 2);
    playlist_move_t command = {.user_id = STR("u"), .entry_id = id, .index = to};
    playlist_moved_t event;
    bool is_change = false;

    err_t err = playlist_decide_move(list, &command, &event, &is_change);

    if (from == twin->count) {
        check_err(err, ERR_NOT_FOUND);
    } else if (to >= twin->count) {
        check_err(err, ERR_INVALID);
    } else {
        check_ok(err);
        cr_assert(is_change == (from != to));
        if (!is_change)
            return;
        playlist_apply_moved(list, &event, 7);
        uint64_t next = twin->next_id, track = twin_take(twin, from);
        twin->next_id = id;
        twin_insert(twin, to, track);
        twin->next_id = next;
        twin->version++;
    }
}

static void set_public(playlist_t *list, twin_t *twin, const ms_random_t *random)
{
    playlist_set_public_t command = {.user_id = STR("u"),
                                     .is_public = random_below(random, 2) == 0};
    playlist_public_set_t event;
    bool is_change = false;

    playlist_decide_public(list, &command, &event, &is_change);
    if (is_change)
        playlist_apply_public(list, &event, 7);

    cr_assert(is_change == (command.is_public != twin->is_public));
    twin->is_public = command.is_public;
    twin->version += is_change;
}

static void check_same(const playlist_t *list, const twin_t *twin)
{
    cr_assert(eq(u32, list->count, twin->count));
    cr_assert(eq(u64, list->version, twin->version));
    cr_assert(list->is_public == twin->is_public);
    cr_assert(eq(u64, list->duration_ms, UINT64_C(1000) * twin->count));
    for (uint32_t i = 0; i < twin->count; i++) {
        cr_assert(eq(u64, list->entries[i].entry_id, twin->ids[i]));
        cr_assert(eq(u64, list->entries[i].track_id, twin->tracks[i]));
    }
}

/* A snapshot, through its wire form. */
static void replace_by_snapshot(playlist_t *list)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t wire BUF_SCOPED = BUF_INIT;
    playlist_state_t state = playlist_to_state(list), read;
    schema_encode(&playlist_state_schema, &state, &wire);
    check_ok(schema_decode(&playlist_state_schema, buf_str(&wire), &arena, &read));
    playlist_deinit(list);
    check_ok(playlist_from_state(list, &read));
}

static void run_program(uint64_t seed)
{
    random_seed_t state = {seed};
    ms_random_t random = random_seeded(&state);
    playlist_t list PLAYLIST_SCOPED = {0};
    twin_t twin = {.next_id = 1, .version = 1};
    playlist_create_t create = {.user_id = STR("u"), .name = STR("n")};
    playlist_created_t created;
    bool is_change = false;
    check_ok(playlist_decide_create(&list, &create, &created, &is_change));
    check_ok(playlist_apply_created(&list, &created, 1));

    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t what = random_below(&random, 11);
        if (what < 4 && twin.count + 5 < TWIN_MAX)
            insert(&list, &twin, &random);
        else if (what < 6)
            remove_some(&list, &twin, &random);
        else if (what < 9)
            move(&list, &twin, &random);
        else if (what < 10)
            set_public(&list, &twin, &random);
        else
            replace_by_snapshot(&list);
        check_same(&list, &twin);
    }
}

Test(playlist_model, random_edits_do_the_same_to_a_naive_twin)
{
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++)
        run_program(seed);
}

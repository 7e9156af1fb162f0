#include "actors/social/playlist_rules.h"
#include "runtime/base/memory.h"
#include "tests/support/check.h"

static err_t create(playlist_t *list, str_t name, uint32_t count)
{
    playlist_track_t *tracks MEMORY_SCOPED = memory_new_array(count + 1, sizeof *tracks);
    for (uint32_t i = 0; i < count; i++)
        tracks[i] = (playlist_track_t){i + 1, 1000};
    playlist_create_t command = {.user_id = STR("u"), .name = name, .tracks = {tracks, count}};
    playlist_created_t event;
    bool is_change = false;
    TRY(playlist_decide_create(list, &command, &event, &is_change));
    return is_change ? playlist_apply_created(list, &event, 1) : ERR_OK;
}

Test(playlist_rules, the_number_of_entries_is_bounded_from_both_sides)
{
    playlist_t list PLAYLIST_SCOPED = {0}, other PLAYLIST_SCOPED = {0};
    playlist_track_t tracks[] = {{1, 1}, {2, 1}};
    playlist_insert_t one = {.user_id = STR("u"), .tracks = {tracks, 1}, .index = -1};
    playlist_insert_t two = {.user_id = STR("u"), .tracks = {tracks, 2}, .index = -1};
    playlist_inserted_t event;
    check_ok(create(&list, STR("n"), PLAYLIST_TRACKS_MAX - 1));

    check_err(playlist_decide_insert(&list, &two, &event), ERR_LIMIT);
    check_ok(playlist_decide_insert(&list, &one, &event));
    check_ok(playlist_apply_inserted(&list, &event, 1));
    check_err(playlist_decide_insert(&list, &one, &event), ERR_LIMIT);
    cr_assert(eq(u32, list.count, PLAYLIST_TRACKS_MAX));
    check_err(create(&other, STR("n"), PLAYLIST_TRACKS_MAX + 1), ERR_LIMIT);
}

Test(playlist_rules, names_that_may_be_and_may_not)
{
    char longest[PLAYLIST_NAME_SIZE_MAX + 1];
    memset(longest, 'x', sizeof longest);
    const struct {
        const char *what;
        str_t name;
        err_t want;
    } cases[] = {
        {"the longest", str_of(longest, PLAYLIST_NAME_SIZE_MAX), ERR_OK},
        {"one longer", str_of(longest, PLAYLIST_NAME_SIZE_MAX + 1), ERR_INVALID},
        {"empty", STR(""), ERR_INVALID},
        {"blank", STR(" \t"), ERR_INVALID},
        {"a line end", STR("a\nb"), ERR_INVALID},
        {"not UTF-8", STR("\xc3"), ERR_INVALID},
        {"any letters", STR("\xe9\x9f\xb3\xe6\xa5\xbd"), ERR_OK},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        playlist_t list PLAYLIST_SCOPED = {0};
        err_t got = create(&list, cases[i].name, 0);
        cr_expect(got == cases[i].want, "%s: %s", cases[i].what, err_name(got));
    }
}

Test(playlist_rules, creating_again_is_for_the_owner_only_and_never_after_deleting)
{
    playlist_t list PLAYLIST_SCOPED = {0};
    playlist_create_t other = {.user_id = STR("v"), .name = STR("n")};
    playlist_created_t event;
    bool is_change = true;
    check_ok(create(&list, STR("n"), 2));

    check_ok(create(&list, STR("another name"), 0));
    cr_assert(eq(u32, list.count, 2));
    check_err(playlist_decide_create(&list, &other, &event, &is_change), ERR_CONFLICT);
    playlist_apply_erased(&list, 2);
    check_err(create(&list, STR("n"), 2), ERR_CONFLICT);
}

Test(playlist_rules, a_remove_may_name_more_entries_than_there_are)
{
    playlist_t list PLAYLIST_SCOPED = {0};
    arena_t arena ARENA_SCOPED = {0};
    uint64_t *ids MEMORY_SCOPED = memory_new_array(SCHEMA_ITEMS_MAX, sizeof *ids);
    for (uint64_t i = 0; i < SCHEMA_ITEMS_MAX; i++)
        ids[i] = SCHEMA_ITEMS_MAX - i;
    playlist_remove_t command = {.user_id = STR("u"), .entry_ids = {ids, SCHEMA_ITEMS_MAX}};
    playlist_removed_t event;
    bool is_change = false;
    check_ok(create(&list, STR("n"), PLAYLIST_TRACKS_MAX));

    check_ok(playlist_decide_remove(&list, &command, &arena, &event, &is_change));
    playlist_apply_removed(&list, &event, 1);

    cr_assert(eq(u32, event.entry_ids.count, PLAYLIST_TRACKS_MAX));
    cr_assert(eq(u32, list.count, 0));
    cr_assert(eq(u64, list.duration_ms, 0));
}

static void set_public(playlist_t *list, bool is_public, bool expect_change)
{
    playlist_set_public_t command = {.user_id = STR("u"), .is_public = is_public};
    playlist_public_set_t event;
    bool is_change = !expect_change;
    playlist_decide_public(list, &command, &event, &is_change);
    cr_assert_eq(is_change, expect_change);
    check_str(event.owner_id, STR("u"));
    if (is_change)
        playlist_apply_public(list, &event, 5);
}

Test(playlist_rules, a_public_one_is_everybodys_to_read_and_its_owners_to_edit)
{
    playlist_t list PLAYLIST_SCOPED = {0};
    playlist_t none PLAYLIST_SCOPED = {.is_public = true};
    check_ok(create(&list, STR("n"), 1));
    check_ok(playlist_check_reader(&list, STR("u")));
    check_err(playlist_check_reader(&list, STR("v")), ERR_NOT_FOUND);

    set_public(&list, true, true);
    set_public(&list, true, false);

    check_ok(playlist_check_reader(&list, STR("v")));
    check_ok(playlist_check_reader(&list, STR("u")));
    check_err(playlist_check_owner(&list, STR("v")), ERR_NOT_FOUND);
    check_err(playlist_check_reader(&none, STR("v")), ERR_NOT_FOUND);
    cr_assert(eq(u64, list.version, 2));
    cr_assert(eq(i64, list.changed_at, 5));
    set_public(&list, false, true);
    check_err(playlist_check_reader(&list, STR("v")), ERR_NOT_FOUND);
}

Test(playlist_rules, a_deleted_one_is_public_no_more)
{
    playlist_t list PLAYLIST_SCOPED = {0};
    check_ok(create(&list, STR("n"), 1));
    set_public(&list, true, true);

    playlist_apply_erased(&list, 6);

    cr_assert_not(list.is_public);
    check_err(playlist_check_reader(&list, STR("v")), ERR_NOT_FOUND);
    check_err(playlist_check_reader(&list, STR("u")), ERR_NOT_FOUND);
}

/* What was written before there were public ones: a snapshot without the field. */
Test(playlist_rules, an_older_snapshot_is_of_a_private_one)
{
    playlist_t list PLAYLIST_SCOPED = {.is_public = true};
    const playlist_state_t older = {.owner_id = STR("u"), .name = STR("n"), .version = 1};

    check_ok(playlist_from_state(&list, &older));

    cr_assert_not(list.is_public);
}

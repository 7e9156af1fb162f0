#include "actors/protocol/presence.h"
#include "actors/protocol/user.h"
#include "tests/actors/social/social_world.h"

static address_t ann(void)
{
    return address_of(USER_KIND, STR("ann"));
}

static const playlist_view_t *create(world_t *world, str_t command_id, str_t name)
{
    playlist_track_t tracks[] = {{11, 1000}, {12, 2000}, {13, 3000}};
    user_create_playlist_t command = {.name = name, .tracks = {tracks, COUNT_OF(tracks)}};
    return asked_as(
        ask_with_id(&world->asking, ann(), command_id, &user_create_playlist_schema, &command),
        playlist_view);
}

static address_t list_of(const playlist_view_t *view)
{
    return address_of(PLAYLIST_KIND, view->playlist_id);
}

static const playlist_view_t *get(world_t *world, const playlist_view_t *view)
{
    return asked_as(
        ask(&world->asking, list_of(view), playlist_get, .user_id = STR("ann"), .first = 500),
        playlist_view);
}

Test(social, a_new_playlist_is_listed_and_survives_a_restart)
{
    world_t world;
    world_init(&world);

    const playlist_view_t *made = create(&world, STR("c1"), STR("  Morning "));
    world_restart(&world);
    const playlist_view_t *view = get(&world, made);
    const user_playlists_t *lists =
        asked_as(ask(&world.asking, ann(), user_get_playlists), user_playlists);

    check_str(view->name, STR("Morning"));
    check_str(view->owner_id, STR("ann"));
    cr_assert(eq(u32, view->entry_count, 3));
    cr_assert(eq(u64, view->duration_ms, 6000));
    cr_assert(eq(u64, view->entries.items[2].track_id, 13));
    cr_assert(eq(u32, lists->playlist_ids.count, 1));
    check_str(lists->playlist_ids.items[0], made->playlist_id);
    world_deinit(&world);
}

Test(social, creating_again_with_the_same_command_id_makes_one_playlist)
{
    world_t world;
    world_init(&world);

    const playlist_view_t *first = create(&world, STR("c1"), STR("A"));
    const playlist_view_t *again = create(&world, STR("c1"), STR("A"));
    world_restart(&world);
    const playlist_view_t *later = create(&world, STR("c1"), STR("A"));
    const playlist_view_t *other = create(&world, STR("c2"), STR("A"));
    const user_playlists_t *lists =
        asked_as(ask(&world.asking, ann(), user_get_playlists), user_playlists);

    check_str(again->playlist_id, first->playlist_id);
    check_str(later->playlist_id, first->playlist_id);
    cr_assert_not(str_equal(other->playlist_id, first->playlist_id));
    cr_assert(eq(u32, lists->playlist_ids.count, 2));
    world_deinit(&world);
}

Test(social, somebody_elses_playlist_is_not_found_by_any_command)
{
    world_t world;
    world_init(&world);
    const playlist_view_t *made = create(&world, STR("c1"), STR("A"));
    address_t to = list_of(made);
    playlist_track_t track = {1, 1};
    uint64_t entry = 1;
    str_t bob = STR("bob");

    check_err(ask(&world.asking, to, playlist_get, .user_id = bob).err, ERR_NOT_FOUND);
    check_err(ask(&world.asking, to, playlist_insert, .user_id = bob, .tracks = {&track, 1}).err,
              ERR_NOT_FOUND);
    check_err(ask(&world.asking, to, playlist_remove, .user_id = bob, .entry_ids = {&entry, 1}).err,
              ERR_NOT_FOUND);
    check_err(ask(&world.asking, to, playlist_move, .user_id = bob, .entry_id = 1).err,
              ERR_NOT_FOUND);
    check_err(ask(&world.asking, to, playlist_rename, .user_id = bob, .name = STR("x")).err,
              ERR_NOT_FOUND);
    check_err(ask(&world.asking, to, playlist_set_public, .user_id = bob, .is_public = true).err,
              ERR_NOT_FOUND);
    check_err(ask(&world.asking, to, playlist_delete, .user_id = bob).err, ERR_NOT_FOUND);
    check_err(
        ask(&world.asking, address_of(PLAYLIST_KIND, STR("none")), playlist_get, .user_id = bob)
            .err,
        ERR_NOT_FOUND);
    cr_assert(eq(u64, get(&world, made)->version, 1));
    world_deinit(&world);
}

Test(social, edits_are_published_and_a_repeat_is_not)
{
    world_t world;
    listening_t changes, lists;
    world_init(&world);
    const playlist_view_t *made = create(&world, STR("c1"), STR("A"));
    char topic[80];
    snprintf(topic, sizeof topic, "playlist/%.*s", STR_ARG(made->playlist_id));
    listening_start(&changes, world.asking.runtime, str_from(topic));
    listening_start(&lists, world.asking.runtime, STR("playlists/ann"));
    playlist_move_t move = {.user_id = STR("ann"), .entry_id = 3, .index = 0};

    for (int i = 0; i < 2; i++) /* the second is answered from memory */
        asked_as(ask_with_id(&world.asking, list_of(made), STR("m"), &playlist_move_schema, &move),
                 playlist_view);
    asked_as(
        ask(&world.asking, list_of(made), playlist_rename, .user_id = STR("ann"), .name = STR("B")),
        playlist_view);

    const playlist_changed_t *first = listening_at(&changes, 0, &playlist_changed_schema);
    const playlist_changed_t *second = listening_at(&changes, 1, &playlist_changed_schema);
    const playlist_changed_t *listed = listening_at(&lists, 1, &playlist_changed_schema);
    cr_assert(eq(u64, first->version, 2));
    cr_assert(eq(u64, second->version, 3));
    cr_assert(eq(u64, listed->version, 3));
    const playlist_view_t *view = get(&world, made);
    cr_assert(eq(u64, view->entries.items[0].track_id, 13));
    check_str(view->name, STR("B"));
    listening_stop(&changes);
    listening_stop(&lists);
    world_deinit(&world);
}

static const playlist_view_t *set_public(world_t *world, const playlist_view_t *view,
                                         bool is_public)
{
    return asked_as(ask(&world->asking, list_of(view), playlist_set_public, .user_id = STR("ann"),
                        .is_public = is_public),
                    playlist_view);
}

Test(social, a_public_playlist_is_read_by_others_until_it_is_taken_back)
{
    world_t world;
    listening_t changes;
    world_init(&world);
    const playlist_view_t *made = create(&world, STR("c1"), STR("A"));
    address_t to = list_of(made);
    str_t bob = STR("bob");
    char topic[80];
    snprintf(topic, sizeof topic, "playlist/%.*s", STR_ARG(made->playlist_id));
    listening_start(&changes, world.asking.runtime, str_from(topic));

    const playlist_view_t *shown = set_public(&world, made, true);
    const playlist_changed_t *change = listening_at(&changes, 0, &playlist_changed_schema);
    bool was_told = change->is_public;
    listening_stop(&changes);
    set_public(&world, made, true); /* changes nothing */
    world_restart(&world);
    const playlist_view_t *read =
        asked_as(ask(&world.asking, to, playlist_get, .user_id = bob, .first = 500), playlist_view);

    cr_assert(was_told && shown->is_public && !made->is_public);
    cr_assert(eq(u64, shown->version, 2));
    cr_assert(read->is_public);
    cr_assert(eq(u32, read->entries.count, 3));
    cr_assert(eq(u64, read->version, 2));
    check_str(read->owner_id, STR("ann"));
    check_err(ask(&world.asking, to, playlist_rename, .user_id = bob, .name = STR("x")).err,
              ERR_NOT_FOUND);
    check_err(ask(&world.asking, to, playlist_set_public, .user_id = bob).err, ERR_NOT_FOUND);
    cr_assert_not(set_public(&world, made, false)->is_public);
    check_err(ask(&world.asking, to, playlist_get, .user_id = bob).err, ERR_NOT_FOUND);
    world_deinit(&world);
}

Test(social, a_deleted_playlist_is_gone_and_deleting_again_is_no_error)
{
    world_t world;
    listening_t changes;
    world_init(&world);
    const playlist_view_t *made = create(&world, STR("c1"), STR("A"));
    char topic[80];
    snprintf(topic, sizeof topic, "playlist/%.*s", STR_ARG(made->playlist_id));
    listening_start(&changes, world.asking.runtime, str_from(topic));

    for (int i = 0; i < 2; i++)
        asked_as(ask(&world.asking, ann(), user_delete_playlist, .playlist_id = made->playlist_id),
                 playlist_deleted);

    const playlist_changed_t *change = listening_at(&changes, 0, &playlist_changed_schema);
    cr_assert(change->is_deleted);
    listening_stop(&changes);
    world_restart(&world);
    check_err(ask(&world.asking, list_of(made), playlist_get, .user_id = STR("ann")).err,
              ERR_NOT_FOUND);
    const user_playlists_t *lists =
        asked_as(ask(&world.asking, ann(), user_get_playlists), user_playlists);
    cr_assert(eq(u32, lists->playlist_ids.count, 0));
    check_err(ask(&world.asking, ann(), user_delete_playlist, .playlist_id = STR("none")).err,
              ERR_NOT_FOUND);
    world_deinit(&world);
}

Test(social, pages_of_a_playlist_go_on_after_an_entry)
{
    world_t world;
    world_init(&world);
    const playlist_view_t *made = create(&world, STR("c1"), STR("A"));

    const playlist_view_t *first =
        asked_as(ask(&world.asking, list_of(made), playlist_get, .user_id = STR("ann"), .first = 2),
                 playlist_view);
    const playlist_view_t *rest =
        asked_as(ask(&world.asking, list_of(made), playlist_get, .user_id = STR("ann"), .first = 2,
                     .after_entry_id = first->entries.items[1].entry_id),
                 playlist_view);

    cr_assert(first->has_next);
    cr_assert(eq(u32, rest->entries.count, 1));
    cr_assert(eq(u32, rest->first_index, 2));
    cr_assert_not(rest->has_next);
    check_err(
        ask(&world.asking, list_of(made), playlist_get, .user_id = STR("ann"), .after_entry_id = 99)
            .err,
        ERR_STALE);
    world_deinit(&world);
}

Test(social, facts_of_tracks_are_kept_published_and_paged)
{
    world_t world;
    listening_t changes;
    world_init(&world);
    listening_start(&changes, world.asking.runtime, STR("user/ann/tracks"));
    uint64_t ids[] = {5, 6, 7};

    for (uint64_t i = 5; i <= 7; i++)
        asked_as(ask(&world.asking, ann(), user_set_favourite, .track_id = i, .is_favourite = true),
                 user_facts);
    asked_as(ask(&world.asking, ann(), user_set_rating, .track_id = 6, .rating = 4), user_facts);
    for (int i = 0; i < 2; i++) /* the same play twice counts once */
        asked_as(
            ask(&world.asking, ann(), user_add_play, .number = 1, .track_id = 7, .played_at = 1000),
            user_play_added);

    const user_track_changed_t *change = listening_at(&changes, 4, &user_track_changed_schema);
    cr_assert(eq(u64, change->track_id, 7));
    cr_assert(eq(u32, change->play_count, 1));
    listening_stop(&changes);
    world_restart(&world);
    const user_facts_t *facts = asked_as(
        ask(&world.asking, ann(), user_get_track_facts, .track_ids = {ids, 3}), user_facts);
    cr_assert(facts->tracks.items[0].is_favourite);
    cr_assert(eq(u32, facts->tracks.items[1].rating, 4));
    cr_assert(eq(u32, facts->tracks.items[2].play_count, 1));
    const user_favourites_t *page =
        asked_as(ask(&world.asking, ann(), user_get_favourites, .first = 2), user_favourites);
    cr_assert(eq(u64, page->favourites.items[0].track_id, 7));
    cr_assert(page->has_next);
    cr_assert(eq(u32, page->total_count, 3));
    const user_history_t *history =
        asked_as(ask(&world.asking, ann(), user_get_history, .first = 9), user_history);
    cr_assert(eq(u32, history->total_count, 1));
    world_deinit(&world);
}

static void check_searches(asked_t asked, const char *want)
{
    const user_searches_t *list = asked_as(asked, user_searches);
    buf_t got BUF_SCOPED = BUF_INIT;
    for (uint32_t i = 0; i < list->searches.count; i++)
        buf_printf(&got, "%s%.*s", i > 0 ? "," : "", STR_ARG(list->searches.items[i].query));
    check_str(buf_str(&got), str_from(want));
}

Test(social, recent_searches_survive_a_restart_and_are_forgotten_when_they_are_switched_off)
{
    static const user_setting_t off = {STR_INIT("search_history"), STR_INIT("off")};
    static const user_setting_t on = {STR_INIT("search_history"), STR_INIT("on")};
    world_t world;
    world_init(&world);
    asking_t *asking = &world.asking;

    check_searches(ask(asking, ann(), user_note_search, .query = STR(" one ")), "one");
    check_searches(ask(asking, ann(), user_note_search, .query = STR("two")), "two,one");
    check_searches(ask(asking, ann(), user_forget_search, .query = STR("none")), "two,one");
    cr_assert(ask(asking, ann(), user_note_search, .query = STR("\xff")).err == ERR_INVALID);
    world_restart(&world);
    check_searches(ask(asking, ann(), user_get_searches), "two,one");
    check_searches(ask(asking, ann(), user_note_search, .query = STR("ONE")), "ONE,two");
    check_searches(ask(asking, ann(), user_forget_search, .query = STR(" TWO")), "ONE");
    check_searches(ask(asking, ann(), user_clear_searches), "");
    check_searches(ask(asking, ann(), user_clear_searches), "");
    check_searches(ask(asking, ann(), user_note_search, .query = STR("secret")), "secret");
    asked_as(ask(asking, ann(), user_set_settings, .settings = {&off, 1}), user_settings);
    check_searches(ask(asking, ann(), user_get_searches), "");
    check_searches(ask(asking, ann(), user_note_search, .query = STR("more")), "");
    asked_as(ask(asking, ann(), user_set_settings, .settings = {&on, 1}), user_settings);
    world_restart(&world);
    check_searches(ask(asking, ann(), user_get_searches), "");
    world_deinit(&world);
}

Test(social, the_ids_of_favourites_come_all_and_ascending)
{
    static const uint64_t tracks[] = {9, 3, 7, 1};
    world_t world;
    world_init(&world);
    cr_assert(eq(u32,
                 asked_as(ask(&world.asking, ann(), user_get_favourite_ids), user_favourite_ids)
                     ->track_ids.count,
                 0));
    for (size_t i = 0; i < COUNT_OF(tracks); i++)
        asked_as(ask(&world.asking, ann(), user_set_favourite, .track_id = tracks[i],
                     .is_favourite = true),
                 user_facts);
    asked_as(ask(&world.asking, ann(), user_set_favourite, .track_id = 7, .is_favourite = false),
             user_facts);

    const user_favourite_ids_t *ids =
        asked_as(ask(&world.asking, ann(), user_get_favourite_ids), user_favourite_ids);

    cr_assert(eq(u32, ids->track_ids.count, 3));
    cr_assert(ids->track_ids.items[0] == 1 && ids->track_ids.items[1] == 3 &&
              ids->track_ids.items[2] == 9);
    world_deinit(&world);
}

Test(social, refusals_of_the_listeners_book)
{
    world_t world;
    world_init(&world);
    uint64_t ids[USER_PAGE_MAX + 1] = {0};

    check_err(ask(&world.asking, ann(), user_set_favourite, .is_favourite = true).err, ERR_INVALID);
    check_err(ask(&world.asking, ann(), user_set_rating, .track_id = 1, .rating = 6).err,
              ERR_INVALID);
    check_err(ask(&world.asking, ann(), user_create_playlist, .name = STR("  ")).err, ERR_INVALID);
    check_err(ask(&world.asking, ann(), user_create_playlist, .name = STR("\xff")).err,
              ERR_INVALID);
    check_err(
        ask(&world.asking, ann(), user_get_track_facts, .track_ids = {ids, USER_PAGE_MAX + 1}).err,
        ERR_LIMIT);
    asked_as(ask(&world.asking, ann(), user_get_track_facts, .track_ids = {ids, USER_PAGE_MAX}),
             user_facts);
    cr_assert(eq(sz, journal_memory_count(world.journal), 0));
    world_deinit(&world);
}

/* Fails the first append to a stream of this kind. */
typedef struct fault {
    const char *kind;
    int left;
} fault_t;

static journal_fault_t fail_once(void *context, const journal_append_t *append)
{
    fault_t *fault = context;
    if (fault->left == 0 || !str_starts_with(append->stream, str_from(fault->kind)))
        return (journal_fault_t){ERR_OK, false};
    fault->left--;
    return (journal_fault_t){ERR_FULL, false};
}

Test(social, a_create_that_stopped_half_way_is_ended_by_its_repeat)
{
    static const char *const kinds[] = {"playlist/", "user/"};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        world_t world = {0};
        fault_t fault = {kinds[i], 1};
        check_ok(journal_memory_new(false, &world.journal));
        journal_memory_set_faults(world.journal, fail_once, &fault);
        world_start(&world);
        user_create_playlist_t command = {.name = STR("A")};

        check_err(
            ask_with_id(&world.asking, ann(), STR("c"), &user_create_playlist_schema, &command).err,
            ERR_FULL);
        const playlist_view_t *made = create(&world, STR("c"), STR("A"));

        const user_playlists_t *lists =
            asked_as(ask(&world.asking, ann(), user_get_playlists), user_playlists);
        cr_assert(eq(u32, lists->playlist_ids.count, 1), "%s", kinds[i]);
        cr_assert(eq(u64, get(&world, made)->version, 1));
        world_deinit(&world);
    }
}

Test(social, presence_shows_who_listens_until_they_go)
{
    world_t world;
    listening_t changes;
    world_init(&world);
    listening_start(&changes, world.asking.runtime, TOPIC_PRESENCE);
    address_t to = address_of(PRESENCE_KIND, PRESENCE_KEY);

    check_ok(ask(&world.asking, to, presence_set, .user_id = STR("ann"), .track_id = 5).err);
    check_ok(ask(&world.asking, to, presence_set, .user_id = STR("ann"), .track_id = 5).err);
    check_ok(ask(&world.asking, to, presence_set, .user_id = STR("bob"), .is_playing = true).err);
    check_ok(ask(&world.asking, to, presence_clear, .user_id = STR("ann")).err);

    const presence_list_t *both = listening_at(&changes, 1, &presence_list_schema);
    const presence_list_t *one = listening_at(&changes, 2, &presence_list_schema);
    cr_assert(eq(u32, both->listeners.count, 2));
    cr_assert(eq(u64, both->listeners.items[0].track_id, 5));
    cr_assert(eq(u32, one->listeners.count, 1));
    check_str(one->listeners.items[0].user_id, STR("bob"));
    const presence_list_t *now = asked_as(ask(&world.asking, to, presence_get), presence_list);
    cr_assert(eq(u32, now->listeners.count, 1));
    listening_stop(&changes);
    world_deinit(&world);
}

/* ---- imports ---- */

static const user_import_done_t *import(world_t *world, const user_import_track_t *tracks,
                                        uint32_t count)
{
    return asked_as(ask(&world->asking, ann(), user_import, .tracks = {tracks, count}),
                    user_import_done);
}

static user_track_facts_t facts_of(world_t *world, uint64_t track_id)
{
    return asked_as(ask(&world->asking, ann(), user_get_track_facts, .track_ids = {&track_id, 1}),
                    user_facts)
        ->tracks.items[0];
}

Test(social, an_import_again_changes_nothing_and_a_later_one_brings_what_is_new)
{
    world_t world;
    world_init(&world);
    user_import_track_t tracks[] = {
        {7, true, 4, 10, 5000, 0}, {8, true, 0, 0, 0, 0}, {9, false, 2, 3, 0, 0}};
    asked_as(
        ask(&world.asking, ann(), user_add_play, .number = 1, .track_id = 7, .played_at = 9000),
        user_play_added);
    asked_as(ask(&world.asking, ann(), user_set_rating, .track_id = 9, .rating = 5), user_facts);

    const user_import_done_t *first = import(&world, tracks, COUNT_OF(tracks));
    world_restart(&world);
    const user_import_done_t *again = import(&world, tracks, COUNT_OF(tracks));
    tracks[0].play_count = 12;
    tracks[0].played_at = 9500;
    const user_import_done_t *later = import(&world, tracks, COUNT_OF(tracks));
    const user_history_t *history =
        asked_as(ask(&world.asking, ann(), user_get_history, .first = 10), user_history);

    cr_assert(eq(u32, first->favourites, 2));
    cr_assert(eq(u32, first->ratings, 1));
    cr_assert(eq(u64, first->plays, 13));
    cr_assert(eq(u32, again->favourites, 0));
    cr_assert(eq(u32, again->ratings, 0));
    cr_assert(eq(u64, again->plays, 0));
    cr_assert(eq(u64, later->plays, 2));
    user_track_facts_t seven = facts_of(&world, 7), nine = facts_of(&world, 9);
    cr_assert(eq(u32, seven.play_count, 13)); /* one of our own */
    cr_assert(eq(u32, seven.rating, 4));
    check_true(seven.is_favourite);
    cr_assert(eq(u32, nine.rating, 5)); /* the listener's own counts more */
    cr_assert(eq(u32, history->total_count, 3));
    cr_assert(eq(i64, history->plays.items[0].played_at, 9500));
    cr_assert(eq(i64, history->plays.items[1].played_at, 9000));
    cr_assert(eq(i64, history->plays.items[2].played_at, 5000));
    world_deinit(&world);
}

Test(social, what_a_listener_took_back_does_not_come_back_with_an_import)
{
    world_t world;
    world_init(&world);
    user_import_track_t track = {7, true, 4, 0, 0, 0};
    import(&world, &track, 1);
    asked_as(ask(&world.asking, ann(), user_set_favourite, .track_id = 7), user_facts);
    asked_as(ask(&world.asking, ann(), user_set_rating, .track_id = 7), user_facts);

    import(&world, &track, 1);

    check_true(!facts_of(&world, 7).is_favourite);
    cr_assert(eq(u32, facts_of(&world, 7).rating, 0));
    world_deinit(&world);
}

Test(social, an_import_that_is_wrong_or_too_large_changes_nothing)
{
    static user_import_track_t tracks[USER_IMPORT_MAX + 1];
    world_t world;
    world_init(&world);
    for (uint32_t i = 0; i < COUNT_OF(tracks); i++)
        tracks[i] = (user_import_track_t){i + 1, true, 0, 1, 1 + i, 0};

    asked_t large = ask(&world.asking, ann(), user_import, .tracks = {tracks, USER_IMPORT_MAX + 1});
    tracks[1].rating = USER_RATING_MAX + 1;
    asked_t rating = ask(&world.asking, ann(), user_import, .tracks = {tracks, 2});
    tracks[1] = (user_import_track_t){.is_favourite = true};
    asked_t nothing = ask(&world.asking, ann(), user_import, .tracks = {tracks, 2});
    check_true(!facts_of(&world, 1).is_favourite);
    tracks[1] = (user_import_track_t){2, true, 0, 1, 2, 0};
    const user_import_done_t *all = import(&world, tracks, USER_IMPORT_MAX);

    cr_assert(large.err == ERR_LIMIT);
    cr_assert(rating.err == ERR_INVALID);
    cr_assert(nothing.err == ERR_INVALID);
    cr_assert(eq(u32, all->favourites, USER_IMPORT_MAX));
    world_deinit(&world);
}

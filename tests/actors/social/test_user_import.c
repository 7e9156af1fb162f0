#include "actors/social/user_rules.h"

#include "tests/support/check.h"

static void import_one(user_book_t *book, uint64_t track_id, int64_t played_at)
{
    arena_t arena ARENA_SCOPED = {0};
    user_import_track_t track = {.track_id = track_id, .play_count = 1, .played_at = played_at};
    user_import_t command = {.tracks = {&track, 1}};
    user_imported_t event;
    user_import_done_t done;
    check_ok(user_decide_import(book, &command, &arena, &event, &done));
    check_ok(user_apply_imported(book, &event));
}

static void play(user_book_t *book, uint64_t number, int64_t played_at)
{
    user_add_play_t command = {number, 1, played_at};
    user_played_t event = {number, 1, played_at};
    bool is_change;
    check_ok(user_decide_play(book, &command, &is_change));
    check_ok(user_apply_played(book, &event));
}

static void check_order(const user_book_t *book)
{
    static user_play_t plays[USER_HISTORY_MAX];
    uint32_t count = user_book_history(book, USER_HISTORY_MAX, plays);
    for (uint32_t i = 1; i < count; i++)
        cr_assert(plays[i - 1].played_at >= plays[i].played_at, "%u of %u", i, count);
}

Test(user_import, imported_plays_stand_where_their_time_says_also_in_a_full_history)
{
    user_book_t book SCOPED(user_book_deinit) = {0};
    user_play_t newest;
    for (uint64_t i = 1; i <= 100; i++)
        play(&book, i, (int64_t)i * 100);
    import_one(&book, 5, 50);
    import_one(&book, 6, 5050);
    import_one(&book, 7, 99999);
    check_order(&book);
    cr_assert(eq(u32, book.history_count, 103));

    for (uint64_t i = 101; book.history_count < USER_HISTORY_MAX || book.history_next < 20; i++)
        play(&book, i, 100000 + (int64_t)i * 100);
    int64_t oldest = book.history[book.history_next].played_at;
    import_one(&book, 8, oldest - 1); /* passed over, but counted */
    cr_assert(eq(i64, book.history[book.history_next].played_at, oldest));
    cr_assert(eq(u32, user_book_facts(&book, 8).play_count, 1));
    import_one(&book, 9, oldest + 50);
    import_one(&book, 10, INT64_MAX);
    check_order(&book);
    cr_assert(eq(u32, book.history_count, USER_HISTORY_MAX));
    cr_assert(eq(u32, user_book_history(&book, 1, &newest), 1));
    cr_assert(eq(u64, newest.track_id, 10));
}

Test(user_import, favourites_have_room_up_to_the_limit_and_no_more)
{
    static user_import_track_t tracks[USER_IMPORT_MAX];
    user_book_t book SCOPED(user_book_deinit) = {0};
    uint64_t id = 0;
    for (uint32_t round = 0; round <= USER_FAVOURITES_MAX / USER_IMPORT_MAX; round++) {
        arena_t arena ARENA_SCOPED = {0};
        user_import_t command = {.tracks = {tracks, USER_IMPORT_MAX}};
        user_imported_t event;
        user_import_done_t done;
        for (uint32_t i = 0; i < USER_IMPORT_MAX; i++)
            tracks[i] = (user_import_track_t){.track_id = ++id, .is_favourite = true};
        bool is_past = round == USER_FAVOURITES_MAX / USER_IMPORT_MAX;
        check_err(user_decide_import(&book, &command, &arena, &event, &done),
                  is_past ? ERR_LIMIT : ERR_OK);
        if (!is_past)
            check_ok(user_apply_imported(&book, &event));
    }
    cr_assert(eq(u32, book.favourite_count, USER_FAVOURITES_MAX));
}

Test(user_import, an_event_says_how_many_plays_are_new)
{
    static const struct {
        uint32_t play_count, new_plays;
    } cases[] = {{5, 5}, {5, 0}, {8, 3}, {6, 0}};
    user_book_t book SCOPED(user_book_deinit) = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        user_import_track_t track = {.track_id = 7, .play_count = cases[i].play_count};
        user_import_t command = {.tracks = {&track, 1}};
        user_imported_t event;
        user_import_done_t done;
        check_ok(user_decide_import(&book, &command, &arena, &event, &done));
        uint32_t news = event.tracks.count == 0 ? 0 : event.tracks.items[0].new_plays;
        cr_expect(news == cases[i].new_plays && done.plays == news, "%u", cases[i].play_count);
        check_ok(user_apply_imported(&book, &event));
    }
}

Test(user_import, what_was_imported_is_in_the_snapshot)
{
    arena_t arena ARENA_SCOPED = {0};
    user_book_t book SCOPED(user_book_deinit) = {0}, back SCOPED(user_book_deinit) = {0};
    user_import_track_t track = {7, true, 3, 5, 1000, 0};
    user_import_t command = {.tracks = {&track, 1}};
    user_imported_t event;
    user_import_done_t done;
    user_state_t state;
    check_ok(user_decide_import(&book, &command, &arena, &event, &done));
    check_ok(user_apply_imported(&book, &event));
    check_ok(user_apply_favourite(&book, &(user_favourite_set_t){7, false}));
    check_ok(user_apply_rating(&book, &(user_rating_set_t){7, 0}));
    check_ok(user_book_to_state(&book, &arena, &state));
    check_ok(user_book_from_state(&back, &state));
    check_ok(user_decide_import(&back, &command, &arena, &event, &done));
    cr_assert(eq(u32, event.tracks.count, 0));
}

/* A random program on a listener's book and on a naive twin: flat arrays by track id, and lists
 * that are searched from their start. */

#include "actors/social/user_rules.h"
#include "runtime/base/random.h"
#include "tests/support/check.h"

#include <stdio.h>

enum { TRACKS = 60, PLAYS_MAX = 12000, PROGRAMS = 8, STEPS = 4000, TWIN_LISTS = 8 };

typedef struct twin {
    uint64_t favourites[TRACKS]; /* track ids, oldest first */
    uint32_t favourite_count, ratings[TRACKS], counts[TRACKS];
    uint64_t plays[PLAYS_MAX];
    uint32_t play_count;
    uint64_t last_number;
    uint32_t lists[TWIN_LISTS], list_count;
} twin_t;

static uint32_t favourite_at(const twin_t *twin, uint64_t track)
{
    uint32_t i = 0;
    while (i < twin->favourite_count && twin->favourites[i] != track)
        i++;
    return i;
}

static void set_favourite(user_book_t *book, twin_t *twin, const ms_random_t *random)
{
    user_set_favourite_t command = {random_below(random, TRACKS), random_below(random, 2) == 0};
    bool is_change = false;
    err_t err = user_decide_favourite(book, &command, &is_change);
    if (command.track_id == 0) {
        check_err(err, ERR_INVALID);
        return;
    }
    check_ok(err);
    uint32_t at = favourite_at(twin, command.track_id);
    cr_assert(is_change == ((at != twin->favourite_count) != command.is_favourite));
    if (!is_change)
        return;
    user_favourite_set_t event = {command.track_id, command.is_favourite};
    check_ok(user_apply_favourite(book, &event));
    if (command.is_favourite) {
        twin->favourites[twin->favourite_count++] = command.track_id;
        return;
    }
    twin->favourite_count--;
    for (uint32_t i = at; i < twin->favourite_count; i++)
        twin->favourites[i] = twin->favourites[i + 1];
}

static void set_rating(user_book_t *book, twin_t *twin, const ms_random_t *random)
{
    user_set_rating_t command = {1 + random_below(random, TRACKS - 1),
                                 (uint32_t)random_below(random, 7)};
    bool is_change = false;
    err_t err = user_decide_rating(book, &command, &is_change);
    if (command.rating > 5) {
        check_err(err, ERR_INVALID);
        return;
    }
    check_ok(err);
    cr_assert(is_change == (twin->ratings[command.track_id] != command.rating));
    user_rating_set_t event = {command.track_id, command.rating};
    if (is_change)
        check_ok(user_apply_rating(book, &event));
    twin->ratings[command.track_id] = command.rating;
}

static void add_play(user_book_t *book, twin_t *twin, const ms_random_t *random)
{
    uint64_t number = twin->last_number + random_below(random, 3); /* sometimes a repeat */
    user_add_play_t command = {number, 1 + random_below(random, TRACKS - 1), (int64_t)number};
    bool is_change = false;
    check_ok(user_decide_play(book, &command, &is_change));
    cr_assert(is_change == (number > twin->last_number));
    if (!is_change)
        return;
    user_played_t event = {number, command.track_id, command.played_at};
    check_ok(user_apply_played(book, &event));
    twin->counts[command.track_id]++;
    twin->plays[twin->play_count++] = command.track_id;
    twin->last_number = number;
}

static void edit_playlists(user_book_t *book, twin_t *twin, const ms_random_t *random)
{
    char text[8];
    uint32_t id = (uint32_t)random_below(random, TWIN_LISTS), at = 0;
    snprintf(text, sizeof text, "p%u", id);
    while (at < twin->list_count && twin->lists[at] != id)
        at++;
    bool is_there = at != twin->list_count, is_change = false;
    cr_assert(user_book_has_playlist(book, str_from(text)) == is_there);
    if (random_below(random, 2) == 0) {
        check_ok(user_decide_add_playlist(book, str_from(text), &is_change));
        cr_assert(is_change == !is_there);
        check_ok(user_apply_playlist_added(book, &(user_playlist_added_t){str_from(text)}));
        if (!is_there)
            twin->lists[twin->list_count++] = id;
        return;
    }
    user_apply_playlist_removed(book, &(user_playlist_removed_t){str_from(text)});
    if (!is_there)
        return;
    twin->list_count--;
    for (uint32_t i = at; i < twin->list_count; i++)
        twin->lists[i] = twin->lists[i + 1];
}

static void check_same(const user_book_t *book, const twin_t *twin, const ms_random_t *random)
{
    uint64_t track = 1 + random_below(random, TRACKS - 1);
    user_track_facts_t facts = user_book_facts(book, track);
    cr_assert(facts.is_favourite == (favourite_at(twin, track) != twin->favourite_count));
    cr_assert(eq(u32, facts.rating, twin->ratings[track]));
    cr_assert(eq(u32, facts.play_count, twin->counts[track]));

    user_play_t plays[20];
    uint32_t count = user_book_history(book, 20, plays);
    cr_assert(eq(u32, count, MIN(20u, MIN(twin->play_count, (uint32_t)USER_HISTORY_MAX))));
    for (uint32_t i = 0; i < count; i++)
        cr_assert(eq(u64, plays[i].track_id, twin->plays[twin->play_count - 1 - i]));
}

/* All favourites, page by page. */
static void check_pages(const user_book_t *book, const twin_t *twin)
{
    uint64_t before = 0;
    uint32_t seen = 0;
    for (bool has_next = true; has_next;) {
        user_favourite_t page[7];
        uint32_t count = user_book_favourites(book, before, 7, page, &has_next);
        for (uint32_t i = 0; i < count; i++, seen++)
            cr_assert(
                eq(u64, page[i].track_id, twin->favourites[twin->favourite_count - 1 - seen]));
        if (count != 0)
            before = page[count - 1].number;
    }
    cr_assert(eq(u32, seen, twin->favourite_count));
}

static void replace_by_snapshot(user_book_t *book)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t wire BUF_SCOPED = BUF_INIT;
    user_state_t state, read;
    check_ok(user_book_to_state(book, &arena, &state));
    schema_encode(&user_state_schema, &state, &wire);
    check_ok(schema_decode(&user_state_schema, buf_str(&wire), &arena, &read));
    user_book_deinit(book);
    check_ok(user_book_from_state(book, &read));
}

static void run_program(uint64_t seed)
{
    random_seed_t state = {seed};
    ms_random_t random = random_seeded(&state);
    user_book_t book USER_BOOK_SCOPED = {0};
    static const uint32_t weights[] = {3, 5, 12, 14}; /* of 15; the rest: a snapshot */
    twin_t *twin = &(twin_t){0};

    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t what = random_below(&random, 400) == 0 ? 14 : random_below(&random, 14);
        if (what < weights[0])
            set_favourite(&book, twin, &random);
        else if (what < weights[1])
            set_rating(&book, twin, &random);
        else if (what < weights[2])
            add_play(&book, twin, &random);
        else if (what < weights[3])
            edit_playlists(&book, twin, &random);
        else
            replace_by_snapshot(&book);
        check_same(&book, twin, &random);
    }
    check_pages(&book, twin);
}

Test(user_model, random_commands_do_the_same_to_a_naive_twin)
{
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++)
        run_program(seed);
}

Test(user_model, the_history_keeps_the_last_and_counts_all)
{
    user_book_t book USER_BOOK_SCOPED = {0};
    user_play_t plays[2];

    for (uint64_t i = 1; i <= USER_HISTORY_MAX + 1; i++)
        check_ok(user_apply_played(&book, &(user_played_t){i, 1 + i % 3, (int64_t)i}));
    replace_by_snapshot(&book);
    check_ok(user_apply_played(&book, &(user_played_t){USER_HISTORY_MAX + 2, 9, 77}));

    cr_assert(eq(u32, book.history_count, USER_HISTORY_MAX));
    cr_assert(eq(u32, user_book_history(&book, 2, plays), 2));
    cr_assert(eq(i64, plays[0].played_at, 77));
    cr_assert(eq(i64, plays[1].played_at, USER_HISTORY_MAX + 1));
    cr_assert(eq(u32,
                 user_book_facts(&book, 1).play_count + user_book_facts(&book, 2).play_count +
                     user_book_facts(&book, 3).play_count,
                 USER_HISTORY_MAX + 1));
}

Test(user_model, the_bounds_hold_from_both_sides)
{
    user_book_t book USER_BOOK_SCOPED = {0};
    bool is_change = false;

    for (uint64_t i = 1; i <= USER_FAVOURITES_MAX; i++)
        check_ok(user_apply_favourite(&book, &(user_favourite_set_t){i, true}));
    check_err(user_decide_favourite(&book, &(user_set_favourite_t){1000000, true}, &is_change),
              ERR_LIMIT);
    for (uint64_t i = USER_FAVOURITES_MAX + 1; i <= USER_TRACKS_MAX; i++)
        check_ok(user_apply_rating(&book, &(user_rating_set_t){i, 3}));
    check_err(user_decide_rating(&book, &(user_set_rating_t){1000000, 3}, &is_change), ERR_LIMIT);

    /* A play of a further track is kept all the same; taking a fact back makes room. */
    user_add_play_t play = {1, 1000000, 5};
    check_ok(user_decide_play(&book, &play, &is_change));
    check_ok(user_apply_played(&book, &(user_played_t){1, 1000000, 5}));
    cr_assert(eq(u32, book.history_count, 1));
    check_ok(user_apply_rating(&book, &(user_rating_set_t){USER_TRACKS_MAX, 0}));
    check_ok(user_decide_rating(&book, &(user_set_rating_t){1000000, 3}, &is_change));

    for (uint32_t i = 0; i < USER_PLAYLISTS_MAX; i++) {
        char id[16];
        snprintf(id, sizeof id, "%u", i);
        check_ok(user_decide_add_playlist(&book, str_from(id), &is_change));
        check_ok(user_apply_playlist_added(&book, &(user_playlist_added_t){str_from(id)}));
    }
    check_err(user_decide_add_playlist(&book, STR("one more"), &is_change), ERR_LIMIT);
}

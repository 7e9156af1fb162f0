/* A listener's session in simulated time: the pause when a device is gone, plays that count,
 * progress that is appended seldom. */

#include "actors/protocol/presence.h"
#include "runtime/base/memory.h"
#include "tests/sim/session/session_world.h"
#include "tests/support/check.h"

#include <stdio.h>

Test(session, a_device_that_goes_is_paused_after_the_grace_at_its_last_position)
{
    world_t world;
    world_init(&world, 1);
    play_on(&world, "d1");
    play_for(&world, "d1", 1, 0, 20000);

    pass(&world, 4000);
    check_ok(report(&world, "d1", 1, 24000, true)); /* too soon to be appended */
    check_ok(ask(&world, session_detach, .device_id = STR("d1"), .connection = 1));
    pass(&world, SESSION_OFFLINE_GRACE_MS - 1);
    cr_assert(view(&world)->is_playing);
    pass(&world, 10);

    cr_assert_not(view(&world)->is_playing);
    cr_assert(eq(i64, view(&world)->position_ms, 24000));
    cr_assert(eq(i64, world.published->position_ms, 24000));
    world_deinit(&world);
}

Test(session, a_device_that_comes_back_within_the_grace_goes_on)
{
    world_t world;
    world_init(&world, 2);
    play_on(&world, "d1");
    play_for(&world, "d1", 1, 0, 20000);

    check_ok(ask(&world, session_detach, .device_id = STR("d1"), .connection = 1));
    pass(&world, SESSION_OFFLINE_GRACE_MS - 1000);
    attach(&world, "d1");
    pass(&world, 60000);

    cr_assert(view(&world)->is_playing);
    world_deinit(&world);
}

/* The page's command may be quicker than its socket. */
Test(session, a_device_that_takes_over_from_one_that_is_gone_has_a_grace_of_its_own)
{
    for (int plays_on = 0; plays_on < 2; plays_on++) {
        world_t world;
        world_init(&world, 14);
        play_on(&world, "d1");
        check_ok(ask(&world, session_detach, .device_id = STR("d1"), .connection = 1));
        pass(&world, SESSION_OFFLINE_GRACE_MS - 1000);

        if (plays_on)
            check_ok(ask(&world, session_play, .device_id = STR("d2")));
        else
            check_ok(ask(&world, session_play_tracks, .device_id = STR("d2"),
                         .tracks = {tracks, TRACKS}));
        pass(&world, SESSION_OFFLINE_GRACE_MS - 1);
        cr_assert(view(&world)->is_playing);
        pass(&world, 10);

        cr_assert_not(view(&world)->is_playing);
        world_deinit(&world);
    }
}

Test(session, a_device_without_a_socket_plays_as_long_as_it_reports)
{
    world_t world;
    world_init(&world, 15);
    check_ok(ask(&world, session_play_tracks, .device_id = STR("d1"), .tracks = {tracks, TRACKS}));
    for (int64_t at = 10000; at <= 60000; at += 10000) {
        pass(&world, 10000);
        check_ok(report(&world, "d1", 1, at, true));
        check_ok(report(&world, "d2", 1, at, true)); /* says nothing of the one that plays */
        cr_assert(view(&world)->is_playing);
    }
    pass(&world, SESSION_OFFLINE_GRACE_MS - 1);
    cr_assert(view(&world)->is_playing);
    check_ok(report(&world, "d2", 1, 70000, true));
    pass(&world, 10);

    cr_assert_not(view(&world)->is_playing);
    cr_assert(eq(i64, view(&world)->position_ms, 60000));
    world_deinit(&world);
}

Test(session, a_device_whose_gateway_falls_silent_counts_as_gone)
{
    world_t world;
    world_init(&world, 3);
    play_on(&world, "d1");

    pass(&world, SESSION_ATTACH_LOST_MS + PRESENCE_REFRESH_MS + SESSION_OFFLINE_GRACE_MS + 1000);

    cr_assert_not(view(&world)->is_playing);
    cr_assert_not(view(&world)->devices.items[0].is_online);
    world_deinit(&world);
}

Test(session, after_a_crash_the_device_goes_on_and_without_it_the_position_stays)
{
    for (int returns = 0; returns < 2; returns++) {
        world_t world;
        world_init(&world, 4);
        play_on(&world, "d1");
        play_for(&world, "d1", 1, 0, 30000);

        node_crash(&world);
        pass(&world, 60000); /* the server is away for a minute */
        node_start(&world);
        cr_assert(eq(u32, view(&world)->queue.count, 4));
        cr_assert(eq(i64, view(&world)->position_ms, 30000));
        cr_assert(le(i64, view(&world)->server_time - view(&world)->position_at, 1));
        if (returns) {
            attach(&world, "d1");
            check_ok(report(&world, "d1", 1, 91000, true));
        }
        pass(&world, SESSION_OFFLINE_GRACE_MS + 1000);

        cr_assert(view(&world)->is_playing == (returns == 1));
        cr_assert(eq(i64, view(&world)->position_ms, returns ? 91000 : 30000));
        world_deinit(&world);
    }
}

Test(session, the_time_that_the_server_was_away_is_no_playing_time)
{
    world_t world;
    world_init(&world, 13);
    play_on(&world, "d1");
    play_for(&world, "d1", 1, 0, 30000);

    node_crash(&world);
    pass(&world, 60000);
    node_start(&world);
    attach(&world, "d2");
    check_ok(ask(&world, session_transfer, .device_id = STR("d2")));

    cr_assert(le(i64, view(&world)->position_ms, 30100));
    world_deinit(&world);
}

Test(session, half_of_a_track_is_a_play_and_seeking_over_it_is_not)
{
    world_t world;
    world_init(&world, 5);
    play_on(&world, "d1");

    play_for(&world, "d1", 1, 0, 90000);
    cr_assert(eq(u32, plays_of(&world, 101), 0));
    play_for(&world, "d1", 1, 90000, 10000);
    cr_assert(eq(u32, plays_of(&world, 101), 1));
    play_for(&world, "d1", 1, 100000, 90000);
    cr_assert(eq(u32, plays_of(&world, 101), 1)); /* once */

    check_ok(ask(&world, session_play, .device_id = STR("d1"), .entry_id = 2));
    play_for(&world, "d1", 2, 0, 20000);
    check_ok(ask(&world, session_seek, .position_ms = 180000));
    play_for(&world, "d1", 2, 180000, 10000);
    check_ok(report(&world, "d1", 3, 0, true)); /* the next track */
    cr_assert(eq(u32, plays_of(&world, 102), 0));
    cr_assert(eq(u64, view(&world)->current_entry_id, 3));
    world_deinit(&world);
}

Test(session, a_play_is_told_although_the_node_crashes_before_it_was)
{
    world_t world;
    world_init(&world, 6);
    play_on(&world, "d1");
    play_for(&world, "d1", 1, 0, 90000);
    pass(&world, 10000);

    session_report_progress_t last = {
        .device_id = STR("d1"), .entry_id = 1, .position_ms = 100000, .is_playing = true};
    send_message(&world, ann(), STR(""), &session_report_progress_schema, &last);
    cr_assert(simulation_run(world.simulation, is_answered, &world, STEPS_MAX));
    node_crash(&world); /* the play is owed; `user` may or may not know */
    node_start(&world);
    (void)view(&world);
    pass(&world, 1000);

    cr_assert(eq(u32, plays_of(&world, 101), 1));
    world_deinit(&world);
}

Test(session, progress_is_appended_at_most_every_ten_seconds)
{
    world_t world;
    world_init(&world, 7);
    play_on(&world, "d1");
    size_t before = journal_memory_count(world.memory);

    for (int i = 1; i <= 60; i++) {
        pass(&world, 1000);
        check_ok(report(&world, "d1", 1, i * 1000, true));
    }

    size_t appended = journal_memory_count(world.memory) - before;
    cr_assert(ge(sz, appended, 5));
    cr_assert(le(sz, appended, 6));
    cr_assert(ge(i64, view(&world)->position_ms, 50000));
    world_deinit(&world);
}

Test(session, a_report_that_crossed_somebody_elses_word_undoes_nothing)
{
    world_t world;
    world_init(&world, 9);
    play_on(&world, "d1");
    attach(&world, "d2");
    play_for(&world, "d1", 1, 0, 10000);
    session_report_progress_t late = {.device_id = STR("d1"),
                                      .entry_id = 1,
                                      .position_ms = 20000,
                                      .is_playing = true,
                                      .placement = view(&world)->placement};
    pass(&world, 10000);

    check_ok(ask(&world, session_pause, .position_ms = 20000));
    check_ok(ask_message(&world, ann(), &session_report_progress_schema, &late));
    cr_assert_not(view(&world)->is_playing);
    check_ok(ask(&world, session_play, .device_id = STR("d1"), .entry_id = 3, .position_ms = 0));
    check_ok(ask_message(&world, ann(), &session_report_progress_schema, &late));
    cr_assert(eq(u64, view(&world)->current_entry_id, 3));
    late.entry_id = 3;
    late.placement = view(&world)->placement;
    late.is_playing = false;
    check_ok(ask_message(&world, ann(), &session_report_progress_schema, &late));
    cr_assert_not(view(&world)->is_playing);
    world_deinit(&world);
}

Test(session, only_what_others_say_is_a_placement_and_a_crash_makes_none)
{
    world_t world;
    world_init(&world, 10);
    play_on(&world, "d1");
    uint64_t placement = view(&world)->placement;

    play_for(&world, "d1", 1, 0, 30000);
    check_ok(report(&world, "d1", 2, 0, true)); /* it went on to the next track */
    check_ok(report(&world, "d1", 2, 4000, true));
    pass(&world, SESSION_PROGRESS_EVERY_MS); /* appended late */
    cr_assert(eq(u64, view(&world)->placement, placement));
    cr_assert(ge(i64, view(&world)->position_ms, 4000));
    node_crash(&world);
    node_start(&world);
    cr_assert(eq(u64, view(&world)->placement, placement));

    attach(&world, "d1");
    check_ok(ask(&world, session_seek, .position_ms = 1000));
    cr_assert(eq(u64, view(&world)->placement, placement + 1));
    check_ok(ask(&world, session_set_repeat, .repeat = SESSION_REPEAT_ALL));
    check_ok(ask(&world, session_remove, .entry_ids = {(const uint64_t[]){3}, 1}));
    cr_assert(eq(u64, view(&world)->placement, placement + 1));
    check_ok(ask(&world, session_remove, .entry_ids = {(const uint64_t[]){2}, 1}));
    cr_assert(eq(u64, view(&world)->placement, placement + 2));
    check_ok(ask(&world, session_clear));
    cr_assert(eq(u64, view(&world)->placement, placement + 3));
    world_deinit(&world);
}

Test(session, playback_is_handed_over_at_the_same_position)
{
    world_t world;
    world_init(&world, 8);
    play_on(&world, "d1");
    attach(&world, "d2");
    play_for(&world, "d1", 1, 0, 30000);
    pass(&world, 1234);

    check_ok(ask(&world, session_transfer, .device_id = STR("d2")));

    check_str(view(&world)->active_device_id, STR("d2"));
    cr_assert(eq(i64, view(&world)->position_ms, 31234));
    cr_assert(view(&world)->is_playing);
    uint64_t version = view(&world)->version;
    check_ok(report(&world, "d1", 1, 99000, true)); /* it was a moment late: not believed */
    cr_assert(eq(u64, view(&world)->version, version));
    check_err(ask(&world, session_transfer, .device_id = STR("d3")), ERR_NOT_FOUND);
    check_ok(ask(&world, session_detach, .device_id = STR("d1"), .connection = 1));
    check_err(ask(&world, session_transfer, .device_id = STR("d1")), ERR_CONFLICT);
    world_deinit(&world);
}

Test(session, presence_follows_the_session)
{
    world_t world;
    world_init(&world, 9);
    address_t presence = address_of(PRESENCE_KIND, PRESENCE_KEY);
    play_on(&world, "d1");

    play_for(&world, "d1", 1, 0, 300000);
    check_ok(ask_message(&world, presence, &presence_get_schema, &(presence_get_t){}));
    const presence_list_t *list = world.message;
    cr_assert(eq(u32, list->listeners.count, 1));
    cr_assert(eq(u64, list->listeners.items[0].track_id, 101));
    cr_assert(list->listeners.items[0].is_playing);

    check_ok(ask(&world, session_detach, .device_id = STR("d1"), .connection = 1));
    check_ok(ask_message(&world, presence, &presence_get_schema, &(presence_get_t){}));
    list = world.message;
    cr_assert(eq(u32, list->listeners.count, 0));
    world_deinit(&world);
}

Test(session, devices_are_bounded_and_the_longest_unseen_one_gives_way)
{
    world_t world;
    world_init(&world, 10);
    char id[SESSION_DEVICE_ID_SIZE_MAX + 2];
    for (int i = 0; i < SESSION_DEVICES_MAX; i++) {
        snprintf(id, sizeof id, "d%d", i);
        attach(&world, id);
        pass(&world, 10);
    }
    session_attach_t more = {.device_id = STR("more"), .connection = 1};
    check_err(ask_message(&world, ann(), &session_attach_schema, &more), ERR_LIMIT);
    check_err(ask(&world, session_play_tracks, .device_id = STR("more"), .tracks = {tracks, 1}),
              ERR_LIMIT);

    for (int i = 2; i >= 1; i--) {
        snprintf(id, sizeof id, "d%d", i);
        check_ok(ask(&world, session_detach, .device_id = str_from(id), .connection = 1));
    }
    check_ok(ask_message(&world, ann(), &session_attach_schema, &more));

    const session_view_t *now = view(&world);
    cr_assert(eq(u32, now->devices.count, SESSION_DEVICES_MAX));
    for (uint32_t i = 0; i < now->devices.count; i++)
        cr_assert_not(str_equal(now->devices.items[i].device_id, STR("d1")));
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    check_err(ask(&world, session_attach, .device_id = str_from(id)), ERR_INVALID);
    check_err(ask(&world, session_attach, .device_id = STR("")), ERR_INVALID);
    check_err(ask(&world, session_attach, .device_id = STR("d3"), .device_name = STR("\x01")),
              ERR_INVALID);
    world_deinit(&world);
}

Test(session, what_can_not_be_is_refused_and_changes_nothing)
{
    world_t world;
    world_init(&world, 11);
    attach(&world, "d1");
    session_track_t nothing = {0, 0};
    str_t d1 = STR("d1");

    check_err(ask(&world, session_play, .device_id = d1, .position_ms = -1), ERR_CONFLICT);
    check_err(ask(&world, session_seek, .position_ms = 1), ERR_CONFLICT);
    check_err(ask(&world, session_play_tracks, .device_id = d1), ERR_INVALID);
    check_err(ask(&world, session_play_tracks, .device_id = d1, .tracks = {&nothing, 1}),
              ERR_INVALID);
    check_err(
        ask(&world, session_play_tracks, .device_id = d1, .tracks = {tracks, 4}, .start_index = 4),
        ERR_INVALID);
    check_err(ask(&world, session_enqueue, .tracks = {NULL, 0}), ERR_INVALID);
    check_err(ask(&world, session_set_repeat, .repeat = 3), ERR_INVALID);
    check_err(ask(&world, session_set_volume, .device_id = d1, .volume = 101), ERR_INVALID);
    check_err(ask(&world, session_set_volume, .device_id = STR("d9"), .volume = 1), ERR_NOT_FOUND);
    check_err(ask(&world, session_forget_device, .device_id = d1), ERR_CONFLICT);
    check_err(ask(&world, session_forget_device, .device_id = STR("d9")), ERR_NOT_FOUND);
    uint64_t version = view(&world)->version;
    check_ok(ask(&world, session_play_tracks, .device_id = d1, .tracks = {tracks, 4}));
    check_err(ask(&world, session_play, .device_id = d1, .entry_id = 99), ERR_NOT_FOUND);
    check_err(ask(&world, session_move, .entry_id = 99), ERR_NOT_FOUND);
    check_err(ask(&world, session_move, .entry_id = 1, .index = 4), ERR_INVALID);
    check_err(ask(&world, session_seek, .position_ms = -5), ERR_INVALID);
    check_ok(ask(&world, session_seek, .position_ms = INT64_MAX)); /* the end of the track */

    cr_assert(eq(u64, view(&world)->version, version + 2));
    cr_assert(eq(i64, view(&world)->position_ms, TRACK_MS));
    world_deinit(&world);
}

Test(session, removing_what_plays_goes_on_with_the_next)
{
    world_t world;
    world_init(&world, 12);
    play_on(&world, "d1");
    uint64_t first_two[] = {2, 1, 77}, rest[] = {3, 4};

    check_ok(ask(&world, session_remove, .entry_ids = {first_two, 3}));
    cr_assert(eq(u64, view(&world)->current_entry_id, 3));
    cr_assert(view(&world)->is_playing);
    check_ok(ask(&world, session_remove, .entry_ids = {rest, 2}));

    cr_assert(eq(u64, view(&world)->current_entry_id, 0));
    cr_assert_not(view(&world)->is_playing);
    world_deinit(&world);
}

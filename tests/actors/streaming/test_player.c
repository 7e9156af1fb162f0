#include "actors/streaming/player_decide.h"
#include "tests/support/check.h"

enum { TRACK_MS = 100000 };

static const session_track_t tracks[] = {{11, TRACK_MS}, {12, TRACK_MS}, {13, 0}};

static void playing(player_t *player, int64_t now_ms)
{
    session_queue_replaced_t event = {.device_id = STR("d"), .tracks = {tracks, 3}};
    check_ok(player_apply_device_seen(player, &(session_device_seen_t){STR("d"), STR("D")}, 1));
    check_ok(player_apply_replaced(player, &event, now_ms));
}

Test(player, the_position_goes_with_the_clock_to_the_end_of_the_track)
{
    player_t player PLAYER_SCOPED = {0};
    playing(&player, 1000);

    cr_assert(eq(i64, player_position(&player, 1000), 0));
    cr_assert(eq(i64, player_position(&player, 31000), 30000));
    cr_assert(eq(i64, player_position(&player, 500), 0)); /* the clock went back */
    cr_assert(eq(i64, player_position(&player, 9000000), TRACK_MS));
    player_apply_playback(&player, &(session_playback_set_t){3, 5000, true, STR("d"), -1, false},
                          1000);
    cr_assert(eq(i64, player_position(&player, 9001000), 9005000)); /* of unknown length */
}

Test(player, more_owed_plays_than_there_is_room_for_lose_the_oldest)
{
    player_t player PLAYER_SCOPED = {0};
    playing(&player, 0);
    int64_t now = 0;

    for (int i = 0; i < PLAYER_OWED_MAX + 1; i++) {
        for (int j = 0; j < 10; j++, now += 10000)
            player_apply_playback(&player,
                                  &(session_playback_set_t){1, (j + 1) * 10000, true, STR("d"),
                                                            (j + 1) * 10000, false},
                                  now + 10000);
        player_apply_playback(&player, &(session_playback_set_t){1, 0, true, STR("d"), -1, false},
                              now);
    }

    cr_assert(eq(u32, player.owed_count, PLAYER_OWED_MAX));
    cr_assert(eq(u64, player.owed[0].number, 2));
    cr_assert(eq(u64, player.last_play_number, PLAYER_OWED_MAX + 1));
    player_apply_play_told(&player, &(session_play_told_t){PLAYER_OWED_MAX});
    cr_assert(eq(u32, player.owed_count, 1));
}

Test(player, a_snapshot_is_the_whole_state)
{
    player_t player PLAYER_SCOPED = {0}, read PLAYER_SCOPED = {0};
    arena_t arena ARENA_SCOPED = {0};
    buf_t first BUF_SCOPED = BUF_INIT, second BUF_SCOPED = BUF_INIT;
    session_state_t state;
    playing(&player, 1000);
    player_apply_shuffle(&player, &(session_shuffle_set_t){true, 77});
    player_apply_repeat(&player, &(session_repeat_set_t){SESSION_REPEAT_ALL});
    player_apply_volume(&player, &(session_volume_set_t){STR("d"), 33});
    player_apply_playback(&player,
                          &(session_playback_set_t){1, 60000, true, STR("d"), 60000, false}, 61000);

    check_ok(player_to_state(&player, &arena, &state));
    schema_encode(&session_state_schema, &state, &first);
    check_ok(schema_decode(&session_state_schema, buf_str(&first), &arena, &state));
    check_ok(player_from_state(&read, &state));
    check_ok(player_to_state(&read, &arena, &state));
    schema_encode(&session_state_schema, &state, &second);

    check_str(buf_str(&second), buf_str(&first));
    cr_assert(eq(u32, read.queue.count, 3));
    cr_assert(eq(u64, read.version, player.version));
    cr_assert(read.listen.listened_ms == player.listen.listened_ms);
    check_ok(queue_insert(&read.queue, 0, tracks, 1));
    cr_assert(eq(u64, read.queue.entries[0].entry_id, 4));
}

Test(player, a_snapshot_past_the_bounds_is_refused)
{
    player_t player PLAYER_SCOPED = {0};
    session_state_t state = {.next_entry_id = 1, .next_play_number = 1};
    check_ok(player_from_state(&player, &state));

    state.queue.count = SESSION_QUEUE_MAX + 1;
    check_err(player_from_state(&player, &state), ERR_CORRUPT);
    state = (session_state_t){.next_entry_id = 0, .next_play_number = 1};
    check_err(player_from_state(&player, &state), ERR_CORRUPT);
}

Test(player, repeat_all_goes_on_at_the_start_when_the_last_one_is_removed)
{
    player_t player PLAYER_SCOPED = {0};
    uint64_t last = 3;
    playing(&player, 0);
    player_apply_playback(&player, &(session_playback_set_t){3, 0, true, STR("d"), -1, false}, 0);
    player_apply_repeat(&player, &(session_repeat_set_t){SESSION_REPEAT_ALL});

    player_apply_removed(&player, &(session_removed_t){{&last, 1}}, 1);

    cr_assert(eq(u64, player.current_entry_id, 1));
    cr_assert(player.is_playing);
}

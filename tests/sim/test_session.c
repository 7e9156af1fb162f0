/* A listener's session in simulated time: the pause when a device is gone, plays that count,
 * progress that is appended seldom; and random commands with crashes of the node at any step, after
 * which everything that was acknowledged must be there. MS_SEED=n replays one seed. */

#include "actors/protocol/presence.h"
#include "actors/protocol/session.h"
#include "actors/protocol/user.h"
#include "actors/social/social.h"
#include "actors/streaming/session_service.h"
#include "runtime/base/memory.h"
#include "runtime/journal_memory.h"
#include "runtime/simulation.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 60, COMMANDS = 60, STEPS_MAX = 20000, TRACK_MS = 200000 };

typedef struct world {
    simulation_t *simulation;
    journal_memory_t *memory;
    runtime_t *runtime;
    random_seed_t plan;
    arena_t arena; /* answers */
    bool is_answered, is_over;
    err_t err;
    const void *message;
    const session_view_t *published;
    uint32_t published_count;
} world_t;

static void *keep(world_t *world, const schema_t *schema, const void *message)
{
    void *copy = arena_new(&world->arena, schema_deep_size(schema, message) + 1);
    schema_copy(schema, message, copy);
    return copy;
}

static void on_published(void *context, str_t topic, const schema_t *schema, const void *message)
{
    world_t *world = context;
    (void)topic;
    world->published = keep(world, schema, message);
    world->published_count++;
}

static void on_answer(void *context, const answer_t *answer)
{
    world_t *world = context;
    world->is_answered = true;
    world->err = answer->err;
    world->message = answer->err == ERR_OK && answer->schema != NULL
                         ? keep(world, answer->schema, answer->message)
                         : NULL;
}

static bool is_answered(void *context)
{
    return ((const world_t *)context)->is_answered;
}

static bool is_append_ready(void *context)
{
    return journal_memory_pending(context) > 0;
}

static void step_journal(void *context)
{
    (void)journal_memory_step(context);
}

static void node_start(world_t *world)
{
    runtime_options_t options = {.scheduler_count = 2,
                                 .clock = simulation_clock(world->simulation),
                                 .random = simulation_random(world->simulation),
                                 .journal = journal_memory_journal(world->memory),
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &world->runtime));
    check_ok(session_register(world->runtime));
    check_ok(social_register(world->runtime));
    check_ok(runtime_start(world->runtime));
    simulation_attach(world->simulation, world->runtime);
    cr_assert(edge_subscribe(runtime_edge(world->runtime, 0), STR("session/ann"), on_published,
                             world) != NULL);
}

static void node_crash(world_t *world)
{
    simulation_detach(world->simulation, world->runtime);
    journal_memory_crash(world->memory);
    runtime_free(world->runtime);
}

static void world_init(world_t *world, uint64_t seed)
{
    *world = (world_t){.plan = {seed}};
    check_ok(simulation_new(seed, &world->simulation));
    check_ok(journal_memory_new(true, &world->memory));
    simulation_add_source(world->simulation, is_append_ready, step_journal, world->memory);
    node_start(world);
}

static void world_deinit(world_t *world)
{
    node_crash(world);
    journal_memory_free(world->memory);
    simulation_free(world->simulation);
    arena_deinit(&world->arena);
}

static void send_message(world_t *world, address_t to, str_t id, const schema_t *schema,
                         const void *message)
{
    world->is_answered = false;
    edge_ask_message(runtime_edge(world->runtime, 0), to, 30000, id, on_answer, world, schema,
                     message);
}

static err_t ask_message(world_t *world, address_t to, const schema_t *schema, const void *message)
{
    send_message(world, to, STR(""), schema, message);
    cr_assert(simulation_run(world->simulation, is_answered, world, STEPS_MAX));
    simulation_settle(world->simulation);
    return world->err;
}

static address_t ann(void)
{
    return address_of(SESSION_KIND, STR("ann"));
}

#define ask(world, command, ...)                                                                   \
    ask_message((world), ann(), &command##_schema, &(command##_t){__VA_ARGS__})

static const session_view_t *view(world_t *world)
{
    check_ok(ask(world, session_get));
    return world->message;
}

static void on_time(void *context)
{
    ((world_t *)context)->is_over = true;
}

static bool is_over(void *context)
{
    return ((const world_t *)context)->is_over;
}

static void pass(world_t *world, uint64_t ms)
{
    world->is_over = false;
    simulation_after(world->simulation, ms, on_time, world);
    cr_assert(simulation_run(world->simulation, is_over, world, STEPS_MAX));
    simulation_settle(world->simulation);
}

static void attach(world_t *world, const char *device)
{
    check_ok(ask(world, session_attach, .device_id = str_from(device), .device_name = STR("A"),
                 .connection = 1));
}

static const session_track_t tracks[] = {
    {101, TRACK_MS}, {102, TRACK_MS}, {103, TRACK_MS}, {104, TRACK_MS}};

static void play_on(world_t *world, const char *device)
{
    attach(world, device);
    check_ok(ask(world, session_play_tracks, .device_id = str_from(device),
                 .tracks = {tracks, COUNT_OF(tracks)}));
}

static err_t report(world_t *world, const char *device, uint64_t entry_id, int64_t position_ms,
                    bool is_playing)
{
    return ask(world, session_report_progress, .device_id = str_from(device), .entry_id = entry_id,
               .position_ms = position_ms, .is_playing = is_playing);
}

/* Plays for a while, as a device does: it reports every ten seconds, and stays attached. */
static void play_for(world_t *world, const char *device, uint64_t entry_id, int64_t from_ms,
                     int64_t ms)
{
    for (int64_t at = 10000; at <= ms; at += 10000) {
        pass(world, 10000);
        check_ok(report(world, device, entry_id, from_ms + at, true));
        attach(world, device);
    }
}

static uint32_t plays_of(world_t *world, uint64_t track_id)
{
    user_get_track_facts_t get = {.track_ids = {&track_id, 1}};
    check_ok(
        ask_message(world, address_of(USER_KIND, STR("ann")), &user_get_track_facts_schema, &get));
    return ((const user_facts_t *)world->message)->tracks.items[0].play_count;
}

/* ---- stories ---- */

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

/* ---- random commands and crashes ---- */

static uint64_t draw(world_t *world, uint64_t below)
{
    ms_random_t random = random_seeded(&world->plan);
    return random_below(&random, below);
}

static void send_random(world_t *world)
{
    char id[32], device[4];
    uint64_t entry = draw(world, 30);
    int64_t position = (int64_t)draw(world, TRACK_MS) - 1;
    snprintf(id, sizeof id, "c%llu", (unsigned long long)draw(world, UINT64_MAX));
    snprintf(device, sizeof device, "d%u", (unsigned)draw(world, 3));
    str_t d = str_from(device);
#define send(command, ...)                                                                         \
    send_message(world, ann(), str_from(id), &command##_schema, &(command##_t){__VA_ARGS__})
    switch (draw(world, 14)) {
    case 0:
        send(session_play_tracks, .device_id = d, .tracks = {tracks, 4}, .start_index = 1);
        break;
    case 1:
    case 2:
        send(session_enqueue, .tracks = {tracks, 3}, .is_next = draw(world, 2) == 0);
        break;
    case 3:
        send(session_remove, .entry_ids = {&entry, 1});
        break;
    case 4:
        send(session_move, .entry_id = entry, .index = (uint32_t)draw(world, 8));
        break;
    case 5:
        send(session_play, .device_id = d, .entry_id = entry, .position_ms = position);
        break;
    case 6:
        send(session_pause, .position_ms = position);
        break;
    case 7:
        send(session_seek, .position_ms = position);
        break;
    case 8:
        send(session_report_progress, .device_id = d, .entry_id = entry, .position_ms = position,
             .is_playing = draw(world, 4) != 0);
        break;
    case 9:
        send(session_set_repeat, .repeat = (uint32_t)draw(world, 3));
        break;
    case 10:
        send(session_set_shuffle, .is_shuffled = draw(world, 2) == 0);
        break;
    case 11:
        send(session_set_volume, .device_id = d, .volume = (uint32_t)draw(world, 110));
        break;
    case 12:
        send(session_attach, .device_id = d, .device_name = STR("x"), .connection = 5);
        break;
    default:
        send(session_forget_device, .device_id = d);
        break;
    }
#undef send
}

static void check_invariants(const session_view_t *now)
{
    bool has_current = now->current_entry_id == 0;
    bool has_active = now->active_device_id.size == 0;
    for (uint32_t i = 0; i < now->queue.count; i++) {
        has_current |= now->queue.items[i].entry_id == now->current_entry_id;
        if (!now->is_shuffled)
            cr_assert(eq(u32, now->queue.items[i].home, i));
        for (uint32_t j = 0; j < i; j++)
            cr_assert(now->queue.items[i].entry_id != now->queue.items[j].entry_id &&
                      now->queue.items[i].home != now->queue.items[j].home);
    }
    for (uint32_t i = 0; i < now->devices.count; i++)
        has_active |= str_equal(now->devices.items[i].device_id, now->active_device_id);
    cr_assert(has_current && has_active);
    cr_assert(now->is_playing == false ||
              (now->current_entry_id != 0 && now->active_device_id.size != 0));
    cr_assert(now->position_ms >= 0 && now->position_ms <= TRACK_MS);
}

/* As durable state goes: not who is online, nor the clock. */
static void check_same(const session_view_t *a, const session_view_t *b, uint64_t seed)
{
    bool is_same = a->queue.count == b->queue.count && a->current_entry_id == b->current_entry_id &&
                   a->is_playing == b->is_playing && a->position_ms == b->position_ms &&
                   a->placement == b->placement && a->repeat == b->repeat &&
                   a->is_shuffled == b->is_shuffled &&
                   str_equal(a->active_device_id, b->active_device_id) &&
                   a->devices.count == b->devices.count;
    for (uint32_t i = 0; is_same && i < a->queue.count; i++)
        is_same = schema_equal(&session_entry_schema, &a->queue.items[i], &b->queue.items[i]);
    for (uint32_t i = 0; is_same && i < a->devices.count; i++)
        is_same = a->devices.items[i].volume == b->devices.items[i].volume;
    cr_assert(is_same, "seed %llu: the state at version %llu is another one after the crash",
              (unsigned long long)seed, (unsigned long long)a->version);
}

static void run_seed(uint64_t seed)
{
    world_t *world MEMORY_SCOPED = memory_new(sizeof *world);
    world_init(world, seed);
    for (uint32_t i = 0; i < COMMANDS; i++) {
        const session_view_t *before = view(world);
        check_invariants(before);
        send_random(world);
        if (draw(world, 4) != 0) {
            cr_assert(simulation_run(world->simulation, is_answered, world, STEPS_MAX));
            before = view(world);
            if (draw(world, 3) == 0)
                pass(world, draw(world, 30000));
            before = view(world);
        } else {
            uint64_t steps = draw(world, 12); /* the command may or may not have come through */
            while (steps-- > 0)
                (void)simulation_step(world->simulation);
        }
        if (draw(world, 3) != 0)
            continue;
        node_crash(world);
        node_start(world);
        const session_view_t *after = view(world);
        cr_assert(ge(u64, after->version, before->version), "seed %llu: an edit was lost",
                  (unsigned long long)seed);
        if (after->version == before->version)
            check_same(before, after, seed);
    }
    world_deinit(world);
}

Test(session, random_commands_and_crashes_lose_nothing_that_was_acknowledged)
{
    const char *one = getenv("MS_SEED");
    if (one != NULL) {
        run_seed(strtoull(one, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed);
}

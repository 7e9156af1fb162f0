#include "tests/sim/session/session_world.h"

#include "actors/protocol/user.h"
#include "actors/social/social.h"
#include "actors/streaming/session_service.h"
#include "tests/support/check.h"

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

bool is_answered(void *context)
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

void node_start(world_t *world)
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

void node_crash(world_t *world)
{
    simulation_detach(world->simulation, world->runtime);
    journal_memory_crash(world->memory);
    runtime_free(world->runtime);
}

void world_init(world_t *world, uint64_t seed)
{
    *world = (world_t){.plan = {seed}};
    check_ok(simulation_new(seed, &world->simulation));
    check_ok(journal_memory_new(true, &world->memory));
    simulation_add_source(world->simulation, is_append_ready, step_journal, world->memory);
    node_start(world);
}

void world_deinit(world_t *world)
{
    node_crash(world);
    journal_memory_free(world->memory);
    simulation_free(world->simulation);
    arena_deinit(&world->arena);
}

void send_message(world_t *world, address_t to, str_t id, const schema_t *schema,
                  const void *message)
{
    world->is_answered = false;
    edge_ask_message(runtime_edge(world->runtime, 0), to, 30000, id, on_answer, world, schema,
                     message);
}

err_t ask_message(world_t *world, address_t to, const schema_t *schema, const void *message)
{
    send_message(world, to, STR(""), schema, message);
    cr_assert(simulation_run(world->simulation, is_answered, world, STEPS_MAX));
    simulation_settle(world->simulation);
    return world->err;
}

address_t ann(void)
{
    return address_of(SESSION_KIND, STR("ann"));
}

const session_view_t *view(world_t *world)
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

void pass(world_t *world, uint64_t ms)
{
    world->is_over = false;
    simulation_after(world->simulation, ms, on_time, world);
    cr_assert(simulation_run(world->simulation, is_over, world, STEPS_MAX));
    simulation_settle(world->simulation);
}

void attach(world_t *world, const char *device)
{
    check_ok(ask(world, session_attach, .device_id = str_from(device), .device_name = STR("A"),
                 .connection = 1));
}

const session_track_t tracks[TRACKS] = {
    {101, TRACK_MS}, {102, TRACK_MS}, {103, TRACK_MS}, {104, TRACK_MS}};

void play_on(world_t *world, const char *device)
{
    attach(world, device);
    check_ok(
        ask(world, session_play_tracks, .device_id = str_from(device), .tracks = {tracks, TRACKS}));
}

err_t report(world_t *world, const char *device, uint64_t entry_id, int64_t position_ms,
             bool is_playing)
{
    return ask(world, session_report_progress, .device_id = str_from(device), .entry_id = entry_id,
               .position_ms = position_ms, .is_playing = is_playing);
}

void play_for(world_t *world, const char *device, uint64_t entry_id, int64_t from_ms, int64_t ms)
{
    for (int64_t at = 10000; at <= ms; at += 10000) {
        pass(world, 10000);
        check_ok(report(world, device, entry_id, from_ms + at, true));
        attach(world, device);
    }
}

uint32_t plays_of(world_t *world, uint64_t track_id)
{
    user_get_track_facts_t get = {.track_ids = {&track_id, 1}};
    check_ok(
        ask_message(world, address_of(USER_KIND, STR("ann")), &user_get_track_facts_schema, &get));
    return ((const user_facts_t *)world->message)->tracks.items[0].play_count;
}

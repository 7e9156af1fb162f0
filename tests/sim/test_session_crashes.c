/* Random commands to a listener's session, with crashes of the node at any step, after which
 * everything that was acknowledged must be there. MS_SEED=n replays one seed. */

#include "runtime/base/memory.h"
#include "tests/sim/session/session_world.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 60, COMMANDS = 60 };

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
    switch (draw(world, 15)) {
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
    case 13:
        send(session_detach, .device_id = d, .connection = 5);
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

#pragma once
/* session_world.h -- a listener's session on a node in simulated time, with a journal that a crash
 * of the node leaves as a power cut would. The listener is ann.
 *
 * Answers lie in the world's arena until its end. Criterion's assertions; one thread. */

#include "actors/protocol/session.h"
#include "runtime/journal_memory.h"
#include "runtime/simulation.h"

enum { STEPS_MAX = 20000, TRACK_MS = 200000, TRACKS = 4 };

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

extern const session_track_t tracks[TRACKS];

void world_init(world_t *world, uint64_t seed);
void world_deinit(world_t *world);
void node_start(world_t *world);
void node_crash(world_t *world);

/* ---- asking ---- */

address_t ann(void);
/* Sends and goes on; is_answered (a simulation_run condition) says when world.err is there. */
void send_message(world_t *world, address_t to, str_t id, const schema_t *schema,
                  const void *message);
bool is_answered(void *context);
/* Waits for the answer: world.err, and world.message where it has one. */
err_t ask_message(world_t *world, address_t to, const schema_t *schema, const void *message);
#define ask(world, command, ...)                                                                   \
    ask_message((world), ann(), &command##_schema, &(command##_t){__VA_ARGS__})
/* What the session says now. */
const session_view_t *view(world_t *world);
uint32_t plays_of(world_t *world, uint64_t track_id);
/* Simulated time goes by. */
void pass(world_t *world, uint64_t ms);

/* ---- as a device does ---- */

void attach(world_t *world, const char *device);
/* Attaches, and plays the tracks. */
void play_on(world_t *world, const char *device);
err_t report(world_t *world, const char *device, uint64_t entry_id, int64_t position_ms,
             bool is_playing);
/* Plays for a while: reports every ten seconds, and stays attached. */
void play_for(world_t *world, const char *device, uint64_t entry_id, int64_t from_ms, int64_t ms);

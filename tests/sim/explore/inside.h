#pragma once
/* inside.h -- a run, for the files that make it up: node.c (the runtime, its kinds and its
 * journal), clients.c (who gives commands), rest.c (the oracles), world.c (faults, and the run
 * itself).
 *
 * Threads  One. */

#include "runtime/code/hold.h"
#include "runtime/code/replace.h"
#include "runtime/kernel.h"
#include "runtime/supervisor.h"
#include "tests/sim/explore/actors/act.h"
#include "tests/sim/explore/bad_journal.h"
#include "tests/sim/explore/crowd.h"
#include "tests/sim/explore/flows.h"
#include "tests/sim/explore/jobs.h"
#include "tests/sim/explore/sleep_store.h"
#include "tests/sim/explore/world.h"

typedef struct world world_t;

typedef struct client_command {
    world_t *world;
    const plan_command_t *plan;
    uint64_t id; /* of its message; 0: not given yet */
    uint32_t answers;
    err_t err;
    bool is_unknown; /* the node crashed around it */
} client_command_t;

/* The two versions of all kinds, by turns the running one: to the runtime a plugin. */
typedef struct versions {
    plugin_t plugins[2];
    actor_kind_t kinds[2][TARGET_KINDS];
    const actor_kind_t *tables[2][TARGET_KINDS];
    actor_handler_t handlers[ACT_HANDLERS_MAX];
    uint32_t running;
    bool is_replacing;
    replacing_t replacing;
    uint64_t until_step;
    buf_t problem;
} versions_t;

struct world {
    const plan_t *plan;
    ledger_t ledger;
    crowd_t crowd;
    jobs_t jobs;
    flows_t flows;
    simulation_t *simulation;
    bad_journal_t journal;
    runtime_t *runtime;
    act_service_t services[TARGET_KINDS], child_service;
    actor_kind_t child, plain;
    versions_t versions;
    child_spec_t supervised[2];
    supervisor_spec_t supervisor;
    sleep_store_t store;
    client_command_t commands[PLAN_COMMANDS_MAX];
    uint32_t next, open;
    uint64_t failing[PLAN_FAULTS_MAX]; /* allocations, ascending */
    size_t failing_count;
    bool is_paused, is_calm, is_rested, was_crashed;
    uint32_t crashed; /* a bit a fault; replacements that began, too */
    uint32_t crashes, replacements;
    uint64_t letters; /* that were taken */
};

/* node.c */
void node_start(world_t *self);
/* As a node does at its start and each minute. False: nobody has anything that waits. */
bool node_wake_senders(world_t *self);
void node_free(world_t *self);
/* torn_max: of appends under way, so many may be written, the oldest first. */
void node_crash(world_t *self, uint32_t torn_max);
/* versions.c: another version of all kinds takes over, or does not within so many steps. */
void versions_enter(world_t *self);
void versions_begin(world_t *self, uint64_t steps_max);
/* After each step. is_now: it is given up where it is not done. */
void versions_step(world_t *self, bool is_now);
void versions_drop(world_t *self);

/* clients.c */
bool clients_are_ready(void *context);
void clients_step(void *context);
void clients_crash(world_t *self);
bool clients_are_open(const world_t *self);

/* rest.c: between two steps; at rest, after which the node drains. */
void rest_check(world_t *self);
void rest_settle(world_t *self);

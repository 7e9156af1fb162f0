#pragma once
/* fleet.h -- some nodes in one process, under one simulation: one thread, one virtual time, one
 * seed one history. Each is a scene (scene.h), joined to the others by a network in memory.
 *
 * Threads  One. */

#include "tests/support/actors/pipe.h"
#include "tests/support/actors/scene.h"
#include "tests/support/remote/agent.h"
#include "tests/support/remote/network.h"

typedef struct fleet {
    simulation_t *simulation;
    network_t *network;
    uint32_t count;
    scene_t nodes[NETWORK_NODES_MAX + 1]; /* by number, from 1 */
    agent_log_t log;
    buf_t shown;
    agent_world_t worlds[NETWORK_NODES_MAX + 1];
    journal_t *journal;
    bool has_met;
    pipe_world_t pipe;     /* of all sources and sinks */
    const char *recorders; /* a folder, where each node has a recorder's file; NULL: none has one */
} fleet_t;

/* With agents (agent.h), sources and sinks (pipe.h) and, where there is a journal, which all share,
 * couriers and purses. All partitions are node 1's, and every node serves. */
void fleet_begin(fleet_t *self, uint64_t seed, uint32_t count, journal_t *journal);
/* With a flight recorder, N.ring in that folder, at level life. */
void fleet_begin_recorded(fleet_t *self, uint64_t seed, uint32_t count, journal_t *journal,
                          const char *recorders);
/* Drains all that are there; of each the sum of messages must be right. */
void fleet_end(fleet_t *self);
/* On all nodes: this name is placed there. */
void fleet_place(fleet_t *self, const char *kind, const char *key, uint64_t node);
void fleet_place_all(fleet_t *self, uint64_t node);
/* It is gone in the middle of what it did; the others hear of it. */
void fleet_kill(fleet_t *self, uint64_t node);
/* In the place of one that was killed: `node` is a number that none had. */
void fleet_add(fleet_t *self, uint64_t node);
/* From now on each knows of all that live, those that are added, too. */
void fleet_meet(fleet_t *self);
/* So often each tries what it could not send to the others, or was not answered. */
void fleet_tend(fleet_t *self, uint32_t times);
void fleet_settle(fleet_t *self);
void fleet_pass(fleet_t *self, uint64_t ms);
/* What agents heard since the last look. */
const char *fleet_log(fleet_t *self);
/* The reference of this agent as node `on` calls it; it is started. */
uint64_t fleet_ref(fleet_t *self, uint64_t on, const char *kind, const char *key);
#define fleet_asked(fleet, on, to, command, ...)                                                   \
    scene_asked(&(fleet)->nodes[on], (to), command, __VA_ARGS__)
#define fleet_send(fleet, on, to, command, ...)                                                    \
    check_ok(runtime_send((fleet)->nodes[on].runtime, (to), command, __VA_ARGS__))
static inline address_t agent_at(const char *key)
{
    return address_of("agent", str_from(key));
}
static inline address_t hound_at(const char *key)
{
    return address_of("hound", str_from(key));
}
static inline address_t ref_at(uint64_t bits)
{
    return address_of_ref((actor_ref_t){bits});
}
static inline runtime_t *fleet_runtime(const fleet_t *self, uint64_t node)
{
    return self->nodes[node].runtime;
}
router_stats_t fleet_stats(const fleet_t *self, uint64_t node);

#pragma once
/* moving.h -- a world (world.h) whose nodes also hand partitions over, while clients at each of
 * them ask for things: handover.h with a model of the fence, of the runtime's side and of links
 * around it.
 *
 * Links keep the order of what one node sends to another, and lose what the world cuts. The fence
 * is rows of {owner, epoch}; its answers come late, or never: then what was claimed may be. A
 * handler looks at its lease, and what it appends meets the fence later: a node that was stopped in
 * between is the zombie. Clients ask about MOVING_HOT partitions, numbered by client and partition.
 *
 * Checked at each step: nobody serves what another serves under a lease; nothing is accepted twice;
 * nothing is accepted of an epoch that was claimed from its owner; what is held is bounded, and
 * ends with its deadline. */

#include "cluster/handover/handover.h"
#include "tests/support/cluster/world.h"

enum {
    MOVING_HOT = 64, /* partitions that are asked for: every 256th */
    MOVING_NODES_MAX = 64,
    MOVING_STEP_MS = 2,
    MOVING_DEADLINE_MS = 10000,
    MOVING_HELD_MAX = 4096 /* of one node; past it, refused */
};

typedef struct moving moving_t;

typedef struct moving_options {
    world_options_t world;
    uint32_t asks_a_step; /* of all clients together */
    uint32_t rest_ms;     /* an actor comes to rest within */
} moving_options_t;

moving_t *moving_new(const moving_options_t *options);
void moving_free(moving_t *self);
void moving_scope_end(moving_t **self);
#define MOVING_SCOPED SCOPED(moving_scope_end)

world_t *moving_world(moving_t *self); /* to start, kill, cut … */
void moving_run(moving_t *self, uint64_t for_ms);
bool moving_run_until(moving_t *self, bool (*is_done)(moving_t *self), uint64_t for_ms);
/* It gives all away, then it leaves. */
void moving_drain(moving_t *self, uint32_t index);
void moving_set_asks(moving_t *self, uint32_t asks_a_step);
/* The world is whole, and each partition is served where the newest placement has it. */
bool moving_is_settled(moving_t *self);
const handover_t *moving_handover(const moving_t *self, uint32_t index);
/* Partitions served by this node. */
uint32_t moving_served(const moving_t *self, uint32_t index);
void moving_print(moving_t *self);

typedef struct moving_figures {
    uint64_t accepted, refused,
        expired;                      /* asks that ended so; expired: no answer by the deadline */
    uint64_t fenced;                  /* appends that the fence refused */
    uint64_t disordered;              /* accepted behind a later one of its client */
    uint64_t p50_ms, p99_ms, most_ms; /* of the accepted */
    uint64_t last_ms; /* until each hot partition had accepted something that was asked since */
    uint64_t open;    /* asks without an end */
    uint64_t held;    /* at this moment */
} moving_figures_t;
/* Of what was asked since moving_mark. */
void moving_mark(moving_t *self);
moving_figures_t moving_figures(moving_t *self);

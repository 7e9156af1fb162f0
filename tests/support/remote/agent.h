#pragma once
/* agent.h -- actors that are placed by their key (but for two kinds) and do what a test tells them.
 * What they hear is written into a log that all nodes share: "2.a note 7", node, key and what it
 * was. */

#include "runtime/runtime.h"

#include <stdatomic.h>

#define DEF_FILE "tests/support/remote/agent.def"
#include "runtime/base/schema_declare.h"

typedef struct agent_log {
    uv_mutex_t lock;
    buf_t lines;
    _Atomic uint64_t notes, echoed, watched, downs;
} agent_log_t;

typedef struct agent_world { /* a node's: the kinds' service */
    agent_log_t *log;
    uint64_t node;
} agent_world_t;

extern const actor_kind_t agent_kind;   /* "agent" */
extern const actor_kind_t hound_kind;   /* "hound": traps exits */
extern const actor_kind_t waiting_kind; /* "waiting": awaits */
extern const actor_kind_t nearby_kind;  /* "nearby": PLACED_NEAR */
extern const actor_kind_t worker_kind;  /* "worker": PLACED_BY_LOAD */

void agent_log_init(agent_log_t *self);
void agent_log_deinit(agent_log_t *self);
/* What was written since the last look; empties it. Into `room`, terminated. */
const char *agent_log_take(agent_log_t *self, buf_t *room);

#pragma once
/* pipe.h -- a source and a sink with a stream of numbers between them. */

#include "runtime/stream.h"

#define DEF_FILE "tests/support/actors/pipe.def"
#include "runtime/base/schema_declare.h"

typedef struct pipe_world {
    uint64_t sent, got, wrong;  /* wrong: out of order */
    uint64_t underway_max;      /* sent, not done with */
    uint64_t out_ends, in_ends; /* by a message or a down */
    uint32_t last_err;
    uint32_t credit;    /* as the source saw it last */
    bool stops_at_ten;  /* the sink gives up */
    bool fails_to_take; /* its handler returns an error */
    bool is_by_hand;    /* nothing happens but what it is told */
} pipe_world_t;

extern const actor_kind_t source_kind, sink_kind;

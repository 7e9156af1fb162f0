#pragma once
/* circle.h -- actors that ask each other along a path, and one that asks many. */

#include "runtime/runtime.h"

#define DEF_FILE "tests/support/actors/circle.def"
#include "runtime/base/schema_declare.h"

enum { CIRCLE_WORKERS_MAX = 64 };

/* What a worker does when it is asked to work: those at "0", "1", ... */
typedef enum circle_mode {
    CIRCLE_ANSWERS,
    CIRCLE_REFUSES,
    CIRCLE_IS_SILENT,
    CIRCLE_FAILS,
    CIRCLE_IS_LATE, /* answers after delay_ms */
    CIRCLE_ANSWERS_TWICE,
    CIRCLE_MODES
} circle_mode_t;

typedef struct circle_world {
    circle_mode_t modes[CIRCLE_WORKERS_MAX];
    uint32_t delay_ms;
    uint64_t notes[64];
    uint32_t note_count;
    uint64_t gathered; /* how often a `then` of many ran */
    uint64_t good, refused, timeouts, cancelled, others, wrong;
} circle_world_t;

extern const actor_kind_t waiter_kind; /* "waiter": awaits */
extern const actor_kind_t relay_kind;  /* "relay": the same, and does not */

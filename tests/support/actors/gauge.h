#pragma once
/* gauge.h -- an actor that writes down in which order it handled what, puts messages aside and
 * behaves in several ways. */

#include "runtime/runtime.h"

#define DEF_FILE "tests/support/actors/gauge.def"
#include "runtime/base/schema_declare.h"

enum { GAUGE_LOG_MAX = 65536 };

typedef struct gauge_world {
    uint64_t log[GAUGE_LOG_MAX]; /* values, in the order in which they were handled */
    uint32_t count;
    bool is_open; /* else gauge_keep is put aside */
    bool stashes_downs;
    uint32_t kept; /* refused with BUSY for want of room */
} gauge_world_t;

extern const actor_kind_t gauge_kind;  /* mailbox of 4, coalesces by the fields marked KEY */
extern const actor_kind_t modulo_kind; /* the same; gauge_plain by a function: value % 10 */

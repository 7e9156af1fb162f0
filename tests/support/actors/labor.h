#pragma once
/* labor.h -- an actor that gives work to the compute lane of the offload pool and takes it back. */

#include "runtime/runtime.h"

#include <stdatomic.h>

#define DEF_FILE "tests/support/actors/labor.def"
#include "runtime/base/schema_declare.h"

enum { LABOR_MAX = 8192 };

typedef struct labor_world {
    uint32_t worked[LABOR_MAX]; /* numbers, in the order in which they were worked on */
    _Atomic uint32_t worked_count;
    _Atomic uint32_t result[LABOR_MAX]; /* by number: err + 1; 0: none yet */
    _Atomic uint32_t result_count[LABOR_MAX];
    _Atomic bool is_spinning;
} labor_world_t;

extern const actor_kind_t labor_kind;

#pragma once
/* toy.h -- an actor that does on command what tests need done, and a world that they look at. */

#include "runtime/runtime.h"

#include <stdatomic.h>

#define DEF_FILE "tests/support/actors/toy.def"
#include "runtime/base/schema_declare.h"

typedef struct toy_world {
    _Atomic uint64_t started, stopped, deinited, cleaned, echoed, ticks, downs, down_failures;
    _Atomic uint64_t last_tick;
    _Atomic bool may_pass; /* toy_block waits for it, on the offload pool */
    _Atomic bool is_start_failing;
    uv_sem_t blocked; /* posted when a toy_block begins */
} toy_world_t;

extern const actor_kind_t toy_kind;   /* "toy": mailbox of 16 */
extern const actor_kind_t idle_kind;  /* "idle": passivated after 20 ms */
extern const actor_kind_t last_kind;  /* "last": mailbox of 4, drops the oldest */
extern const actor_kind_t first_kind; /* "first": mailbox of 4, drops the newest */
extern const actor_kind_t child_kind; /* not registered: what toy_spawn starts */

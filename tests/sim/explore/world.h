#pragma once
/* world.h -- carries out one plan: nodes, clients, faults, and the oracles that hold at every step
 * and at rest.
 *
 * Threads  One; and one run at a time, because faults in allocation are the program's. */

#include "tests/sim/explore/ledger.h"
#include "tests/sim/explore/plan.h"

/* A target is a kind and a key: kind * TARGET_KEYS + key. */
#define TARGET_NAMES(X)                                                                            \
    X(plain)                                                                                       \
    X(durable)                                                                                     \
    X(tiny)                                                                                        \
    X(newest)                                                                                      \
    X(oldest)                                                                                      \
    X(idle)                                                                                        \
    X(pinned)                                                                                      \
    X(durable_idle)                                                                                \
    X(trapper)                                                                                     \
    X(awaiter)                                                                                     \
    X(newest_of_key)                                                                               \
    X(sleeper)
typedef enum target_kind {
#define X(name) TARGET_##name,
    TARGET_NAMES(X)
#undef X
        TARGET_KINDS
} target_kind_t;
enum { TARGET_KEYS = 3 };
const char *target_kind_name(target_kind_t kind);

typedef struct outcome {
    oracle_t oracle; /* ORACLE_NONE: all held */
    char failure[256];
    uint64_t fingerprint, steps;
    uint64_t messages, crashes, failed_allocations, append_faults, absences, replacements, letters,
        reordered, torn; /* how rough it was */
} outcome_t;

/* trace: NULL, or one line a step and a line for all that is written into the ledger. */
void world_run(const plan_t *plan, FILE *trace, outcome_t *out_outcome);

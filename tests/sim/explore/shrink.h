#pragma once
/* shrink.h -- makes a failing plan small: takes out commands, steps, faults and change points as
 * long as what is left fails in the same way (delta debugging: Zeller and Hildebrandt, 2002).
 *
 * Every attempt runs in a process of its own, so that one which crashes or hangs is a failure like
 * any other. */

#include "tests/sim/explore/world.h"

typedef struct shrunk {
    oracle_t oracle; /* ORACLE_NONE: it did not fail again */
    char failure[256];
    uint32_t runs;
    uint32_t changes_before;
} shrunk_t;

/* Runs it once, in a child. */
oracle_t plan_try(const plan_t *plan, char out_failure[static 256]);
/* As it is; and made small. */
void plan_tell(const plan_t *plan, shrunk_t *out_shrunk);
void plan_shrink(plan_t *plan, shrunk_t *out_shrunk);

#pragma once
/* problems.h -- the files of a root that could not be read: the newest LIBRARY_PROBLEMS_MAX, one a
 * path.
 *
 * Ownership  The list owns its strings. Threads  None.
 * Errors     NO_MEMORY: the problem is counted as dropped instead. */

#include "actors/protocol/library.h"
#include "runtime/base/arena.h"

typedef struct problem_entry problem_entry_t;

typedef struct problems {
    problem_entry_t **entries; /* oldest first */
    size_t count;
    uint64_t dropped; /* counted, not kept */
} problems_t;

void problems_deinit(problems_t *self);
#define PROBLEMS_SCOPED SCOPED(problems_deinit)

/* A path that is there already moves to the end, with the new reason. */
void problems_put(problems_t *self, const library_problem_t *problem);
void problems_remove(problems_t *self, str_t path);
bool problems_has(const problems_t *self, str_t path, str_t reason);
/* Borrows the list's strings. */
library_problem_t problems_at(const problems_t *self, size_t index);

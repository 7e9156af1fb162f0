#pragma once
/* journal_killer.h -- a process that appends is killed at a random moment, again and again, on one
 * journal: what it was told is durable must be there, what it was told is refused must not.
 *
 * The child writes each answer into a pipe as it gets it; the parent kills it, reads the rest of
 * the pipe, opens the journal and compares.
 *
 * Threads  One, and none beside it: it forks. Errors  A broken promise ends the program. */

#include "runtime/journal.h"

typedef struct journal_place {
    /* NULL: it can't be opened. is_other_boot: as after a reboot, where that makes a difference. */
    journal_t *(*open)(void *context, bool is_other_boot);
    void (*close)(void *context, journal_t *journal);
    void *context;
} journal_place_t;

typedef struct journal_killed {
    uint64_t durable, refused, unanswered; /* of these: there all the same */
} journal_killed_t;

/* Kills `rounds` times. */
journal_killed_t journal_kill(const journal_place_t *place, uint64_t rounds, uint64_t seed);

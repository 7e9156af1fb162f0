#pragma once
/* journal_memory.h -- a journal in memory, for simulation and tests: it keeps the contract of
 * journal.h, and can be told to break every promise that the contract allows to be broken.
 *
 * An append is decided in the order in which it came. By default it is decided and answered inside
 * append; with is_manual it waits until journal_memory_step, so that a test or a simulation chooses
 * the moment. What was decided ERR_OK is durable: journal_memory_crash forgets everything else,
 * without calling `done`, as a machine that lost power does.
 *
 * Ownership  The journal owns copies of all it is given. Threads  Any (one lock), but the faults
 * are set before others use it. */

#include "runtime/journal.h"

API_BEGIN

typedef struct journal_memory journal_memory_t;

/* How the next append shall end. `err` ERR_TIMEOUT is an unknown outcome: it was written, or not,
 * as is_written says. */
typedef struct journal_fault {
    err_t err;
    bool is_written;
} journal_fault_t;
/* Asked for every append that would be written; ERR_OK: no fault. */
typedef journal_fault_t (*journal_fault_fn)(void *context, const journal_append_t *append);

err_t journal_memory_new(bool is_manual, journal_memory_t **out_journal);
void journal_memory_free(journal_memory_t *self);
journal_t *journal_memory_journal(journal_memory_t *self);

void journal_memory_set_faults(journal_memory_t *self, journal_fault_fn fn, void *context);
/* Away: says so, refuses what is appended, and every read, with UNAVAILABLE. */
void journal_memory_set_away(journal_memory_t *self, bool is_away);
/* Whether every stream is at hand; at first none is. */
void journal_memory_set_at_hand(journal_memory_t *self, bool is_at_hand);
/* Every read gets this error until it is set back to ERR_OK. */
void journal_memory_fail_reads(journal_memory_t *self, err_t err);

/* With is_manual: appends that wait, and deciding the oldest. False: none. */
size_t journal_memory_pending(journal_memory_t *self);
bool journal_memory_step(journal_memory_t *self);
/* The same with the newest that is the oldest of its stream: streams are answered in another order
 * than they appended. */
bool journal_memory_step_last(journal_memory_t *self);
/* The oldest `count` are decided, and nobody is told: what a machine had written when it stopped.
 */
void journal_memory_tear(journal_memory_t *self, size_t count);
/* The machine stops: what was not decided never happened, and nobody is told. */
void journal_memory_crash(journal_memory_t *self);
/* Events in all streams. */
size_t journal_memory_count(journal_memory_t *self);

API_END

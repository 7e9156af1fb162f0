#pragma once
/* bad_journal.h -- a journal in memory that fails as a plan says, and is not hit by injected faults
 * in allocation: those are none of the journal's.
 *
 * An append that a fault ends unknown was written or not; while it is away it refuses what it is
 * given and every read, and says so; the append that is under way when it leaves may end unknown.
 * It may take its time, answer streams in another order than they came, and have written some of
 * what was under way when the node stopped.
 */

#include "runtime/journal_memory.h"
#include "tests/sim/explore/ledger.h"
#include "tests/sim/explore/plan.h"

typedef struct bad_journal {
    journal_t journal; /* first: the table's functions get it */
    journal_memory_t *memory;
    const plan_t *plan;
    ledger_t *ledger;
    uint64_t appends;
    uint32_t append_faults, absences;
    bool is_calm; /* no faults any more */
    bool is_away, is_slow, is_reordering;
    uint32_t reordered, torn;
    journal_fault_t next; /* err OK: as the plan says */
} bad_journal_t;

void bad_journal_open(bad_journal_t *self, const plan_t *plan, ledger_t *ledger);
void bad_journal_close(bad_journal_t *self);
/* What is behind it: it never fails. */
journal_t *bad_journal_inner(const bad_journal_t *self);
/* The node stops: of what is under way, the oldest are written, `most` at most; nobody is told. */
void bad_journal_tear(bad_journal_t *self, uint32_t most);
/* Before each step. */
void bad_journal_apply(bad_journal_t *self, uint64_t step);

/* Appends are decided one by one; as sources of a simulation. */
bool bad_journal_is_ready(void *context);
void bad_journal_step(void *context);

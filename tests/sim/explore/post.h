#pragma once
/* post.h -- what is owed to a message that is sent durably: once it is in its sender's stream, its
 * receiver takes it, once, after all that the same sender sent there before; and nobody takes what
 * was not sent. All of it is read from the journal, so it holds over crashes.
 *
 * Memory comes from libc. */

#include "runtime/journal.h"
#include "tests/sim/explore/ledger.h"

/* At rest; the journal reads without faults. Returns how many were taken. */
uint64_t post_settle(ledger_t *ledger, journal_t *journal);

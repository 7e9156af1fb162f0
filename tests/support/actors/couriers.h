#pragma once
/* couriers.h -- couriers in a runtime of their own that send each other things until they are
 * killed, and the books of what came of it.
 *
 * Threads  One. Errors  A problem is described, not asserted: this runs where no test framework
 * does. */

#include "runtime/base/buf.h"
#include "runtime/journal.h"

enum { COURIERS = 4 };

/* Begins with what waits since the life before, then sends more. `first_delivery` is called when
 * something was delivered, once. Never returns. `life` numbers the lives from 1. */
_Noreturn void couriers_run(journal_t *journal, uint64_t life,
                            void (*first_delivery)(void *context), void *context);
/* Until nothing waits any more. False: it still does after timeout_ms. */
bool couriers_settle(journal_t *journal, uint64_t timeout_ms);
/* At rest: what was sent was taken, each once and in the order of its sender, and nothing else. */
bool couriers_agree(journal_t *journal, uint64_t *out_taken, buf_t *problem);

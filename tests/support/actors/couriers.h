#pragma once
/* couriers.h -- couriers in a runtime of their own that send each other things until they are
 * killed, and the books of what came of it.
 *
 * Threads  One. Errors  A problem is described, not asserted: this runs where no test framework
 * does. */

#include "runtime/base/buf.h"
#include "runtime/base/random.h"
#include "runtime/journal.h"

#include <sys/types.h>

enum { COURIERS = 4 };

/* A process of its own, on the journal that `open` gives there (NULL: it ends). It begins with what
 * waits since the life before, then sends more. Returns when something was delivered; -1: nothing
 * was. `life` numbers the lives from 1. */
pid_t couriers_begin(journal_t *(*open)(const void *context), const void *context, uint64_t life);
/* Kills it after up to 60 ms at random: when in its life is what is tested. False: it had ended by
 * itself. */
bool couriers_kill(pid_t child, const ms_random_t *random);
/* Until nothing waits any more. False: it still does after timeout_ms. */
bool couriers_settle(journal_t *journal, uint64_t timeout_ms);
/* At rest: what was sent was taken, each once and in the order of its sender, and nothing else. */
bool couriers_agree(journal_t *journal, uint64_t *out_taken, buf_t *problem);

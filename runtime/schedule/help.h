#pragma once
/* help.h -- schedulers that have nothing to do help those whose actors wait.
 *
 * Another thread is woken to help only when actors have waited in the queue for SCHEDULER_HELP_NS;
 * each time it found nothing to take, that time doubles. Who has run out of its own takes from the
 * others' queues (run_queue.h says what), before it sleeps.
 *
 * Threads  The scheduler's. */

#include "runtime/schedule/scheduler.h"

/* When the clock was read: wakes a thread to help when others have waited here for long enough. */
void help_look(scheduler_t *self);
/* For who has nothing to do. False: nobody has any to spare. */
bool help_steal(scheduler_t *self);

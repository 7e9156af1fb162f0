#pragma once
/* help.h -- schedulers that have nothing to do help those whose actors wait, where that pays.
 *
 * Another thread is woken to help only when actors have waited in the queue for SCHEDULER_HELP_NS;
 * each time it found nothing to take, that time doubles. Who has run out of its own takes from the
 * others' queues (run_queue.h says what), before it sleeps.
 *
 * Of short, talkative work the governor (governor.h) may find that fewer schedulers handle more:
 * then only the *host*, who found it, and those after it up to the limit share it. Who is beyond
 *
 *  1. is not woken for help, and takes nothing from who is not generous (run_queue.h: its turns are
 *     long), so that long work is shared at any time;
 *  2. hands what it has over to the host, at a look at the clock HELP_BURST_NS after it woke: what
 *     its own loop and timers make ready is run at once where it came from, unless it lasts. Pinned
 *     actors stay;
 *  3. the first of them, while it sleeps, wakes every HELP_WATCH_NS. Finds it the host still in the
 *     same turn, it lifts the limit, and takes over even what was handed to the host and lies in
 *     `incoming`: so nobody waits for a long turn, or an endless one, because of the limit.
 *
 * No wake-up depends on any of it: who hands over sends and wakes as everybody does
 * (scheduler_ready), and an actor lies in the queue of one that runs, or was woken after it came.
 * A limit that is read late makes one too many or too few share for as long. It ends with the first
 * look that finds nobody busy, which 3 makes happen: idle, nobody ticks.
 *
 * One thread at a time steps the governor: who swapped `due_ns` for UINT64_MAX, until it puts the
 * next time there. A simulation goes without.
 *
 * Threads  The scheduler's. */

#include "runtime/schedule/scheduler.h"

enum { HELP_BURST_NS = 100 * 1000, HELP_WATCH_NS = 1000 * 1000, HELP_LIMIT_BITS = 8 };

/* As it lies in runtime->help.limit. */
static inline uint32_t help_limit_of(uint32_t host, uint32_t limit)
{
    return host << HELP_LIMIT_BITS | limit;
}

void help_init(runtime_t *runtime);
/* When the clock was read: wakes a thread to help when others have waited here for long enough. */
void help_look(scheduler_t *self);
/* For who has nothing to do. False: nobody has any to spare. */
bool help_steal(scheduler_t *self);
/* Between two turns. */
void help_hand_over(scheduler_t *self);
/* When who is about to sleep has to wake, all the same; UINT64_MAX: it need not. */
uint64_t help_watch_ns(const scheduler_t *self, uint64_t now_ns);

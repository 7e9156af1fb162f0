#pragma once
/* waiters.h -- who waits until something has come to a position: a projection, the search index.
 *
 * Threads  Any. Who waits is called with no lock held, on the thread that reached the position.
 * Errors   LIMIT: too many wait; NO_MEMORY. */

#include "runtime/base/error.h"

#include <pthread.h>
#include <stdint.h>

typedef void (*waiters_then_fn)(void *context, err_t err);

typedef struct waiters {
    pthread_mutex_t lock;
    struct waiter *first;
    size_t count, count_max;
    uint64_t last_ticket;
} waiters_t;

void waiters_init(waiters_t *self, size_t count_max);
/* Those that still wait get CANCELLED. */
void waiters_deinit(waiters_t *self);

/* Whoever adds one looks afterwards whether the position was reached meanwhile, and says so. */
err_t waiters_add(waiters_t *self, uint64_t position, waiters_then_fn then, void *context,
                  uint64_t *out_ticket);
/* Calls those that wait for this position or one before it. */
void waiters_reach(waiters_t *self, uint64_t position, err_t err);
/* True: `then` will not be called. False: it was, or is being. */
bool waiters_cancel(waiters_t *self, uint64_t ticket);

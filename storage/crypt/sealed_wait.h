#pragma once
/* sealed_wait.h -- appends and snapshots that wait for a key, in their order, and the thread that
 * fetches it.
 *
 * Threads  put, is_empty: any; the rest from one. */

#include "runtime/journal.h"

#include <pthread.h>
#include <stdatomic.h>

/* Is given each in turn, on the queue's thread; one of both is set. */
typedef struct sealed_waiting {
    const journal_append_t *append; /* owned by the queue until it returns */
    str_t stream, snapshot;
    uint64_t version;
} sealed_waiting_t;
typedef void (*sealed_serve_fn)(void *context, const sealed_waiting_t *waiting);

typedef struct sealed_wait {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct sealed_item *first, **end;
    size_t size, size_max;  /* bytes */
    _Atomic uint64_t count; /* with the one being served */
    bool is_started, is_closed;
    sealed_serve_fn serve;
    void *context;
} sealed_wait_t;

err_t sealed_wait_start(sealed_wait_t *self, size_t size_max, sealed_serve_fn serve, void *context);
/* After all in it were served. Nothing where it was not started. */
void sealed_wait_stop(sealed_wait_t *self);
bool sealed_wait_is_empty(const sealed_wait_t *self);
/* Copies it. BUSY, NO_MEMORY. */
err_t sealed_wait_put(sealed_wait_t *self, const sealed_waiting_t *waiting);

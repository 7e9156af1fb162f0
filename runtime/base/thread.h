#pragma once
/* thread.h -- starts a thread that takes no signals (those belong to the main thread); names one.
 *
 * Threads  Any. Errors  As pthread_create (err_from_errno). */

#include "runtime/base/attributes.h"
#include "runtime/base/error.h"

#include <pthread.h>

err_t thread_start(pthread_t *out, void *(*main)(void *context), void *context);

enum { THREAD_NAME_MAX = 15 };

/* Names the thread that calls it, for `top -H`, debuggers and profilers: THREAD_NAME_MAX bytes
 * (pthread_setname_np); what is longer is cut. */
void thread_name(const char *format, ...) PRINTF_LIKE(1, 2);

/* A thread that its owner starts and ends, or never started. All zero: none. `is_there` is written
 * before it runs, and not again while it does: it may look itself. */
typedef struct thread_slot {
    pthread_t thread;
    bool is_there;
} thread_slot_t;

err_t thread_slot_start(thread_slot_t *self, void *(*main)(void *context), void *context);
/* Waits for its end, which it was told of; where there is none, for nothing. */
void thread_slot_join(thread_slot_t *self);

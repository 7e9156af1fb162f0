#pragma once
/* thread.h -- starts a thread that takes no signals: those belong to the main thread.
 *
 * Threads  Any. Errors  As pthread_create (err_from_errno). */

#include "runtime/base/error.h"

#include <pthread.h>

err_t thread_start(pthread_t *out, void *(*main)(void *context), void *context);

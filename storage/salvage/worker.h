#pragma once
/* worker.h -- runs what may die in a process of its own, and says how it ended.
 *
 * Threads  The caller has no others: the process is forked as it stands.
 * Errors   CORRUPT: it died of what it read; CANCELLED: somebody ended it (SIGKILL, when memory is
 *          short, say). *death names either. */

#include "runtime/base/error.h"

/* In the child. `room` is shared: what is written there before it dies, the caller gets. */
typedef err_t (*worker_fn)(void *context, void *room);

/* room: size bytes, copied in and out. *death: "SIGSEGV" and the like, when it died; untouched
 * otherwise. */
err_t worker_run(worker_fn fn, void *context, void *room, size_t size, const char **death);

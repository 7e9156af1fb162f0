#pragma once
/* own_writes.h -- read your writes, in search: the answer to a change waits until what it changed
 * is found, so whoever has the answer, on whatever connection, finds it, and nobody finds what it
 * took back.
 *
 * Only who changed something waits, and only for as long as it takes or OWN_WRITES_WAIT_MS: a
 * projection that is being built again, or stands still, delays an answer by no more than that, and
 * the change is found later. The position is looked at, at growing intervals: so nothing of another
 * thread ever holds a request.
 *
 * Threads  The loop's. */

#include "storage/projection.h"

#include <uv.h>

enum { OWN_WRITES_WAIT_MS = 500 };

typedef void (*own_writes_then_fn)(void *context);

/* Calls `then` once `projection` is at `position` of the journal; at once where it is (0 always
 * is), where there is none (NULL) or no memory to wait; after wait_ms in any case. */
void own_writes_wait(uv_loop_t *loop, const projection_t *projection, uint64_t position,
                     uint64_t wait_ms, own_writes_then_fn then, void *context);

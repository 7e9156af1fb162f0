#pragma once
/* readable.h -- descriptors that actors wait for: one epoll set a scheduler, made by the first that
 * waits there, polled by its loop. A descriptor is asked about once (EPOLLONESHOT) for one actor;
 * what can be read becomes an actor_readable. Where that can't be sent (no memory, a full mailbox)
 * the set rests for READABLE_PAUSE_MS and asks again: a wake-up is late then, not lost.
 *
 * A descriptor that is closed leaves the set by itself, so nothing here is undone when an actor
 * ends; what had been sent by then is a dead letter, or heard by the next state, which finds
 * nothing to read.
 *
 * Threads  The scheduler's. */

#include "runtime/actor.h"

enum { READABLE_FD_MAX = 65536, READABLE_PAUSE_MS = 100 };

typedef struct scheduler scheduler_t;
typedef struct readable readable_t;

/* After the loop has closed its handles. */
void readable_free(readable_t *self);

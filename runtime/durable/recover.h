#pragma once
/* recover.h -- where an actor's state is read: in the offload pool, or, of an actor that begins and
 * whose journal says that the stream is at hand, within the turn, which saves waking two threads.
 *
 * A page that has to come from the disk makes the thread wait. When a reading took longer than
 * RECOVER_HERE_MAX_NS, those of this scheduler go to the pool for RECOVER_ELSEWHERE_NS: so a disk
 * that is slow costs it a small part of its time.
 *
 * Threads  The owner of the actor. */

#include "runtime/schedule/offload.h"

typedef struct context context_t;

enum { RECOVER_HERE_MAX_NS = 500 * 1000, RECOVER_ELSEWHERE_NS = 100 * 1000 * 1000 };

/* STARTING, for the first time since it was activated: as recover_begin, or at once. */
void recover_first(context_t *ctx);
/* RECOVERING from here on; or it waits until the journal is back, or can't start. */
void recover_begin(context_t *ctx);
/* A job of ours is back. */
void recover_end(context_t *ctx, job_t *job);

#pragma once
/* inspect.h (inside) -- an actor says what it is, in its own turn, between two messages.
 *
 * MESSAGE_INSPECT travels in the system lane, so it passes what waits, in every phase; the answer
 * goes the way of an edge's ask, whose deadline it has.
 *
 * Threads  inspect_answer: the owner of the actor. */

#include "runtime/context.h"

enum { INSPECTION_SIZE_MAX = 1024 * 1024, INSPECTION_REFS_MAX = 64 };

/* Takes the message. */
void inspect_answer(context_t *ctx, message_t *message);

#pragma once
/* owed.h -- ends that could not be sent for want of memory or room: downs, exits, unlinks, credits
 * and ends of streams. Each waits in its own block, in order; nothing else goes to that node before
 * it.
 *
 * Ownership  It owns what waits. Threads  Any. */

#include "runtime/mail/message.h"

#include <stdatomic.h>
#include <uv.h>

struct remote;

typedef struct owed {
    uv_mutex_t lock;
    message_t *first, *last;
    _Atomic uint32_t count;
    _Atomic bool is_trying; /* somebody has the first in hand */
} owed_t;

void owed_init(owed_t *self);
void owed_deinit(owed_t *self);
/* To the actor `ref` of another node; takes the message. */
void owed_keep(owed_t *self, uint64_t ref, message_t *message);
/* Sends what can be sent. */
void owed_try(struct remote *remote);
/* Tries, and says whether something still must go to this seat first. */
bool owed_is_any(struct remote *remote, uint32_t seat);

#pragma once
/* relations.h -- what ties an actor to others: its children, its timers and subscriptions. Links
 * and monitors are in bonds.h.
 *
 * Threads  The owner of the actor; system_send any. */

#include "runtime/life/activation.h"

err_t children_add(actor_t *actor, uint64_t child);
void children_remove(actor_t *actor, uint64_t child);
void children_stop(actor_t *actor);

void timers_cancel_all(actor_t *actor);
void unsubscribe_all(actor_t *actor);

/* A bare message of the system lane. False: nobody is there, or no memory. */
bool system_send(runtime_t *runtime, uint64_t to, message_kind_t kind, uint64_t sender);
/* Frees it with what it is embedded in. */
void system_message_free(message_t *message);

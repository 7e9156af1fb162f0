#pragma once
/* relations.h -- what ties an actor to others: who watches it, its children, its timers and
 * subscriptions.
 *
 * Threads  The owner of the actor; down_send and system_send any. */

#include "runtime/life/activation.h"

/* The watcher is told at once where there is no room for it. */
void watchers_add(actor_t *actor, const message_t *monitor);
/* Once: "normal", or "failed: " and actor->reason. Then nobody watches. */
void tell_watchers(actor_t *actor);
void down_send(runtime_t *runtime, actor_watcher_t watcher, uint64_t ref, str_t reason);

err_t children_add(actor_t *actor, uint64_t child);
void children_remove(actor_t *actor, uint64_t child);
void children_stop(actor_t *actor);

void timers_cancel_all(actor_t *actor);
void unsubscribe_all(actor_t *actor);

/* A bare message of the system lane. False: nobody is there, or no memory. */
bool system_send(runtime_t *runtime, uint64_t to, message_kind_t kind, uint64_t sender);
/* Frees it with what it is embedded in. */
void system_message_free(message_t *message);

#pragma once
/* relations.h -- what ties an actor to others: its children, its timers. Links and monitors are
 * in bonds.h, subscriptions in topic.h.
 *
 * Threads  The owner of the actor; system_send any. */

#include "runtime/life/activation.h"

/* The children of actor_spawn. One that ends says nothing: those that are gone are forgotten when
 * the list is full, or counts. Each is told to stop by a message of its own; those for which there
 * is no memory by the one that is embedded here, which one hands to the next. A message to stop
 * names the parent: a slot may have had so many activations meanwhile that a child's reference is
 * another's. */
typedef struct children {
    message_t stop;
    uint32_t count, capacity;
    uint64_t refs[];
} children_t;

static inline size_t children_size(uint32_t capacity)
{
    return sizeof(children_t) + capacity * sizeof(uint64_t);
}

/* With some that are gone: children_forget_gone before. */
static inline uint32_t children_count(const actor_t *actor)
{
    const children_t *children = actor_peek(actor)->children;
    return children == NULL ? 0 : children->count;
}

err_t children_add(actor_t *actor, uint64_t child);
void children_forget_gone(actor_t *actor);
void children_stop(actor_t *actor);
/* Takes a MESSAGE_STOP_ALL: to the next that is there. */
void children_stop_next(runtime_t *runtime, message_t *message);

void timers_cancel_all(actor_t *actor);

/* A bare message of the system lane. False: nobody is there, or no memory. */
bool system_send(runtime_t *runtime, uint64_t to, message_kind_t kind, uint64_t sender);
/* Frees it with what it is embedded in. */
void system_message_free(message_t *message);
/* The same while others live, who may be waiting for it. */
void system_message_drop(runtime_t *runtime, message_t *message);

#pragma once
/* behaviour.h -- which handler a message meets: of the behaviour that its actor is in, else of the
 * kind.
 *
 * An actor keeps the index of its behaviour, not a pointer, so a kind that is replaced by a newer
 * one with the same behaviours finds it again.
 *
 * Threads  The owner of the actor. */

#include "runtime/life/activation.h"

typedef struct heard {
    const actor_handler_t *handler; /* NULL: there is none */
    bool is_stashed;                /* it waits until the behaviour changes */
} heard_t;

heard_t behaviour_hear_slowly(const actor_t *actor, const schema_t *schema, bool is_signal);

static inline const actor_handler_t *handler_in(const actor_handler_t *handlers, size_t count,
                                                const schema_t *schema)
{
    for (size_t i = 0; i < count; i++) {
        if (handlers[i].schema == schema)
            return &handlers[i];
    }
    return NULL;
}

/* For people; empty: the kind's own. */
const char *actor_behaviour_name(const actor_t *actor);

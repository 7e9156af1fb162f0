#pragma once
/* probe.h -- where a runtime lets somebody look: the test kit (kit.c). Without one, each of
 * these places costs one branch. */

#include "runtime/durable/effect.h"

typedef struct actor actor_t;
typedef union alarm alarm_t;

typedef struct runtime_probe {
    void *context;
    /* Instead of carrying it out; takes what it holds. Not of answers and the actor's own end. */
    err_t (*effect)(void *context, actor_t *actor, effect_t *effect);
    void (*timer)(void *context, const actor_t *actor, const alarm_t *alarm, uint64_t delay_ms);
    /* For a name that is not registered. */
    const actor_kind_t *(*kind)(void *context, const char *name);
} runtime_probe_t;

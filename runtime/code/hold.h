#pragma once
/* hold.h -- one actor in a replacement of its kind: how it comes to rest, and goes on.
 *
 * Who replaces (replace.c) sends every actor of the kinds a MESSAGE_HOLD. The actor finishes what
 * cannot wait in ACTOR_HOLDING (appends, jobs, asks whose continuation has no name in the new
 * version), with its user lane closed, and then is ACTOR_HELD: nothing of it changes until
 * MESSAGE_RESUME, so its state may be read from the replacing thread. One that is started in the
 * meantime is held before it has a state. One without a state (crashed, waiting) is passive.
 *
 * Invariants
 *  1. A state is only ever touched by code of the version that made it: all of a kind's actors are
 *     at rest before the version changes, and each changes its state and its kind in one step.
 *  2. A hold is freed with its replacement; that is counted: by who replaces, by every hold that is
 *     on its way as a message, by every actor that is held.
 *  3. Both messages are embedded in the hold: nobody is left held for want of memory.
 *
 * Threads  hold_begin, hold_progress, hold_start, hold_resume: the actor's. Lock order:
 * plugins.lock, replacement.lock. */

#include "runtime/code/plugins.h"
#include "runtime/kernel.h"

typedef enum hold_state {
    HOLD_ASKED,   /* not there yet */
    HOLD_HELD,    /* with a state */
    HOLD_PASSIVE, /* without one */
    HOLD_GONE
} hold_state_t;

typedef struct hold hold_t;
struct hold {
    message_t asked;   /* MESSAGE_HOLD; may still be on its way when */
    message_t resumed; /* MESSAGE_RESUME is sent */
    hold_t *next;
    replacement_t *replacement;
    uint64_t actor;

    /* Under the replacement's lock. */
    hold_state_t state;
    const char *waits_for; /* HOLD_ASKED: what it has not finished; NULL: not known */
    actor_t *held;         /* HOLD_HELD */

    bool is_killed; /* the actor's: when it resumes */

    /* Made while it is held, taken over when it resumes. */
    const actor_kind_t *kind; /* NULL: it goes on as it was */
    void *fresh;
    arena_t arena;
};

typedef struct kind_pair {
    const actor_kind_t *old, *fresh;
} kind_pair_t;

struct replacement {
    _Atomic uint32_t refs;
    runtime_t *runtime;
    uv_mutex_t lock;
    kind_pair_t pairs[PLUGIN_KINDS_MAX];
    uint32_t pair_count;
    hold_t *holds;
    uint32_t asked_count; /* in HOLD_ASKED */
    bool is_committed;    /* set before the first MESSAGE_RESUME */
};

replacement_t *replacement_new(runtime_t *runtime);
void replacement_unref(replacement_t *self);
/* NULL: not one of its kinds. */
const kind_pair_t *replacement_pair(const replacement_t *self, const actor_kind_t *kind);
/* A hold in the list, in HOLD_ASKED, with a reference for its message. NULL: no memory. */
hold_t *replacement_add(replacement_t *self, uint64_t actor);

/* What was made for it is not taken over. */
void hold_forget_fresh(hold_t *hold);

void hold_begin(context_t *ctx, message_t *message);
/* True: the actor is held, and will be killed when it resumes. */
bool hold_keeps_kill(context_t *ctx);
void hold_resume(context_t *ctx, message_t *message);
/* After the turn of an actor that is held or about to be. */
void hold_progress(context_t *ctx);
/* Before an actor starts. True: it is held instead. Also brings its kind up to date. */
bool hold_start(context_t *ctx);
/* A message that nobody will handle. */
void hold_message_free(message_t *message);
/* The actor goes, held or not. */
void hold_drop(hold_t **hold);

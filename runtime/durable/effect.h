#pragma once
/* effect.h -- what a handler does to the world: sends, answers, publishes, spawns, jobs, its own
 * end.
 *
 * One description for all, so that an effect is either carried out at once or, word for word, held
 * until what it follows from is durable.
 *
 * Ownership  effect_run and effect_drop take what the effect holds. Held effects own copies. */

#include "runtime/mail/message.h"

typedef struct actor actor_t;
typedef struct job job_t;

typedef enum effect_kind {
    EFFECT_SEND,    /* message to an address */
    EFFECT_REPLY,   /* message to message->reply_to */
    EFFECT_PUBLISH, /* message to the topic in its text */
    EFFECT_SPAWN,   /* lets a child that has its slot begin */
    EFFECT_OFFLOAD,
    EFFECT_STOP
} effect_kind_t;

typedef struct effect effect_t;
struct effect {
    effect_t *next;
    effect_kind_t kind;
    uint64_t seq; /* the append it waits for */
    message_t *message;
    const actor_kind_t *to_kind; /* NULL: to_ref */
    str_t to_key;                /* borrowed; a held effect owns it */
    uint64_t to_ref;             /* of a send; of the child that is spawned */
    job_t *job;
};

typedef struct effect_queue {
    effect_t *first, **end;
} effect_queue_t;

void effect_queue_init(effect_queue_t *self);
/* A copy with an owned key. NO_MEMORY: the content is still the caller's. */
[[nodiscard]] err_t effect_queue_push(effect_queue_t *self, const effect_t *effect);

/* position: what answers say of the journal. Returns what a send comes to. */
err_t effect_run(actor_t *actor, effect_t *effect, uint64_t position);
/* Who asked gets err. */
void effect_drop(actor_t *actor, effect_t *effect, err_t err);
/* Runs, or drops with err, the head of the queue while its seq is at most (run) or at least (drop)
 * this one. */
void effect_queue_run(effect_queue_t *self, actor_t *actor, uint64_t seq_max, uint64_t position);
void effect_queue_drop(effect_queue_t *self, actor_t *actor, uint64_t seq_min, err_t err);
/* Frees all without a word: the runtime ends. */
void effect_queue_deinit(effect_queue_t *self);

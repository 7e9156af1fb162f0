#pragma once
/* actor_memory.h -- what one actor holds: blocks it asked for, an arena that only grows, and the
 * bytes it is charged with.
 *
 * Blocks lie in a list with a small header each, so that they go as one when the state does: at the
 * actor's end, its failure, before it is rebuilt. An actor is charged with its state, its blocks
 * and arena, its key, and its tables of asks, timers, links and children; not with messages, which
 * belong to who holds them (runtime_stats tells what all of them take). The charge is exact at the
 * end of each turn.
 *
 * Threads  The owner of the actor; actor_charged and runtime_charged any. */

#include "runtime/base/arena.h"
#include "runtime/memory/pool.h"

enum { ACTOR_MEMORY_MAX_DEFAULT = 64 << 20 }; /* of actor_kind_t.memory_max */

typedef struct runtime runtime_t;
typedef struct actor actor_t;

typedef struct memory_piece memory_piece_t;
struct memory_piece {
    memory_piece_t *next, *previous;
    size_t size; /* of the whole block */
    block_class_t block;
};

typedef struct actor_memory {
    memory_piece_t *pieces;
    size_t size;    /* of all pieces */
    size_t charged; /* of actor_extra_t: what actor_recharge last found */
    arena_t arena;  /* what a state that was put to sleep borrows, and actor_arena */
} actor_memory_t;

/* Frees all of it. */
void actor_memory_clear(actor_memory_t *self);

/* Adds to what the actor is charged with; a negative number takes back. */
void actor_charge(actor_t *actor, int64_t bytes);
/* Brings the charge up to what actor_extra_t holds now. */
void actor_recharge(actor_t *actor);
/* Takes back the charge for actor_extra_t: it goes. */
void actor_discharge(actor_t *actor);

/* Beyond its slot. */
uint64_t actor_charged(const actor_t *actor);
/* All actors of the runtime, without slots. */
uint64_t runtime_charged(const runtime_t *runtime);

#pragma once
/* pool.h -- blocks of memory for messages, timers, asks and states: a pool a scheduler.
 *
 * A pool hands out blocks of POOL_CLASSES sizes from slabs of POOL_SLAB_SIZE bytes that lie at
 * multiples of their size, so that a block finds its slab, and with it its owner, by its address.
 * Its own thread takes and gives back without an atomic operation. A block of another pool goes
 * into a box, a table of addresses for that owner; a full box (or any, at pool_flush) is handed
 * over with one compare-and-set, and the owner takes all of its boxes with one exchange when it
 * runs out, or idles.
 *
 *  1. Only the owner touches a slab's list and counters; who frees elsewhere only reads its
 *     `owner`, which never changes while a block of the slab is out.
 *  2. A block is in one place: out, in its slab's list, in a box, or in its owner's `singles`.
 *  3. A slab without blocks out goes back to the system, but for POOL_SLABS_KEPT, and at the next
 *     pool_idle POOL_SLABS_KEPT_IDLE.
 *
 * A thread without a pool (offload, outside) takes from the heap, and gives a block of a pool back
 * by itself, through the owner's `singles`. A pool on the heap (POOL_HEAP: what sanitizers want, so
 * that they see every use after free) does the same with everything. What is larger than
 * POOL_SIZE_MAX comes from the heap, too.
 *
 * Memory is not zeroed. Ownership  Who takes a block keeps its block class and gives it back with
 * it. Threads  A pool belongs to one thread; pool_free may be called with any pool's blocks, and
 * with `here` NULL on a thread that has none. Errors  NULL: no memory. */

#include "runtime/base/attributes.h"

#include <stdatomic.h>

enum {
    POOL_SIZE_MAX = 4096,
    POOL_SLAB_SIZE = 65536,
    POOL_CLASSES = 28,
    POOL_SLABS_KEPT = 1024,    /* empty ones, while its thread is busy */
    POOL_SLABS_KEPT_IDLE = 32, /* and when it has nothing to do */
    POOL_COUNT_MAX = 64,       /* that know each other */
    POOL_POPULATED_FROM =
        4 << 20, /* bytes of a pool from which its slabs come with all their pages */
    POOL_BOX_BLOCKS = 62,
    POOL_RETURNED_MAX = 1 << 20 /* bytes waiting for an owner that sleeps, then it is woken */
};

/* What a block is given back with. 0: from the heap. */
typedef uint8_t block_class_t;

typedef enum pool_backing { POOL_SLABS, POOL_HEAP } pool_backing_t;

typedef struct pool pool_t;
typedef struct block block_t;
struct block {
    block_t *next;
};

typedef enum slab_state { SLAB_CURRENT, SLAB_PARTIAL, SLAB_FULL, SLAB_KEPT } slab_state_t;

typedef struct slab slab_t;
struct slab {
    pool_t *owner;
    slab_t *next, *previous; /* of the pool's slabs of this class that have room */
    slab_t *all_next, *all_previous;
    block_t *free;
    uint32_t easy; /* blocks that can come back without a change of state (pool.c) */
    uint32_t carved, capacity, block_size, class;
    slab_state_t state;
};

typedef struct pool_box pool_box_t;
struct pool_box {
    pool_box_t *next;
    uint32_t count;
    block_class_t class; /* of the box itself */
    void *blocks[POOL_BOX_BLOCKS];
};

struct pool {
    /* Others'. */
    _Alignas(64) _Atomic(pool_box_t *) boxes;
    _Atomic(block_t *) singles;
    _Atomic size_t returned; /* bytes in boxes, about */

    /* Its own. */
    _Alignas(64) slab_t *current[POOL_CLASSES + 1];
    slab_t *partial[POOL_CLASSES + 1];
    slab_t none; /* a slab without blocks: `current` before there is one */
    slab_t *all;
    slab_t *kept; /* without blocks out */
    uint32_t index, pool_count, kept_count;
    _Atomic uint32_t slab_count;          /* written by its thread only */
    pool_box_t *outgoing[POOL_COUNT_MAX]; /* by the index of the owner */
    pool_backing_t backing;
    bool is_collecting;
    void (*wake)(void *context); /* any thread */
    void *context;
    /* For tests of what happens without memory. NULL: never; else asked before every block. */
    bool (*fails)(void *context);
    void *fails_context;
};

/* The index-th of pool_count pools that know each other. `wake` is the caller's to set afterwards:
 * another thread calls it when a lot lies ready for this pool. */
void pool_init(pool_t *self, uint32_t index, uint32_t pool_count, pool_backing_t backing);
/* All blocks of all pools that know each other were given back, or will not be touched any more;
 * no thread uses this one. */
void pool_deinit(pool_t *self);
/* The backing that this build should have: the heap under AddressSanitizer. */
pool_backing_t pool_backing_default(void);

/* The pool of the scheduler whose thread this is; NULL: none (scheduler.c). */
pool_t *pool_current(void);

/* Hands over what lies in boxes for others. Often enough: before its thread sleeps. */
void pool_flush(pool_t *self);
/* Takes back what others returned, so that empty slabs go back to the system. */
void pool_collect(pool_t *self);
/* Both, and gives empty slabs back to the system: its thread has nothing to do. */
void pool_idle(pool_t *self);

/* Blocks out, as far as the owner knows. */
uint64_t pool_used(const pool_t *self);

/* Any thread: what it holds of the system's memory. */
static inline uint64_t pool_bytes(const pool_t *self)
{
    return (uint64_t)atomic_load_explicit(&self->slab_count, memory_order_relaxed) * POOL_SLAB_SIZE;
}

/* The slow sides of pool_new and pool_free. */
void *pool_new_slow(pool_t *self, size_t size, block_class_t *out_class);
void pool_free_slow(pool_t *here, void *block, block_class_t class);

/* Sizes go in steps of 16 up to 128, from there four steps an octave. */
static inline block_class_t pool_class_of(size_t size)
{
    if (size <= 128)
        return (block_class_t)((size + 15) / 16 + (size == 0));
    unsigned octave = (unsigned)(63 - __builtin_clzll(size - 1));
    return (block_class_t)(8 + (octave - 7) * 4 + ((size - 1) >> (octave - 2) & 3) + 1);
}

/* At least `size` bytes, 16-byte aligned; what was in them stays. */
[[nodiscard]] static inline void *pool_new(pool_t *self, size_t size, block_class_t *out_class)
{
    if (LIKELY(self != NULL && size <= POOL_SIZE_MAX)) {
        block_class_t class = pool_class_of(size);
        slab_t *slab = self->current[class];
        block_t *block = slab->free;
        if (LIKELY(block != NULL)) {
            slab->free = block->next;
            slab->easy++;
            *out_class = class;
            return block;
        }
    }
    return pool_new_slow(self, size, out_class);
}

static inline void pool_free(pool_t *here, void *memory, block_class_t class)
{
    block_t *block = memory;
    slab_t *slab = (slab_t *)((uintptr_t)memory & ~(uintptr_t)(POOL_SLAB_SIZE - 1));
    if (LIKELY(class != 0 && slab->owner == here && slab->easy > 0)) {
        block->next = slab->free;
        slab->free = block;
        slab->easy--;
        return;
    }
    pool_free_slow(here, memory, class);
}

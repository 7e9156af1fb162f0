#include "runtime/memory/pool.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#include <string.h>

/* What a slab's state says of its blocks out (n) and of `easy`:
 *
 *     CURRENT  the one its class takes from     n == easy: it stays where it is when all are back
 *     PARTIAL  in its class's list              n == easy + 1: with the last one back it is retired
 *     FULL     in no list                       n == capacity, easy == 0: the first one lists it
 *     KEPT     in the list of empty slabs       n == 0 */
enum { SLAB_HEADER = 128 };
_Static_assert(sizeof(slab_t) <= SLAB_HEADER, "a slab's first block lies behind its header");
_Static_assert(sizeof(pool_box_t) <= 512 && POOL_BOX_BLOCKS >= 8, "a box is one block of 512");

pool_backing_t pool_backing_default(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return POOL_HEAP;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return POOL_HEAP;
#else
    return POOL_SLABS;
#endif
#else
    return POOL_SLABS;
#endif
}

/* The inverse of pool_class_of. */
static uint32_t size_of_class(uint32_t class)
{
    if (class <= 8)
        return class * 16;
    uint32_t octave = 7 + (class - 9) / 4;
    return (UINT32_C(1) << octave) + ((class - 9) % 4 + 1) * (UINT32_C(1) << (octave - 2));
}

void pool_init(pool_t *self, uint32_t index, uint32_t pool_count, pool_backing_t backing)
{
    ASSERT(pool_count <= POOL_COUNT_MAX);
    memset(self, 0, sizeof *self);
    self->index = index;
    self->pool_count = pool_count;
    self->backing = backing;
    for (uint32_t i = 0; i <= POOL_CLASSES; i++)
        self->current[i] = &self->none;
}

void pool_deinit(pool_t *self)
{
    while (self->all != NULL) {
        slab_t *slab = self->all;
        self->all = slab->all_next;
        memory_unmap(slab, POOL_SLAB_SIZE);
    }
}

/* ---- lists of slabs ---- */

static void list_push(slab_t **first, slab_t *slab)
{
    slab->previous = NULL;
    slab->next = *first;
    if (*first != NULL)
        (*first)->previous = slab;
    *first = slab;
}

static void list_remove(slab_t **first, slab_t *slab)
{
    if (slab->previous == NULL)
        *first = slab->next;
    else
        slab->previous->next = slab->next;
    if (slab->next != NULL)
        slab->next->previous = slab->previous;
}

static void count_slabs(pool_t *self, int change)
{
    uint32_t count = atomic_load_explicit(&self->slab_count, memory_order_relaxed);
    atomic_store_explicit(&self->slab_count, count + (uint32_t)change, memory_order_relaxed);
}

static void slab_release(pool_t *self, slab_t *slab)
{
    if (slab->all_previous == NULL)
        self->all = slab->all_next;
    else
        slab->all_previous->all_next = slab->all_next;
    if (slab->all_next != NULL)
        slab->all_next->all_previous = slab->all_previous;
    count_slabs(self, -1);
    memory_unmap(slab, POOL_SLAB_SIZE);
}

/* Nothing of it is out: kept for another class, or gone. */
static void slab_retire(pool_t *self, slab_t *slab)
{
    if (self->kept_count >= POOL_SLABS_KEPT) {
        slab_release(self, slab);
        return;
    }
    slab->state = SLAB_KEPT;
    slab->next = self->kept;
    self->kept = slab;
    self->kept_count++;
}

static slab_t *slab_new(pool_t *self)
{
    slab_t *slab = memory_map(POOL_SLAB_SIZE);
    if (slab == NULL)
        return NULL;
    if (pool_bytes(self) >= POOL_POPULATED_FROM)
        memory_populate(slab, POOL_SLAB_SIZE); /* who has so many will fill this one, too */
    slab->owner = self;
    slab->all_next = self->all;
    if (self->all != NULL)
        self->all->all_previous = slab;
    self->all = slab;
    count_slabs(self, 1);
    return slab;
}

/* An empty one for blocks of this class. NULL: no memory. */
static slab_t *slab_take(pool_t *self, uint32_t class)
{
    slab_t *slab = self->kept;
    if (slab != NULL) {
        self->kept = slab->next;
        self->kept_count--;
    } else if ((slab = slab_new(self)) == NULL) {
        return NULL;
    }
    slab->free = NULL;
    slab->easy = slab->carved = 0;
    slab->class = class;
    slab->block_size = size_of_class(class);
    slab->capacity = (POOL_SLAB_SIZE - SLAB_HEADER) / slab->block_size;
    return slab;
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Blocks follow each other in steps of so many, about the golden section, that meet all of them:
 * what is taken one after the other (states of actors) may be used on different cores, for which
 * two blocks in a line, or in those that are fetched ahead with it, are dear. */
static uint32_t stride_of(uint32_t count)
{
    uint32_t stride = MAX(count * 5 / 8, UINT32_C(1));
    while (common_divisor(count, stride) != 1)
        stride--;
    return stride;
}

/* More blocks of a slab into its list, a page at a time, so that no page is touched in vain. */
static void carve(slab_t *slab)
{
    uint32_t count = MAX(UINT32_C(4096) / slab->block_size, UINT32_C(1));
    char *first = (char *)slab + SLAB_HEADER;
    uint32_t end = MIN(slab->carved + count, slab->capacity);
    count = end - slab->carved;
    uint32_t stride = stride_of(count);
    for (uint32_t i = count; i > 0; i--) {
        uint32_t index = slab->carved + i * stride % count;
        block_t *block = (block_t *)(void *)(first + (size_t)index * slab->block_size);
        block->next = slab->free;
        slab->free = block;
    }
    slab->carved = end;
}

/* ---- taking ---- */

static void make_current(pool_t *self, uint32_t class, slab_t *slab)
{
    if (slab->state == SLAB_PARTIAL) {
        list_remove(&self->partial[class], slab);
        slab->easy++;
    }
    slab->state = SLAB_CURRENT;
    self->current[class] = slab;
    if (slab->free == NULL)
        carve(slab);
}

/* The slab to take from now: one with a free block. NULL: no memory. */
static slab_t *next_slab(pool_t *self, uint32_t class)
{
    slab_t *slab = self->current[class];
    if (slab->carved < slab->capacity) {
        carve(slab);
        return slab;
    }
    pool_collect(self); /* may bring some of its own blocks back, and make another current */
    slab = self->current[class];
    if (slab->free != NULL)
        return slab;
    if (slab != &self->none) {
        slab->state = SLAB_FULL;
        slab->easy = 0;
        self->current[class] = &self->none;
    }
    slab = self->partial[class];
    if (slab == NULL && (slab = slab_take(self, class)) == NULL)
        return NULL;
    make_current(self, class, slab);
    return slab;
}

static void *heap_new(size_t size, block_class_t *out_class)
{
    void *memory = memory_new_unset(size);
    if (memory != NULL)
        *out_class = 0;
    return memory;
}

void *pool_new_slow(pool_t *self, size_t size, block_class_t *out_class)
{
    if (self != NULL && self->fails != NULL && self->fails(self->fails_context))
        return NULL;
    if (self == NULL || self->backing == POOL_HEAP || self->fails != NULL || size > POOL_SIZE_MAX)
        return heap_new(size, out_class);
    block_class_t class = pool_class_of(size);
    slab_t *slab = next_slab(self, class);
    if (slab == NULL)
        return NULL;
    block_t *block = slab->free;
    ASSERT(block != NULL);
    slab->free = block->next;
    slab->easy++;
    *out_class = class;
    return block;
}

/* ---- giving back, at home ---- */

static void free_own(pool_t *self, slab_t *slab, block_t *block)
{
    block->next = slab->free;
    slab->free = block;
    if (slab->easy > 0) {
        slab->easy--;
        return;
    }
    uint32_t class = slab->class;
    if (slab->state == SLAB_FULL) {
        slab->state = SLAB_PARTIAL;
        slab->easy = slab->capacity - 2;
        list_push(&self->partial[class], slab);
    } else {
        ASSERT(slab->state == SLAB_PARTIAL); /* else a block came back twice */
        list_remove(&self->partial[class], slab);
        slab_retire(self, slab);
    }
}

static slab_t *slab_of(const void *block)
{
    return (slab_t *)((uintptr_t)block & ~(uintptr_t)(POOL_SLAB_SIZE - 1));
}

/* ---- giving back to another pool ---- */

static void return_single(pool_t *owner, block_t *block)
{
    block_t *first = atomic_load_explicit(&owner->singles, memory_order_relaxed);
    do {
        block->next = first;
        /* Release: pairs with the exchange in pool_collect, which sees `next`. */
    } while (!atomic_compare_exchange_weak_explicit(&owner->singles, &first, block,
                                                    memory_order_release, memory_order_relaxed));
}

static void hand_over(pool_t *self, uint32_t index)
{
    pool_box_t *box = self->outgoing[index];
    self->outgoing[index] = NULL;
    pool_t *owner = slab_of(box->blocks[0])->owner;
    size_t bytes = (size_t)box->count * slab_of(box->blocks[0])->block_size;
    pool_box_t *first = atomic_load_explicit(&owner->boxes, memory_order_relaxed);
    do {
        box->next = first;
        /* Release: pairs with the exchange in pool_collect, which sees the box's content. */
    } while (!atomic_compare_exchange_weak_explicit(&owner->boxes, &first, box,
                                                    memory_order_release, memory_order_relaxed));
    size_t before = atomic_fetch_add_explicit(&owner->returned, bytes, memory_order_relaxed);
    if (before < POOL_RETURNED_MAX && before + bytes >= POOL_RETURNED_MAX && owner->wake != NULL)
        owner->wake(owner->context);
}

static void return_boxed(pool_t *self, pool_t *owner, block_t *block)
{
    pool_box_t *box = self->outgoing[owner->index];
    if (box == NULL) {
        block_class_t class = 0;
        box = self->fails == NULL ? pool_new(self, sizeof *box, &class) : NULL;
        if (box == NULL) {
            return_single(owner, block);
            return;
        }
        box->count = 0;
        box->class = class;
        self->outgoing[owner->index] = box;
    }
    box->blocks[box->count++] = block;
    if (box->count == POOL_BOX_BLOCKS)
        hand_over(self, owner->index);
}

void pool_free_slow(pool_t *here, void *memory, block_class_t class)
{
    if (class == 0) {
        memory_free(memory);
        return;
    }
    pool_t *owner = slab_of(memory)->owner;
    if (owner == here)
        free_own(here, slab_of(memory), memory);
    else if (here == NULL || here->backing == POOL_HEAP)
        return_single(owner, memory);
    else
        return_boxed(here, owner, memory);
}

/* ---- now and then ---- */

void pool_flush(pool_t *self)
{
    for (uint32_t i = 0; i < self->pool_count; i++) {
        if (self->outgoing[i] != NULL)
            hand_over(self, i);
    }
}

static void collect_box(pool_t *self, pool_box_t *box)
{
    for (uint32_t i = 0; i < box->count; i++)
        free_own(self, slab_of(box->blocks[i]), box->blocks[i]);
    pool_t *owner = slab_of(box)->owner;
    /* A box for a box would go to and fro for ever. */
    if (owner != self && self->outgoing[owner->index] == NULL)
        return_single(owner, (block_t *)(void *)box);
    else
        pool_free(self, box, box->class);
}

void pool_collect(pool_t *self)
{
    if (self->is_collecting)
        return; /* to give back a box it took a block */
    self->is_collecting = true;
    if (atomic_load_explicit(&self->boxes, memory_order_relaxed) != NULL) {
        pool_box_t *box = atomic_exchange_explicit(&self->boxes, NULL, memory_order_acquire);
        atomic_store_explicit(&self->returned, 0, memory_order_relaxed);
        while (box != NULL) {
            pool_box_t *next = box->next;
            collect_box(self, box);
            box = next;
        }
    }
    if (atomic_load_explicit(&self->singles, memory_order_relaxed) != NULL) {
        block_t *block = atomic_exchange_explicit(&self->singles, NULL, memory_order_acquire);
        while (block != NULL) {
            block_t *next = block->next;
            free_own(self, slab_of(block), block);
            block = next;
        }
    }
    self->is_collecting = false;
}

void pool_idle(pool_t *self)
{
    pool_collect(self);
    pool_flush(self);
    for (uint32_t class = 1; class <= POOL_CLASSES; class ++) {
        slab_t *slab = self->current[class];
        if (slab == &self->none || slab->easy > 0)
            continue;
        self->current[class] = &self->none;
        slab_retire(self, slab);
    }
    while (self->kept_count > POOL_SLABS_KEPT_IDLE) {
        slab_t *slab = self->kept;
        self->kept = slab->next;
        self->kept_count--;
        slab_release(self, slab);
    }
}

uint64_t pool_used(const pool_t *self)
{
    uint64_t used = 0;
    for (const slab_t *slab = self->all; slab != NULL; slab = slab->all_next)
        used += slab->state == SLAB_FULL ? slab->capacity
                                         : slab->easy + (slab->state == SLAB_PARTIAL ? 1 : 0);
    return used;
}

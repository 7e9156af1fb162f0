#include "runtime/memory/actor_memory.h"

#include "runtime/context.h"
#include "runtime/life/bonds.h"
#include "runtime/life/relations.h"

#include <string.h>

enum { PIECE_HEADER = 32 };
_Static_assert(sizeof(memory_piece_t) <= PIECE_HEADER, "what lies behind it is 16-byte aligned");

/* ---- blocks ---- */

void actor_memory_clear(actor_memory_t *self)
{
    while (self->pieces != NULL) {
        memory_piece_t *piece = self->pieces;
        self->pieces = piece->next;
        pool_free(pool_current(), piece, piece->block);
    }
    self->size = 0;
    arena_deinit(&self->arena);
}

/* What it may still take. */
static size_t room_of(const actor_t *actor, const actor_memory_t *memory)
{
    size_t max =
        actor->kind->memory_max == 0 ? (size_t)ACTOR_MEMORY_MAX_DEFAULT : actor->kind->memory_max;
    size_t used = actor->kind->state_size + memory->size + memory->arena.size;
    return used >= max ? 0 : max - used;
}

void *actor_memory_new(context_t *ctx, size_t size)
{
    actor_extra_t *extra = actor_extra(ctx->actor);
    if (extra == NULL)
        return NULL;
    actor_memory_t *memory = &extra->memory;
    size_t room = room_of(ctx->actor, memory);
    if (room < PIECE_HEADER || size > room - PIECE_HEADER)
        return NULL;
    block_class_t block = 0;
    size_t whole = PIECE_HEADER + size;
    memory_piece_t *piece = pool_new(pool_current(), whole, &block);
    if (piece == NULL)
        return NULL;
    memset(piece, 0, whole);
    piece->size = whole;
    piece->block = block;
    piece->next = memory->pieces;
    if (piece->next != NULL)
        piece->next->previous = piece;
    memory->pieces = piece;
    memory->size += whole;
    return (char *)piece + PIECE_HEADER;
}

void *actor_memory_new_or_fail(context_t *ctx, size_t size)
{
    void *memory = actor_memory_new(ctx, size);
    if (memory == NULL)
        actor_fail(ctx, "past its memory_max, or no memory");
    return memory;
}

void actor_memory_free(context_t *ctx, void *pointer)
{
    if (pointer == NULL)
        return;
    actor_memory_t *memory = &actor_extra_there(ctx->actor)->memory;
    memory_piece_t *piece = (memory_piece_t *)(void *)((char *)pointer - PIECE_HEADER);
    if (piece->previous == NULL)
        memory->pieces = piece->next;
    else
        piece->previous->next = piece->next;
    if (piece->next != NULL)
        piece->next->previous = piece->previous;
    memory->size -= piece->size;
    pool_free(pool_current(), piece, piece->block);
}

arena_t *actor_arena(context_t *ctx)
{
    actor_extra_t *extra = actor_extra(ctx->actor);
    if (extra == NULL)
        return NULL;
    arena_t *arena = &extra->memory.arena;
    /* 0 would be no limit. */
    arena->size_max = MAX(arena->size + room_of(ctx->actor, &extra->memory), (size_t)1);
    return arena;
}

/* ---- the charge ---- */

void actor_charge(actor_t *actor, int64_t bytes)
{
    _Atomic uint64_t *charged = &actor_entry(actor)->charged;
    uint64_t before = atomic_load_explicit(charged, memory_order_relaxed);
    atomic_store_explicit(charged, before + (uint64_t)bytes, memory_order_relaxed);

    runtime_t *runtime = actor_runtime(actor);
    scheduler_t *here = scheduler_current();
    if (here == NULL || here->runtime != runtime) {
        atomic_fetch_add_explicit(&runtime->charged, (uint64_t)bytes, memory_order_relaxed);
        return;
    }
    uint64_t sum = atomic_load_explicit(&here->charged, memory_order_relaxed) + (uint64_t)bytes;
    atomic_store_explicit(&here->charged, sum, memory_order_relaxed);
}

static size_t extra_size(const actor_extra_t *extra)
{
    size_t size = sizeof *extra + extra->memory.size + extra->memory.arena.size;
    size += extra->asks.capacity * sizeof(ask_t);
    size += extra->timers.capacity * sizeof(timer_place_t) + extra->timers.count * sizeof(alarm_t);
    if (extra->children != NULL)
        size += children_size(extra->children->capacity);
    if (extra->bonds != NULL) {
        const bonds_t *bonds = extra->bonds;
        size_t entries =
            (size_t)bonds->links.capacity + bonds->monitors.capacity + bonds->watchers.capacity;
        size += sizeof *bonds + entries * sizeof(id_entry_t);
    }
    return size;
}

void actor_recharge(actor_t *actor)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (extra == NULL)
        return;
    size_t size = extra_size(extra);
    if (size == extra->memory.charged)
        return;
    actor_charge(actor, (int64_t)size - (int64_t)extra->memory.charged);
    extra->memory.charged = size;
}

void actor_discharge(actor_t *actor)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (extra == NULL)
        return;
    actor_charge(actor, -(int64_t)extra->memory.charged);
    extra->memory.charged = 0;
}

uint64_t actor_charged(const actor_t *actor)
{
    return atomic_load_explicit(&actor_entry(actor)->charged, memory_order_relaxed);
}

uint64_t runtime_charged(const runtime_t *runtime)
{
    uint64_t sum = atomic_load(&runtime->charged);
    for (uint32_t i = 0; i < runtime->scheduler_count; i++)
        sum += atomic_load_explicit(&runtime->schedulers[i].charged, memory_order_relaxed);
    return (int64_t)sum < 0 ? 0 : sum; /* read while it moves from one to the other */
}

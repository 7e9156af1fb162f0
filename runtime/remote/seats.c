#include "runtime/remote/seats.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/router.h"

#include <string.h>

_Static_assert(ROUTER_SEATS_MAX < SEATS_CHUNK * SEATS_CHUNKS, "a seat has its bits");

void seats_init(seats_t *self)
{
    memset(self, 0, sizeof *self);
    ASSERT(uv_mutex_init(&self->lock) == 0);
}

void seats_deinit(seats_t *self)
{
    for (size_t i = 0; i < SEATS_CHUNKS; i++)
        memory_free(atomic_load(&self->chunks[i]));
    id_map_deinit(&self->by_node);
    uv_mutex_destroy(&self->lock);
}

uint64_t seats_node(const seats_t *self, uint32_t seat)
{
    if (seat >= SEATS_CHUNK * SEATS_CHUNKS)
        return 0;
    _Atomic uint64_t *chunk =
        atomic_load_explicit(&self->chunks[seat / SEATS_CHUNK], memory_order_acquire);
    return chunk == NULL ? 0
                         : atomic_load_explicit(&chunk[seat % SEATS_CHUNK], memory_order_acquire);
}

static uint32_t find_locked(const seats_t *self, uint64_t node)
{
    const id_value_t *value = id_map_at(&self->by_node, node);
    return value == NULL ? 0 : (uint32_t)value->number;
}

uint32_t seats_find(seats_t *self, uint64_t node)
{
    _Atomic uint32_t *recent = &self->recent[node % SEATS_RECENT];
    uint32_t seat = atomic_load_explicit(recent, memory_order_relaxed);
    if (LIKELY(seat != 0 && seats_node(self, seat) == node))
        return seat;
    uv_mutex_lock(&self->lock);
    seat = find_locked(self, node);
    uv_mutex_unlock(&self->lock);
    if (seat != 0)
        atomic_store_explicit(recent, seat, memory_order_relaxed);
    return seat;
}

static err_t give_locked(seats_t *self, uint64_t node, uint32_t *out_seat)
{
    uint32_t seat = self->last + 1;
    seat += seat % SEATS_CHUNK == 0; /* without low bits it would look like one of ours */
    if (seat > ROUTER_SEATS_MAX)
        return ERR_LIMIT;
    _Atomic uint64_t *chunk = atomic_load(&self->chunks[seat / SEATS_CHUNK]);
    if (chunk == NULL && (chunk = memory_new_array(SEATS_CHUNK, sizeof *chunk)) == NULL)
        return ERR_NO_MEMORY;
    atomic_store_explicit(&self->chunks[seat / SEATS_CHUNK], chunk, memory_order_release);
    TRY(id_map_put(&self->by_node, node, (id_value_t){.number = seat}));
    atomic_store_explicit(&chunk[seat % SEATS_CHUNK], node, memory_order_release);
    *out_seat = self->last = seat;
    return ERR_OK;
}

err_t seats_give(seats_t *self, uint64_t node, uint32_t *out_seat)
{
    uint32_t seat = seats_find(self, node);
    err_t err = ERR_OK;
    if (seat == 0) {
        uv_mutex_lock(&self->lock);
        seat = find_locked(self, node);
        if (seat == 0)
            err = give_locked(self, node, &seat);
        uv_mutex_unlock(&self->lock);
    }
    if (err == ERR_OK)
        *out_seat = seat;
    return err;
}

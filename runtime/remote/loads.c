#include "runtime/remote/loads.h"

#include "runtime/base/mix.h"
#include "runtime/remote/remote.h"

enum { BUSY_BITS = 16, BUSY_MASK = (1 << BUSY_BITS) - 1 };
_Static_assert((int)ROUTER_LOAD_MAX <= (int)BUSY_MASK && (int)ROUTER_SEATS_MAX < 1 << 16,
               "an entry has their bits");

/* ---- the choice ---- */

typedef struct candidate {
    uint32_t at; /* == the count: none */
    uint32_t seat, busy;
} candidate_t;

/* The first one from `start` on that can be reached. */
static candidate_t candidate_from(const loads_t *self, uint32_t count, uint32_t start,
                                  const seat_bits_t *unreachable)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (start + i) % count;
        uint32_t entry = atomic_load_explicit(&self->entries[at], memory_order_relaxed);
        uint32_t seat = entry >> BUSY_BITS;
        if (!seat_bits_has(unreachable, seat))
            return (candidate_t){at, seat, entry & BUSY_MASK};
    }
    return (candidate_t){.at = count};
}

/* Of two that are as busy the one that is here: no way is the shortest. */
static bool is_better(const candidate_t *other, const candidate_t *than)
{
    uint32_t a = other->busy / ROUTER_LOAD_STEP, b = than->busy / ROUTER_LOAD_STEP;
    return a < b || (a == b && other->seat == 0);
}

uint32_t loads_pick(loads_t *self, uint64_t salt, const seat_bits_t *unreachable)
{
    uint32_t count = atomic_load_explicit(&self->count, memory_order_acquire);
    if (count == 0)
        return 0;
    uint64_t number = atomic_fetch_add_explicit(&self->draws, 1, memory_order_relaxed);
    uint64_t draw = mix64(number ^ mix64(salt));
    candidate_t first = candidate_from(self, count, (uint32_t)draw % count, unreachable);
    if (first.at == count)
        return 0;
    if (count == 1)
        return first.seat;
    uint32_t start = first.at + 1 + (uint32_t)(draw >> 32) % (count - 1);
    /* The first one again where no other answers. */
    candidate_t second = candidate_from(self, count, start % count, unreachable);
    return is_better(&second, &first) ? second.seat : first.seat;
}

/* ---- what is known ---- */

static err_t seat_for(remote_t *self, uint64_t node, uint32_t *out_seat)
{
    *out_seat = 0;
    return node == self->node ? ERR_OK : seats_give(&self->seats, node, out_seat);
}

err_t runtime_set_loads(runtime_t *runtime, const router_load_t *loads, uint32_t count)
{
    remote_t *self = runtime->remote;
    uint32_t seat = 0;
    if (count > ROUTER_LOADS_MAX)
        return ERR_LIMIT;
    for (uint32_t i = 0; i < count; i++)
        TRY(seat_for(self, loads[i].node, &seat));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t busy = MIN(loads[i].per_mille, (uint32_t)ROUTER_LOAD_MAX);
        TRY(seat_for(self, loads[i].node, &seat)); /* it has one now */
        atomic_store_explicit(&self->loads.entries[i], seat << BUSY_BITS | busy,
                              memory_order_relaxed);
    }
    atomic_store_explicit(&self->loads.count, count, memory_order_release);
    return ERR_OK;
}

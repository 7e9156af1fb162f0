#include "runtime/remote/crossings.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/mail/message.h"

enum { SWEEP_FIRST = 256, SWEEP_FULL_NS = 100 * 1000 * 1000 };

void crossings_init(crossings_t *self, uint32_t max)
{
    *self = (crossings_t){.max = max};
    for (size_t i = 0; i < CROSSINGS_STRIPES; i++) {
        ASSERT(uv_mutex_init(&self->stripes[i].lock) == 0);
        self->stripes[i].sweep_at = SWEEP_FIRST;
    }
}

static struct crossing_stripe *stripe_of(crossings_t *self, uint64_t id)
{
    return &self->stripes[id % CROSSINGS_STRIPES];
}

/* Those that `is_wanted`, out of the map; its lock is held. */
static crossing_t *take_all(crossings_t *self, struct crossing_stripe *stripe,
                            bool (*is_wanted)(const crossing_t *crossing, uint64_t what),
                            uint64_t what, crossing_t *list)
{
    id_entry_t entry;
    crossing_t *before = list;
    for (uint32_t cursor = 0; id_map_next(&stripe->map, &cursor, &entry);) {
        crossing_t *crossing = entry.value.pointer;
        if (!is_wanted(crossing, what))
            continue;
        crossing->next = list;
        list = crossing;
    }
    for (const crossing_t *at = list; at != before; at = at->next) {
        id_value_t taken;
        ASSERT(id_map_take(&stripe->map, at->id, &taken));
        atomic_fetch_sub(&self->count, 1);
    }
    return list;
}

static bool is_any(UNUSED const crossing_t *crossing, UNUSED uint64_t what)
{
    return true;
}

static bool is_of_seat(const crossing_t *crossing, uint64_t seat)
{
    return crossing->seat == seat;
}

static bool is_past(const crossing_t *crossing, uint64_t now_ns)
{
    return crossing->deadline_ns != 0 && crossing->deadline_ns < now_ns;
}

static void free_all(crossing_t *list)
{
    while (list != NULL) {
        crossing_t *crossing = list;
        list = crossing->next;
        message_free(crossing->prepared);
        memory_free(crossing);
    }
}

void crossings_deinit(crossings_t *self)
{
    for (size_t i = 0; i < CROSSINGS_STRIPES; i++) {
        free_all(take_all(self, &self->stripes[i], is_any, 0, NULL));
        id_map_deinit(&self->stripes[i].map);
        uv_mutex_destroy(&self->stripes[i].lock);
    }
}

/* Each is looked at once for as many new ones; where all is full, now and then. */
static crossing_t *sweep(crossings_t *self, struct crossing_stripe *stripe, uint64_t now_ns)
{
    bool is_full = atomic_load(&self->count) >= self->max;
    bool is_due = is_full && now_ns - stripe->swept_ns >= SWEEP_FULL_NS;
    if (stripe->map.count < stripe->sweep_at && !is_due)
        return NULL;
    stripe->swept_ns = now_ns;
    crossing_t *past = take_all(self, stripe, is_past, now_ns, NULL);
    stripe->sweep_at = MAX((uint32_t)SWEEP_FIRST, stripe->map.count * 2);
    return past;
}

static err_t put_locked(crossings_t *self, struct crossing_stripe *stripe, crossing_t *crossing)
{
    if (id_map_at(&stripe->map, crossing->id) != NULL)
        return ERR_CONFLICT;
    if (atomic_load(&self->count) >= self->max)
        return ERR_LIMIT;
    TRY(id_map_put(&stripe->map, crossing->id, (id_value_t){.pointer = crossing}));
    atomic_fetch_add(&self->count, 1);
    return ERR_OK;
}

err_t crossings_put(crossings_t *self, const crossing_t *crossing, uint64_t now_ns)
{
    if (crossing->id == 0)
        return ERR_CONFLICT;
    crossing_t *copy = memory_dup(crossing, sizeof *crossing);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    struct crossing_stripe *stripe = stripe_of(self, copy->id);
    uv_mutex_lock(&stripe->lock);
    crossing_t *past = sweep(self, stripe, now_ns);
    err_t err = put_locked(self, stripe, copy);
    uv_mutex_unlock(&stripe->lock);
    if (err != ERR_OK)
        memory_free(copy);
    free_all(past);
    return err;
}

bool crossings_take(crossings_t *self, uint64_t id, uint32_t seat, crossing_kind_t kind,
                    crossing_t *out)
{
    struct crossing_stripe *stripe = stripe_of(self, id);
    id_value_t value;
    uv_mutex_lock(&stripe->lock);
    const id_value_t *at = id == 0 ? NULL : id_map_at(&stripe->map, id);
    crossing_t *crossing = at == NULL ? NULL : at->pointer;
    bool is_it =
        crossing != NULL && crossing->kind == kind && (seat == 0 || crossing->seat == seat);
    if (is_it) {
        (void)id_map_take(&stripe->map, id, &value);
        atomic_fetch_sub(&self->count, 1);
    }
    uv_mutex_unlock(&stripe->lock);
    if (!is_it)
        return false;
    *out = *crossing;
    memory_free(crossing);
    return true;
}

crossing_t *crossings_take_of(crossings_t *self, uint32_t seat)
{
    crossing_t *list = NULL;
    for (size_t i = 0; i < CROSSINGS_STRIPES; i++) {
        uv_mutex_lock(&self->stripes[i].lock);
        list = take_all(self, &self->stripes[i], is_of_seat, seat, list);
        uv_mutex_unlock(&self->stripes[i].lock);
    }
    return list;
}

#include "runtime/remote/schemas.h"

#include "runtime/base/assert.h"

#include <string.h>

void schemas_init(schemas_t *self)
{
    memset(self, 0, sizeof *self);
    ASSERT(uv_mutex_init(&self->lock) == 0);
}

void schemas_deinit(schemas_t *self)
{
    uv_mutex_destroy(&self->lock);
}

/* Where it is, or the first free place. */
static _Atomic(const schema_t *) *place_of(schemas_t *self, str_t name)
{
    size_t at = str_hash(name) % SCHEMAS_PLACES;
    for (;; at = (at + 1) % SCHEMAS_PLACES) {
        const schema_t *schema = atomic_load_explicit(&self->places[at], memory_order_acquire);
        if (schema == NULL || str_equal(str_from(schema->name), name))
            return &self->places[at];
    }
}

err_t schemas_add(schemas_t *self, const schema_t *schema)
{
    err_t err = ERR_OK;
    uv_mutex_lock(&self->lock);
    _Atomic(const schema_t *) *place = place_of(self, str_from(schema->name));
    const schema_t *there = atomic_load(place);
    if (there != NULL)
        err = there == schema ? ERR_OK : ERR_CONFLICT;
    else if (self->count >= SCHEMAS_PLACES / 2)
        err = ERR_LIMIT;
    else {
        atomic_store_explicit(place, schema, memory_order_release);
        self->count++;
    }
    uv_mutex_unlock(&self->lock);
    return err;
}

static const schema_t *named(const actor_handler_t *handlers, size_t count, str_t name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(str_from(handlers[i].schema->name), name))
            return handlers[i].schema;
    return NULL;
}

static const schema_t *of_kind(const actor_kind_t *kind, str_t name)
{
    const schema_t *schema = named(kind->handlers, kind->handler_count, name);
    for (size_t i = 0; schema == NULL && i < kind->behaviour_count; i++)
        schema = named(kind->behaviours[i]->handlers, kind->behaviours[i]->handler_count, name);
    for (size_t i = 0; schema == NULL && i < kind->reply_count; i++)
        if (str_equal(str_from(kind->replies[i]->name), name))
            schema = kind->replies[i];
    return schema;
}

const schema_t *schemas_find(schemas_t *self, const runtime_t *runtime, str_t name)
{
    /* What was replaced may be gone: then every time anew. */
    bool is_fixed = !atomic_load_explicit(&runtime->has_versions, memory_order_acquire);
    const schema_t *schema = atomic_load_explicit(place_of(self, name), memory_order_acquire);
    if (LIKELY(schema != NULL && is_fixed))
        return schema;
    const schema_t *found = NULL;
    uint32_t count = runtime_kind_count(runtime);
    for (uint32_t i = 0; found == NULL && i < count; i++)
        found = of_kind(atomic_load(&runtime->current[i]), name);
    if (found != NULL && is_fixed)
        IGNORE_ERR(schemas_add(self, found)); /* full: it is looked for again */
    return found != NULL ? found : schema;
}

#include "storage/catalog/catalog_swap.h"

#include "runtime/base/memory.h"
#include "storage/catalog/catalog_parts.h"

err_t catalog_swap_settle(const char *path, bool *out_has_new)
{
    return kv_places_settle(path, out_has_new);
}

err_t catalog_open_new(catalog_t *self, size_t map_size, const char *boot_id, catalog_t **out_fresh)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    TRY(kv_places_beside(kv_path(catalog_kv(self)), "new", &name));
    return catalog_open(buf_terminated(&name), map_size, boot_id, out_fresh);
}

err_t catalog_swap(catalog_t *self, catalog_t *fresh)
{
    return kv_places_swap(&self->places,
                          &fresh->places.places[atomic_load(&fresh->places.current)].kv);
}

void catalog_drop(catalog_t *self)
{
    if (self == NULL)
        return;
    kv_drop(kv_places_take(&self->places));
    kv_places_deinit(&self->places);
    memory_free(self);
}

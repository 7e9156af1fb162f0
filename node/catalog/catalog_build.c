#include "node/catalog/catalog_build.h"

#include "storage/catalog/catalog_swap.h"

typedef struct fresh {
    const catalog_build_t *build;
    catalog_t *catalog;
    library_projection_t *library;
    projection_t *projection;
    bool is_swapped; /* its catalog is the old one now */
} fresh_t;

static void fresh_end(fresh_t *self)
{
    projection_close(self->projection);
    library_projection_free(self->library);
    if (self->is_swapped)
        catalog_drop(self->catalog);
    else
        catalog_close(self->catalog);
}

static err_t fresh_open(fresh_t *self)
{
    const catalog_build_t *build = self->build;
    TRY(catalog_open_new(build->catalog, build->map_size, build->boot_id, &self->catalog));
    TRY(library_projection_new(self->catalog, &self->library));
    projection_options_t options = library_projection_options(self->library, build->journal);
    options.format_read = 0; /* what another version left unfinished is begun again */
    return projection_open(&options, &self->projection);
}

static err_t swap(void *context)
{
    fresh_t *self = context;
    TRY(catalog_swap(self->build->catalog, self->catalog));
    self->is_swapped = true;
    return ERR_OK;
}

err_t catalog_build(const catalog_build_t *self)
{
    fresh_t fresh SCOPED(fresh_end) = {.build = self};
    TRY(fresh_open(&fresh));
    for (int i = 0; i < CATALOG_BUILD_TRIES; i++) {
        TRY(projection_follow(fresh.projection, self->is_stopped, self->stepped, self->context));
        if (atomic_load(self->is_stopped))
            return ERR_CANCELLED;
        err_t err = projection_take_over(self->projection, fresh.projection, swap, &fresh);
        if (err != ERR_LIMIT)
            return err;
    }
    return ERR_BUSY;
}

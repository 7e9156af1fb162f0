#include "runtime/base/memory.h"
#include "storage/file.h"
#include "storage/search/index/index_build.h"
#include "storage/search/index/index_parts.h"

err_t search_swap_settle(const char *path)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    bool has_new;
    TRY(kv_places_beside(path, "new", &name));
    TRY(index_discard_unfinished(buf_terminated(&name)));
    TRY(kv_places_settle(path, &has_new));
    return has_new ? search_index_remove(buf_terminated(&name))
                   : ERR_OK; /* nobody has put it in place */
}

err_t search_index_swap(search_index_t *self, search_index_t *fresh)
{
    kv_place_t *place = &fresh->places.places[atomic_load(&fresh->places.current)];
    err_t err = kv_places_swap(&self->places, &place->kv);
    if (err == ERR_OK) {
        kv_drop(kv_places_take(&fresh->places));
        /* The renames last past a power cut from here on; without, one of the two is there. */
        IGNORE_ERR(file_sync_folder_of(kv_path(kv_places_current(&self->places))));
    }
    search_index_close(fresh);
    return err;
}

#include "storage/search/feed/search_feed_parts.h"

static void count(search_feed_t *self, const search_found_t *found)
{
    atomic_fetch_add(&self->counts.questions, 1);
    atomic_fetch_add(&self->counts.cut, found->is_cut ? 1 : 0);
    atomic_fetch_add(&self->counts.work, found->work);
    atomic_fetch_add(&self->counts.by_stage[found->stage], 1);
}

err_t search_feed_ask(search_feed_t *self, arena_t *arena, const search_request_t *request,
                      search_found_t *out_found)
{
    uint64_t builds = atomic_load(&self->counts.builds);
    if (!search_feed_is_ready(self))
        return ERR_UNAVAILABLE;
    err_t err = search_ask(self->index, arena, request, out_found);
    if (err == ERR_OK)
        count(self, out_found);
    if (err != ERR_CORRUPT)
        return err;
    if (atomic_load(&self->counts.builds) == builds) /* else it is gone already */
        search_feed_found_damage(self);
    return ERR_UNAVAILABLE;
}

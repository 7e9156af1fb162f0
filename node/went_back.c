#include "node/went_back.h"

#include <stdatomic.h>

static void look(void *context, UNUSED uint64_t head)
{
    went_back_t *self = context;
    journal_store_stats_t stats;
    journal_store_stats(self->store, &stats);
    if (stats.went_back == atomic_load(&self->seen))
        return;
    if (runtime_reread(self->runtime) == ERR_OK) /* else with the next commit */
        atomic_store(&self->seen, stats.went_back);
}

err_t went_back_start(went_back_t *self)
{
    return journal_hooks_add(self->store->hooks, look, self);
}

void went_back_stop(went_back_t *self)
{
    journal_hooks_remove(self->store->hooks, look, self);
}

#include "node/went_back.h"

#include <stdatomic.h>

static uint64_t history_of(const went_back_t *self)
{
    journal_t *journal = self->store->journal;
    return journal->table->history == NULL ? 0 : journal->table->history(journal);
}

/* Also where nothing acknowledged was lost: a key may be newer than all that is. Another error than
 * none: with the next commit again. */
static void look_at_keys(went_back_t *self)
{
    uint64_t history = history_of(self);
    if (history != atomic_load(&self->history) && vault_went_back(self->vault) == ERR_OK)
        atomic_store(&self->history, history);
}

/* On the thread that writes: nothing is written before it returns. */
static void look(void *context, UNUSED uint64_t head)
{
    went_back_t *self = context;
    journal_store_stats_t stats;
    look_at_keys(self);
    journal_store_stats(self->store, &stats);
    if (stats.went_back == atomic_load(&self->seen))
        return;
    if (runtime_reread(self->runtime) == ERR_OK) /* else with the next commit */
        atomic_store(&self->seen, stats.went_back);
}

err_t went_back_start(went_back_t *self)
{
    atomic_store(&self->history, history_of(self));
    return journal_hooks_add(self->store->hooks, look, self);
}

void went_back_stop(went_back_t *self)
{
    journal_hooks_remove(self->store->hooks, look, self);
}

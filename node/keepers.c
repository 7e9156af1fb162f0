/* keepers.c -- what follows the journal beside the actors: the catalog, the search index, the names
 * of people and playlists, and who notices that the journal went back. */

#include "node/parts.h"

static bool is_catalog_ready(void *context)
{
    return catalog_keeper_is_ready(context);
}

/* Its one copy is damaged; the journal is not, as far as anybody knows. */
static void catalog_is_damaged(void *context)
{
    catalog_keeper_t *keeper = context;
    if (catalog_keeper_rebuild(keeper) == ERR_OK)
        log_warning(keeper->log, "catalog",
                    "records are damaged: the catalog is built anew from the journal");
}

static void start_search(node_t *self)
{
    self->search_keeper.feed = self->search;
    self->search_keeper.asker = self->asker;
    self->search_keeper.edge = runtime_edge(self->runtime, 0);
    self->search_keeper.log = self->log;
    self->search_keeper.is_source_ready = is_catalog_ready;
    self->search_keeper.source_damaged = catalog_is_damaged;
    self->search_keeper.source = &self->keeper;
    self->keeper.moved = search_keeper_moved;
    self->keeper.moved_context = &self->search_keeper;
    search_keeper_start(&self->search_keeper);
}

void node_start_keepers(node_t *self)
{
    self->went_back =
        (went_back_t){.store = &self->journal, .runtime = self->runtime, .vault = self->vault};
    if (went_back_start(&self->went_back) != ERR_OK)
        log_error(self->log, "journal", "what a fail-over loses will not be noticed");
    self->keeper.hooks = self->journal.hooks;
    self->keeper.edge = runtime_edge(self->runtime, 0);
    self->keeper.log = self->log;
    start_search(self);
    if (catalog_keeper_start(&self->keeper) != ERR_OK)
        log_error(self->log, "catalog", "the catalog does not follow the journal");
    if (names_follow_start(&self->names, self->journal.hooks, runtime_edge(self->runtime, 0),
                           self->log) != ERR_OK)
        log_error(self->log, "names", "search does not learn of people and playlists");
}

void node_stop_keepers(node_t *self)
{
    catalog_keeper_stop(&self->keeper);
    names_follow_stop(&self->names);
    search_keeper_stop(&self->search_keeper);
    went_back_stop(&self->went_back);
}

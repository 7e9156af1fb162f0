/* open_storage.c -- a node's data folder, opened in the order in which one thing needs another. */

#include "node/parts.h"

#include "actors/personal.h"
#include "node/blobs/segments_open.h"
#include "node/journal_open.h"
#include "node/keys_open.h"
#include "runtime/base/clock.h"
#include "storage/catalog/catalog_swap.h"
#include "storage/crypt/states_sealed.h"
#include "storage/salvage/storage_check.h"
#include "storage/states/state_store_lmdb.h"

err_t node_refuse(buf_t *problem, err_t err, const char *what)
{
    if (err != ERR_OK && problem->size == 0)
        buf_printf(problem, "%s: %s", what, err_text(err));
    return err;
}

const char *node_in_data(node_t *self, const char *name)
{
    const char *path = data_folder_name(self->data, &self->arena, name);
    return path == NULL ? "" : path;
}

static err_t open_journal(node_t *self, buf_t *problem)
{
    bool is_here = self->config->database[0] == '\0';
    node_lock_t *lock NODE_LOCK_SCOPED = NULL;
    TRY(journal_is_here(self->config, problem));
    if (!is_here)
        TRY(node_refuse(problem, journal_lock(self->config, self->log, problem, &lock),
                        "the database can't be used"));
    TRY(node_refuse(problem, keys_open(self->config, self->log, false, problem, &self->vault),
                    "the users' keys can't be opened"));
    self->projector = keys_projector(self->vault);
    relation_opener_t opener = keys_opener(&self->projector);
    TRY(is_here ? journal_open_lmdb(self->config, self->data, self->log, problem, &self->journal)
                : journal_open_postgres(self->config, self->log, &opener, STEAL(lock), problem,
                                        &self->journal));
    return node_refuse(problem, journal_mark(self->data, !is_here),
                       "the data folder can't be marked");
}

static err_t open_sealed(node_t *self, buf_t *problem)
{
    journal_sealed_options_t options = {self->journal.journal, self->vault, PERSONAL_KINDS,
                                        PERSONAL_KIND_COUNT};
    return node_refuse(problem, journal_sealed_open(&options, &self->sealed),
                       "the sealed journal can't be opened");
}

journal_t *node_clear_journal(const node_t *self)
{
    return journal_sealed_journal(self->sealed);
}

static err_t open_states(node_t *self)
{
    const ms_random_t random = random_system();
    TRY(state_store_lmdb_open(node_in_data(self, "states"), &self->states));
    state_store_lmdb_allow(self->states, STATES_SEALED_MORE);
    return states_sealed_open(self->states, &random, &self->sealed_states);
}

static err_t open_catalog(node_t *self)
{
    const char *path = node_in_data(self, "catalog");
    journal_t *journal = node_clear_journal(self);
    size_t map_size = self->config->map_gb << 30;
    TRY(catalog_swap_settle(path, &self->keeper.has_unfinished));
    TRY(catalog_open(path, map_size, NULL, &self->catalog));
    TRY(library_projection_new(self->catalog, &self->library_projection));
    projection_options_t options = library_projection_options(self->library_projection, journal);
    TRY(projection_open(&options, &self->projection));
    self->keeper.build = (catalog_build_t){.catalog = self->catalog,
                                           .projection = self->projection,
                                           .journal = journal,
                                           .map_size = map_size};
    /* What the last run wrote while it ended; with more than that the node is not ready yet. */
    bool is_behind;
    IGNORE_ERR(projection_step(self->projection, &is_behind));
    self->keeper.whole_at = journal->table->head(journal);
    return ERR_OK;
}

static err_t open_blobs(node_t *self, buf_t *problem)
{
    extern char **environ;
    blobs_options_t options = {.config = self->config,
                               .log = self->log,
                               .vault = self->vault,
                               .artwork = node_in_data(self, "artwork"),
                               .lyrics = node_in_data(self, "lyrics"),
                               .cache = node_in_data(self, "blobs"),
                               .keys = node_in_data(self, "keys/blobs"),
                               .environment = environ};
    TRY(blobs_open(&options, problem, &self->blobs));
    self->artwork = blobs_artwork(self->blobs);
    self->lyrics = blobs_lyrics(self->blobs);
    return ERR_OK;
}

static err_t open_search(node_t *self)
{
    const search_feed_options_t options = {.path = node_in_data(self, "search"),
                                           .map_size = self->config->map_gb << 30,
                                           .catalog = self->catalog,
                                           .lyrics = self->lyrics,
                                           .clock = clock_system()};
    return search_feed_open(&options, &self->search);
}

static void say_damage(void *context, const char *sentence)
{
    const node_t *self = context;
    log_error(self->log, "storage", "%s", sentence);
}

/* Before a page of it is believed: LMDB's have no checksum, and a damaged one ends who reads it. */
static err_t look_at_what_was_left(node_t *self, buf_t *problem)
{
    const ms_clock_t clock = clock_system();
    const storage_check_options_t options = {.data = self->config->data,
                                             .map_size = self->config->map_gb << 30,
                                             .has_journal = self->config->database[0] == '\0',
                                             .say = say_damage,
                                             .context = self};
    if (!data_folder_was_left(self->data)) /* a disk that forgets in silence is no reason to end */
        return node_refuse(problem, storage_check_derived(&options, "search"),
                           "the search index can't be looked at");
    uint64_t begun_ms = clock_mono_ms(&clock);
    err_t err = storage_check_left(&options);
    if (err == ERR_CORRUPT)
        buf_printf(problem,
                   "the journal in %s is damaged, the log says where: restore a backup, or "
                   "`musicstream storage salvage` takes out what can be read",
                   self->config->data);
    TRY(node_refuse(problem, err, "what was left by a stop without a goodbye can't be looked at"));
    data_folder_trust(self->data);
    log_info(self->log, "storage",
             "the node was not stopped the last time: its files were walked in %llu ms",
             (unsigned long long)(clock_mono_ms(&clock) - begun_ms));
    return ERR_OK;
}

err_t node_open_storage(node_t *self, buf_t *problem)
{
    const ms_clock_t clock = clock_system();
    const ms_random_t random = random_system();
    TRY(data_folder_open(self->config->data, problem, &self->data));
    TRY(look_at_what_was_left(self, problem));
    TRY(node_refuse(
        problem,
        keyring_open(str_from(node_in_data(self, "keys")), &clock, &random, &self->keyring),
        "the keys can't be opened"));
    TRY(open_journal(self, problem));
    TRY(open_sealed(self, problem));
    TRY(node_refuse(problem, open_catalog(self), "the catalog can't be opened"));
    TRY(node_refuse(problem,
                    names_follow_open(&self->names, node_in_data(self, "names"), self->vault,
                                      node_clear_journal(self)),
                    "the names of people and playlists can't be opened"));
    TRY(node_refuse(problem, open_states(self), "the store of sleeping actors can't be opened"));
    TRY(node_refuse(problem, open_blobs(self, problem), "artwork and lyrics can't be opened"));
    TRY(node_refuse(problem, open_search(self), "the search index can't be opened"));
    segments_options_t segments = {self->config, self->vault, node_in_data(self, "segments"),
                                   node_in_data(self, "segments-sealed"),
                                   node_in_data(self, "keys/segments")};
    return node_refuse(problem, segments_open(&segments, &self->segments),
                       "the cache of encoded segments can't be opened");
}

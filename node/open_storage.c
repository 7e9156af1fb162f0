/* open_storage.c -- a node's data folder, opened in the order in which one thing needs another. */

#include "node/parts.h"

#include "actors/personal.h"
#include "node/blobs/segments_open.h"
#include "node/cluster/speaks.h"
#include "node/journal_open.h"
#include "node/keys_open.h"
#include "runtime/base/clock.h"
#include "storage/catalog/catalog_swap.h"
#include "storage/crypt/states_sealed.h"
#include "storage/salvage/storage_check.h"
#include "storage/states/state_store_lmdb.h"
#include "version.h"

#include <signal.h>
#include <unistd.h>

enum { EVENTS_LEVEL = 1 }; /* of what this program writes and reads */

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

/* ---- the cluster's part ---- */

static void expelled(void *context, const char *why)
{
    node_t *self = context;
    log_error(self->log, "cluster", "%s: this node ends; start it again", why);
    atomic_store(&self->is_expelled, true);
    kill(getpid(), SIGTERM);
}

static void gained(void *context)
{
    node_t *self = context;
    if (atomic_load(&self->is_kept))
        upkeep_wake(&self->upkeep);
}

static err_t describe(const node_t *self, buf_t *out)
{
    json_t json = json_to(out);
    json_object_begin(&json);
    json_key_str(&json, "version", str_from(MS_VERSION));
    json_key_str(&json, "listen", str_from(self->config->listen));
    if (self->config->public_url[0] != '\0')
        json_key_str(&json, "url", str_from(self->config->public_url));
    speaks_append(speaks_here(), &json);
    json_object_end(&json);
    return buf_status(out);
}

/* Its number is the owner of what its journal writes. */
static err_t open_cluster(node_t *self, buf_t *problem)
{
    buf_t details BUF_SCOPED = BUF_INIT;
    if (!self->cluster_config.is_on)
        return ERR_OK;
    TRY(node_check_public_url(self, problem));
    TRY(journal_migrate(self->config, self->log, problem));
    TRY(describe(self, &details));
    const cluster_node_options_t options = {.cluster = &self->cluster_config,
                                            .database = journal_direct_address(self->config),
                                            .level = EVENTS_LEVEL,
                                            .details = buf_str(&details),
                                            .log = self->log,
                                            .expelled = expelled,
                                            .gained = gained,
                                            .context = self};
    return cluster_node_open(&options, problem, &self->cluster);
}

/* Its own keys are the cluster's from here on, or the cluster's its. */
static err_t share_keyring(node_t *self, buf_t *problem)
{
    if (self->cluster == NULL)
        return ERR_OK;
    TRY(secrets_open(self->config, problem, &self->secrets));
    self->shared_keyring = secrets_keyring(self->secrets);
    err_t err = keyring_share(self->keyring, &self->shared_keyring);
    secrets_explain(self->config, err, problem);
    return err;
}

/* A node that comes to a cluster makes no keys of its own; one that was alone brings them. */
static err_t open_keyring(node_t *self)
{
    const ms_clock_t clock = clock_system();
    const ms_random_t random = random_system();
    bool has_own = access(node_in_data(self, "keys/instance"), F_OK) == 0;
    const char *folder = self->cluster_config.is_on && !has_own ? "" : node_in_data(self, "keys");
    return keyring_open(str_from(folder), &clock, &random, &self->keyring);
}

/* ---- the journal ---- */

static err_t open_journal(node_t *self, buf_t *problem)
{
    bool is_here = self->config->database[0] == '\0';
    node_lock_t *lock NODE_LOCK_SCOPED = NULL;
    TRY(journal_is_here(self->config, problem));
    if (!is_here)
        TRY(node_refuse(
            problem,
            journal_lock(self->config, self->log, self->cluster_config.is_on, problem, &lock),
            "the database can't be used"));
    TRY(node_refuse(problem, open_cluster(self, problem), "the cluster can't be joined"));
    TRY(node_refuse(problem, keys_open(self->config, self->log, false, problem, &self->vault),
                    "the users' keys can't be opened"));
    self->projector = keys_projector(self->vault);
    relation_opener_t opener = keys_opener(&self->projector);
    journal_owner_t owner = {.lock = STEAL(lock)};
    if (self->cluster != NULL) {
        owner.node = cluster_node_number(self->cluster);
        owner.epochs = cluster_node_epochs(self->cluster);
    }
    TRY(is_here ? journal_open_lmdb(self->config, self->data, self->log, problem, &self->journal)
                : journal_open_postgres(self->config, self->log, &opener, &owner, problem,
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
    TRY(cluster_config_read(self->config, problem, &self->cluster_config));
    TRY(data_folder_open(self->config->data, problem, &self->data));
    TRY(look_at_what_was_left(self, problem));
    TRY(node_refuse(problem, open_keyring(self), "the keys can't be opened"));
    TRY(open_journal(self, problem));
    TRY(node_refuse(problem, share_keyring(self, problem), "the cluster's keys can't be had"));
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

#include "node/keys_open.h"

#include "actors/personal.h"
#include "node/cluster/secrets_open.h"
#include "node/journal_open.h"
#include "storage/crypt/master_key.h"
#include "storage/crypt/vault_files.h"
#include "storage/crypt/vault_move.h"
#include "storage/postgres/vault_postgres.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_given(const char *option)
{
    return option[0] != '\0';
}

bool keys_are_ours(const config_t *config)
{
    return !is_given(config->master_key_file) && !is_given(config->master_key_command) &&
           !is_given(config->master_key);
}

static const char *in_keys(const config_t *config, arena_t *arena, const char *name)
{
    str_t path = arena_printf(arena, "%s/keys/%s", config->data, name);
    return path.data;
}

static err_t keep_in_data(const config_t *config, const aead_key_t *master)
{
    arena_t arena ARENA_SCOPED = {0};
    const char *path = in_keys(config, &arena, "master");
    return path == NULL ? ERR_NO_MEMORY : master_key_to_file(path, master);
}

err_t keys_keep(const config_t *config, const aead_key_t *master)
{
    if (secrets_are_shared(config))
        return secrets_keep_master(config, master);
    return keep_in_data(config, master);
}

/* Made when nothing was ever wrapped with a key that was lost; never without a store. */
static err_t make_master(const char *path, vault_store_t *store, buf_t *problem,
                         aead_key_t *out_key)
{
    const ms_random_t random = random_system();
    bool is_used = store == NULL;
    if (!is_used)
        TRY(vault_store_is_used(store, &is_used));
    if (is_used) {
        buf_printf(problem,
                   "the master key %s is missing: put it back from a backup, or say where it is "
                   "with --master-key-file; nothing was changed",
                   path);
        return ERR_NOT_FOUND;
    }
    random_fill(&random, out_key->bytes, sizeof out_key->bytes);
    return ERR_OK;
}

/* The data folder's. */
static err_t our_master(const config_t *config, vault_store_t *store, buf_t *problem,
                        aead_key_t *out_key)
{
    arena_t arena ARENA_SCOPED = {0};
    const char *path = in_keys(config, &arena, "master");
    if (path == NULL)
        return ERR_NO_MEMORY;
    if (access(path, F_OK) == 0)
        return master_key_from_file(path, problem, out_key);
    err_t err = make_master(path, store, problem, out_key);
    if (err == ERR_NOT_FOUND && is_given(config->database))
        buf_printf(problem, ". If a cluster's nodes used this database, the key is in it: give "
                            "--cluster-key-file and --cluster-listen, a cluster may have one node");
    return err == ERR_OK ? keep_in_data(config, out_key) : err;
}

/* The cluster's; the first node gives it what it had when it was alone. */
static err_t shared_master(const config_t *config, vault_store_t *store, buf_t *problem,
                           aead_key_t *out_key)
{
    arena_t arena ARENA_SCOPED = {0};
    const char *path = in_keys(config, &arena, "master");
    if (path == NULL)
        return ERR_NO_MEMORY;
    err_t err = secrets_master(config, problem, out_key);
    if (err != ERR_NOT_FOUND)
        return err;
    size_t before = problem->size;
    err = access(path, F_OK) == 0 ? master_key_from_file(path, problem, out_key)
                                  : make_master(path, store, problem, out_key);
    if (err == ERR_OK)
        return secrets_give_master(config, problem, out_key);
    /* Used since we looked: by another node, which has given one. */
    if (secrets_master(config, problem, out_key) != ERR_OK)
        return err;
    problem->size = before;
    return ERR_OK;
}

static err_t read_master(const config_t *config, vault_store_t *store, buf_t *problem,
                         aead_key_t *out_key)
{
    int count = (is_given(config->master_key_file) ? 1 : 0) +
                (is_given(config->master_key_command) ? 1 : 0) +
                (is_given(config->master_key) ? 1 : 0);
    if (count > 1) {
        buf_printf(problem, "give one of --master-key-file, --master-key-command and "
                            "MUSICSTREAM_MASTER_KEY, not several");
        return ERR_INVALID;
    }
    if (is_given(config->master_key_file))
        return master_key_from_file(config->master_key_file, problem, out_key);
    if (is_given(config->master_key_command))
        return master_key_from_command(config->master_key_command, problem, out_key);
    if (is_given(config->master_key))
        return master_key_from_text(str_from(config->master_key), "MUSICSTREAM_MASTER_KEY", problem,
                                    out_key);
    return secrets_are_shared(config) ? shared_master(config, store, problem, out_key)
                                      : our_master(config, store, problem, out_key);
}

err_t keys_master(const config_t *config, buf_t *problem, aead_key_t *out_key)
{
    return read_master(config, NULL, problem, out_key);
}

/* ---- stores ---- */

static err_t open_files(const config_t *config, vault_store_t **out_store)
{
    arena_t arena ARENA_SCOPED = {0};
    const char *path = in_keys(config, &arena, "subjects");
    return path == NULL ? ERR_NO_MEMORY : vault_files_open(str_from(path), out_store);
}

/* One node at a time has a data folder. */
static const char *name_of_node(const config_t *config, arena_t *arena)
{
    char host[HOST_NAME_MAX + 1] = "", data[PATH_MAX];
    if (gethostname(host, sizeof host - 1) != 0 || realpath(config->data, data) == NULL)
        return NULL;
    return arena_printf(arena, "%s:%s", host, data).data;
}

static err_t open_table(const config_t *config, const ms_log_t *log, bool is_beside, buf_t *problem,
                        vault_store_t **out_store)
{
    arena_t arena ARENA_SCOPED = {0};
    vault_postgres_options_t options = {.address = config->database,
                                        .direct = config->database_direct,
                                        .node = is_beside ? NULL : name_of_node(config, &arena),
                                        .log = log};
    err_t err = vault_postgres_open(&options, out_store);
    if (err != ERR_OK)
        buf_printf(problem, "%s", journal_why_no_database(err));
    return err;
}

err_t keys_store(const config_t *config, buf_t *problem, vault_store_t **out_store)
{
    return is_given(config->database) ? open_table(config, NULL, true, problem, out_store)
                                      : open_files(config, out_store);
}

static void close_store(vault_store_t *store)
{
    if (store != NULL)
        store->table->close(store);
}

void keys_stores_close(keys_stores_t *self)
{
    close_store(STEAL(self->files));
    close_store(STEAL(self->table));
}

err_t keys_stores_open(const config_t *config, const ms_log_t *log, bool is_beside, buf_t *problem,
                       keys_stores_t *out_stores)
{
    keys_stores_t stores KEYS_STORES_SCOPED = {0};
    TRY(journal_migrate(config, log, problem));
    TRY(open_files(config, &stores.files));
    TRY(open_table(config, log, is_beside, problem, &stores.table));
    *out_stores = stores;
    stores = (keys_stores_t){0};
    return ERR_OK;
}

/* ---- the vault ---- */

static err_t refuse_moved(vault_store_t *store, buf_t *problem)
{
    bool is_moved = false;
    TRY(vault_is_moved(store, &is_moved));
    if (is_moved)
        buf_printf(problem,
                   "`musicstream storage move` took the users' keys from here to the other "
                   "backend: %s",
                   store->table->changes == NULL
                       ? "name the database with --database, or move back with --to lmdb"
                       : "start without --database, or move back with --to postgres");
    return is_moved ? ERR_CONFLICT : ERR_OK;
}

static err_t find_master(const config_t *config, vault_store_t *store, buf_t *problem,
                         aead_key_t *out_key)
{
    TRY(refuse_moved(store, problem));
    return read_master(config, store, problem, out_key);
}

err_t keys_open_over(const config_t *config, vault_store_t *store, buf_t *problem,
                     vault_t **out_vault)
{
    aead_key_t master AEAD_KEY_SCOPED;
    err_t err = find_master(config, store, problem, &master);
    if (err != ERR_OK) {
        store->table->close(store);
        return err;
    }
    return vault_open(&(vault_options_t){.store = store, .master = &master}, problem, out_vault);
}

err_t keys_open(const config_t *config, const ms_log_t *log, bool is_beside, buf_t *problem,
                vault_t **out_vault)
{
    keys_stores_t stores KEYS_STORES_SCOPED = {0};
    if (!is_given(config->database)) {
        TRY(open_files(config, &stores.files));
        return keys_open_over(config, STEAL(stores.files), problem, out_vault);
    }
    TRY(keys_stores_open(config, log, is_beside, problem, &stores));
    TRY(refuse_moved(stores.table, problem));
    err_t err = vault_move(stores.files, stores.table);
    if (err == ERR_CONFLICT)
        buf_printf(problem,
                   "%s/keys/subjects has users' keys, and the database has those of another "
                   "installation: name another data folder, or another database",
                   config->data);
    TRY(err);
    return keys_open_over(config, STEAL(stores.table), problem, out_vault);
}

sealed_projector_t keys_projector(vault_t *vault)
{
    return (sealed_projector_t){vault, PERSONAL_KINDS, PERSONAL_KIND_COUNT};
}

static err_t open_event(void *context, str_t stream, uint64_t version, const journal_event_t *event,
                        buf_t *out_payload)
{
    return sealed_project(context, stream, version, event, out_payload);
}

relation_opener_t keys_opener(const sealed_projector_t *projector)
{
    /* The table of functions hands out a plain pointer; it is only read. */
    union {
        const sealed_projector_t *given;
        void *plain;
    } shared = {.given = projector};
    return (relation_opener_t){open_event, shared.plain};
}

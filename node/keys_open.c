#include "node/keys_open.h"

#include "actors/personal.h"
#include "storage/crypt/master_key.h"
#include "storage/crypt/vault_files.h"
#include "storage/file.h"

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

err_t keys_keep(const config_t *config, const aead_key_t *master)
{
    arena_t arena ARENA_SCOPED = {0};
    const char *path = in_keys(config, &arena, "master");
    return path == NULL ? ERR_NO_MEMORY : master_key_to_file(path, master);
}

/* Our own file: made when nothing was ever wrapped with a key that it could have held; never
 * without a store. */
static err_t our_master(const config_t *config, vault_store_t *store, buf_t *problem,
                        aead_key_t *out_key)
{
    arena_t arena ARENA_SCOPED = {0};
    const ms_random_t random = random_system();
    const char *path = in_keys(config, &arena, "master");
    bool is_used = store == NULL;
    if (path == NULL)
        return ERR_NO_MEMORY;
    if (access(path, F_OK) == 0)
        return master_key_from_file(path, problem, out_key);
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
    return keys_keep(config, out_key);
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
    return our_master(config, store, problem, out_key);
}

err_t keys_master(const config_t *config, buf_t *problem, aead_key_t *out_key)
{
    return read_master(config, NULL, problem, out_key);
}

err_t keys_open(const config_t *config, buf_t *problem, vault_t **out_vault)
{
    arena_t arena ARENA_SCOPED = {0};
    aead_key_t master AEAD_KEY_SCOPED;
    vault_store_t *store = NULL;
    const char *path = in_keys(config, &arena, "subjects");
    if (path == NULL)
        return ERR_NO_MEMORY;
    TRY(vault_files_open(str_from(path), &store));
    err_t err = read_master(config, store, problem, &master);
    if (err != ERR_OK) {
        store->table->close(store);
        return err;
    }
    return vault_open(&(vault_options_t){.store = store, .master = &master}, problem, out_vault);
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

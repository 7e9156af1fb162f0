#include "node/keys_open.h"

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

static const char *master_path(const data_folder_t *data, arena_t *arena)
{
    return data_folder_name(data, arena, "keys/master");
}

err_t keys_keep(const data_folder_t *data, const aead_key_t *master)
{
    arena_t arena ARENA_SCOPED = {0};
    const char *path = master_path(data, &arena);
    return path == NULL ? ERR_NO_MEMORY : master_key_to_file(path, master);
}

/* Our own file: made when nothing was ever wrapped with a key that it could have held. */
static err_t our_master(const data_folder_t *data, vault_store_t *store, buf_t *problem,
                        aead_key_t *out_key)
{
    arena_t arena ARENA_SCOPED = {0};
    const ms_random_t random = random_system();
    const char *path = master_path(data, &arena);
    bool is_used = false;
    if (path == NULL)
        return ERR_NO_MEMORY;
    if (access(path, F_OK) == 0)
        return master_key_from_file(path, problem, out_key);
    TRY(vault_store_is_used(store, &is_used));
    if (is_used) {
        buf_printf(problem,
                   "the master key %s is missing: put it back from a backup, or say where it is "
                   "with --master-key-file; nothing was changed",
                   path);
        return ERR_NOT_FOUND;
    }
    random_fill(&random, out_key->bytes, sizeof out_key->bytes);
    return keys_keep(data, out_key);
}

static err_t read_master(const config_t *config, const data_folder_t *data, vault_store_t *store,
                         buf_t *problem, aead_key_t *out_key)
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
    return our_master(data, store, problem, out_key);
}

err_t keys_open(const config_t *config, const data_folder_t *data, buf_t *problem,
                vault_t **out_vault)
{
    arena_t arena ARENA_SCOPED = {0};
    aead_key_t master AEAD_KEY_SCOPED;
    vault_store_t *store = NULL;
    const char *path = data_folder_name(data, &arena, "keys/subjects");
    if (path == NULL)
        return ERR_NO_MEMORY;
    TRY(vault_files_open(str_from(path), &store));
    err_t err = read_master(config, data, store, problem, &master);
    if (err != ERR_OK) {
        store->table->close(store);
        return err;
    }
    return vault_open(&(vault_options_t){.store = store, .master = &master}, problem, out_vault);
}

#include "tests/storage/crypt/crypt_help.h"
#include "tests/support/vault/store_around.h"

#include <stdio.h>

enum { SUBJECTS = 12 };

static void name_of(char name[32], int i)
{
    snprintf(name, 32, "user-%d", i);
}

static void seal_all(vault_t *vault, buf_t sealed[SUBJECTS])
{
    for (int i = 0; i < SUBJECTS; i++) {
        char name[32];
        name_of(name, i);
        check_ok(vault_seal(vault, str_from(name), STR(""), str_from(name), &sealed[i]));
    }
}

static void check_all(vault_t *vault, buf_t sealed[SUBJECTS])
{
    for (int i = 0; i < SUBJECTS; i++) {
        char name[32];
        buf_t plain BUF_SCOPED = BUF_INIT;
        name_of(name, i);
        check_ok(vault_unseal(vault, str_from(name), STR(""), buf_str(&sealed[i]), &plain));
        check_str(buf_str(&plain), str_from(name));
    }
}

static void free_all(buf_t sealed[SUBJECTS])
{
    for (int i = 0; i < SUBJECTS; i++)
        buf_deinit(&sealed[i]);
}

/* As if the process had been killed after so many writes. */
static err_t die_after(void *writes_left)
{
    return (*(int *)writes_left)-- <= 0 ? ERR_IO : ERR_OK;
}

static vault_store_t *files_in(const temporary_t *folder)
{
    temporary_name_t path = temporary_in(folder, "keys");
    vault_store_t *store = NULL;
    check_ok(vault_files_open(str_from(path.path), &store));
    return store;
}

static err_t keep(void *context, const aead_key_t *master)
{
    *(aead_key_t *)context = *master;
    return ERR_OK;
}

Test(vault_rotate, afterwards_only_the_new_master_opens_it)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    buf_t sealed[SUBJECTS] = {0}, problem BUF_SCOPED = BUF_INIT;
    vault_t *vault VAULT_SCOPED = crypt_vault(&folder, 1), *old = NULL;
    aead_key_t next = crypt_master(2), kept = {0};
    seal_all(vault, sealed);
    check_ok(vault_erase(vault, STR("gone")));

    check_ok(vault_rotate(vault, &next, &(vault_rotation_t){.keep = keep, .context = &kept}));

    cr_assert(memcmp(&kept, &next, sizeof kept) == 0);
    check_true(!vault_is_rotating(vault));
    check_all(vault, sealed);
    vault_close(STEAL(vault));
    check_err(crypt_try_vault(&folder, 1, &problem, &old), ERR_FORBIDDEN);
    vault = crypt_vault(&folder, 2);
    check_all(vault, sealed);
    check_err(vault_prepare(vault, STR("gone")), ERR_FORBIDDEN);
    free_all(sealed);
}

Test(vault_rotate, another_rotation_meanwhile_is_refused_and_keys_are_made_all_along)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    int writes_left = 3;
    buf_t problem BUF_SCOPED = BUF_INIT, sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
    aead_key_t first = crypt_master(1), next = crypt_master(2), third = crypt_master(3);
    vault_t *vault VAULT_SCOPED = crypt_vault(&folder, 1);
    vault_rotation_t rotation = {0};
    check_ok(vault_prepare(vault, STR("ann")));
    vault_close(STEAL(vault));
    store_around_t dying = store_around(files_in(&folder), die_after, &writes_left);
    check_ok(
        vault_open(&(vault_options_t){.store = &dying.store, .master = &first}, &problem, &vault));
    check_err(vault_rotate(vault, &next, &rotation), ERR_IO);
    writes_left = 1000;

    check_err(vault_rotate(vault, &third, &rotation), ERR_CONFLICT);
    check_ok(vault_seal(vault, STR("bob"), STR(""), STR("new"), &sealed));
    check_ok(vault_erase(vault, STR("ann")));
    check_ok(vault_rotate(vault, NULL, &rotation));

    check_ok(vault_unseal(vault, STR("bob"), STR(""), buf_str(&sealed), &plain));
    vault_close(STEAL(vault));
    vault = crypt_vault(&folder, 2);
    check_err(vault_prepare(vault, STR("ann")), ERR_FORBIDDEN);
    check_ok(vault_unseal(vault, STR("bob"), STR(""), buf_str(&sealed), &plain));
}

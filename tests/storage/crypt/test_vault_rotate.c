#include "tests/storage/crypt/crypt_help.h"

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

/* A store that fails for good after so many writes: as if the process had been killed there. */
typedef struct dying_store {
    vault_store_t store;
    vault_store_t *inner;
    int writes_left;
} dying_store_t;

static dying_store_t *dying_of(vault_store_t *store)
{
    return CONTAINER_OF(store, dying_store_t, store);
}

static err_t dying_get(vault_store_t *store, str_t subject, buf_t *out)
{
    vault_store_t *inner = dying_of(store)->inner;
    return inner->table->get(inner, subject, out);
}

static err_t dying_put(vault_store_t *store, str_t subject, str_t expected, str_t record)
{
    dying_store_t *self = dying_of(store);
    if (self->writes_left-- <= 0)
        return ERR_IO;
    return self->inner->table->put(self->inner, subject, expected, record);
}

static err_t dying_remove(vault_store_t *store, str_t subject)
{
    dying_store_t *self = dying_of(store);
    if (self->writes_left-- <= 0)
        return ERR_IO;
    return self->inner->table->remove(self->inner, subject);
}

static err_t dying_each(vault_store_t *store, vault_visit_fn visit, void *context)
{
    vault_store_t *inner = dying_of(store)->inner;
    return inner->table->each(inner, visit, context);
}

static void dying_close(vault_store_t *store)
{
    vault_store_t *inner = dying_of(store)->inner;
    inner->table->close(inner);
}

static const vault_store_table_t dying_table = {dying_get, dying_put, dying_remove, dying_each,
                                                dying_close};

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

/* At every write of a rotation: what could be read before can be read by either master after, and
 * the rotation goes on to its end. */
Test(vault_rotate, a_kill_at_any_point_loses_nothing_and_goes_on)
{
    for (int writes = 0; writes <= SUBJECTS + 5; writes++) {
        for (uint8_t given = 1; given <= 2; given++) {
            temporary_t folder TEMPORARY_SCOPED = temporary_new();
            temporary_name_t path = temporary_in(&folder, "keys");
            buf_t sealed[SUBJECTS] = {0}, problem BUF_SCOPED = BUF_INIT;
            aead_key_t first = crypt_master(1), next = crypt_master(2), kept = first;
            vault_t *vault VAULT_SCOPED = crypt_vault(&folder, 1);
            dying_store_t dying = {.store = {&dying_table}, .writes_left = writes};
            seal_all(vault, sealed);
            vault_close(STEAL(vault));
            check_ok(vault_files_open(str_from(path.path), &dying.inner));
            vault_options_t options = {.store = &dying.store, .master = &first};
            check_ok(vault_open(&options, &problem, &vault));
            vault_rotation_t rotation = {.keep = keep, .context = &kept};

            err_t err = vault_rotate(vault, &next, &rotation);

            check_all(vault, sealed);
            vault_close(STEAL(vault));
            /* The one that is found at the next start is the old one until the rotation kept the
             * new; while it is under way the other opens it as well. */
            bool is_kept = memcmp(&kept, &next, sizeof kept) == 0;
            cr_assert(err != ERR_OK || is_kept);
            vault = crypt_vault(&folder, is_kept ? 2 : 1);
            bool is_rotating = vault_is_rotating(vault);
            check_all(vault, sealed);
            if (is_rotating && !is_kept) {
                vault_close(STEAL(vault));
                vault = crypt_vault(&folder, given);
            }
            check_ok(vault_rotate(vault, is_rotating ? NULL : &next, &rotation));
            check_all(vault, sealed);
            vault_close(STEAL(vault));
            vault = crypt_vault(&folder, 2);
            check_true(!vault_is_rotating(vault));
            check_all(vault, sealed);
            free_all(sealed);
        }
    }
}

Test(vault_rotate, another_rotation_meanwhile_is_refused_and_keys_are_made_all_along)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "keys");
    buf_t problem BUF_SCOPED = BUF_INIT, sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
    aead_key_t first = crypt_master(1), next = crypt_master(2), third = crypt_master(3);
    vault_t *vault VAULT_SCOPED = crypt_vault(&folder, 1);
    dying_store_t dying = {.store = {&dying_table}, .writes_left = 3};
    vault_rotation_t rotation = {0};
    check_ok(vault_prepare(vault, STR("ann")));
    vault_close(STEAL(vault));
    check_ok(vault_files_open(str_from(path.path), &dying.inner));
    check_ok(
        vault_open(&(vault_options_t){.store = &dying.store, .master = &first}, &problem, &vault));
    check_err(vault_rotate(vault, &next, &rotation), ERR_IO);
    dying.writes_left = 1000;

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

#include "storage/crypt/key_cache.h"
#include "tests/storage/crypt/crypt_help.h"
#include "tests/support/vault/vault_contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static err_t unseal(vault_t *vault, const char *subject, const buf_t *sealed, buf_t *out)
{
    buf_reset(out);
    return vault_unseal(vault, str_from(subject), STR("here"), buf_str(sealed), out);
}

static void seal(vault_t *vault, const char *subject, const char *text, buf_t *out)
{
    check_ok(vault_seal(vault, str_from(subject), STR("here"), str_from(text), out));
}

static vault_store_t *open_files(void *path)
{
    vault_store_t *store = NULL;
    check_ok(vault_files_open(str_from(path), &store));
    return store;
}

Test(vault, over_files_keeps_the_contract)
{
    if (access("/dev/shm", W_OK) == 0) /* what a machine's end leaves is not what this is about */
        (void)setenv("TMPDIR", "/dev/shm", 1);
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "keys");
    buf_t problem BUF_SCOPED = BUF_INIT;

    bool holds = vault_contract_holds(&(vault_medium_t){open_files, path.path}, &problem);

    cr_assert(holds, "%s", buf_terminated(&problem));
}

/* ---- read while it is written ---- */

typedef struct between {
    vault_store_t *store;
    void (*act)(vault_store_t *store);
    uint32_t times; /* before so many reads of a file's bytes */
} between_t;

static between_t *between_open_and_read(between_t *set)
{
    static between_t *between; /* of the one test that a process runs */
    between = set == NULL ? between : set;
    return between;
}

/* Every read goes through here (tests/CMakeLists.txt). */
ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
    between_t *between = between_open_and_read(NULL);
    if (between != NULL && between->times > 0) {
        uint32_t times = between->times - 1;
        between->times = 0; /* what it does reads, too */
        between->act(between->store);
        between->times = times;
    }
    return __real_read(fd, bytes, size);
}

static void replace(vault_store_t *store)
{
    buf_t there BUF_SCOPED = BUF_INIT;
    check_ok(store->table->get(store, STR("ann"), &there));
    bool is_old = str_equal(buf_str(&there), STR("old"));
    check_ok(
        store->table->put(store, STR("ann"), buf_str(&there), is_old ? STR("new") : STR("old")));
}

static void take_away(vault_store_t *store)
{
    check_ok(store->table->remove(store, STR("ann")));
}

Test(vault, a_file_that_is_replaced_while_it_is_read_is_read_as_the_one_or_the_other)
{
    static const struct {
        const char *what;
        void (*act)(vault_store_t *store);
        uint32_t times;
        err_t want;
    } cases[] = {
        {"replaced once", replace, 1, ERR_OK},
        {"replaced with each of ten reads", replace, 10, ERR_OK},
        {"replaced with each read", replace, 1000, ERR_BUSY},
        {"removed", take_away, 1, ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        temporary_t folder TEMPORARY_SCOPED = temporary_new();
        buf_t got BUF_SCOPED = BUF_INIT;
        vault_store_t *store = open_files(folder.path);
        check_ok(store->table->put(store, STR("ann"), (str_t){NULL, 0}, STR("old")));

        between_open_and_read(&(between_t){store, cases[i].act, cases[i].times});
        err_t err = store->table->get(store, STR("ann"), &got);
        between_open_and_read(&(between_t){0});

        cr_expect(err == cases[i].want, "%s: %s", cases[i].what, err_name(err));
        bool is_whole =
            str_equal(buf_str(&got), STR("old")) || str_equal(buf_str(&got), STR("new"));
        cr_expect(err == ERR_OK ? is_whole : got.size == 0, "%s: %zu bytes", cases[i].what,
                  got.size);
        store->table->close(store);
    }
}

Test(vault, what_was_sealed_is_opened_again_also_by_another_start)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    buf_t sealed BUF_SCOPED = BUF_INIT, again BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
    vault_t *vault VAULT_SCOPED = crypt_vault(&folder, 1);
    seal(vault, "ann", "a secret", &sealed);
    seal(vault, "ann", "a secret", &again);
    check_true(!str_equal(buf_str(&sealed), buf_str(&again)));

    vault_close(STEAL(vault));
    vault = crypt_vault(&folder, 1);

    check_ok(unseal(vault, "ann", &sealed, &plain));
    check_str(buf_str(&plain), STR("a secret"));
    check_ok(unseal(vault, "ann", &again, &plain));
    check_err(vault_unseal(vault, STR("ann"), STR("there"), buf_str(&sealed), &plain), ERR_CORRUPT);
    check_err(unseal(vault, "bob", &sealed, &plain), ERR_CORRUPT);
    seal(vault, "bob", "his", &again);
    check_err(unseal(vault, "bob", &sealed, &plain), ERR_CONFLICT);
}

Test(vault, another_master_key_opens_nothing_and_changes_nothing)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    buf_t sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT, problem BUF_SCOPED = BUF_INIT;
    vault_t *vault VAULT_SCOPED = crypt_vault(&folder, 1), *other = NULL;
    seal(vault, "ann", "a secret", &sealed);
    vault_close(STEAL(vault));

    check_err(crypt_try_vault(&folder, 2, &problem, &other), ERR_FORBIDDEN);

    check_true(str_contains(buf_str(&problem), STR("not the one")));
    vault = crypt_vault(&folder, 1);
    check_ok(unseal(vault, "ann", &sealed, &plain));
}

Test(vault, what_is_erased_is_gone_for_good)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    buf_t sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
    bool is_erased = false;
    vault_t *vault VAULT_SCOPED = crypt_vault(&folder, 1);
    seal(vault, "ann", "a secret", &sealed);

    for (int start = 0; start < 2; start++) {
        check_ok(vault_erase(vault, STR("ann")));
        check_err(unseal(vault, "ann", &sealed, &plain), ERR_STALE);
        check_err(vault_seal(vault, STR("ann"), STR("here"), STR("x"), &plain), ERR_FORBIDDEN);
        check_err(vault_prepare(vault, STR("ann")), ERR_FORBIDDEN);
        check_ok(vault_is_erased(vault, STR("ann"), &is_erased));
        check_true(is_erased);
        vault_close(STEAL(vault));
        vault = crypt_vault(&folder, 1);
    }
    check_ok(vault_erase(vault, STR("never-seen")));
    check_err(vault_prepare(vault, STR("never-seen")), ERR_FORBIDDEN);
}

Test(vault, a_renewed_key_opens_nothing_of_before)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    buf_t sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
    vault_t *vault VAULT_SCOPED = crypt_vault(&folder, 1);
    seal(vault, "shared", "a secret", &sealed);

    check_ok(vault_renew(vault, STR("shared")));

    check_err(unseal(vault, "shared", &sealed, &plain), ERR_CONFLICT);
    buf_reset(&sealed);
    seal(vault, "shared", "another", &sealed);
    check_ok(unseal(vault, "shared", &sealed, &plain));
}

Test(vault, a_name_that_could_leave_the_folder_is_no_subject)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    static const char *const names[] = {
        "",       "..", "a/b",
        "_check", "-a", "a b",
        "a.b",    "ä",  "a2345678901234567890123456789012345678901234567"};
    vault_t *vault VAULT_SCOPED = crypt_vault(&folder, 1);

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        bool is_valid = strlen(names[i]) == VAULT_SUBJECT_SIZE_MAX;
        check_err(vault_prepare(vault, str_from(names[i])), is_valid ? ERR_OK : ERR_INVALID);
    }
    check_err(vault_prepare(vault, STR("a23456789012345678901234567890123456789012345678")),
              ERR_INVALID);
}

Test(vault, the_cache_holds_its_bound_and_nothing_is_lost_by_it)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "keys");
    buf_t problem BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
    aead_key_t key = crypt_master(1);
    vault_store_t *store = NULL;
    vault_t *vault VAULT_SCOPED = NULL;
    enum { SUBJECTS = 40 };
    buf_t sealed[SUBJECTS] = {0};
    size_t ready = 0;
    check_ok(vault_files_open(str_from(path.path), &store));
    vault_options_t options = {.store = store, .master = &key, .keys_max = KEY_CACHE_WAYS};
    check_ok(vault_open(&options, &problem, &vault));

    for (int i = 0; i < SUBJECTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "user-%d", i);
        seal(vault, name, name, &sealed[i]);
    }
    for (int i = 0; i < SUBJECTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "user-%d", i);
        ready += vault_is_ready(vault, str_from(name)) ? 1 : 0;
    }
    cr_assert(ready == KEY_CACHE_WAYS);
    for (int i = 0; i < SUBJECTS; i++) {
        char name[32];
        snprintf(name, sizeof name, "user-%d", i);
        check_ok(unseal(vault, name, &sealed[i], &plain));
        check_str(buf_str(&plain), str_from(name));
        buf_deinit(&sealed[i]);
    }
}

Test(vault, keys_that_the_store_has_lost_are_put_there_again_and_another_one_is_taken)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "keys");
    buf_t problem BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
    buf_t lost BUF_SCOPED = BUF_INIT, kept BUF_SCOPED = BUF_INIT, replaced BUF_SCOPED = BUF_INIT;
    aead_key_t key = crypt_master(1);
    vault_store_t *store = NULL, *other_store = NULL;
    vault_t *vault VAULT_SCOPED = NULL, *other VAULT_SCOPED = NULL;
    check_ok(vault_files_open(str_from(path.path), &store));
    vault_options_t options = {.store = store, .master = &key};
    check_ok(vault_open(&options, &problem, &vault));
    seal(vault, "lost", "of lost", &lost);
    seal(vault, "kept", "of kept", &kept);
    seal(vault, "replaced", "of replaced", &replaced);
    check_ok(store->table->remove(store, STR("lost")));
    check_ok(store->table->remove(store, STR("replaced")));
    check_ok(vault_files_open(str_from(path.path), &other_store));
    options.store = other_store;
    check_ok(vault_open(&options, &problem, &other));
    check_ok(vault_prepare(other, STR("replaced"))); /* another node was quicker */
    check_err(unseal(other, "lost", &lost, &plain), ERR_CORRUPT);

    check_ok(vault_went_back(vault));

    check_ok(unseal(other, "lost", &lost, &plain));
    check_str(buf_str(&plain), STR("of lost"));
    check_ok(unseal(other, "kept", &kept, &plain));
    check_err(unseal(vault, "replaced", &replaced, &plain), ERR_CONFLICT);
    buf_reset(&replaced);
    seal(vault, "replaced", "anew", &replaced);
    check_ok(unseal(other, "replaced", &replaced, &plain));
    check_str(buf_str(&plain), STR("anew"));
}

Test(vault, a_key_is_at_hand_when_its_store_is_near_and_makes_none)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "keys");
    buf_t problem BUF_SCOPED = BUF_INIT;
    aead_key_t key = crypt_master(1);
    for (int is_near = 0; is_near < 2; is_near++) {
        vault_t *before VAULT_SCOPED = crypt_vault(&folder, 1);
        check_ok(vault_prepare(before, STR("ann")));
        vault_store_t *store = NULL;
        vault_t *vault VAULT_SCOPED = NULL;
        check_ok(vault_files_open(str_from(path.path), &store));
        cr_assert(store->is_near);
        store->is_near = is_near == 1;
        check_ok(vault_open(&(vault_options_t){.store = store, .master = &key}, &problem, &vault));

        cr_assert(vault_is_at_hand(vault, STR("ann")) == (is_near == 1));
        cr_assert(vault_is_ready(vault, STR("ann")) == (is_near == 1));
        cr_assert_not(vault_is_at_hand(vault, STR("bob")));
        cr_assert_not(vault_is_at_hand(vault, STR("../bob")));
        check_ok(vault_prepare(vault, STR("ann")));
        cr_assert(vault_is_at_hand(vault, STR("ann")));
    }
    cr_assert_neq(access(temporary_in(&folder, "keys/bob").path, F_OK), 0);
}

Test(vault, files_are_the_owners_alone_and_a_key_is_nowhere_in_clear)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "keys"), file = temporary_in(&folder, "keys/ann");
    buf_t sealed BUF_SCOPED = BUF_INIT;
    vault_t *vault VAULT_SCOPED = crypt_vault(&folder, 1);
    struct stat about;
    seal(vault, "ann", "a secret", &sealed);

    cr_assert(stat(path.path, &about) == 0 && (about.st_mode & 0777) == 0700);
    cr_assert(stat(file.path, &about) == 0 && (about.st_mode & 0777) == 0600);
    cr_assert(about.st_size == VAULT_RECORD_SIZE);
}

Test(vault, a_damaged_record_is_corrupt_and_a_lost_one_too)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t file = temporary_in(&folder, "keys/ann");
    buf_t sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
    vault_t *vault VAULT_SCOPED = crypt_vault(&folder, 1);
    seal(vault, "ann", "a secret", &sealed);
    vault_close(STEAL(vault));
    FILE *open = fopen(file.path, "r+");
    cr_assert(open != NULL && fseek(open, 50, SEEK_SET) == 0 && fputc(0x55, open) == 0x55 &&
              fputc(0xaa, open) == 0xaa);
    fclose(open);
    vault = crypt_vault(&folder, 1);

    check_err(unseal(vault, "ann", &sealed, &plain), ERR_CORRUPT);
    check_err(vault_seal(vault, STR("ann"), STR("here"), STR("x"), &plain), ERR_CORRUPT);
    cr_assert(unlink(file.path) == 0);
    check_err(unseal(vault, "ann", &sealed, &plain), ERR_CORRUPT);
}

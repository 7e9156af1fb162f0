#include "tests/support/vault/vault_contract.h"

#include "tests/support/vault/store_around.h"

#include <pthread.h>
#include <stdio.h>

enum { SUBJECTS = 6, WRITERS = 3, ROUNDS = 8 };

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            buf_printf(problem, "%s:%d: %s", __func__, __LINE__, #condition);                      \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

static void close_store(vault_store_t **store)
{
    if (*store != NULL)
        (*store)->table->close(*store);
}
#define STORE_SCOPED SCOPED(close_store)

static vault_store_t *opened(const vault_medium_t *medium)
{
    return medium->open(medium->context);
}

aead_key_t vault_medium_master(uint8_t byte)
{
    aead_key_t key;
    memset(&key, byte, sizeof key);
    return key;
}

static vault_t *vault_over(vault_store_t *store, uint8_t byte)
{
    aead_key_t master = vault_medium_master(byte);
    buf_t problem BUF_SCOPED = BUF_INIT;
    vault_t *vault = NULL;
    if (store == NULL || vault_open(&(vault_options_t){.store = store, .master = &master}, &problem,
                                    &vault) != ERR_OK)
        return NULL;
    return vault;
}

vault_t *vault_medium_vault(const vault_medium_t *medium, uint8_t byte)
{
    return vault_over(opened(medium), byte);
}

/* ---- the store ---- */

static bool holds(vault_store_t *store, str_t subject, str_t wanted)
{
    buf_t got BUF_SCOPED = BUF_INIT;
    buf_append(&got, STR("before")); /* a get appends */
    return store->table->get(store, subject, &got) == ERR_OK &&
           str_equal(str_slice(buf_str(&got), 6, got.size), wanted);
}

static bool a_record_is_changed_only_from_what_it_was(const vault_medium_t *medium, buf_t *problem)
{
    vault_store_t *store STORE_SCOPED = opened(medium);
    vault_store_t *other STORE_SCOPED = opened(medium);
    buf_t got BUF_SCOPED = BUF_INIT;
    const str_t none = {NULL, 0}, first = str_of("\0a\xff", 3), second = STR("second");
    REQUIRE(store != NULL && other != NULL);
    REQUIRE(store->table->get(store, STR("ann"), &got) == ERR_NOT_FOUND);
    REQUIRE(store->table->put(store, STR("ann"), second, first) == ERR_CONFLICT);
    REQUIRE(store->table->put(store, STR("ann"), none, first) == ERR_OK);
    REQUIRE(holds(store, STR("ann"), first) && holds(other, STR("ann"), first));
    REQUIRE(other->table->put(other, STR("ann"), none, second) == ERR_CONFLICT);
    REQUIRE(other->table->put(other, STR("ann"), second, second) == ERR_CONFLICT);
    REQUIRE(holds(store, STR("ann"), first));
    REQUIRE(other->table->put(other, STR("ann"), first, second) == ERR_OK);
    REQUIRE(holds(store, STR("ann"), second));
    REQUIRE(store->table->remove(store, STR("ann")) == ERR_OK);
    REQUIRE(store->table->remove(store, STR("ann")) == ERR_NOT_FOUND);
    REQUIRE(other->table->get(other, STR("ann"), &got) == ERR_NOT_FOUND);
    return true;
}

typedef struct names {
    vault_store_t *store;
    buf_t seen;
} names_t;

/* What visit does to the store does not disturb the walk. */
static err_t see(void *context, str_t subject)
{
    names_t *names = context;
    buf_append(&names->seen, subject);
    buf_append_char(&names->seen, ' ');
    TRY(names->store->table->remove(names->store, subject));
    return buf_status(&names->seen);
}

static err_t refuse(UNUSED void *context, UNUSED str_t subject)
{
    return ERR_LIMIT;
}

static bool all_are_walked_once(const vault_medium_t *medium, buf_t *problem)
{
    enum { COUNT = 260 /* more than a page */ };
    vault_store_t *store STORE_SCOPED = opened(medium);
    names_t names = {.store = store};
    buf_t seen BUF_SCOPED = BUF_INIT;
    size_t count = 0;
    char name[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "U-%d_x", i);
        REQUIRE(store->table->put(store, str_from(name), (str_t){NULL, 0}, STR("r")) == ERR_OK);
    }
    REQUIRE(store->table->each(store, refuse, NULL) == ERR_LIMIT);
    err_t err = store->table->each(store, see, &names);
    seen = names.seen;
    REQUIRE(err == ERR_OK);
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "U-%d_x ", i);
        REQUIRE(str_contains(buf_str(&seen), str_from(name)));
    }
    for (size_t i = 0; i < seen.size; i++)
        count += seen.data[i] == ' ' ? 1 : 0;
    REQUIRE(count == COUNT);
    return true;
}

typedef struct writer {
    vault_store_t *store;
    uint8_t number;
    uint32_t won;
    bool is_wrong;
} writer_t;

/* One byte counts up; each step is one writer's. */
static void *write_some(void *context)
{
    writer_t *self = context;
    while (!self->is_wrong) {
        buf_t got BUF_SCOPED = BUF_INIT;
        if (self->store->table->get(self->store, STR("race"), &got) != ERR_OK || got.size != 2)
            self->is_wrong = true;
        else if ((uint8_t)got.data[0] == ROUNDS * WRITERS)
            return NULL;
        else {
            char next[2] = {(char)(got.data[0] + 1), (char)self->number};
            err_t err = self->store->table->put(self->store, STR("race"), buf_str(&got),
                                                str_of(next, sizeof next));
            self->won += err == ERR_OK ? 1 : 0;
            self->is_wrong = err != ERR_OK && err != ERR_CONFLICT;
        }
    }
    return NULL;
}

static bool of_many_writers_one_wins(const vault_medium_t *medium, buf_t *problem)
{
    writer_t writers[WRITERS] = {0};
    pthread_t threads[WRITERS];
    vault_store_t *store STORE_SCOPED = opened(medium);
    bool is_shared = store->table->changes != NULL; /* else one process has it, once */
    uint32_t won = 0;
    bool is_wrong = false;
    REQUIRE(store->table->put(store, STR("race"), (str_t){NULL, 0}, str_of("\0x", 2)) == ERR_OK);
    for (uint8_t i = 0; i < WRITERS; i++) {
        writers[i] = (writer_t){.store = is_shared ? opened(medium) : store, .number = i};
        REQUIRE(pthread_create(&threads[i], NULL, write_some, &writers[i]) == 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
        if (is_shared)
            close_store(&writers[i].store);
        won += writers[i].won;
        is_wrong |= writers[i].is_wrong;
    }
    REQUIRE(!is_wrong && won == ROUNDS * WRITERS);
    REQUIRE(store->table->remove(store, STR("race")) == ERR_OK);
    return true;
}

/* ---- a vault over it ---- */

static str_t name_of(char room[16], int i)
{
    return str_of(room, (size_t)snprintf(room, 16, "user-%d", i));
}

static err_t seal_all(vault_t *vault, buf_t sealed[SUBJECTS])
{
    char name[16];
    for (int i = 0; i < SUBJECTS; i++) {
        buf_reset(&sealed[i]);
        TRY(vault_seal(vault, name_of(name, i), STR("c"), name_of(name, i), &sealed[i]));
    }
    return ERR_OK;
}

static err_t open_all(vault_t *vault, buf_t sealed[SUBJECTS])
{
    char name[16];
    for (int i = 0; i < SUBJECTS; i++) {
        buf_t plain BUF_SCOPED = BUF_INIT;
        TRY(vault_unseal(vault, name_of(name, i), STR("c"), buf_str(&sealed[i]), &plain));
        if (!str_equal(buf_str(&plain), name_of(name, i)))
            return ERR_INTERNAL;
    }
    return ERR_OK;
}

static void free_all(buf_t (*sealed)[SUBJECTS])
{
    for (int i = 0; i < SUBJECTS; i++)
        buf_deinit(&(*sealed)[i]);
}
#define ALL_SCOPED SCOPED(free_all)

static bool what_is_erased_is_gone_for_good(const vault_medium_t *medium, buf_t *problem)
{
    vault_t *vault VAULT_SCOPED = vault_medium_vault(medium, 1);
    buf_t sealed BUF_SCOPED = BUF_INIT, plain BUF_SCOPED = BUF_INIT;
    bool is_erased = false;
    REQUIRE(vault != NULL);
    REQUIRE(vault_seal(vault, STR("gone"), STR("c"), STR("a secret"), &sealed) == ERR_OK);
    vault_close(STEAL(vault));
    vault = vault_medium_vault(medium, 1);
    REQUIRE(vault_unseal(vault, STR("gone"), STR("c"), buf_str(&sealed), &plain) == ERR_OK);
    for (int start = 0; start < 2; start++) {
        REQUIRE(vault_erase(vault, STR("gone")) == ERR_OK && vault_settle(vault) == ERR_OK);
        REQUIRE(vault_unseal(vault, STR("gone"), STR("c"), buf_str(&sealed), &plain) == ERR_STALE);
        REQUIRE(vault_prepare(vault, STR("gone")) == ERR_FORBIDDEN);
        REQUIRE(vault_is_erased(vault, STR("gone"), &is_erased) == ERR_OK && is_erased);
        vault_close(STEAL(vault));
        vault = vault_medium_vault(medium, 1);
    }
    REQUIRE(vault_renew(vault, STR("shared")) == ERR_OK);
    REQUIRE(vault_is_erased(vault, STR("shared"), &is_erased) == ERR_OK && !is_erased);
    REQUIRE(vault_is_erased(vault, STR("nobody"), &is_erased) == ERR_NOT_FOUND);
    REQUIRE(vault_medium_vault(medium, 9) == NULL); /* another master */
    return true;
}

/* ---- the master key ---- */

/* As if the process had been killed after so many writes. */
static err_t die_after(void *writes_left)
{
    return (*(int *)writes_left)-- <= 0 ? ERR_IO : ERR_OK;
}

static err_t keep(void *context, const aead_key_t *master)
{
    *(uint8_t *)context = master->bytes[0];
    return ERR_OK;
}

/* After the kill: what is kept opens all, and what was begun goes on to its end. */
static bool goes_on(const vault_medium_t *medium, uint8_t kept, uint8_t next,
                    buf_t sealed[SUBJECTS], buf_t *problem)
{
    vault_t *vault VAULT_SCOPED = vault_medium_vault(medium, kept);
    aead_key_t key = vault_medium_master(next);
    REQUIRE(vault != NULL && open_all(vault, sealed) == ERR_OK);
    bool is_rotating = vault_is_rotating(vault);
    if (is_rotating) { /* then the new one opens it, too */
        vault_close(STEAL(vault));
        vault = vault_medium_vault(medium, next);
        REQUIRE(vault != NULL && open_all(vault, sealed) == ERR_OK);
    }
    vault_rotation_t rotation = {.keep = keep, .context = &kept};
    REQUIRE(vault_rotate(vault, is_rotating ? NULL : &key, &rotation) == ERR_OK);
    vault_close(STEAL(vault));
    vault = vault_medium_vault(medium, next);
    REQUIRE(vault != NULL && !vault_is_rotating(vault) && open_all(vault, sealed) == ERR_OK);
    REQUIRE(vault_prepare(vault, STR("gone")) == ERR_FORBIDDEN);
    return true;
}

static bool a_rotation_may_be_killed_anywhere(const vault_medium_t *medium, buf_t *problem)
{
    uint8_t master = 1;
    buf_t sealed[SUBJECTS] ALL_SCOPED = {0};
    for (int writes = 0; writes <= SUBJECTS + 7; writes++, master++) {
        int writes_left = 1000;
        uint8_t kept = master;
        store_around_t dying = store_around(opened(medium), die_after, &writes_left);
        vault_t *vault VAULT_SCOPED = vault_over(&dying.store, master);
        aead_key_t next = vault_medium_master(master + 1);
        REQUIRE(vault != NULL && seal_all(vault, sealed) == ERR_OK);
        writes_left = writes;
        vault_rotation_t rotation = {.keep = keep, .context = &kept};
        err_t err = vault_rotate(vault, &next, &rotation);
        REQUIRE(open_all(vault, sealed) == ERR_OK);
        REQUIRE(err != ERR_OK || kept == master + 1);
        vault_close(STEAL(vault));
        if (!goes_on(medium, kept, (uint8_t)(master + 1), sealed, problem))
            return false;
    }
    return true;
}

bool vault_contract_holds(const vault_medium_t *medium, buf_t *problem)
{
    return a_record_is_changed_only_from_what_it_was(medium, problem) &&
           all_are_walked_once(medium, problem) && of_many_writers_one_wins(medium, problem) &&
           what_is_erased_is_gone_for_good(medium, problem) &&
           a_rotation_may_be_killed_anywhere(medium, problem);
}

/* A process that replaces the master key and erases subjects, at the same time, is killed in the
 * middle, again and again: afterwards the one master key that is kept opens the vault, what was
 * begun is ended by the next start, and every subject is either readable or erased; who was told
 * that one is erased finds it so.
 *
 * The child says each write before it does it; the parent kills it at one of them, or a little
 * later. MS_ROUNDS=n: n times as many. */

#include "runtime/base/random.h"
#include "storage/crypt/master_key.h"
#include "tests/storage/crypt/crypt_help.h"
#include "tests/support/scale.h"
#include "tests/support/vault/store_around.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 60, SUBJECTS = 12, ERASURES = 2, SPINS_MAX = 20000 };
enum { WRITES = 'w', ERASED = 'e' };

typedef struct told {
    uint8_t what, subject;
} told_t;

static void tell(int pipe, told_t told)
{
    if (write(pipe, &told, sizeof told) != sizeof told)
        _exit(1);
}

static err_t tell_write(void *pipe)
{
    tell(*(int *)pipe, (told_t){WRITES, 0});
    return ERR_OK;
}

/* ---- the world ---- */

typedef struct world {
    temporary_t folder;
    temporary_name_t keys, master;
    buf_t sealed[SUBJECTS];
    bool is_erased[SUBJECTS]; /* somebody was told so, or it was found so */
    ms_random_t random;
    uint8_t masters; /* how many there were */
    uint32_t cut_short;
} world_t;

static str_t subject_of(char room[16], size_t i)
{
    return str_of(room, (size_t)snprintf(room, 16, "user-%zu", i));
}

static err_t keep(void *context, const aead_key_t *master)
{
    const world_t *world = context;
    return master_key_to_file(world->master.path, master);
}

static err_t open_vault(const world_t *world, vault_store_t *store, vault_t **out_vault)
{
    buf_t problem BUF_SCOPED = BUF_INIT;
    aead_key_t master;
    TRY(master_key_from_file(world->master.path, &problem, &master));
    return vault_open(&(vault_options_t){.store = store, .master = &master}, &problem, out_vault);
}

static vault_t *vault_of(const world_t *world)
{
    vault_store_t *store = NULL;
    vault_t *vault = NULL;
    check_ok(vault_files_open(str_from(world->keys.path), &store));
    check_ok(open_vault(world, store, &vault));
    return vault;
}

/* Also what was erased: the key, and what was sealed with it, is made anew. */
static void fill(world_t *self)
{
    vault_t *vault VAULT_SCOPED = vault_of(self);
    for (size_t i = 0; i < SUBJECTS; i++) {
        char name[16];
        buf_reset(&self->sealed[i]);
        check_ok(
            vault_seal(vault, subject_of(name, i), STR(""), subject_of(name, i), &self->sealed[i]));
    }
}

static void world_open(world_t *self)
{
    aead_key_t master = crypt_master(++self->masters);
    if (access("/dev/shm", W_OK) == 0) /* a kill leaves what was written wherever that lies */
        (void)setenv("TMPDIR", "/dev/shm", 1);
    self->folder = temporary_new();
    self->keys = temporary_in(&self->folder, "keys");
    self->master = temporary_in(&self->folder, "master");
    self->random = random_system();
    check_ok(master_key_to_file(self->master.path, &master));
    fill(self);
}

static void world_close(world_t *self)
{
    for (size_t i = 0; i < SUBJECTS; i++)
        buf_deinit(&self->sealed[i]);
    temporary_remove(&self->folder);
}
#define WORLD_SCOPED SCOPED(world_close)

static uint32_t any_below(const world_t *self, uint32_t end)
{
    uint32_t any;
    random_fill(&self->random, &any, sizeof any);
    return any % end;
}

/* ---- the child ---- */

typedef struct erasing {
    vault_t *vault;
    size_t first;
    int pipe;
} erasing_t;

static void *erase(void *context)
{
    const erasing_t *self = context;
    for (size_t i = self->first; i < self->first + ERASURES; i++) {
        char name[16];
        if (vault_erase(self->vault, subject_of(name, i % SUBJECTS)) != ERR_OK ||
            vault_renew(self->vault, SEALED_SHARED) != ERR_OK)
            _exit(1);
        tell(self->pipe, (told_t){ERASED, (uint8_t)(i % SUBJECTS)});
    }
    return NULL;
}

static void run_child(world_t *world, size_t first, int pipe)
{
    vault_store_t *files = NULL;
    erasing_t erasing = {.first = first, .pipe = pipe};
    aead_key_t next = crypt_master(world->masters);
    pthread_t eraser;
    if (vault_files_open(str_from(world->keys.path), &files) != ERR_OK)
        _exit(1);
    store_around_t store = store_around(files, tell_write, &pipe);
    if (open_vault(world, &store.store, &erasing.vault) != ERR_OK ||
        pthread_create(&eraser, NULL, erase, &erasing) != 0)
        _exit(1);
    const vault_rotation_t rotation = {.keep = keep, .context = world};
    if (vault_rotate(erasing.vault, &next, &rotation) != ERR_OK)
        _exit(1);
    pthread_join(eraser, NULL);
    _exit(0);
}

/* ---- the parent ---- */

static void spin(uint32_t times)
{
    for (volatile uint32_t i = 0; i < times; i++)
        ;
}

/* Reads until `writes` were told, then everything that there is. */
static void listen_to(world_t *self, int pipe, pid_t child, uint32_t writes)
{
    told_t told;
    while (read(pipe, &told, sizeof told) == sizeof told) {
        if (told.what == ERASED)
            self->is_erased[told.subject] = true;
        else if (writes > 0 && --writes == 0) {
            spin(any_below(self, SPINS_MAX));
            kill(child, SIGKILL);
        }
    }
}

static void run_round(world_t *self)
{
    int pipes[2], status;
    size_t first = any_below(self, SUBJECTS);
    uint32_t writes = 1 + any_below(self, SUBJECTS + 4 + 2 * ERASURES);
    self->masters++;
    cr_assert(pipe(pipes) == 0);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        run_child(self, first, pipes[1]);
    }
    close(pipes[1]);
    listen_to(self, pipes[0], child, writes);
    close(pipes[0]);
    cr_assert(waitpid(child, &status, 0) == child);
    bool is_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    cr_assert(is_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0), "the child failed");
    self->cut_short += is_killed ? 1 : 0;
}

static void check_subjects(world_t *self, vault_t *vault)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        char name[16];
        buf_t plain BUF_SCOPED = BUF_INIT;
        err_t err =
            vault_unseal(vault, subject_of(name, i), STR(""), buf_str(&self->sealed[i]), &plain);
        cr_assert(err == ERR_STALE || (err == ERR_OK && !self->is_erased[i]), "%s: %s", name,
                  err_name(err));
        cr_assert(err == ERR_STALE || str_equal(buf_str(&plain), str_from(name)), "%s", name);
        self->is_erased[i] = err == ERR_STALE; /* once erased, for good */
    }
}

/* Every record is wrapped by the one master key, and none is left of the rotation. */
static void check_records(const world_t *self)
{
    aead_key_t master;
    vault_master_t only;
    buf_t problem BUF_SCOPED = BUF_INIT;
    vault_store_t *store = NULL;
    check_ok(master_key_from_file(self->master.path, &problem, &master));
    check_ok(vault_master_init(&only, &master));
    check_ok(vault_files_open(str_from(self->keys.path), &store));
    for (size_t i = 0; i < SUBJECTS; i++) {
        char name[16];
        buf_t record BUF_SCOPED = BUF_INIT;
        vault_record_t parts;
        check_ok(store->table->get(store, subject_of(name, i), &record));
        check_ok(vault_record_read(buf_str(&record), &parts));
        cr_assert(parts.is_erased || memcmp(parts.master_id, only.id, sizeof only.id) == 0, "%s",
                  name);
    }
    /* What an attempt leaves that was killed before it was begun is wrapped by a key that nobody
     * has, and is overwritten by the next one. */
    buf_t left BUF_SCOPED = BUF_INIT;
    vault_record_t parts;
    check_err(store->table->get(store, STR("_next"), &left), ERR_NOT_FOUND);
    if (store->table->get(store, STR("_previous"), &left) == ERR_OK) {
        check_ok(vault_record_read(buf_str(&left), &parts));
        cr_assert(memcmp(parts.master_id, only.id, sizeof only.id) != 0);
    }
    store->table->close(store);
}

static void check_after(world_t *self)
{
    vault_t *vault VAULT_SCOPED = vault_of(self);
    check_subjects(self, vault); /* before what was begun is ended */
    check_ok(vault_rotate(vault, NULL, &(vault_rotation_t){.keep = keep, .context = self}));
    check_subjects(self, vault);
    vault_close(STEAL(vault));
    check_records(self);
    vault = vault_of(self);
    check_subjects(self, vault);
}

static bool is_anybody_left(const world_t *self)
{
    size_t erased = 0;
    for (size_t i = 0; i < SUBJECTS; i++)
        erased += self->is_erased[i] ? 1 : 0;
    return erased < SUBJECTS / 2;
}

Test(vault_kill, every_subject_is_readable_or_erased_and_what_was_begun_is_ended)
{
    uint64_t rounds = scale_rounds();
    uint32_t cut_short = 0;
    rounds *= ROUNDS;

    for (uint64_t round = 0; round < rounds;) {
        world_t world WORLD_SCOPED = {0};
        world_open(&world);
        for (; round < rounds && is_anybody_left(&world); round++) {
            run_round(&world);
            check_after(&world);
        }
        cut_short += world.cut_short;
    }

    cr_expect(cut_short > 0, "no round was cut short");
}

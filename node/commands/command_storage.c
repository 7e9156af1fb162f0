/* command_storage.c -- the journal from one backend to the other, of a node that is not running;
 * `storage rebuild` is command_rebuild.c, `check` and `salvage` are node/backup/command_check.c. */

#include "actors/personal.h"
#include "node/commands/command.h"
#include "node/journal_open.h"
#include "node/keys_open.h"
#include "storage/crypt/journal_sealed.h"
#include "storage/crypt/vault_move.h"
#include "storage/journal/journal_copy.h"

#include <stdio.h>
#include <unistd.h>

typedef struct move {
    const config_t *config;
    ms_log_t log;
    data_folder_t *data;
    journal_store_t lmdb, postgres;
    keys_stores_t stores;
    vault_t *vault;
    sealed_projector_t projector; /* of the SQL tables */
    journal_sealed_t *from, *to;
    buf_t problem;
} move_t;

static void show(void *context, uint64_t count)
{
    (void)context;
    if (isatty(STDERR_FILENO) != 0)
        fprintf(stderr, "\r%llu records", (unsigned long long)count);
}

/* Both sides in clear: what was written before anything was sealed is sealed from now on. */
static err_t open_sealed(move_t *self, bool is_to_postgres)
{
    journal_sealed_options_t options = {.kinds = PERSONAL_KINDS, .kind_count = PERSONAL_KIND_COUNT};
    options.vault = self->vault;
    options.inner = is_to_postgres ? self->lmdb.journal : self->postgres.journal;
    TRY(journal_sealed_open(&options, &self->from));
    options.inner = is_to_postgres ? self->postgres.journal : self->lmdb.journal;
    return journal_sealed_open(&options, &self->to);
}

/* Over the store that has them: the target's, where a move was cut short behind the journal. */
static err_t open_keys(move_t *self, bool is_to_postgres)
{
    bool is_used = false;
    TRY(keys_stores_open(self->config, &self->log, false, &self->problem, &self->stores));
    vault_store_t **from = is_to_postgres ? &self->stores.files : &self->stores.table;
    vault_store_t **to = is_to_postgres ? &self->stores.table : &self->stores.files;
    TRY(vault_store_is_used(*to, &is_used));
    if (!is_used)
        return keys_open_over(self->config, STEAL(*from), &self->problem, &self->vault);
    err_t err = vault_move(*from, *to);
    if (err == ERR_CONFLICT)
        buf_printf(&self->problem, "the target has users' keys of another installation: move into "
                                   "an empty database or data folder");
    TRY(err);
    return keys_open_over(self->config, STEAL(*to), &self->problem, &self->vault);
}

/* Once the journal is there: the vault has let go of its store. */
static err_t move_keys(move_t *self, bool is_to_postgres)
{
    vault_close(STEAL(self->vault));
    keys_stores_close(&self->stores);
    TRY(keys_stores_open(self->config, &self->log, false, &self->problem, &self->stores));
    err_t err = is_to_postgres ? vault_move(self->stores.files, self->stores.table)
                               : vault_move(self->stores.table, self->stores.files);
    if (err != ERR_OK)
        buf_printf(&self->problem,
                   "the journal was moved, the users' keys were not yet (%s); the same command "
                   "goes on",
                   err_text(err));
    return err;
}

static err_t copy(move_t *self, bool is_to_postgres)
{
    const config_t *config = self->config;
    node_lock_t *lock NODE_LOCK_SCOPED = NULL;
    TRY(data_folder_open(config->data, &self->problem, &self->data));
    TRY(journal_lock(config, &self->log, false, &self->problem, &lock));
    TRY(open_keys(self, is_to_postgres));
    self->projector = keys_projector(self->vault);
    relation_opener_t opener = keys_opener(&self->projector);
    /* What is moved gets its tables when the node starts. */
    TRY(journal_open_postgres(config, &self->log, is_to_postgres ? NULL : &opener,
                              &(journal_owner_t){.lock = STEAL(lock)}, &self->problem,
                              &self->postgres));
    TRY(journal_open_lmdb(config, self->data, &self->log, &self->problem, &self->lmdb));
    TRY(open_sealed(self, is_to_postgres));
    err_t err = journal_copy(journal_sealed_journal(self->from), journal_sealed_journal(self->to),
                             show, NULL);
    if (isatty(STDERR_FILENO) != 0)
        fputc('\n', stderr);
    if (err == ERR_CONFLICT)
        buf_printf(&self->problem, "the target holds something else already: move into an empty "
                                   "database or data folder");
    else if (err != ERR_OK)
        buf_printf(&self->problem, "it was cut short (%s); the same command goes on where it ended",
                   err_text(err));
    return err;
}

static err_t digest(move_t *self, journal_digest_t *out_digest)
{
    return journal_digest(journal_sealed_journal(self->to), out_digest);
}

static void close_journals(move_t *self)
{
    journal_sealed_close(STEAL(self->from));
    journal_sealed_close(STEAL(self->to));
    journal_store_close(&self->lmdb);
    journal_store_close(&self->postgres);
}

static void report(const journal_digest_t *digest, bool is_to_postgres)
{
    printf("%llu records moved and compared, sum %016llx.\n"
           "Start the node %s from now on; the old journal is left as it was, the users' keys "
           "went along.\n",
           (unsigned long long)digest->count, (unsigned long long)digest->sum,
           is_to_postgres ? "with --database" : "without --database");
}

static int run_move(const config_t *config, bool is_to_postgres)
{
    move_t move = {.config = config, .log = {STDERR_FILENO, LOG_WARNING, false}};
    journal_digest_t moved = {0};
    err_t err = copy(&move, is_to_postgres);
    if (err == ERR_OK)
        err = digest(&move, &moved);
    close_journals(&move);
    if (err == ERR_OK)
        err = move_keys(&move, is_to_postgres);
    if (err == ERR_OK)
        err = journal_mark(move.data, is_to_postgres);
    if (err == ERR_OK)
        report(&moved, is_to_postgres);
    else
        command_failed("%s", move.problem.size > 0 ? buf_terminated(&move.problem) : err_text(err));
    vault_close(move.vault);
    keys_stores_close(&move.stores);
    data_folder_close(move.data);
    buf_deinit(&move.problem);
    return err == ERR_OK ? EXIT_OK : EXIT_FAILED;
}

int command_storage(const config_t *config, int count, char **arguments)
{
    const char *to = command_flag(count, arguments, "to");
    if (count > 0 && strcmp(arguments[0], "rebuild") == 0)
        return command_rebuild(config, count, arguments);
    bool is_one_word = command_plain_count(count, arguments) == 1;
    if (is_one_word && strcmp(arguments[0], "check") == 0)
        return command_storage_check(config, command_flag(count, arguments, "repair") != NULL);
    if (is_one_word && count == 1 && strcmp(arguments[0], "salvage") == 0)
        return command_storage_salvage(config);
    bool is_move = is_one_word && strcmp(arguments[0], "move") == 0;
    bool is_to_postgres = to != NULL && strcmp(to, "postgres") == 0;
    if (!is_move || to == NULL || (!is_to_postgres && strcmp(to, "lmdb") != 0))
        return command_usage("storage");
    if (config->database[0] == '\0')
        return command_failed("name the database with --database postgresql://USER@HOST/NAME");
    return run_move(config, is_to_postgres);
}

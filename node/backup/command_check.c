/* command_check.c -- `storage check`: what is damaged in a data folder; `storage salvage`: a
 * journal of what can be read, in the place of a damaged one. */

#include "node/backup/backup_show.h"
#include "node/commands/command.h"
#include "node/journal_open.h"
#include "node/keys_open.h"
#include "storage/journal/journal_copy.h"
#include "storage/journal/journal_lmdb.h"
#include "storage/kv.h"
#include "storage/salvage/log_salvage.h"
#include "storage/salvage/storage_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void print(UNUSED void *context, const char *sentence)
{
    puts(sentence);
}

/* ---- check ---- */

static err_t check(const config_t *config, bool is_repair, buf_t *problem)
{
    data_folder_t *data DATA_FOLDER_SCOPED = NULL;
    aead_key_t master AEAD_KEY_SCOPED = {0};
    buf_t no_master BUF_SCOPED = BUF_INIT;
    if (access(config->data, F_OK) != 0) {
        buf_printf(problem, "there is no data folder %s: name it with --data", config->data);
        return ERR_NOT_FOUND;
    }
    TRY(data_folder_open(config->data, problem, &data));
    TRY(journal_is_there(config, problem));
    bool has_master = keys_master(config, &no_master, &master) == ERR_OK;
    bool has_journal = config->database[0] == '\0';
    vault_store_t *table = NULL;
    if (!has_journal)
        TRY(keys_store(config, problem, &table));
    err_t err = storage_check(&(storage_check_options_t){.data = config->data,
                                                         .map_size = config->map_gb << 30,
                                                         .has_journal = has_journal,
                                                         .is_repair = is_repair,
                                                         .keys = table,
                                                         .master = has_master ? &master : NULL,
                                                         .say = print});
    if (table != NULL)
        table->table->close(table);
    return err;
}

int command_storage_check(const config_t *config, bool is_repair)
{
    buf_t problem BUF_SCOPED = BUF_INIT;
    err_t err = check(config, is_repair, &problem);
    if (err == ERR_OK)
        puts("Nothing is damaged.");
    else if (problem.size > 0)
        command_failed("%s", buf_terminated(&problem));
    else if (err == ERR_CORRUPT)
        command_failed("something is damaged, see above");
    else
        command_failed("it could not be checked: %s", err_text(err));
    return err == ERR_OK ? EXIT_OK : EXIT_FAILED;
}

/* ---- salvage ---- */

typedef struct salvaging {
    const config_t *config;
    ms_log_t log;
    data_folder_t *data;
    arena_t arena;
    const char *journal, *salvaged, *damaged;
    log_salvage_t *from;
    journal_lmdb_t *to;
    log_salvage_stats_t stats;
    buf_t problem;
} salvaging_t;

static void show(void *context, uint64_t count)
{
    backup_show(context, "records", count, 0);
}

static err_t print_cut(UNUSED void *context, str_t stream, uint64_t version, uint64_t left_out)
{
    printf("%.*s goes up to version %llu; %llu records behind a lost one are left out\n",
           STR_ARG(stream), (unsigned long long)version, (unsigned long long)left_out);
    return ERR_OK;
}

static err_t name_folders(salvaging_t *self)
{
    self->journal = data_folder_name(self->data, &self->arena, "journal");
    self->salvaged = data_folder_name(self->data, &self->arena, "journal.salvaged");
    self->damaged = data_folder_name(self->data, &self->arena, "journal.damaged");
    if (self->journal == NULL || self->salvaged == NULL || self->damaged == NULL)
        return ERR_NO_MEMORY;
    if (access(self->damaged, F_OK) != 0)
        return ERR_OK;
    buf_printf(&self->problem,
               "%s is there from a salvage before: move it away, and the command works again",
               self->damaged);
    return ERR_CONFLICT;
}

/* The journal that is put together; one of a run that was cut short is gone on with. */
static err_t copy(salvaging_t *self)
{
    str_t log = arena_printf(&self->arena, "%s/journal", self->journal);
    uint64_t map_size = self->config->map_gb << 30;
    if (log.data == NULL)
        return ERR_NO_MEMORY;
    uint64_t head = storage_check_head(self->journal, map_size);
    if (head == 0)
        puts("How far the journal went can't be read: an edit that was refused just before may "
             "be among what is found.");
    TRY(log_salvage_open(log.data, head, &self->from));
    log_salvage_stats(self->from, &self->stats);
    TRY(journal_lmdb_open(
        &(journal_lmdb_options_t){.path = self->salvaged, .map_size = map_size, .log = &self->log},
        &self->to));
    err_t err =
        journal_copy(log_salvage_journal(self->from), journal_lmdb_journal(self->to), show, NULL);
    backup_show_end();
    journal_lmdb_close(STEAL(self->to));
    return err;
}

/* What was derived from the damaged one goes first: it has that one's positions. */
static err_t swap(salvaging_t *self)
{
    static const char *const derived[] = {"catalog", "catalog.new", "names"};
    for (size_t i = 0; i < COUNT_OF(derived); i++) {
        const char *path = data_folder_name(self->data, &self->arena, derived[i]);
        if (path == NULL)
            return ERR_NO_MEMORY;
        TRY(kv_remove(path));
    }
    if (renameat2(AT_FDCWD, self->salvaged, AT_FDCWD, self->journal, RENAME_EXCHANGE) != 0) {
        err_t err = err_from_errno(errno);
        buf_printf(&self->problem,
                   "what could be read lies in %s, and could not take the place of %s (%s): move "
                   "the damaged one away and this one there",
                   self->salvaged, self->journal, err_text(err));
        return err;
    }
    return rename(self->salvaged, self->damaged) == 0 ? ERR_OK : err_from_errno(errno);
}

static err_t salvage(salvaging_t *self)
{
    TRY(data_folder_open(self->config->data, &self->problem, &self->data));
    TRY(journal_is_there(self->config, &self->problem));
    TRY(name_folders(self));
    TRY(copy(self));
    TRY(swap(self));
    TRY(log_salvage_each_cut(self->from, print_cut, NULL));
    printf("%llu records are in the journal again, %llu are lost, %llu whole ones are left out "
           "because one before them is lost.\nThe damaged journal is kept in %s. The next start "
           "builds the rest anew.\n",
           (unsigned long long)self->stats.taken, (unsigned long long)self->stats.lost,
           (unsigned long long)self->stats.left_out, self->damaged);
    return ERR_OK;
}

int command_storage_salvage(const config_t *config)
{
    salvaging_t self = {.config = config, .log = {STDERR_FILENO, LOG_WARNING, false}};
    if (access(config->data, F_OK) != 0)
        return command_failed("there is no data folder %s: name it with --data", config->data);
    err_t err = salvage(&self);
    if (err != ERR_OK)
        command_failed("%s", self.problem.size > 0 ? buf_terminated(&self.problem) : err_text(err));
    log_salvage_close(self.from);
    journal_lmdb_close(self.to);
    data_folder_close(self.data);
    arena_deinit(&self.arena);
    buf_deinit(&self.problem);
    return err == ERR_OK ? EXIT_OK : EXIT_FAILED;
}

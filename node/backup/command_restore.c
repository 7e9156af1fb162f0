/* command_restore.c -- a backup into an empty data folder, and with --database into an empty
 * database. */

#include "actors/privacy/audit_anchor.h"
#include "node/backup/backup_show.h"
#include "node/backup/erase_again.h"
#include "node/commands/command.h"
#include "node/journal_open.h"
#include "node/keys_open.h"
#include "storage/backup/backup_restore.h"
#include "storage/file.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ERASED_SIZE_MAX = 64 << 20 };

typedef struct restoring {
    const config_t *config;
    ms_log_t log;
    backup_folder_t backup;
    data_folder_t *data;
    journal_store_t journal;
    vault_store_t *keys;
    aead_key_t master;
    buf_t erased, problem;
    bool is_resumed;
    restore_report_t report;
    uint64_t again; /* users whose erasing the node ends */
} restoring_t;

/* ---- what is asked for ---- */

static err_t read_newer(restoring_t *self, const char *dir)
{
    backup_folder_t newer BACKUP_FOLDER_SCOPED = {.lock_fd = -1};
    TRY(backup_folder_read(dir, &self->problem, &newer));
    if (strcmp(newer.manifest.instance, self->backup.manifest.instance) != 0)
        return backup_say(&self->problem, ERR_CONFLICT,
                          "%s holds the backup of another installation", dir);
    const backup_file_t *file = backup_manifest_newest(&newer.manifest, BACKUP_ERASED);
    return file == NULL ? ERR_OK : backup_folder_get(&newer, file, &self->erased);
}

static err_t read_erased(restoring_t *self, const char *path)
{
    struct stat info;
    if (path == NULL)
        return ERR_OK;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return read_newer(self, path);
    err_t err = file_read(path, ERASED_SIZE_MAX, &self->erased);
    return err == ERR_OK
               ? err
               : backup_say(&self->problem, err, "%s can't be read: %s", path, err_text(err));
}

/* ---- the target ---- */

static err_t say_master(restoring_t *self, err_t err)
{
    if (err != ERR_NOT_FOUND)
        return err;
    buf_reset(&self->problem);
    return backup_say(&self->problem, err,
                      "the master key %s is needed: put it into %s/keys/master (mode 0600), or say "
                      "where it is with --master-key-file; nothing was changed",
                      self->backup.manifest.master, self->config->data);
}

static err_t count_one(void *context, UNUSED const journal_record_t *record)
{
    ++*(uint64_t *)context;
    return ERR_OK;
}

static err_t count_key(void *context, UNUSED str_t subject)
{
    ++*(uint64_t *)context;
    return ERR_OK;
}

/* An empty database, before anything is written. */
static err_t open_database(restoring_t *self)
{
    uint64_t count = 0;
    TRY(journal_open_postgres(self->config, &self->log, NULL, &(journal_owner_t){0}, &self->problem,
                              &self->journal));
    journal_t *journal = self->journal.journal;
    TRY(journal->table->feed(journal, 0, 1, count_one, &count));
    TRY(keys_store(self->config, &self->problem, &self->keys));
    TRY(self->keys->table->each(self->keys, count_key, &count));
    return count == 0 || self->is_resumed
               ? ERR_OK
               : backup_say(&self->problem, ERR_CONFLICT,
                            "the database is not empty: name one that is with --database");
}

static err_t open_target(restoring_t *self)
{
    const char *data = self->config->data;
    TRY(backup_restore_check_folder(&self->backup, data, &self->is_resumed));
    TRY(say_master(self, keys_master(self->config, &self->problem, &self->master)));
    err_t err = backup_show_check(&self->backup, &self->master);
    if (err == ERR_CORRUPT)
        return backup_say(&self->problem, err,
                          "this backup can't be restored, see above; nothing was changed");
    TRY(err);
    if (self->config->database[0] != '\0')
        TRY(open_database(self));
    TRY(data_folder_open_to_restore(data, &self->problem, &self->data));
    TRY(backup_restore_begin(&self->backup, data));
    if (self->keys == NULL)
        TRY(keys_store(self->config, &self->problem, &self->keys));
    return self->journal.journal != NULL ? ERR_OK
                                         : journal_open_lmdb(self->config, self->data, &self->log,
                                                             &self->problem, &self->journal);
}

static err_t keep_erase_again(restoring_t *self)
{
    buf_t list BUF_SCOPED = BUF_INIT;
    TRY(erase_again_find(self->keys, self->journal.journal, &list, &self->again));
    return erase_again_keep(self->config->data, buf_str(&list));
}

/* Of no entry: the log that was restored is not one whose anchor was taken away. */
static err_t begin_anchor(restoring_t *self)
{
    vault_t *vault VAULT_SCOPED = NULL;
    const audit_log_t none = {0};
    TRY(keys_open_over(self->config, STEAL(self->keys), &self->problem, &vault));
    return audit_anchor_advance(vault, &none, (audit_anchor_how_t){.may_make = true}, NULL);
}

static err_t restore(restoring_t *self)
{
    backup_target_t target = {.data = self->config->data,
                              .master = &self->master,
                              .erased = buf_str(&self->erased),
                              .progress = backup_show};
    TRY(open_target(self));
    target.store = self->keys;
    TRY(backup_restore_files(&self->backup, &target, &self->report));
    TRY(backup_restore_journal(&self->backup, &target, self->journal.journal, &self->report));
    TRY(keep_erase_again(self));
    TRY(begin_anchor(self));
    journal_store_close(&self->journal); /* all of it on the disk, before the mark goes */
    return backup_restore_end(&self->backup, self->config->data);
}

/* ---- telling ---- */

static int say_restored(const restoring_t *self)
{
    const restore_report_t *report = &self->report;
    printf("%llu records restored and compared, sum %016llx; keys of %llu users, %llu covers and "
           "lyrics.\n",
           (unsigned long long)report->digest.count, (unsigned long long)report->digest.sum,
           (unsigned long long)report->users, (unsigned long long)report->blobs);
    if (self->again > 0)
        printf("Erased after this backup: %llu. Their keys are destroyed, and the node ends their "
               "erasing when it starts.\n",
               (unsigned long long)self->again);
    if (report->damaged_blobs > 0)
        printf("%llu covers or lyrics were damaged: `musicstream scan full` makes them anew.\n",
               (unsigned long long)report->damaged_blobs);
    printf("Start the node with --data %s%s%s; it builds the catalog from the journal.\n",
           self->config->data, self->config->database[0] == '\0' ? "" : " and the same --database",
           keys_are_ours(self->config) ? "" : ", and the same master key option");
    return EXIT_OK;
}

static int say_problem(restoring_t *self, err_t err)
{
    backup_show_end();
    return command_failed("%s",
                          self->problem.size > 0 ? buf_terminated(&self->problem) : err_text(err));
}

static int verify(restoring_t *self)
{
    const backup_manifest_t *manifest = &self->backup.manifest;
    err_t err = backup_show_check(&self->backup, NULL);
    if (err == ERR_CORRUPT)
        return command_failed("this backup is damaged, see above: use another copy of it");
    if (err != ERR_OK)
        return say_problem(self, err);
    printf("Backup %llu: %llu records, keys of %llu users (wrapped by the master key %s), %llu "
           "covers and lyrics: whole.\n",
           (unsigned long long)manifest->number, (unsigned long long)manifest->digest.count,
           (unsigned long long)manifest->users, manifest->master,
           (unsigned long long)manifest->blobs);
    return EXIT_OK;
}

static int run(restoring_t *self, const char *dir, const char *erased, bool is_verify)
{
    err_t err = backup_folder_read(dir, &self->problem, &self->backup);
    if (err == ERR_OK && is_verify)
        return verify(self);
    if (err == ERR_OK)
        err = read_erased(self, erased);
    if (err == ERR_OK)
        err = restore(self);
    return err == ERR_OK ? say_restored(self) : say_problem(self, err);
}

int command_restore(const config_t *config, int count, char **arguments)
{
    restoring_t self = {
        .config = config, .log = {STDERR_FILENO, LOG_WARNING, false}, .backup = {.lock_fd = -1}};
    if (command_plain_count(count, arguments) != 1)
        return command_usage("restore");
    int exit_code = run(&self, arguments[0], command_flag(count, arguments, "erased"),
                        command_flag(count, arguments, "verify") != NULL);
    journal_store_close(&self.journal);
    if (self.keys != NULL)
        self.keys->table->close(self.keys);
    data_folder_close(self.data);
    backup_folder_close(&self.backup);
    aead_key_wipe(&self.master);
    buf_deinit(&self.erased);
    buf_deinit(&self.problem);
    return exit_code;
}

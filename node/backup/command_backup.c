/* command_backup.c -- a backup of the data folder and its journal, beside the node or without it.
 */

#include "node/backup/backup_show.h"
#include "node/commands/command.h"
#include "node/journal_open.h"
#include "node/keys_open.h"
#include "runtime/base/text.h"
#include "storage/crypt/vault_record.h"

#include "version.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

typedef struct making {
    const config_t *config;
    ms_log_t log;
    journal_beside_t beside;
    vault_store_t *store;
    aead_key_t master;
    char master_name[2 * VAULT_MASTER_ID_SIZE + 1];
    backup_folder_t folder;
    backup_report_t report;
    buf_t problem;
} making_t;

static err_t name_master(making_t *self)
{
    vault_master_t named;
    buf_t name BUF_SCOPED = BUF_INIT;
    TRY(vault_master_init(&named, &self->master));
    hex_append(&name, str_of(named.id, sizeof named.id));
    aead_key_wipe(&named.key);
    TRY(buf_status(&name));
    str_to_array(buf_str(&name), self->master_name, sizeof self->master_name);
    return ERR_OK;
}

/* LMDB's pages have no checksum: one that is damaged may end whoever reads it. */
static void say_and_die(UNUSED int signal_number)
{
    static const char text[] =
        "\nmusicstream: the journal is damaged, reading a page of it failed: stop the node, "
        "`musicstream storage check` names the damage; the backup before this one is as it was\n";
    ssize_t put UNUSED = write(STDERR_FILENO, text, sizeof text - 1);
    _exit(EXIT_FAILED);
}

static void expect_damage(void)
{
    static const int deadly[] = {SIGBUS, SIGSEGV, SIGABRT};
    for (size_t i = 0; i < COUNT_OF(deadly); i++)
        signal(deadly[i], say_and_die);
}

/* Nothing is made in the data folder, whoever this command runs as. */
static err_t open_source(making_t *self)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    buf_printf(&path, "%s/keys", self->config->data);
    if (access(buf_terminated(&path), R_OK | X_OK) != 0)
        return backup_say(&self->problem, ERR_NOT_FOUND,
                          "there is no data folder %s that could be read: name it with --data, and "
                          "run this as the node's user",
                          self->config->data);
    TRY(keys_master(self->config, &self->problem, &self->master));
    TRY(name_master(self));
    TRY(journal_open_beside(self->config, &self->log, &self->problem, &self->beside));
    return keys_store(self->config, &self->problem, &self->store);
}

static err_t make(making_t *self, const char *dir)
{
    expect_damage();
    TRY(open_source(self));
    TRY(backup_folder_write(dir, &self->problem, &self->folder));
    backup_source_t source = {.journal = self->beside.journal,
                              .backend = self->beside.backend,
                              .data = self->config->data,
                              .store = self->store,
                              .master = &self->master,
                              .master_name = self->master_name,
                              .program = MS_VERSION,
                              .progress = backup_show};
    err_t err = backup_make(&self->folder, &source, &self->report);
    backup_show_end();
    return err;
}

static void say_where_master_is(const making_t *self)
{
    const char *file = self->config->master_key_file;
    bool is_ours = keys_are_ours(self->config);
    printf("The master key (%s) is NOT in it, and without it nothing personal can be read, names "
           "and passwords included: keep a copy of ",
           self->master_name);
    if (is_ours || file[0] != '\0')
        printf("%s%s somewhere else.\n", is_ours ? self->config->data : file,
               is_ours ? "/keys/master" : "");
    else
        printf("it somewhere else.\n");
}

static void report(const making_t *self, const char *dir)
{
    const backup_manifest_t *manifest = &self->folder.manifest;
    printf("Backup %llu in %s: %llu records (%llu new), keys of %llu users, %llu covers and "
           "lyrics (%llu new).\n",
           (unsigned long long)manifest->number, dir, (unsigned long long)manifest->digest.count,
           (unsigned long long)self->report.new_records, (unsigned long long)manifest->users,
           (unsigned long long)manifest->blobs, (unsigned long long)self->report.new_blobs);
    if (self->report.adopted_segments > 0)
        printf("It went on with one that was cut short.\n");
    if (self->report.damaged_blobs > 0)
        printf("%llu covers or lyrics are damaged and were left out: `musicstream storage check` "
               "names them, `musicstream scan full` makes them anew.\n",
               (unsigned long long)self->report.damaged_blobs);
    say_where_master_is(self);
}

static err_t verify(making_t *self, const char *dir)
{
    backup_folder_t folder BACKUP_FOLDER_SCOPED = {.lock_fd = -1};
    TRY(backup_folder_read(dir, &self->problem, &folder));
    err_t err = backup_show_check(&folder, &self->master);
    if (err == ERR_CORRUPT)
        return backup_say(&self->problem, err,
                          "the backup is not what was written, see above: begin a new one in "
                          "another folder, on another disk");
    TRY(err);
    printf("All of it was read back and compared.\n");
    return ERR_OK;
}

static void close_all(making_t *self)
{
    backup_folder_close(&self->folder);
    journal_close_beside(&self->beside);
    if (self->store != NULL)
        self->store->table->close(self->store);
    aead_key_wipe(&self->master);
    buf_deinit(&self->problem);
}

int command_backup(const config_t *config, int count, char **arguments)
{
    making_t self = {
        .config = config, .log = {STDERR_FILENO, LOG_WARNING, false}, .folder = {.lock_fd = -1}};
    if (command_plain_count(count, arguments) != 1)
        return command_usage("backup");
    err_t err = make(&self, arguments[0]);
    if (err == ERR_OK)
        report(&self, arguments[0]);
    if (err == ERR_OK && command_flag(count, arguments, "verify") != NULL)
        err = verify(&self, arguments[0]);
    if (err != ERR_OK)
        command_failed("%s", self.problem.size > 0 ? buf_terminated(&self.problem) : err_text(err));
    close_all(&self);
    return err == ERR_OK ? EXIT_OK : EXIT_FAILED;
}

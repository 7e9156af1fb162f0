#include "tests/storage/backup/backup_help.h"

#include "runtime/base/clock.h"
#include "runtime/base/memory.h"
#include "storage/blob/blob_folder.h"
#include "storage/crypt/vault_files.h"
#include "storage/file.h"
#include "storage/journal/journal_lmdb_read.h"
#include "storage/keys/keyring.h"
#include "tests/support/journal_contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STREAM "user/0123"

static temporary_name_t below(const temporary_name_t *name, const char *more)
{
    temporary_name_t path;
    snprintf(path.path, sizeof path.path, "%.160s/%s", name->path, more);
    return path;
}

static vault_store_t *store_in(const temporary_name_t *data)
{
    vault_store_t *store = NULL;
    temporary_name_t path = below(data, "keys/subjects");
    check_ok(vault_files_open(str_from(path.path), &store));
    return store;
}

static void open_keys(backup_rig_t *self)
{
    const ms_clock_t clock = clock_system();
    const ms_random_t random = random_system();
    keyring_t *keyring KEYRING_SCOPED = NULL;
    temporary_name_t keys = below(&self->data, "keys");
    check_ok(file_make_folders(keys.path));
    check_ok(keyring_open(str_from(keys.path), &clock, &random, &keyring));
    check_ok(file_replace(below(&self->data, "keys/blobs").path, STR("sealed"), false));
    memset(&self->master, 7, sizeof self->master);
    check_ok(vault_open(&(vault_options_t){.store = store_in(&self->data), .master = &self->master},
                        &self->problem, &self->vault));
}

void rig_open(backup_rig_t *self)
{
    static const char *const users[] = {"0123", "4567", "89ab"};
    /* Thousands of files are synced here, and no power cut is waited for: memory will do. */
    if (access("/dev/shm", W_OK) == 0)
        cr_assert(setenv("TMPDIR", "/dev/shm", 0) == 0);
    *self = (backup_rig_t){.folder = temporary_new()};
    self->data = temporary_in(&self->folder, "data");
    self->backup = temporary_in(&self->folder, "backup");
    self->target = temporary_in(&self->folder, "target");
    open_keys(self);
    for (size_t i = 0; i < COUNT_OF(users); i++)
        rig_prepare_user(self, users[i]);
    rig_append(self, 5, 40);
    rig_put_blob(self, "artwork", "a cover");
    rig_put_blob(self, "lyrics", "la la la");
}

void rig_close(backup_rig_t *self)
{
    vault_close(self->vault);
    buf_deinit(&self->problem);
    temporary_remove(&self->folder);
}

/* Open only while it is used: one process must not have an environment of LMDB twice. */
static journal_lmdb_t *open_journal(const temporary_name_t *data)
{
    journal_lmdb_t *journal = NULL;
    temporary_name_t path = below(data, "journal");
    check_ok(journal_lmdb_open(&(journal_lmdb_options_t){.path = path.path}, &journal));
    return journal;
}

void rig_append(backup_rig_t *self, size_t count, size_t payload_size)
{
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = open_journal(&self->data);
    journal_subject_t subject = {.journal = journal_lmdb_journal(journal)};
    char *payload MEMORY_SCOPED = memory_new(payload_size + 1);
    for (size_t i = 0; i < count; i++) {
        memset(payload, 'a' + (int)(self->version % 26), payload_size);
        journal_event_t event = {STR("user_favourite_set"), str_of(payload, payload_size)};
        journal_append_t append = {.stream = STR(STREAM),
                                   .expected_version = self->version,
                                   .epoch = 1,
                                   .wall_ms = (int64_t)self->version,
                                   .events = &event,
                                   .event_count = 1,
                                   .command_id = STR("command"),
                                   .result = STR("answer")};
        check_ok(journal_append_wait_for(&subject, append).err);
        self->version++;
    }
}

void rig_prepare_user(backup_rig_t *self, const char *id)
{
    check_ok(vault_prepare(self->vault, str_from(id)));
}

void rig_erase_user(backup_rig_t *self, const char *id)
{
    check_ok(vault_erase(self->vault, str_from(id)));
}

void rig_put_blob(backup_rig_t *self, const char *folder, const char *content)
{
    blob_folder_t *blobs BLOB_FOLDER_SCOPED = NULL;
    blob_hash_t hash;
    temporary_name_t path = below(&self->data, folder);
    check_ok(
        blob_folder_open(&(blob_folder_options_t){.path = path.path, .is_durable = true}, &blobs));
    check_ok(blob_put(blobs, str_from(content), &hash));
    /* Its other sizes come with it; what is being written does not. */
    check_ok(blob_variant_put(blobs, str_from(hash.text), STR("320.webp"), STR("small")));
    check_ok(blob_variant_put(blobs, str_from(hash.text), STR("1234-5"), STR("half of it")));
}

/* ---- backup, check, restore ---- */

err_t rig_backup(backup_rig_t *self, backup_progress_fn progress, backup_report_t *out_report)
{
    backup_folder_t folder BACKUP_FOLDER_SCOPED = {.lock_fd = -1};
    journal_lmdb_read_t *journal JOURNAL_LMDB_READ_SCOPED = NULL;
    temporary_name_t path = below(&self->data, "journal");
    backup_report_t report = {0};
    buf_reset(&self->problem);
    temporary_name_t subjects = below(&self->data, "keys/subjects");
    vault_store_t *store = NULL;
    TRY(journal_lmdb_read_open(path.path, 0, &journal));
    TRY(backup_folder_write(self->backup.path, &self->problem, &folder));
    TRY(vault_files_open(str_from(subjects.path), &store));
    backup_source_t source = {.journal = journal_lmdb_read_journal(journal),
                              .backend = "lmdb",
                              .data = self->data.path,
                              .store = store,
                              .master = &self->master,
                              .master_name = "0707",
                              .program = "test",
                              .progress = progress};
    err_t err = backup_make(&folder, &source, &report);
    source.store->table->close(source.store);
    if (err == ERR_OK && out_report != NULL)
        *out_report = report;
    return err;
}

static void found(void *context, const char *sentence)
{
    buf_append(context, str_from(sentence));
    buf_append_char(context, '\n');
}

err_t rig_check(backup_rig_t *self, buf_t *out_found)
{
    backup_folder_t folder BACKUP_FOLDER_SCOPED = {.lock_fd = -1};
    buf_reset(&self->problem);
    err_t err = backup_folder_read(self->backup.path, &self->problem, &folder);
    if (err != ERR_OK) {
        found(out_found, buf_terminated(&self->problem));
        return err;
    }
    return backup_check(
        &folder,
        &(backup_check_options_t){.master = &self->master, .found = found, .context = out_found});
}

err_t rig_restore_files(backup_rig_t *self, const backup_folder_t *folder,
                        const backup_target_t *target, restore_report_t *report)
{
    backup_target_t with_store = *target;
    temporary_name_t subjects = below(&self->target, "keys/subjects");
    TRY(vault_files_open(str_from(subjects.path), &with_store.store));
    err_t err = backup_restore_files(folder, &with_store, report);
    with_store.store->table->close(with_store.store);
    return err;
}

static err_t restore_into(backup_rig_t *self, const backup_folder_t *folder,
                          const backup_target_t *target, restore_report_t *report)
{
    data_folder_t *data DATA_FOLDER_SCOPED = NULL;
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = NULL;
    bool is_resumed = false;
    TRY(backup_restore_check_folder(folder, self->target.path, &is_resumed));
    TRY(data_folder_open_to_restore(self->target.path, &self->problem, &data));
    TRY(backup_restore_begin(folder, self->target.path));
    temporary_name_t path = below(&self->target, "journal");
    err_t err = journal_lmdb_open(&(journal_lmdb_options_t){.path = path.path}, &journal);
    if (err != ERR_OK) /* node/journal_open.c says it */
        return backup_say(&self->problem, err, "the journal can't be opened");
    TRY(rig_restore_files(self, folder, target, report));
    TRY(backup_restore_journal(folder, target, journal_lmdb_journal(journal), report));
    return backup_restore_end(folder, self->target.path);
}

err_t rig_restore(backup_rig_t *self, const char *erased, backup_progress_fn progress,
                  restore_report_t *out_report)
{
    backup_folder_t folder BACKUP_FOLDER_SCOPED = {.lock_fd = -1};
    restore_report_t report = {0};
    backup_target_t target = {.data = self->target.path,
                              .master = &self->master,
                              .erased = str_from(erased),
                              .progress = progress};
    buf_reset(&self->problem);
    TRY(backup_folder_read(self->backup.path, &self->problem, &folder));
    TRY(restore_into(self, &folder, &target, &report));
    if (out_report != NULL)
        *out_report = report;
    return ERR_OK;
}

static journal_digest_t digest_in(const temporary_name_t *data)
{
    journal_digest_t digest;
    journal_lmdb_t *journal JOURNAL_LMDB_SCOPED = open_journal(data);
    check_ok(journal_digest(journal_lmdb_journal(journal), &digest));
    return digest;
}

void rig_expect_target(backup_rig_t *self)
{
    buf_t command BUF_SCOPED = BUF_INIT;
    journal_digest_t now = digest_in(&self->data), there = digest_in(&self->target);
    cr_assert(now.count == there.count && now.sum == there.sum);
    buf_printf(&command,
               "cd %s && diff -r data/keys/subjects target/keys/subjects && "
               "cmp data/keys/instance target/keys/instance && "
               "cmp data/keys/blobs target/keys/blobs && "
               "diff -r data/lyrics target/lyrics -x '*.1234-5' && "
               "diff -r data/artwork target/artwork -x '*.1234-5'",
               self->folder.path);
    cr_assert(system(buf_terminated(&command)) == 0);
}

void rig_expect_all(backup_rig_t *self)
{
    buf_t damage BUF_SCOPED = BUF_INIT, command BUF_SCOPED = BUF_INIT;
    err_t err = rig_check(self, &damage);
    cr_assert(err == ERR_OK, "%s: %s", err_name(err), buf_terminated(&damage));
    err = rig_restore(self, "", NULL, NULL);
    cr_assert(err == ERR_OK, "%s: %s", err_name(err), buf_terminated(&self->problem));
    rig_expect_target(self);
    buf_printf(&command, "rm -rf %s", self->target.path);
    cr_assert(system(buf_terminated(&command)) == 0);
}

/* ---- files ---- */

void rig_files(const backup_rig_t *self, buf_t *out)
{
    buf_t command BUF_SCOPED = BUF_INIT;
    char line[512];
    buf_printf(&command, "cd %s && find . -type f ! -name lock | sort | cut -c3-",
               self->backup.path);
    FILE *lines = popen(buf_terminated(&command), "r");
    cr_assert(lines != NULL);
    while (fgets(line, sizeof line, lines) != NULL)
        buf_append(out, str_from(line));
    pclose(lines);
}

void rig_flip(const backup_rig_t *self, const char *name, size_t at)
{
    temporary_name_t path = below(&self->backup, name);
    FILE *file = fopen(path.path, "r+");
    cr_assert(file != NULL && fseek(file, (long)at, SEEK_SET) == 0);
    int byte = fgetc(file);
    cr_assert(byte != EOF && fseek(file, (long)at, SEEK_SET) == 0);
    fputc(byte ^ 0x10, file);
    fclose(file);
}

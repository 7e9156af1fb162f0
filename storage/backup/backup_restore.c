#include "storage/backup/backup_restore.h"

#include "storage/backup/backup_blobs.h"
#include "storage/backup/backup_journal.h"
#include "storage/backup/backup_keys.h"
#include "storage/data_folder.h"
#include "storage/file.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

enum { MARK_SIZE_MAX = 128 };

/* ---- is it empty? ---- */

static void dir_scope_end(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* *out_name: of an entry that must not be there; empty: there is none. */
static err_t find_other(const char *path, const char *const *allowed, size_t count, buf_t *out_name)
{
    DIR *dir SCOPED(dir_scope_end) = opendir(path);
    if (dir == NULL)
        return errno == ENOENT ? ERR_OK : err_from_errno(errno);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            !is_one_of(entry->d_name, allowed, count)) {
            buf_append(out_name, str_from(entry->d_name));
            return buf_status(out_name);
        }
    return ERR_OK;
}

static err_t check_resumed(const backup_folder_t *folder, const char *data, str_t mark)
{
    if (str_equal(str_trim(mark), str_from(folder->manifest_hash.text)))
        return ERR_OK;
    return backup_say(folder->problem, ERR_CONFLICT,
                      "a restore of another backup into %s was cut short: empty the folder first "
                      "(and the database, if it went into one)",
                      data);
}

err_t backup_restore_check_folder(const backup_folder_t *folder, const char *data,
                                  bool *out_is_resumed)
{
    /* What was being written when it was killed (file.h) is nobody's either. */
    static const char marking[] = DATA_FOLDER_RESTORING ".new";
    static const char *const top[] = {"keys", "lock", "format", "format.new", marking};
    static const char *const keys[] = {"master"};
    buf_t other BUF_SCOPED = BUF_INIT, mark BUF_SCOPED = BUF_INIT;
    TRY(backup_check_folder(data, folder->problem));
    err_t err = file_read(backup_path(data, DATA_FOLDER_RESTORING).text, MARK_SIZE_MAX, &mark);
    if (err == ERR_OK) {
        *out_is_resumed = true;
        return check_resumed(folder, data, buf_str(&mark));
    }
    *out_is_resumed = false;
    if (err == ERR_NOT_FOUND)
        err = find_other(data, top, COUNT_OF(top), &other);
    if (err == ERR_OK && other.size == 0)
        err = find_other(backup_path(data, "keys").text, keys, COUNT_OF(keys), &other);
    if (err != ERR_OK)
        return backup_say(folder->problem, err, "%s can't be read: %s", data, err_text(err));
    return other.size == 0
               ? ERR_OK
               : backup_say(folder->problem, ERR_CONFLICT,
                            "the data folder %s is not empty (%s): name an empty one with --data",
                            data, buf_terminated(&other));
}

/* ---- the mark ---- */

static err_t say_io(const backup_folder_t *folder, err_t err, const char *what)
{
    return err == ERR_OK
               ? err
               : backup_say(folder->problem, err, "%s can't be written: %s", what, err_text(err));
}

err_t backup_restore_begin(const backup_folder_t *folder, const char *data)
{
    const backup_path_t path = backup_path(data, DATA_FOLDER_RESTORING);
    err_t err = file_replace(path.text, str_from(folder->manifest_hash.text), true);
    return say_io(folder, err, path.text);
}

err_t backup_restore_end(const backup_folder_t *folder, const char *data)
{
    const backup_path_t path = backup_path(data, DATA_FOLDER_RESTORING);
    err_t err = unlink(path.text) == 0 ? file_sync_folder_of(path.text) : err_from_errno(errno);
    return say_io(folder, err, path.text);
}

/* ---- keys ---- */

static err_t get_newest(const backup_folder_t *folder, backup_kind_t kind, buf_t *out)
{
    const backup_file_t *file = backup_manifest_newest(&folder->manifest, kind);
    return file == NULL ? backup_say(folder->problem, ERR_CORRUPT,
                                     "the manifest of %s is not complete", folder->path)
                        : backup_folder_get(folder, file, out);
}

static err_t give_secret(const char *data, const char *name, str_t content)
{
    return file_replace(backup_path(data, name).text, content, true);
}

static err_t give_keys(const backup_folder_t *folder, const backup_target_t *target,
                       restore_report_t *report)
{
    vault_store_t *store = target->store;
    buf_t text AEAD_BUF_SCOPED = BUF_INIT;
    backup_secrets_t secrets BACKUP_SECRETS_SCOPED = {0};
    TRY(get_newest(folder, BACKUP_KEYS, &text));
    err_t err = backup_keys_give(buf_str(&text), target->master, store, &secrets);
    if (err == ERR_OK)
        err = give_secret(target->data, "keys/instance", buf_str(&secrets.instance));
    if (err == ERR_OK && secrets.blobs.size > 0)
        err = give_secret(target->data, "keys/blobs", buf_str(&secrets.blobs));
    if (err != ERR_OK)
        return backup_say(folder->problem, err, "the users' keys can't be restored: %s",
                          err_text(err));
    err = backup_keys_erase(target->erased, store, &report->erased_anew);
    if (err != ERR_OK)
        return backup_say(folder->problem, err,
                          "the list of erasures can't be applied (%s): it has a user's id on "
                          "each line, as `musicstream audit` shows them",
                          err_text(err));
    report->users = folder->manifest.users;
    if (report->erased_anew > 0 && store->table->settle != NULL)
        TRY(store->table->settle(store));
    return ERR_OK;
}

/* ---- blobs ---- */

typedef struct giving {
    const backup_folder_t *folder;
    const backup_target_t *target;
    restore_report_t *report;
} giving_t;

static err_t give_blob(void *context, str_t name, str_t content)
{
    const giving_t *self = context;
    char relative[128];
    str_to_array(name, relative, sizeof relative);
    const backup_path_t path = backup_path(self->target->data, relative);
    backup_path_t parent = path;
    *strrchr(parent.text, '/') = '\0';
    const char *file = path.text;
    err_t err = access(file, F_OK) == 0 ? ERR_OK : file_make_folders(parent.text);
    if (err == ERR_OK && access(file, F_OK) != 0)
        err = file_replace(file, content, true);
    if (err == ERR_OK && ++self->report->blobs % 64 == 0 && self->target->progress != NULL)
        self->target->progress(self->target->context, "blobs", self->report->blobs,
                               self->folder->manifest.blobs);
    return say_io(self->folder, err, file);
}

static void count_damaged(void *context, UNUSED const char *sentence)
{
    ((giving_t *)context)->report->damaged_blobs++;
}

err_t backup_restore_files(const backup_folder_t *folder, const backup_target_t *target,
                           restore_report_t *report)
{
    giving_t giving = {folder, target, report};
    buf_t list BUF_SCOPED = BUF_INIT;
    TRY(give_keys(folder, target, report));
    TRY(get_newest(folder, BACKUP_BLOBS, &list));
    return backup_blobs_each(folder, buf_str(&list), give_blob, count_damaged, &giving);
}

/* ---- the journal ---- */

static void show_records(void *context, uint64_t count)
{
    const giving_t *self = context;
    if (self->target->progress != NULL)
        self->target->progress(self->target->context, "records", count,
                               self->folder->manifest.digest.count);
}

err_t backup_restore_journal(const backup_folder_t *folder, const backup_target_t *target,
                             journal_t *journal, restore_report_t *report)
{
    giving_t giving = {folder, target, report};
    backup_journal_t *records BACKUP_JOURNAL_SCOPED = NULL;
    TRY(backup_journal_open(folder, &records));
    err_t err = journal_copy(backup_journal_journal(records), journal, show_records, &giving);
    if (err == ERR_OK)
        err = journal_digest(journal, &report->digest);
    if (err == ERR_OK && (report->digest.count != folder->manifest.digest.count ||
                          report->digest.sum != folder->manifest.digest.sum))
        err = ERR_CONFLICT;
    if (err == ERR_CONFLICT)
        return backup_say(folder->problem, err,
                          "the journal that was restored is not the one of the backup: it was not "
                          "empty. Empty the data folder, and the database, and begin again");
    return err == ERR_OK ? err
                         : backup_say(folder->problem, err,
                                      "the restore was cut short (%s); the same command goes on",
                                      err_text(err));
}

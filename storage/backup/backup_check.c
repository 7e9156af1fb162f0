#include "storage/backup/backup_check.h"

#include "runtime/base/memory.h"
#include "storage/backup/backup_blobs.h"
#include "storage/backup/backup_journal.h"
#include "storage/backup/backup_keys.h"

typedef struct checking {
    const backup_folder_t *folder;
    const backup_check_options_t *options;
    journal_digest_t digest;
    uint64_t position, blobs;
    bool is_damaged;
} checking_t;

static void tell(checking_t *self, const char *sentence)
{
    self->is_damaged = true;
    self->options->found(self->options->context, sentence);
}

/* Damage is told and done with; what else went wrong is the caller's. */
static err_t settle(checking_t *self, err_t err)
{
    if (err != ERR_CORRUPT && err != ERR_NOT_FOUND && err != ERR_NEWER && err != ERR_FORBIDDEN)
        return err;
    buf_t *problem = self->folder->problem;
    tell(self, problem->size > 0 ? buf_terminated(problem) : err_text(err));
    buf_reset(problem);
    return ERR_OK;
}

static void show(const checking_t *self, const char *what, uint64_t done, uint64_t total)
{
    if (self->options->progress != NULL)
        self->options->progress(self->options->context, what, done, total);
}

/* ---- the journal ---- */

static err_t count_record(void *context, const journal_record_t *record)
{
    checking_t *self = context;
    journal_digest_add(&self->digest, record);
    self->position = record->position;
    if (self->digest.count % 1024 == 0)
        show(self, "records", self->digest.count, self->folder->manifest.digest.count);
    return ERR_OK;
}

static err_t check_journal(checking_t *self)
{
    const backup_manifest_t *manifest = &self->folder->manifest;
    backup_journal_t *journal BACKUP_JOURNAL_SCOPED = NULL;
    TRY(backup_journal_open(self->folder, &journal));
    journal_t *feed = backup_journal_journal(journal);
    err_t err = feed->table->feed(feed, 0, SIZE_MAX, count_record, self);
    if (err == ERR_OK &&
        (self->digest.count != manifest->digest.count || self->digest.sum != manifest->digest.sum ||
         self->position != manifest->position))
        err = backup_say(self->folder->problem, ERR_CORRUPT,
                         "%s has %llu records, and they are not the %llu of its manifest",
                         self->folder->path, (unsigned long long)self->digest.count,
                         (unsigned long long)manifest->digest.count);
    return settle(self, err);
}

/* A segment that is damaged ends the feed: those behind it are looked at one by one. */
static err_t check_segments(checking_t *self)
{
    const backup_manifest_t *manifest = &self->folder->manifest;
    buf_t bytes BUF_SCOPED = BUF_INIT;
    for (size_t i = 0; i < manifest->file_count; i++) {
        if (manifest->files[i].kind != BACKUP_JOURNAL)
            continue;
        buf_reset(&bytes);
        TRY(settle(self, backup_folder_get(self->folder, &manifest->files[i], &bytes)));
    }
    return ERR_OK;
}

/* ---- keys, blobs ---- */

static err_t get_newest(const checking_t *self, backup_kind_t kind, buf_t *out)
{
    static const char *const names[BACKUP_KINDS] = {"journal", "keys", "erased", "blobs"};
    const backup_file_t *file = backup_manifest_newest(&self->folder->manifest, kind);
    if (file == NULL)
        return backup_say(self->folder->problem, ERR_CORRUPT, "the manifest of %s names no %s",
                          self->folder->path, names[kind]);
    return backup_folder_get(self->folder, file, out);
}

static err_t check_keys(checking_t *self)
{
    buf_t text AEAD_BUF_SCOPED = BUF_INIT, erased BUF_SCOPED = BUF_INIT;
    backup_keys_t keys BACKUP_KEYS_SCOPED = {0};
    err_t err = get_newest(self, BACKUP_KEYS, &text);
    if (err == ERR_OK) {
        err = backup_keys_check(buf_str(&text), self->options->master, &keys);
        if (err == ERR_FORBIDDEN)
            err = backup_say(self->folder->problem, err,
                             "the master key is not the one of this backup (%s)",
                             self->folder->manifest.master);
        else if (err == ERR_CORRUPT)
            err = backup_say(self->folder->problem, err, "the users' keys in %s are damaged",
                             self->folder->path);
    }
    TRY(settle(self, err));
    return settle(self, get_newest(self, BACKUP_ERASED, &erased));
}

static err_t count_blob(void *context, UNUSED str_t name, UNUSED str_t content)
{
    checking_t *self = context;
    if (++self->blobs % 64 == 0)
        show(self, "blobs", self->blobs, self->folder->manifest.blobs);
    return ERR_OK;
}

static void blob_is_damaged(void *context, const char *sentence)
{
    tell(context, sentence);
}

static err_t check_blobs(checking_t *self)
{
    buf_t list BUF_SCOPED = BUF_INIT;
    err_t err = get_newest(self, BACKUP_BLOBS, &list);
    if (err == ERR_OK)
        err = backup_blobs_each(self->folder, buf_str(&list), count_blob, blob_is_damaged, self);
    return settle(self, err);
}

err_t backup_check(const backup_folder_t *folder, const backup_check_options_t *options)
{
    checking_t self = {.folder = folder, .options = options};
    TRY(check_journal(&self));
    if (self.is_damaged)
        TRY(check_segments(&self));
    TRY(check_keys(&self));
    TRY(check_blobs(&self));
    return self.is_damaged ? ERR_CORRUPT : ERR_OK;
}

#include "storage/backup/backup.h"

#include "runtime/base/clock.h"
#include "storage/backup/backup_blobs.h"
#include "storage/backup/backup_keys.h"
#include "storage/backup/backup_segment.h"
#include "storage/file.h"

#include <unistd.h>

enum { PAGE = 1000, SECRET_FILE_MAX = 2000 };

typedef struct making {
    backup_folder_t *folder;
    const backup_source_t *source;
    backup_report_t report;
    buf_t segment;     /* being filled */
    uint64_t head;     /* how far it goes */
    size_t page_count; /* records of the feed's page */
} making_t;

static backup_manifest_t *manifest_of(const making_t *self)
{
    return &self->folder->manifest;
}

/* ---- is it the same journal? ---- */

typedef struct looking {
    uint64_t position, hash;
    bool was_found;
} looking_t;

static uint64_t hash_of(const journal_record_t *record)
{
    journal_digest_t one = {0};
    journal_digest_add(&one, record);
    return one.sum;
}

static err_t look(void *context, const journal_record_t *record)
{
    looking_t *looking = context;
    looking->was_found = record->position == looking->position && hash_of(record) == looking->hash;
    return ERR_OK;
}

/* The journal has this record at this position: what came before is the same, too. */
static err_t has_record(journal_t *journal, uint64_t position, uint64_t hash, bool *out_has)
{
    looking_t looking = {.position = position, .hash = hash};
    if (position > 0)
        TRY(journal->table->feed(journal, position - 1, 1, look, &looking));
    *out_has = position == 0 || looking.was_found;
    return ERR_OK;
}

static err_t say_other(const making_t *self)
{
    return backup_say(self->folder->problem, ERR_CONFLICT,
                      "%s holds the backup of another journal, or of one that was replaced since "
                      "(restored, or moved to another backend): begin a new one in another folder",
                      self->folder->path);
}

static err_t check_same(const making_t *self)
{
    const backup_manifest_t *manifest = manifest_of(self);
    bool is_same = true;
    if (self->folder->is_new)
        return ERR_OK;
    if (!str_equal(str_from(manifest->backend), str_from(self->source->backend)))
        return say_other(self);
    err_t err = has_record(self->source->journal, manifest->position, manifest->last, &is_same);
    if (err != ERR_OK)
        return backup_say(self->folder->problem, err, "the journal can't be read: %s",
                          err_text(err));
    return is_same ? ERR_OK : say_other(self);
}

/* ---- segments ---- */

static void count_record(making_t *self, const journal_record_t *record)
{
    backup_manifest_t *manifest = manifest_of(self);
    journal_digest_add(&manifest->digest, record);
    manifest->position = record->position;
    manifest->last = hash_of(record);
    self->report.new_records++;
}

static err_t flush(making_t *self)
{
    if (self->segment.size == 0)
        return ERR_OK;
    TRY(buf_status(&self->segment));
    TRY(backup_folder_put(self->folder, BACKUP_JOURNAL, buf_str(&self->segment)));
    self->report.new_segments++;
    self->report.size += self->segment.size;
    buf_reset(&self->segment);
    return ERR_OK;
}

/* LIMIT: past the position that this backup ends at. CANCELLED: the segment is full; it is written
 * where no transaction of the journal is open. */
static err_t take_record(void *context, const journal_record_t *record)
{
    making_t *self = context;
    if (record->position > self->head)
        return ERR_LIMIT;
    if (self->segment.size > BACKUP_SEGMENT_FULL)
        return ERR_CANCELLED;
    if (self->segment.size == 0)
        backup_segment_begin(&self->segment, manifest_of(self)->position);
    backup_segment_add(&self->segment, record);
    count_record(self, record);
    self->page_count++;
    return buf_status(&self->segment);
}

static void show(const making_t *self, const char *what, uint64_t done, uint64_t total)
{
    if (self->source->progress != NULL)
        self->source->progress(self->source->context, what, done, total);
}

/* One page, or what a segment has room for. *out_is_end: there is no more. */
static err_t take_page(making_t *self, bool *out_is_end)
{
    journal_t *journal = self->source->journal;
    self->page_count = 0;
    err_t err = journal->table->feed(journal, manifest_of(self)->position, PAGE, take_record, self);
    *out_is_end = err == ERR_LIMIT || (err == ERR_OK && self->page_count < PAGE);
    show(self, "records", self->report.new_records, 0);
    if (err == ERR_CANCELLED)
        return flush(self);
    return err == ERR_LIMIT ? ERR_OK : err;
}

static err_t take_journal(making_t *self)
{
    bool is_end = false;
    err_t err = ERR_OK;
    while (err == ERR_OK && !is_end)
        err = take_page(self, &is_end);
    if (err == ERR_CORRUPT)
        return backup_say(self->folder->problem, err,
                          "the journal is damaged after position %llu: `musicstream storage check` "
                          "names the damage; the backup before this one is as it was",
                          (unsigned long long)manifest_of(self)->position);
    if (err != ERR_OK)
        return backup_say(self->folder->problem, err, "the journal can't be read: %s",
                          err_text(err));
    return flush(self);
}

/* ---- what a run that was cut short left ---- */

static err_t adopt_records(str_t bytes, uint64_t after, backup_manifest_t *manifest)
{
    backup_segment_t segment;
    journal_record_t record;
    TRY(backup_segment_open(bytes, &segment));
    if (segment.after != after)
        return ERR_CORRUPT;
    err_t err;
    while ((err = backup_segment_next(&segment, &record)) == ERR_OK) {
        journal_digest_add(&manifest->digest, &record);
        manifest->position = record.position;
        manifest->last = hash_of(&record);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* A segment was renamed after it was synced, so one that is here is whole; still it is read. */
static err_t adopt_one(making_t *self, uint32_t number)
{
    char name[BACKUP_NAME_SIZE];
    buf_t bytes BUF_SCOPED = BUF_INIT;
    backup_manifest_t *manifest = manifest_of(self);
    backup_manifest_t next = *manifest;
    backup_file_t file = {.kind = BACKUP_JOURNAL, .number = number};
    bool is_same = false;
    backup_file_name(BACKUP_JOURNAL, number, name);
    TRY(file_read(backup_path(self->folder->path, name).text, BACKUP_SEGMENT_SIZE_MAX, &bytes));
    TRY(adopt_records(buf_str(&bytes), manifest->position, &next));
    TRY(has_record(self->source->journal, next.position, next.last, &is_same));
    if (!is_same)
        return ERR_CORRUPT;
    file.size = bytes.size;
    TRY(blob_hash_of(buf_str(&bytes), &file.sha256));
    TRY(backup_manifest_add(manifest, &file));
    self->report.new_records += next.digest.count - manifest->digest.count;
    manifest->digest = next.digest;
    manifest->position = next.position;
    manifest->last = next.last;
    self->report.adopted_segments++;
    return ERR_OK;
}

static void adopt(making_t *self)
{
    const backup_file_t *newest = backup_manifest_newest(manifest_of(self), BACKUP_JOURNAL);
    uint32_t number = newest == NULL ? 1 : newest->number + 1;
    while (adopt_one(self, number) == ERR_OK)
        number++;
    for (size_t kind = 0; kind < BACKUP_KINDS; kind++)
        backup_folder_tidy(self->folder, (backup_kind_t)kind);
}

/* ---- keys and blobs ---- */

static err_t say_keys(const making_t *self, err_t err)
{
    switch ((int)err) {
    case ERR_FORBIDDEN:
        return backup_say(self->folder->problem, err,
                          "the master key is not the one that the users' keys are wrapped with: "
                          "give the one that the node has");
    case ERR_BUSY:
        return backup_say(self->folder->problem, err,
                          "the master key is being replaced: start the backup again in a moment");
    default:
        return backup_say(self->folder->problem, err, "the users' keys can't be copied: %s",
                          err_text(err));
    }
}

static err_t read_secret(const making_t *self, const char *name, buf_t *out)
{
    backup_path_t path = backup_path(self->source->data, name);
    err_t err = file_read(path.text, SECRET_FILE_MAX, out);
    return err == ERR_OK ? err
                         : backup_say(self->folder->problem, err, "%s can't be read: %s", path.text,
                                      err_text(err));
}

static bool has_secret(const making_t *self, const char *name)
{
    return access(backup_path(self->source->data, name).text, F_OK) == 0;
}

static err_t take_keys(making_t *self)
{
    backup_keys_t keys BACKUP_KEYS_SCOPED = {0};
    backup_secrets_t secrets BACKUP_SECRETS_SCOPED = {0};
    TRY(read_secret(self, "keys/instance", &secrets.instance));
    if (has_secret(self, "keys/blobs"))
        TRY(read_secret(self, "keys/blobs", &secrets.blobs));
    err_t err = backup_keys_take(self->source->store, self->source->master, &secrets, &keys);
    if (err != ERR_OK)
        return say_keys(self, err);
    TRY(backup_folder_put(self->folder, BACKUP_KEYS, buf_str(&keys.text)));
    TRY(backup_folder_put(self->folder, BACKUP_ERASED, buf_str(&keys.erased)));
    backup_manifest_t *manifest = manifest_of(self);
    backup_manifest_keep_newest(manifest, BACKUP_KEYS);
    backup_manifest_keep_newest(manifest, BACKUP_ERASED);
    manifest->users = keys.users;
    manifest->erased = keys.erased_count;
    return ERR_OK;
}

static err_t take_blobs(making_t *self)
{
    backup_blobs_t blobs BACKUP_BLOBS_SCOPED = {0};
    buf_t before BUF_SCOPED = BUF_INIT;
    const backup_file_t *file = backup_manifest_newest(manifest_of(self), BACKUP_BLOBS);
    if (file != NULL)
        TRY(backup_folder_get(self->folder, file, &before));
    TRY(backup_blobs_take(self->folder, self->source->data, buf_str(&before), &blobs));
    TRY(backup_folder_put(self->folder, BACKUP_BLOBS, buf_str(&blobs.list)));
    backup_manifest_keep_newest(manifest_of(self), BACKUP_BLOBS);
    manifest_of(self)->blobs = blobs.count;
    self->report.new_blobs = blobs.copied;
    self->report.damaged_blobs = blobs.damaged;
    return ERR_OK;
}

/* "id HEX" is the second line of the file. */
static void name_instance(str_t text, char room[BACKUP_WORD_SIZE])
{
    str_t line;
    while (text.data != NULL && str_next(&text, '\n', &line))
        if (str_starts_with(line, STR("id ")))
            str_to_array(str_slice(line, 3, line.size), room, BACKUP_WORD_SIZE);
}

static err_t describe(const making_t *self)
{
    const ms_clock_t clock = clock_system();
    const backup_source_t *source = self->source;
    backup_manifest_t *manifest = manifest_of(self);
    buf_t instance AEAD_BUF_SCOPED = BUF_INIT;
    char name[BACKUP_WORD_SIZE] = "";
    TRY(read_secret(self, "keys/instance", &instance));
    name_instance(buf_str(&instance), name);
    if (!self->folder->is_new && strcmp(name, manifest->instance) != 0)
        return say_other(self);
    memcpy(manifest->instance, name, sizeof name);
    manifest->made_at_ms = clock_wall_ms(&clock);
    str_to_array(str_from(source->program), manifest->program, BACKUP_WORD_SIZE);
    str_to_array(str_from(source->backend), manifest->backend, BACKUP_WORD_SIZE);
    str_to_array(str_from(source->master_name), manifest->master, BACKUP_WORD_SIZE);
    return ERR_OK;
}

static err_t make(making_t *self)
{
    TRY(backup_check_folder(self->source->data, self->folder->problem));
    TRY(check_same(self));
    TRY(describe(self));
    TRY(backup_folder_is_whole(self->folder));
    adopt(self);
    self->head = self->source->journal->table->head(self->source->journal);
    TRY(take_journal(self));
    TRY(take_keys(self));
    TRY(take_blobs(self));
    return backup_folder_publish(self->folder);
}

err_t backup_make(backup_folder_t *folder, const backup_source_t *source,
                  backup_report_t *out_report)
{
    making_t self = {.folder = folder, .source = source};
    err_t err = make(&self);
    buf_deinit(&self.segment);
    if (err != ERR_OK)
        return backup_say(folder->problem, err, "the backup was not made: %s", err_text(err));
    *out_report = self.report;
    return ERR_OK;
}

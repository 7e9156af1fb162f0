#include "storage/backup/backup_journal.h"

#include "runtime/base/memory.h"
#include "storage/backup/backup_segment.h"
#include "storage/journal/journal_feed.h"

struct backup_journal {
    journal_t journal; /* first */
    const backup_folder_t *folder;
    buf_t bytes; /* of the segment in memory */
    backup_segment_t segment;
    size_t next;   /* of the manifest's files, journal first */
    uint64_t last; /* position of the record that was read last, of all segments */
    bool has_segment;
};

static backup_journal_t *self_of(journal_t *journal)
{
    return CONTAINER_OF(journal, backup_journal_t, journal);
}

static err_t say_damaged(const backup_journal_t *self, err_t err)
{
    char name[BACKUP_NAME_SIZE];
    const backup_file_t *file = &self->folder->manifest.files[self->next - 1];
    backup_file_name(file->kind, file->number, name);
    return backup_say(self->folder->problem, err,
                      "%s/%s is damaged at byte %zu, after the record at position %llu",
                      self->folder->path, name, self->segment.at, (unsigned long long)self->last);
}

/* Each segment begins where the one before ended. */
static err_t next_segment(backup_journal_t *self)
{
    const backup_manifest_t *manifest = &self->folder->manifest;
    if (self->next == manifest->file_count || manifest->files[self->next].kind != BACKUP_JOURNAL)
        return ERR_NOT_FOUND;
    buf_reset(&self->bytes);
    self->has_segment = false;
    TRY(backup_folder_get(self->folder, &manifest->files[self->next], &self->bytes));
    self->next++;
    err_t err = backup_segment_open(buf_str(&self->bytes), &self->segment);
    if (err == ERR_OK && self->segment.after != self->last)
        err = ERR_CORRUPT;
    self->has_segment = err == ERR_OK;
    return err == ERR_OK ? err : say_damaged(self, err);
}

static err_t next_record(backup_journal_t *self, journal_record_t *out_record)
{
    err_t err = self->has_segment ? backup_segment_next(&self->segment, out_record) : ERR_NOT_FOUND;
    while (err == ERR_NOT_FOUND) {
        TRY(next_segment(self));
        err = backup_segment_next(&self->segment, out_record);
    }
    if (err != ERR_OK)
        return say_damaged(self, err);
    self->last = out_record->position;
    return ERR_OK;
}

static void rewind_to_begin(backup_journal_t *self)
{
    self->next = 0;
    self->last = 0;
    self->has_segment = false;
}

/* Who reads on goes on where it was; else from the beginning. */
static err_t feed(journal_t *journal, uint64_t after_position, size_t count_max,
                  journal_visit_fn visit, void *context)
{
    backup_journal_t *self = self_of(journal);
    if (after_position != self->last)
        rewind_to_begin(self);
    for (size_t count = 0; count < count_max;) {
        journal_record_t record;
        err_t err = next_record(self, &record);
        if (err == ERR_NOT_FOUND)
            return ERR_OK;
        TRY(err);
        if (record.position <= after_position)
            continue;
        count++;
        err = visit(context, &record);
        if (err != ERR_OK) {
            rewind_to_begin(self);
            return err;
        }
    }
    return ERR_OK;
}

static uint64_t head(journal_t *journal)
{
    return self_of(journal)->folder->manifest.position;
}

static const journal_table_t table = JOURNAL_FEED_TABLE(feed, head);

err_t backup_journal_open(const backup_folder_t *folder, backup_journal_t **out_journal)
{
    backup_journal_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->journal.table = &table;
    self->folder = folder;
    *out_journal = self;
    return ERR_OK;
}

void backup_journal_close(backup_journal_t *self)
{
    if (self == NULL)
        return;
    buf_deinit(&self->bytes);
    memory_free(self);
}

void backup_journal_scope_end(backup_journal_t **self)
{
    backup_journal_close(*self);
}

journal_t *backup_journal_journal(backup_journal_t *self)
{
    return &self->journal;
}

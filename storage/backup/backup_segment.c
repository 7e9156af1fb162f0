#include "storage/backup/backup_segment.h"

#include "storage/bytes_at.h"

#define MAGIC STR("MSBACKUP")

static void append_u32(buf_t *out, uint32_t value)
{
    buf_append_bytes(out, &value, sizeof value);
}

static void append_u64(buf_t *out, uint64_t value)
{
    buf_append_bytes(out, &value, sizeof value);
}

void backup_segment_begin(buf_t *out, uint64_t after)
{
    buf_append(out, MAGIC);
    append_u32(out, BACKUP_SEGMENT_FORMAT);
    append_u32(out, 0);
    append_u64(out, after);
}

void backup_segment_add(buf_t *out, const journal_record_t *record)
{
    stored_record_t stored = {.record = *record, .epoch = 1};
    size_t size = journal_record_size(&stored);
    append_u32(out, (uint32_t)size);
    append_u64(out, record->position);
    char *room = buf_extend(out, size);
    if (room != NULL)
        journal_record_write(&stored, room);
}

err_t backup_segment_open(str_t bytes, backup_segment_t *out_segment)
{
    if (bytes.size < BACKUP_SEGMENT_HEAD || !str_starts_with(bytes, MAGIC))
        return ERR_CORRUPT;
    if (u32_at(bytes, 8) > BACKUP_SEGMENT_FORMAT)
        return ERR_NEWER;
    if (u32_at(bytes, 8) != BACKUP_SEGMENT_FORMAT || u32_at(bytes, 12) != 0)
        return ERR_CORRUPT;
    uint64_t after = u64_at(bytes, 16);
    *out_segment = (backup_segment_t){bytes, BACKUP_SEGMENT_HEAD, after, after};
    return ERR_OK;
}

err_t backup_segment_next(backup_segment_t *self, journal_record_t *out_record)
{
    stored_record_t stored;
    str_t rest = str_slice(self->bytes, self->at, self->bytes.size);
    if (rest.size == 0)
        return ERR_NOT_FOUND;
    if (rest.size < BACKUP_RECORD_HEAD)
        return ERR_CORRUPT;
    size_t size = u32_at(rest, 0);
    uint64_t position = u64_at(rest, 4);
    if (size > rest.size - BACKUP_RECORD_HEAD || position <= self->last)
        return ERR_CORRUPT;
    TRY(journal_record_read(
        position, str_slice(rest, BACKUP_RECORD_HEAD, BACKUP_RECORD_HEAD + size), &stored));
    self->at += BACKUP_RECORD_HEAD + size;
    self->last = position;
    *out_record = stored.record;
    return ERR_OK;
}

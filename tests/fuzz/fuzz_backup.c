/* A backup's files as any bytes: the first byte says which. A manifest gets the checksum that it
 * would need, records of a segment theirs. Oracle: what is read is written back as the same, lies
 * inside the bytes, and leads nowhere else. */
#include "runtime/base/assert.h"
#include "runtime/base/crc32c.h"
#include "storage/backup/backup_blobs.h"
#include "storage/backup/backup_keys.h"
#include "storage/backup/backup_manifest.h"
#include "storage/backup/backup_segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_manifest(str_t text)
{
    backup_manifest_t first BACKUP_MANIFEST_SCOPED = {0}, second BACKUP_MANIFEST_SCOPED = {0};
    buf_t sealed BUF_SCOPED = BUF_INIT, once BUF_SCOPED = BUF_INIT, again BUF_SCOPED = BUF_INIT;
    blob_hash_t hash;
    buf_append(&sealed, text);
    if (blob_hash_of(text, &hash) == ERR_OK)
        buf_printf(&sealed, "\"sha256\":\"%s\"}\n", hash.text);
    if (backup_manifest_read(buf_str(&sealed), &first) != ERR_OK)
        return;
    for (size_t i = 0; i < first.file_count; i++) {
        const backup_file_t *file = &first.files[i];
        ASSERT(backup_manifest_has(&first, file->kind, file->number));
    }
    backup_manifest_write(&first, &once);
    ASSERT(backup_manifest_read(buf_str(&once), &second) == ERR_OK);
    backup_manifest_write(&second, &again);
    ASSERT(str_equal(buf_str(&once), buf_str(&again)));
}

/* Gives the record at `at` the checksum that it would need. */
static void seal_record(buf_t *bytes, size_t at)
{
    uint32_t record_size;
    uint64_t position;
    if (bytes->size - at < BACKUP_RECORD_HEAD + sizeof(uint32_t))
        return;
    memcpy(&record_size, bytes->data + at, sizeof record_size);
    memcpy(&position, bytes->data + at + 4, sizeof position);
    size_t rest = bytes->size - at - BACKUP_RECORD_HEAD;
    if (record_size < sizeof(uint32_t) || record_size > rest)
        return;
    char *record = bytes->data + at + BACKUP_RECORD_HEAD;
    position = __builtin_bswap64(position);
    uint32_t crc = crc32c(0, str_of(&position, sizeof position));
    crc = crc32c(crc, str_of(record + sizeof crc, record_size - sizeof crc));
    memcpy(record, &crc, sizeof crc);
}

static void check_segment(str_t text)
{
    backup_segment_t segment;
    journal_record_t record;
    buf_t bytes BUF_SCOPED = BUF_INIT, again BUF_SCOPED = BUF_INIT;
    buf_append(&bytes, text);
    if (backup_segment_open(buf_str(&bytes), &segment) != ERR_OK)
        return;
    backup_segment_begin(&again, segment.after);
    for (;;) {
        uint64_t last = segment.last;
        size_t at = segment.at;
        seal_record(&bytes, at);
        if (backup_segment_next(&segment, &record) != ERR_OK)
            break;
        ASSERT(record.position > last && segment.at > at && segment.at <= bytes.size);
        backup_segment_add(&again, &record);
        ASSERT(again.size == segment.at);
    }
}

static void check_keys(str_t text)
{
    backup_keys_t keys BACKUP_KEYS_SCOPED = {0};
    if (backup_keys_check(text, NULL, &keys) == ERR_OK)
        ASSERT(keys.erased_count <= keys.users);
}

static void check_blob(str_t text)
{
    str_t hash, name;
    if (!backup_blobs_parse(text, &hash, &name))
        return;
    ASSERT(hash.size == BLOB_HASH_SIZE && name.data + name.size == text.data + text.size);
    ASSERT(str_starts_with(name, STR("artwork/")) || str_starts_with(name, STR("lyrics/")));
    ASSERT(!str_contains(name, STR("..")) && memchr(name.data, '\0', name.size) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const checks[])(str_t text) = {check_manifest, check_segment, check_keys,
                                                 check_blob};
    if (size == 0)
        return 0;
    checks[data[0] % COUNT_OF(checks)](str_of(data + 1, size - 1));
    return 0;
}

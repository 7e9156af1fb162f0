#include "storage/journal/journal_record.h"

#include "runtime/base/crc32c.h"

typedef struct __attribute__((packed)) record_header {
    uint32_t crc;
    uint8_t format, stream_size, name_size, command_id_size;
    uint64_t version, previous, wall_ms, epoch;
    uint32_t payload_size, result_size;
} record_header_t;

_Static_assert(sizeof(record_header_t) == 48, "the layout on disk");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the layout on disk is little endian");

size_t journal_record_size(const stored_record_t *stored)
{
    const journal_record_t *record = &stored->record;
    return sizeof(record_header_t) + record->stream.size + record->event.name.size +
           record->command_id.size + record->result.size + record->event.payload.size;
}

static uint32_t checksum(uint64_t position, str_t after_crc)
{
    uint64_t key = __builtin_bswap64(position);
    return crc32c(crc32c(0, str_of(&key, sizeof key)), after_crc);
}

static char *write_bytes(char *at, str_t bytes)
{
    if (bytes.size > 0)
        memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

void journal_record_write(const stored_record_t *stored, char *room)
{
    const journal_record_t *record = &stored->record;
    record_header_t header = {
        .format = JOURNAL_RECORD_FORMAT,
        .stream_size = (uint8_t)record->stream.size,
        .name_size = (uint8_t)record->event.name.size,
        .command_id_size = (uint8_t)record->command_id.size,
        .version = record->version,
        .previous = stored->previous,
        .wall_ms = (uint64_t)record->wall_ms,
        .epoch = stored->epoch,
        .payload_size = (uint32_t)record->event.payload.size,
        .result_size = (uint32_t)record->result.size,
    };
    memcpy(room, &header, sizeof header);
    char *at = write_bytes(room + sizeof header, record->stream);
    at = write_bytes(at, record->event.name);
    at = write_bytes(at, record->command_id);
    at = write_bytes(at, record->result);
    at = write_bytes(at, record->event.payload);
    uint32_t crc =
        checksum(record->position, str_of(room + sizeof crc, (size_t)(at - room) - sizeof crc));
    memcpy(room, &crc, sizeof crc);
}

static str_t take(str_t *rest, size_t size)
{
    str_t part = str_slice(*rest, 0, size);
    *rest = str_slice(*rest, size, rest->size);
    return part;
}

err_t journal_record_read(uint64_t position, str_t bytes, stored_record_t *out_stored)
{
    record_header_t header;
    if (bytes.size < sizeof header)
        return ERR_CORRUPT;
    memcpy(&header, bytes.data, sizeof header);
    if (header.crc != checksum(position, str_slice(bytes, sizeof header.crc, bytes.size)))
        return ERR_CORRUPT;
    if (header.format != JOURNAL_RECORD_FORMAT)
        return ERR_NEWER;
    str_t rest = str_slice(bytes, sizeof header, bytes.size);
    uint64_t size = (uint64_t)header.stream_size + header.name_size + header.command_id_size +
                    header.result_size + header.payload_size;
    if (size != rest.size)
        return ERR_CORRUPT;
    stored_record_t stored = {.previous = header.previous, .epoch = header.epoch};
    stored.record.version = header.version;
    stored.record.position = position;
    stored.record.wall_ms = (int64_t)header.wall_ms;
    stored.record.stream = take(&rest, header.stream_size);
    stored.record.event.name = take(&rest, header.name_size);
    stored.record.command_id = take(&rest, header.command_id_size);
    stored.record.result = take(&rest, header.result_size);
    stored.record.event.payload = rest;
    *out_stored = stored;
    return ERR_OK;
}

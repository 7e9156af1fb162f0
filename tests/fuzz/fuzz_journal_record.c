/* A record of the journal as any bytes; every other input gets the checksum that it would need.
 * Oracle: what is read is written back as the same bytes, and lies inside them. */
#include "runtime/base/assert.h"
#include "runtime/base/crc32c.h"
#include "storage/journal/journal_record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(uint64_t position, char *bytes, size_t size)
{
    char key[8];
    for (int i = 0; i < 8; i++)
        key[i] = (char)(position >> (56 - 8 * i));
    uint32_t crc = crc32c(0, str_of(key, sizeof key));
    crc = crc32c(crc, str_of(bytes + sizeof crc, size - sizeof crc));
    memcpy(bytes, &crc, sizeof crc);
}

static void check_inside(str_t part, const char *bytes, size_t size)
{
    ASSERT(part.size == 0 || (part.data >= bytes && part.data + part.size <= bytes + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 + sizeof(uint32_t))
        return 0;
    uint64_t position = data[0];
    size_t bytes_size = size - 1;
    char *bytes = malloc(bytes_size), *again = malloc(bytes_size);
    memcpy(bytes, data + 1, bytes_size);
    if (position % 2 == 0)
        seal(position, bytes, bytes_size);
    stored_record_t stored;
    if (journal_record_read(position, str_of(bytes, bytes_size), &stored) == ERR_OK) {
        check_inside(stored.record.stream, bytes, bytes_size);
        check_inside(stored.record.event.name, bytes, bytes_size);
        check_inside(stored.record.event.payload, bytes, bytes_size);
        check_inside(stored.record.command_id, bytes, bytes_size);
        check_inside(stored.record.result, bytes, bytes_size);
        ASSERT(journal_record_size(&stored) == bytes_size);
        journal_record_write(&stored, again);
        ASSERT(memcmp(bytes, again, bytes_size) == 0);
    }
    free(bytes);
    free(again);
    return 0;
}

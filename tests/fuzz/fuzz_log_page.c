/* A page of an LMDB journal as any bytes; what lies behind it is what long records lead to. Oracle:
 * nothing is read outside, and what is taken for a record is one, at the place that is told. */
#include "runtime/base/assert.h"
#include "storage/salvage/log_pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGE = 4096 };

static bool read_more(void *context, uint64_t offset, size_t size, buf_t *out)
{
    const str_t *file = context;
    if (offset > file->size || size > file->size - offset)
        return false;
    buf_append(out, str_slice(*file, offset, offset + size));
    return buf_status(out) == ERR_OK;
}

static err_t check_record(void *context, const log_place_t *place, const stored_record_t *stored)
{
    const str_t *file = context;
    stored_record_t again;
    ASSERT(place->offset <= file->size && place->size <= file->size - place->offset);
    ASSERT(journal_record_size(stored) == place->size);
    str_t bytes = str_slice(*file, place->offset, place->offset + place->size);
    ASSERT(journal_record_read(stored->record.position, bytes, &again) == ERR_OK);
    ASSERT(again.record.version == stored->record.version);
    return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t file = str_of(data, size);
    err_t err = log_page_scan(str_slice(file, 0, PAGE), 0, read_more, &file, check_record, &file);
    ASSERT(err == ERR_OK);
    return 0;
}

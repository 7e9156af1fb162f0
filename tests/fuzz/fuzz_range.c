/* Range and If-None-Match: the first 8 bytes are the file's size, the rest is the header. */
#include "gateway/range.h"
#include "runtime/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t file_size, offset = 0, length = 0;
    if (size < sizeof file_size)
        return 0;
    memcpy(&file_size, data, sizeof file_size);
    str_t header = str_of(data + sizeof file_size, size - sizeof file_size);
    range_result_t result = range_parse(header, file_size, &offset, &length);
    if (result == RANGE_PART)
        ASSERT(length > 0 && offset < file_size && length <= file_size - offset);
    else
        ASSERT(offset == 0 && length == 0);

    str_t etag = STR("\"abc\"");
    bool is_listed = etag_is_listed(header, etag);
    ASSERT(!is_listed || str_contains(header, etag) || str_equal(str_trim(header), STR("*")));
    ASSERT(!range_is_current(header, etag) || str_is_empty(header) || is_listed);
    return 0;
}

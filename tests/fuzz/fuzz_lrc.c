/* Any bytes give well-formed lyrics, and their canonical form reads back as itself. */

#include "actors/library/lrc.h"
#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t once BUF_SCOPED = BUF_INIT;
    buf_t twice BUF_SCOPED = BUF_INIT;
    lrc_t lrc;
    if (lrc_parse(str_of(data, size), &arena, &lrc) != ERR_OK)
        return 0;
    for (size_t i = 0; i < lrc.line_count; i++) {
        ASSERT(utf8_is_valid(lrc.lines[i].text));
        ASSERT(lrc.lines[i].text.size <= LRC_LINE_SIZE_MAX);
        ASSERT(i == 0 || lrc.lines[i - 1].start_ms <= lrc.lines[i].start_ms);
    }
    if (!lrc.is_synced)
        return 0; /* plain text may look like a stamp after its word stamps were taken out */
    lrc_append(&lrc, &once);
    if (once.size > LRC_SIZE_MAX || lrc_parse(buf_str(&once), &arena, &lrc) != ERR_OK)
        return 0;
    lrc_append(&lrc, &twice);
    ASSERT(lrc.line_count == LRC_LINES_MAX || str_equal(buf_str(&once), buf_str(&twice)));
    return 0;
}

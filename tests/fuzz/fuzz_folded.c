/* A folded document as any bytes, as a spool or the delta has it. Oracle: what is taken for one
 * lies within the bytes, gives terms that fit a key, and keeps its texts when it is ranked. */
#include "runtime/base/assert.h"
#include "storage/search/index/terms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static err_t check_term(void *context, str_t term, str_t name)
{
    str_t all = *(const str_t *)context;
    ASSERT(term.size > 0 && term.size <= TERM_SIZE_MAX);
    ASSERT(name.size == 0 ||
           (name.data >= all.data && name.data + name.size <= all.data + all.size));
    return ERR_OK;
}

static void check_text(str_t all, str_t text)
{
    ASSERT(text.data >= all.data && text.data + text.size <= all.data + all.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint64_t plays_max[SEARCH_KIND_COUNT] = {1000, 1, 0};
    buf_t bytes BUF_SCOPED = BUF_INIT, scratch BUF_SCOPED = BUF_INIT;
    folded_t folded, again;
    buf_append_bytes(&bytes, data, size);
    str_t all = buf_str(&bytes);
    if (folded_read(all, &folded) != ERR_OK)
        return 0;
    check_text(all, folded.entry.title);
    check_text(all, folded.entry.others);
    check_text(all, folded.facets);
    check_text(all, folded.lyrics);
    ASSERT(terms_each(&folded, &scratch, check_term, &all) == ERR_OK);
    ASSERT(folded_rank(bytes.data, bytes.size, plays_max) == ERR_OK);
    ASSERT(folded_read(all, &again) == ERR_OK);
    ASSERT(again.entry.popularity <= 100 && again.entry.id == folded.entry.id);
    ASSERT(str_equal(again.entry.title, folded.entry.title));
    return 0;
}

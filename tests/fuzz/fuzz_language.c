/* What a file says of its language as any bytes. Oracle: few languages, each once and none empty,
 * and what one of them is called is itself. */
#include "runtime/base/assert.h"
#include "storage/search/language.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t tags[LANGUAGES_MAX], again[LANGUAGES_MAX];
    size_t count = 0, one = 0;
    ASSERT(language_tags(str_of(data, size), tags, &count) == ERR_OK);
    ASSERT(count <= LANGUAGES_MAX);
    for (size_t i = 0; i < count; i++) {
        ASSERT(tags[i].size > 0);
        for (size_t k = 0; k < i; k++)
            ASSERT(!str_equal(tags[i], tags[k]));
        ASSERT(language_tags(tags[i], again, &one) == ERR_OK);
        ASSERT(one == 1 && str_equal(again[0], tags[i]));
        ASSERT(language_name(tags[i]).size > 0);
    }
    return 0;
}

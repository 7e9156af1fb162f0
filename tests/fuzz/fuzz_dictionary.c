/* A dictionary of any words has each of them and finds nothing that is farther than was asked; any
 * bytes that are opened as one are read within their bounds.
 *
 * The input: a byte (edits, as a beginning, damage), the word that is looked for, then words, each
 * up to a line end. */

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/base/utf8.h"
#include "storage/search/fold.h"
#include "storage/search/index/dictionary.h"

#include <stdlib.h>

enum { WORDS_MAX = 64, NEAR_MAX = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int by_bytes(const void *a, const void *b)
{
    return str_compare(*(const str_t *)a, *(const str_t *)b);
}

static size_t take_words(str_t rest, str_t words[WORDS_MAX])
{
    size_t count = 0, kept = 0;
    str_t word;
    while (count < WORDS_MAX && str_next(&rest, '\n', &word))
        if (word.size > 0 && word.size <= FOLD_WORD_SIZE_MAX && utf8_is_valid(word))
            words[count++] = word;
    qsort(words, count, sizeof words[0], by_bytes);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !str_equal(words[kept - 1], words[i]))
            words[kept++] = words[i];
    return kept;
}

static void look(const dictionary_t *dictionary, str_t asked, unsigned flags, bool is_whole)
{
    dictionary_near_t near[NEAR_MAX];
    uint64_t work = 0;
    uint32_t edits = flags & 3, index = 0;
    bool is_prefix = (flags & 4) != 0;
    size_t count =
        dictionary_find_near(dictionary, asked, edits, is_prefix, near, NEAR_MAX, &work, 100000);
    ASSERT(count <= NEAR_MAX);
    for (size_t i = 0; i < count; i++) {
        str_t word = dictionary_word(dictionary, near[i].index);
        ASSERT(near[i].distance <= edits);
        if (is_whole && !is_prefix)
            ASSERT(dictionary_distance(asked, word, edits) == near[i].distance);
        if (is_whole && i > 0)
            ASSERT(near[i - 1].distance <= near[i].distance);
    }
    bool is_there = dictionary_has(dictionary, asked, &index);
    if (is_whole && is_there && !is_prefix)
        ASSERT(count > 0 && near[0].index == index && near[0].distance == 0);
}

static void damage(str_t block, str_t asked, unsigned flags)
{
    /* The word that is asked for says which bytes change, and to what. */
    char *copy MEMORY_SCOPED = memory_dup(block.data, block.size);
    if (copy == NULL)
        return;
    for (size_t i = 0; i + 2 < asked.size; i += 3) {
        size_t at = (unsigned char)asked.data[i] * 256u + (unsigned char)asked.data[i + 1];
        copy[at % block.size] = asked.data[i + 2];
    }
    dictionary_t dictionary;
    if (dictionary_open(str_of(copy, block.size), &dictionary) == ERR_OK)
        look(&dictionary, asked, flags, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t words[WORDS_MAX], asked = {0}, rest = str_of(data, size);
    buf_t block BUF_SCOPED = BUF_INIT;
    dictionary_builder_t *builder = NULL;
    dictionary_t dictionary;
    if (size < 2 || dictionary_builder_new(&builder) != ERR_OK)
        return 0;
    unsigned flags = data[0];
    rest = str_slice(rest, 1, rest.size);
    if (dictionary_open(rest, &dictionary) == ERR_OK)
        look(&dictionary, STR("abc"), flags, false);
    str_next(&rest, '\n', &asked);
    size_t count = rest.data == NULL ? 0 : take_words(rest, words);
    for (size_t i = 0; i < count; i++)
        ASSERT(dictionary_builder_add(builder, words[i], i) == ERR_OK);
    ASSERT(dictionary_builder_finish(builder, &block) == ERR_OK);
    dictionary_builder_free(builder);
    ASSERT(dictionary_open(buf_str(&block), &dictionary) == ERR_OK);
    for (uint32_t i = 0; i < count; i++)
        ASSERT(str_equal(dictionary_word(&dictionary, i), words[i]));
    look(&dictionary, asked, flags, true);
    damage(buf_str(&block), asked, flags);
    return 0;
}

#include "storage/bytes_at.h"
#include "storage/search/index/dictionary_parts.h"
#include "storage/search/index/osa.h"

err_t dictionary_open(str_t block, dictionary_t *out_dictionary)
{
    if (block.size == 0) {
        *out_dictionary = (dictionary_t){0};
        return ERR_OK;
    }
    if (block.size < DICTIONARY_HEADER_SIZE || u32_at(block, 0) != DICTIONARY_MAGIC)
        return ERR_CORRUPT;
    uint64_t words = u32_at(block, 4), nodes = u32_at(block, 8), text = u64_at(block, 16);
    uint64_t before = DICTIONARY_HEADER_SIZE + nodes * DICTIONARY_NODE_SIZE + words * 8 + 4;
    if (before > block.size || block.size - before != text || (words > 0) != (nodes > 0))
        return ERR_CORRUPT;
    *out_dictionary = (dictionary_t){
        .block = block,
        .word_count = (uint32_t)words,
        .node_count = (uint32_t)nodes,
        .words = block.data + DICTIONARY_HEADER_SIZE + nodes * DICTIONARY_NODE_SIZE,
        .nodes = block.data + DICTIONARY_HEADER_SIZE,
    };
    return ERR_OK;
}

static str_t offsets(const dictionary_t *self)
{
    return str_of(self->words, ((size_t)self->word_count + 1) * 4);
}

str_t dictionary_word(const dictionary_t *self, uint32_t index)
{
    if (index >= self->word_count)
        return (str_t){0};
    str_t places = offsets(self);
    const char *start = places.data + places.size + (size_t)self->word_count * 4;
    str_t text = str_of(start, (size_t)(self->block.data + self->block.size - start));
    uint32_t from = u32_at(places, (size_t)index * 4), to = u32_at(places, (size_t)index * 4 + 4);
    return from <= to ? str_slice(text, from, to) : (str_t){0};
}

uint64_t dictionary_frequency(const dictionary_t *self, uint32_t index)
{
    if (index >= self->word_count)
        return 0;
    str_t places = offsets(self);
    str_t counts = str_of(places.data + places.size, (size_t)self->word_count * 4);
    return u32_at(counts, (size_t)index * 4);
}

uint32_t dictionary_lower_bound(const dictionary_t *self, str_t word)
{
    uint32_t low = 0, high = self->word_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (str_compare(dictionary_word(self, middle), word) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool dictionary_has(const dictionary_t *self, str_t word, uint32_t *out_index)
{
    uint32_t index = dictionary_lower_bound(self, word);
    if (index == self->word_count || !str_equal(dictionary_word(self, index), word))
        return false;
    *out_index = index;
    return true;
}

uint32_t dictionary_distance(str_t a, str_t b, uint32_t max)
{
    osa_t osa;
    if (str_equal(a, b))
        return 0;
    max = MIN(max, (uint32_t)OSA_EDITS_MAX);
    return osa_init(&osa, a, max) ? osa_measure(&osa, b, false) : max + 1;
}

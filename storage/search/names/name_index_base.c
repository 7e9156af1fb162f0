/* name_index_base.c -- the words of people and public playlists, as a dictionary with postings:
 * made beside the old one, by the one thread that changes names, so without a lock. */

#include "storage/search/names/name_index_parts.h"

#include "runtime/base/memory.h"

#include <stdlib.h>

typedef struct pair {
    str_t word; /* of an item's text */
    uint32_t slot;
} pair_t;

typedef struct pairs {
    pair_t *items;
    size_t count, capacity;
} pairs_t;

static void pairs_deinit(pairs_t *self)
{
    memory_free(self->items);
}
#define PAIRS_SCOPED SCOPED(pairs_deinit)

void name_index_base_deinit(name_index_base_t *self)
{
    if (self->block.size > 0)
        explicit_bzero(self->block.data, self->block.size);
    buf_deinit(&self->block);
    memory_free(self->starts);
    memory_free(self->slots);
    *self = (name_index_base_t){0};
}
#define NAME_INDEX_BASE_SCOPED SCOPED(name_index_base_deinit)

static err_t add_pair(pairs_t *self, str_t word, uint32_t slot)
{
    if (self->count == self->capacity) {
        size_t capacity = MAX((size_t)256, self->capacity * 2);
        pair_t *more = memory_resize(self->items, capacity, sizeof *more);
        if (more == NULL)
            return ERR_NO_MEMORY;
        self->items = more;
        self->capacity = capacity;
    }
    self->items[self->count++] = (pair_t){word, slot};
    return ERR_OK;
}

static err_t add_words(pairs_t *self, str_t folded, uint32_t slot)
{
    words_run_t run;
    for (uint32_t i = 0; i < NAME_INDEX_WORDS_MAX && words_next(&folded, &run); i++) {
        if (!run.is_cjk) {
            TRY(add_pair(self, run.text, slot));
            continue;
        }
        /* Each character by itself: who asks for several has them compared where they stand. */
        for (size_t size; (size = words_character(run.text)) > 0;
             run.text = str_slice(run.text, size, run.text.size))
            TRY(add_pair(self, str_slice(run.text, 0, size), slot));
    }
    return ERR_OK;
}

static int by_word_and_slot(const void *a, const void *b)
{
    const pair_t *x = a, *y = b;
    int order = str_compare(x->word, y->word);
    return order != 0 ? order : (x->slot > y->slot) - (x->slot < y->slot);
}

static void drop_repeats(pairs_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++)
        if (kept == 0 || by_word_and_slot(&self->items[kept - 1], &self->items[i]) != 0)
            self->items[kept++] = self->items[i];
    self->count = kept;
}

static size_t end_of_word(const pairs_t *self, size_t begin)
{
    size_t end = begin + 1;
    while (end < self->count && str_equal(self->items[end].word, self->items[begin].word))
        end++;
    return end;
}

static err_t write_words(const pairs_t *pairs, name_index_base_t *base,
                         dictionary_builder_t *builder)
{
    uint32_t word = 0;
    for (size_t begin = 0, end; begin < pairs->count; begin = end) {
        end = end_of_word(pairs, begin);
        TRY(dictionary_builder_add(builder, pairs->items[begin].word, end - begin));
        base->starts[word++] = (uint32_t)begin;
        for (size_t i = begin; i < end; i++)
            base->slots[i] = pairs->items[i].slot;
    }
    base->starts[word] = (uint32_t)pairs->count;
    return ERR_OK;
}

static err_t build(const pairs_t *pairs, name_index_base_t *base)
{
    dictionary_builder_t *builder = NULL;
    base->starts = memory_new_array(pairs->count + 1, sizeof *base->starts);
    base->slots = memory_new_array(pairs->count + 1, sizeof *base->slots);
    if (base->starts == NULL || base->slots == NULL)
        return ERR_NO_MEMORY;
    TRY(dictionary_builder_new(&builder));
    err_t err = write_words(pairs, base, builder);
    if (err == ERR_OK)
        err = dictionary_builder_finish(builder, &base->block);
    dictionary_builder_free(builder);
    TRY(err);
    return dictionary_open(buf_str(&base->block), &base->dictionary);
}

static void swap(name_index_t *self, name_index_base_t *base)
{
    pthread_rwlock_wrlock(&self->lock);
    name_index_base_t before = self->base;
    self->base = *base;
    *base = before;
    for (uint32_t i = 0; i < self->recent_count; i++)
        name_index_item(self, self->recent[i])->is_recent = false;
    self->recent_count = 0;
    pthread_rwlock_unlock(&self->lock);
    atomic_store(&self->recent_told, 0);
    atomic_store(&self->has_gone, false);
}

err_t name_index_settle(name_index_t *self)
{
    pairs_t pairs PAIRS_SCOPED = {0};
    name_index_base_t base NAME_INDEX_BASE_SCOPED = {0};
    for (uint32_t slot = 0; slot < self->slot_count; slot++) {
        const name_index_item_t *item = name_index_item(self, slot);
        if (name_index_item_is_open(item))
            TRY(add_words(&pairs, name_index_item_folded(item), slot));
    }
    if (pairs.count > 0)
        qsort(pairs.items, pairs.count, sizeof *pairs.items, by_word_and_slot);
    drop_repeats(&pairs);
    TRY(build(&pairs, &base));
    swap(self, &base);
    return ERR_OK;
}

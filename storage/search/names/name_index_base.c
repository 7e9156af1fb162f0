/* name_index_base.c -- the words of people and public playlists, as a dictionary with postings:
 * made beside the old one, by the one thread that changes names, so without a lock. */

#include "storage/search/names/name_index_parts.h"

#include "runtime/base/memory.h"
#include "storage/search/secret_buf.h"
#include "storage/search/words.h"

#include <stdlib.h>

/* An item to be ranked: what decides first lies beside it. */
typedef struct ranked {
    const name_index_item_t *item;
    uint32_t slot;
    uint16_t length; /* words, of CJK characters */
    uint8_t kind;
} ranked_t;

typedef struct pair {
    str_t word; /* of an item's text */
    uint32_t rank;
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
    secret_buf_deinit(&self->block);
    memory_free(self->starts);
    memory_free(self->ranks);
    memory_free(self->slots);
    memory_free(self->rank_of);
    memory_free(self->gone);
    *self = (name_index_base_t){0};
}
#define NAME_INDEX_BASE_SCOPED SCOPED(name_index_base_deinit)

/* ---- ranks ---- */

int name_index_order(const name_index_item_t *a, const name_index_item_t *b)
{
    int order = str_compare(name_index_item_folded(a), name_index_item_folded(b));
    if (order == 0)
        order = str_compare(name_index_item_name(a), name_index_item_name(b));
    return order != 0 ? order : str_compare(name_index_item_key(a), name_index_item_key(b));
}

static int by_rank(const void *x, const void *y)
{
    const ranked_t *a = x, *b = y;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    return name_index_order(a->item, b->item);
}

/* Of a short name more was asked for, so it is first: as names are ranked in an answer. */
static uint16_t length_of(str_t folded)
{
    words_run_t run;
    uint16_t length = 0;
    for (uint32_t i = 0; i < NAME_INDEX_WORDS_MAX && words_next(&folded, &run); i++) {
        length++;
        for (size_t size; run.is_cjk && (size = words_character(run.text)) < run.text.size;
             length++)
            run.text = str_slice(run.text, size, run.text.size);
    }
    return length;
}

static uint32_t list_open(const name_index_t *self, ranked_t *out)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < self->slot_count; slot++) {
        const name_index_item_t *item = name_index_item(self, slot);
        if (name_index_item_is_open(item))
            out[count++] =
                (ranked_t){item, slot, length_of(name_index_item_folded(item)), item->kind};
    }
    return count;
}

static err_t rank_all(const name_index_t *self, name_index_base_t *base)
{
    ranked_t *ranked MEMORY_SCOPED = memory_new_array(self->slot_count + 1u, sizeof *ranked);
    base->slots = memory_new_array(self->slot_count + 1u, sizeof *base->slots);
    base->rank_of = memory_new_array(self->slot_count + 1u, sizeof *base->rank_of);
    base->gone = memory_new_array(self->slot_count / 64 + 1u, sizeof *base->gone);
    if (ranked == NULL || base->slots == NULL || base->rank_of == NULL || base->gone == NULL)
        return ERR_NO_MEMORY;
    memset(base->rank_of, 0xff, (self->slot_count + 1u) * sizeof *base->rank_of);
    base->slot_count = self->slot_count;
    base->count = list_open(self, ranked);
    qsort(ranked, base->count, sizeof *ranked, by_rank);
    for (uint32_t rank = 0; rank < base->count; rank++) {
        base->slots[rank] = ranked[rank].slot;
        base->rank_of[ranked[rank].slot] = rank;
        base->people += ranked[rank].kind == NAME_INDEX_PERSON ? 1 : 0;
    }
    return ERR_OK;
}

/* ---- words ---- */

static err_t add_pair(pairs_t *self, str_t word, uint32_t rank)
{
    if (self->count == self->capacity) {
        size_t capacity = MAX((size_t)256, self->capacity * 2);
        pair_t *more = memory_resize(self->items, capacity, sizeof *more);
        if (more == NULL)
            return ERR_NO_MEMORY;
        self->items = more;
        self->capacity = capacity;
    }
    self->items[self->count++] = (pair_t){word, rank};
    return ERR_OK;
}

static err_t add_words(pairs_t *self, str_t folded, uint32_t rank)
{
    words_run_t run;
    for (uint32_t i = 0; i < NAME_INDEX_WORDS_MAX && words_next(&folded, &run); i++) {
        if (!run.is_cjk) {
            TRY(add_pair(self, run.text, rank));
            continue;
        }
        /* Each character by itself: who asks for several has them compared where they stand. */
        for (size_t size; (size = words_character(run.text)) > 0;
             run.text = str_slice(run.text, size, run.text.size))
            TRY(add_pair(self, str_slice(run.text, 0, size), rank));
    }
    return ERR_OK;
}

static int by_word_and_rank(const void *a, const void *b)
{
    const pair_t *x = a, *y = b;
    int order = str_compare(x->word, y->word);
    return order != 0 ? order : (x->rank > y->rank) - (x->rank < y->rank);
}

static err_t list_words(const name_index_t *self, const name_index_base_t *base, pairs_t *out)
{
    size_t kept = 0;
    for (uint32_t rank = 0; rank < base->count; rank++)
        TRY(add_words(out, name_index_item_folded(name_index_item(self, base->slots[rank])), rank));
    if (out->count > 0)
        qsort(out->items, out->count, sizeof *out->items, by_word_and_rank);
    for (size_t i = 0; i < out->count; i++)
        if (kept == 0 || by_word_and_rank(&out->items[kept - 1], &out->items[i]) != 0)
            out->items[kept++] = out->items[i];
    out->count = kept;
    return ERR_OK;
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
            base->ranks[i] = pairs->items[i].rank;
    }
    base->starts[word] = (uint32_t)pairs->count;
    return ERR_OK;
}

static err_t build(const pairs_t *pairs, name_index_base_t *base)
{
    dictionary_builder_t *builder = NULL;
    base->starts = memory_new_array(pairs->count + 1, sizeof *base->starts);
    base->ranks = memory_new_array(pairs->count + 1, sizeof *base->ranks);
    if (base->starts == NULL || base->ranks == NULL)
        return ERR_NO_MEMORY;
    TRY(dictionary_builder_new(&builder));
    dictionary_builder_keep_secret(builder);
    err_t err = write_words(pairs, base, builder);
    if (err == ERR_OK)
        err = dictionary_builder_finish(builder, &base->block);
    dictionary_builder_free(builder);
    TRY(err);
    return dictionary_open(buf_str(&base->block), &base->dictionary);
}

/* ---- the whole ---- */

static void swap(name_index_t *self, name_index_base_t *base)
{
    pthread_rwlock_wrlock(&self->lock);
    name_index_base_t before = self->base;
    self->base = *base;
    *base = before;
    self->recent_count = 0;
    self->round++;
    pthread_rwlock_unlock(&self->lock);
    atomic_store(&self->recent_told, 0);
    atomic_store(&self->has_gone, false);
}

err_t name_index_settle(name_index_t *self)
{
    pairs_t pairs PAIRS_SCOPED = {0};
    name_index_base_t base NAME_INDEX_BASE_SCOPED = {0};
    TRY(rank_all(self, &base));
    TRY(list_words(self, &base, &pairs));
    TRY(build(&pairs, &base));
    swap(self, &base);
    return ERR_OK;
}

#include "storage/search/query/near.h"

#include "runtime/base/utf8.h"
#include "storage/search/query/query_parts.h"

#include <stdlib.h>

enum { SEEK_SIZE_MAX = 80 }; /* longer than any word */

/* ---- the delta's ordered list ---- */

typedef struct walk {
    search_read_t *read;
    question_word_t *word;
    uint32_t edits;
    near_word_t *items;
    size_t count, max;
    str_t before; /* the word that the rows belong to */
    char room[SEEK_SIZE_MAX];
} walk_t;

static int by_nearness(const void *x, const void *y)
{
    const near_word_t *a = x, *b = y;
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    if (a->frequency != b->frequency)
        return a->frequency > b->frequency ? -1 : 1;
    return str_compare(a->text, b->text);
}

static size_t common_size(str_t a, str_t b)
{
    size_t same = 0;
    while (same < a.size && same < b.size && a.data[same] == b.data[same])
        same++;
    return same;
}

/* Of a word to what is asked for. *out_far: how many of its first bytes are too far already; 0:
 * none. Rows of what it has in common with the word before are kept. */
static uint32_t measure(walk_t *self, str_t word, size_t *out_far)
{
    osa_t *osa = &self->word->osa;
    bool is_prefix = self->word->is_prefix;
    size_t same = common_size(self->before, word);
    uint32_t depth = 0, far = self->edits + 1, best = is_prefix ? osa_distance(osa, 0) : far, c;
    size_t at = 0;
    *out_far = 0;
    while (at < word.size) {
        at += utf8_next(word, at, &c);
        depth++;
        if (depth > OSA_DEPTH_MAX) { /* no word that was put in is so long */
            *out_far = at;
            return far;
        }
        uint32_t least = at > same ? osa_step(osa, depth, c) : 0;
        uint32_t here = osa_distance(osa, depth);
        best = is_prefix ? MIN(best, here) : here;
        if (least > self->edits && (!is_prefix || best > self->edits)) {
            *out_far = at;
            best = far;
            break;
        }
        if (is_prefix && least >= best)
            break; /* nothing behind is nearer */
    }
    self->before = str_slice(word, 0, at); /* so far there are rows */
    return best;
}

static void keep(walk_t *self, str_t word, uint32_t distance)
{
    near_word_t near = {word, distance, 0};
    near.frequency = search_frequency(self->read, SEARCH_SPACE_WORD, word);
    if (self->count < self->max)
        self->items[self->count++] = near;
    if (self->count == self->max) { /* the better half stays */
        qsort(self->items, self->count, sizeof *self->items, by_nearness);
        self->count -= self->count > 1 ? self->count / 2 : 0;
    }
}

/* Where to look on: behind the word, or behind all that start with its first `far` bytes. */
static str_t look_on(walk_t *self, str_t word, size_t far)
{
    size_t size = MIN(far > 0 ? far : word.size, sizeof self->room - 1);
    memcpy(self->room, word.data, size);
    if (far == 0 && size == word.size) {
        self->room[size] = '\0';
        return str_of(self->room, size + 1);
    }
    /* The last byte of a code point is never 0xff; in a damaged list the work ends the walk. */
    self->room[size - 1] = (char)((unsigned char)self->room[size - 1] + 1);
    return str_of(self->room, size);
}

static void walk_delta(walk_t *self, uint64_t work_max)
{
    str_t word, from = {0};
    while (self->read->work < work_max && search_new_word(self->read, from, &word)) {
        size_t far = 0;
        self->read->work += WORK_NUMBER;
        uint32_t distance = measure(self, word, &far);
        if (distance <= self->edits)
            keep(self, word, distance);
        from = look_on(self, word, far);
    }
}

/* ---- both ---- */

static void name_them(const dictionary_t *dictionary, const dictionary_near_t *found, size_t count,
                      near_word_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (near_word_t){
            .text = dictionary_word(dictionary, found[i].index),
            .distance = found[i].distance,
            .frequency = dictionary_frequency(dictionary, found[i].index),
        };
}

err_t near_find(search_read_t *read, question_word_t *word, uint32_t edits, size_t max,
                uint64_t work_max, near_words_t *out_words)
{
    near_word_t *items = arena_new_array(read->arena, max * 2, sizeof *items);
    dictionary_near_t *found = arena_new_array(read->arena, max, sizeof *found);
    if (items == NULL || found == NULL)
        return ERR_NO_MEMORY;
    size_t count = dictionary_find_near(&read->dictionary, word->text, edits, word->is_prefix,
                                        found, max, &read->work, work_max);
    name_them(&read->dictionary, found, count, items);
    walk_t walk = {.read = read, .word = word, .edits = edits, .items = items + count, .max = max};
    walk_delta(&walk, work_max);
    count += walk.count;
    qsort(items, count, sizeof *items, by_nearness);
    *out_words = (near_words_t){items, MIN(count, max)};
    return ERR_OK;
}

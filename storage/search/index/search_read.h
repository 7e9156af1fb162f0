#pragma once
/* search_read.h -- one look at the index: its base and its delta as they are at this moment.
 *
 * A term is a byte for its space (search_space_t) and the bytes behind it. Numbers of documents
 * ascend as search_index.h says: [first_of_kind[k], end_of_kind[k]) are the base's documents of a
 * kind, most popular first; what the delta added has numbers from search_delta_first(k) on, below
 * search_delta_first(k + 1), oldest first: so a number says its kind, and a range counts one.
 *
 * Threads  One look belongs to one thread; it never outlives a turn. Errors  CORRUPT, NO_MEMORY */

#include "storage/kv.h"
#include "storage/search/index/counting.h"
#include "storage/search/index/dictionary.h"
#include "storage/search/search_index.h"

#include <roaring/roaring.h>

#define SEARCH_DELTA_FIRST 0x80000000u
enum { SEARCH_DELTA_KIND_SHIFT = 28 };

static inline uint32_t search_delta_first(unsigned kind)
{
    return SEARCH_DELTA_FIRST + ((uint32_t)kind << SEARCH_DELTA_KIND_SHIFT);
}

typedef enum search_space {
    SEARCH_SPACE_WORD = 'w',       /* a word; a CJK or kana character; two of them */
    SEARCH_SPACE_PREFIX = 'p',     /* 1 to 3 characters a word starts with */
    SEARCH_SPACE_TITLE = 't',      /* the whole title: terms_title_append */
    SEARCH_SPACE_LYRIC_WORD = 'l', /* of lyrics */
    SEARCH_SPACE_LYRIC_PAIR = 'm', /* two neighbours in lyrics, one of them very common: "a b" */
    SEARCH_SPACE_GENRE = 'G',      /* facets: folded value */
    SEARCH_SPACE_MOOD = 'M',
    SEARCH_SPACE_DECADE = 'D', /* "1980" */
    SEARCH_SPACE_YEAR = 'Y',   /* "1984": the ends of a range that are not whole decades */
    SEARCH_SPACE_LANGUAGE = 'L',
    SEARCH_SPACE_FORMAT = 'F',
    SEARCH_SPACE_ROOT = 'R',
} search_space_t;

typedef struct search_read {
    search_index_t *index;
    kv_tx_t tx;
    uint32_t place;
    arena_t *arena;
    uint32_t first_of_kind[SEARCH_KIND_COUNT], end_of_kind[SEARCH_KIND_COUNT];
    uint32_t base_end; /* the base's numbers: [0, base_end) */
    bool has_delta;
    roaring_bitmap_t *gone;  /* the base's that were removed or replaced; NULL: none */
    dictionary_t dictionary; /* of the base's words, borrowed from the map */
    uint64_t work;           /* counted up by what is read, see SEARCH_WORK_MAX */
} search_read_t;

enum { SEARCH_WORK_CONTAINER = 4 };

/* Of going through a set once: what its containers cost, however little is in each. */
static inline uint64_t search_work_of_set(const roaring_bitmap_t *set)
{
    return (uint64_t)set->high_low_container.size * SEARCH_WORK_CONTAINER;
}

err_t search_read_begin(search_index_t *index, arena_t *arena, search_read_t *out_read);
void search_read_end(search_read_t *read);
#define SEARCH_READ_SCOPED SCOPED(search_read_end)

/* A term's documents, those that were removed or replaced left out, the delta's included: a bitmap
 * of the caller's (roaring_bitmap_free). Never NULL with ERR_OK: a term that is not there has none.
 */
err_t search_postings(search_read_t *read, search_space_t space, str_t term,
                      roaring_bitmap_t **out_bitmap);
/* Every document that is there: what a request without words or filter finds. */
err_t search_everything(search_read_t *read, roaring_bitmap_t **out_bitmap);
/* How many there are, about (removed ones may be counted); cheap. 0: no such term. */
uint64_t search_frequency(search_read_t *read, search_space_t space, str_t term);

/* Some documents, laid out so that those of them that have a facet are counted without a bitmap of
 * that: of the base by counting.h, of the delta by delta_facets.h. */
typedef struct search_counted {
    counting_t *base;
    struct tally *delta; /* NULL: the index has none */
} search_counted_t;
/* `end`: of the base's numbers among them. */
err_t search_counted_init(search_read_t *read, const roaring_bitmap_t *documents, uint32_t end,
                          search_counted_t *out_counted);
void search_counted_deinit(search_counted_t *self);
/* How many of them have a facet's value: genre, mood, decade, language, format. Exact. */
err_t search_count_in(search_read_t *read, search_space_t space, str_t term,
                      const search_counted_t *counted, uint64_t *out_count);

/* The words of the delta that the base's dictionary does not have, ascending: the first that is not
 * before `from`. False: no more. Borrowed from the map. */
bool search_new_word(search_read_t *read, str_t from, str_t *out_word);

/* Every value of a facet with how often (base and delta, about): calls `each` in the order of the
 * terms until it returns false. `name`: the value as it was put in first. */
typedef bool (*search_value_fn)(void *context, str_t folded, str_t name, uint64_t frequency);
err_t search_facet_values(search_read_t *read, search_space_t space, search_value_fn each,
                          void *context);

/* A document as it is ranked. Strings are folded and borrow the map. */
typedef struct search_entry {
    search_kind_t kind;
    uint64_t id;
    uint32_t popularity; /* 0 to 100: by its plays' logarithm against the most played of its kind */
    uint32_t year;
    str_t title, artist, album, others;
} search_entry_t;
/* NOT_FOUND: removed. */
err_t search_entry(search_read_t *read, uint32_t number, search_entry_t *out_entry);
/* The number of a document; NOT_FOUND. */
err_t search_number(search_read_t *read, search_kind_t kind, uint64_t id, uint32_t *out_number);
/* The lyrics of a track as they were put in, borrowed; empty: none. */
err_t search_lyrics(search_read_t *read, uint32_t number, str_t *out_lyrics);
/* The documents added at or after this; a bitmap of the caller's. */
err_t search_added_since(search_read_t *read, int64_t added_at_ms, roaring_bitmap_t **out_bitmap);

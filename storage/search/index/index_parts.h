#pragma once
/* index_parts.h -- what the files of the index share; nobody else includes it.
 *
 * index.c        opening, the base's and the delta's heads
 * index_columns.c ids and titles to numbers; added.c since when they are there
 * index_read.c   one look: postings, entries, lists
 * index_terms.c  what an update writes; index_update.c its order
 * index_swap.c   another environment in the place of the one that is read
 * build.c        a whole one
 *
 * The base is what a build has made; it never changes. Beside it the delta: documents that came
 * later with numbers from search_delta_first on, and which of the base's are gone. */

#include "storage/kv_places.h"
#include "storage/search/index/search_read.h"

/* All values but those of posting.h, the heads and the dictionary are checked.h's. */
enum {
    TABLE_META,         /* "base", "state", "dictionary" */
    TABLE_POSTINGS,     /* term: posting.h */
    TABLE_ENTRIES,      /* number: entry.h */
    TABLE_NAMES,        /* facet's term: its value as it was put in */
    TABLE_LYRICS,       /* number: as put in */
    TABLE_ADDED,        /* place / ADDED_BLOCK: added.h */
    TABLE_ADDED_MARKS,  /* which mark: a bitset, added.h */
    TABLE_IDS,          /* kind and first id: so many ids ascending, then their numbers */
    TABLE_TITLES,       /* first hash and number: so many hashes ascending, then their numbers */
    TABLE_DELTA,        /* number: folded.h */
    TABLE_DELTA_TERMS,  /* term, 0, number >> 8 in three bytes: the low bytes, ascending */
    TABLE_DELTA_ADDED,  /* number / 128: the moment of each, added.h */
    TABLE_DELTA_IDS,    /* kind and id: number */
    TABLE_DELTA_FACETS, /* number >> 5: delta_facets.h */
    TABLE_DELTA_NAMES,  /* facet's term: how many have it, its value where the base has none */
    TABLE_DELTA_WORDS,  /* a word that the base's dictionary does not have: of how many documents */
    TABLE_GONE,         /* number >> 16 of the base: posting.h of those that are gone */
    TABLE_COUNT
};
extern const char *const INDEX_TABLES[TABLE_COUNT];

/* What every document of the delta has, for search_everything. */
#define INDEX_TERM_ALL STR("*")

enum {
    IDS_CHUNK = 339, /* with a checksum, an LMDB page */
    ID_KEY_SIZE = 9,
    NUMBER_KEY_SIZE = 4,
    TITLE_KEY_SIZE = 12
};

/* What a build says of itself. */
typedef struct index_base {
    uint32_t format, ranking;
    uint32_t counts[SEARCH_KIND_COUNT], dictionary_check; /* CRC32C */
    uint64_t plays_max[SEARCH_KIND_COUNT];
    uint64_t terms, words, dictionary_size, built_at_ms;
} index_base_t;

/* What changes with an update. */
typedef struct index_state {
    search_position_t position;
    uint32_t given[SEARCH_KIND_COUNT]; /* numbers of the delta, from search_delta_first on */
    uint32_t gone[SEARCH_KIND_COUNT], delta[SEARCH_KIND_COUNT], gap; /* documents */
} index_state_t;

struct search_index {
    kv_places_t places;
};

/* With their checksum. CORRUPT */
err_t index_base_get(const kv_tx_t *tx, index_base_t *out_base);
err_t index_base_put(const kv_tx_t *tx, const index_base_t *base);
err_t index_state_get(const kv_tx_t *tx, index_state_t *out_state);
err_t index_state_put(const kv_tx_t *tx, const index_state_t *state);
/* The whole of the dictionary is what was built; read once, when it is opened. */
err_t index_dictionary_check(const kv_tx_t *tx);
err_t index_dictionary_get(const kv_tx_t *tx, const index_base_t *base, dictionary_t *out);
uint64_t index_delta_count(const index_state_t *state); /* documents and tombstones */

/* Keys, written to the room; they borrow it. */
str_t index_number_key(char room[NUMBER_KEY_SIZE], uint32_t number);
str_t index_id_key(char room[ID_KEY_SIZE], search_kind_t kind, uint64_t id);
str_t index_title_key(char room[TITLE_KEY_SIZE], uint64_t hash, uint32_t number);
/* Of a whole folded title: most titles are one document's, and a hash of 64 bits is shorter than a
 * term; two of a million that are the same are not to be expected. */
uint64_t index_title_hash(str_t title);
/* The base's documents with a title, gone or not: added to `bitmap`, unless it is NULL. */
err_t index_titles_read(const kv_tx_t *tx, str_t title, uint32_t base_end, roaring_bitmap_t *bitmap,
                        uint64_t *out_count);
/* The place of a document in the base, gone or not. NOT_FOUND, CORRUPT */
err_t index_base_number(const kv_tx_t *tx, search_kind_t kind, uint64_t id, uint32_t *out_number);

#pragma once
/* search.h -- finds tracks, albums and artists as somebody types.
 *
 * Every word of the query must be in the entity's text, the last one at least as the start of a
 * word. The order: titles equal to the query, titles that start with it, then by how many of the
 * words are in the title. Text is compared folded (fold.h).
 *
 * This is the seam for an engine with typo tolerance: callers know kinds, ids and scores only, and
 * hand over text; nothing of the index shows here.
 *
 * Limits   SEARCH_QUERY_SIZE_MAX bytes and SEARCH_WORDS_MAX words are looked at, further ones are
 *          not; of very common words SEARCH_CANDIDATES_MAX entities are.
 * Threads  Any; writing inside the one write transaction.
 * Errors   CORRUPT, NO_MEMORY, FULL, IO. A query with no words finds nothing. */

#include "runtime/base/arena.h"
#include "storage/kv.h"
#include "storage/search/search_kind.h"

enum {
    SEARCH_QUERY_SIZE_MAX = 256,
    SEARCH_WORDS_MAX = 8,
    SEARCH_LIMIT_MAX = 100, /* hits a kind */
    SEARCH_CANDIDATES_MAX = 8192,
    SEARCH_TEXT_SIZE_MAX = 1024, /* of an entity's text */
};

/* The tables it needs in an environment: names to open, and where they came to stand. */
enum { SEARCH_TABLE_COUNT = 3 };
extern const char *const SEARCH_TABLES[SEARCH_TABLE_COUNT];
typedef struct search {
    kv_table_t first_table; /* of SEARCH_TABLE_COUNT in a row */
} search_t;

/* ---- writing ---- */

/* Puts or replaces. `more`: words that find it too (artists, album), beside its title. Both may
 * borrow the map: they are folded before anything is written. */
err_t search_put(const search_t *self, const kv_tx_t *tx, search_kind_t kind, uint64_t id,
                 str_t title, str_t more);
/* One that is not there is fine. */
err_t search_remove(const search_t *self, const kv_tx_t *tx, search_kind_t kind, uint64_t id);
err_t search_clear(const search_t *self, const kv_tx_t *tx);

/* ---- asking ---- */

typedef struct search_hit {
    search_kind_t kind;
    uint64_t id;
    uint32_t score; /* higher is better; comparable within one answer */
} search_hit_t;

typedef struct search_query {
    str_t text;
    uint32_t limits[SEARCH_KIND_COUNT]; /* 0: none of this kind; at most SEARCH_LIMIT_MAX */
} search_query_t;

typedef struct search_answer {
    const search_hit_t *hits[SEARCH_KIND_COUNT]; /* in the arena, best first */
    size_t counts[SEARCH_KIND_COUNT];
} search_answer_t;

err_t search_find(const search_t *self, const kv_tx_t *tx, arena_t *arena,
                  const search_query_t *query, search_answer_t *out_answer);

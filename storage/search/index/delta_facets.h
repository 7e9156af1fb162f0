#pragma once
/* delta_facets.h -- the facets of the delta's documents, by document: who counts a hundred values
 * among some of them reads those once, and not the hundred lists.
 *
 * A value is its term's hash of 64 bits; two of some thousand that are the same are not to be
 * expected. What is counted is genre, mood, decade, language and format.
 *
 * Ownership  tally_free takes. Threads  As the transaction; a tally: one writes, then any read.
 * Errors     CORRUPT, NO_MEMORY; writing: FULL, IO */

#include "storage/search/index/folded.h"

err_t delta_facets_put(const kv_tx_t *tx, uint32_t number, const folded_t *folded);
err_t delta_facets_drop(const kv_tx_t *tx, uint32_t number);

typedef struct tally tally_t;
/* Of the delta's among the documents. *work as search_read_t has it. */
err_t tally_new(const kv_tx_t *tx, const roaring_bitmap_t *documents, uint64_t *work,
                tally_t **out_tally);
/* How many of them have the facet; `term` with its space in front. */
uint64_t tally_of(const tally_t *self, str_t term);
void tally_free(tally_t *self); /* NULL is fine */
void tally_scope_end(tally_t **self);
#define TALLY_SCOPED SCOPED(tally_scope_end)

/* How many documents of the delta have a facet, and what it is called there: empty, where the base
 * says it. */
typedef struct delta_name {
    uint32_t count;
    str_t name;
} delta_name_t;
/* The value of TABLE_DELTA_NAMES that stands at `key`. */
err_t delta_name_read(str_t key, str_t bytes, delta_name_t *out_name);
err_t delta_name_count(const kv_tx_t *tx, str_t term, bool is_added);
/* It is counted already. */
err_t delta_name_call(const kv_tx_t *tx, str_t term, str_t name);
/* 0: none has it. */
err_t delta_name_frequency(const kv_tx_t *tx, str_t term, uint64_t *out_count);

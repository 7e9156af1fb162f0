#pragma once
/* naive.h -- search as a loop over all documents: what the index is compared with.
 *
 * Documents are kept as their folded words; a question looks at each. The distance of two words is
 * the whole matrix of optimal string alignment, over code points.
 *
 * Ownership  It owns what it was told. Threads  One. Errors  Ends the program when there is no
 * memory. */

#include "runtime/base/buf.h"
#include "storage/search/search_request.h"

enum { NAIVE_DOCUMENTS_MAX = 4096, NAIVE_WORDS_MAX = 64, NAIVE_NAMES_MAX = 4 };

typedef struct naive_document {
    bool is_there;
    search_kind_t kind;
    uint64_t id, plays;
    uint32_t year;
    int64_t added_at_ms;
    buf_t text; /* folded: all that it is found by */
    str_t words[NAIVE_WORDS_MAX];
    size_t word_count;
    buf_t facets; /* "G rock\n..." with folded values */
} naive_document_t;

typedef struct naive {
    naive_document_t *documents;
    size_t count; /* places used */
} naive_t;

void naive_init(naive_t *self);
void naive_deinit(naive_t *self);
#define NAIVE_SCOPED SCOPED(naive_deinit)

void naive_put(naive_t *self, const search_document_t *document);
void naive_remove(naive_t *self, search_kind_t kind, uint64_t id);
/* NULL: it is not there. */
const naive_document_t *naive_find(const naive_t *self, search_kind_t kind, uint64_t id);

bool naive_has_facet(const naive_document_t *document, char facet, str_t value);
/* All of the words, each as it stands; the last as a beginning where `is_typing`. */
bool naive_has_words(const naive_document_t *document, str_t folded, bool is_typing);
/* All of the words, each within so many edits as its length allows. */
bool naive_is_near(const naive_document_t *document, str_t folded);
/* What a filter leaves: years, facets, roots, added since; not its popularity. */
bool naive_passes(const naive_document_t *document, const search_filter_t *filter);

uint32_t naive_distance(str_t a, str_t b);
/* 0, 1, 2 edits for under 3, under 6, from 6 characters. */
uint32_t naive_edits(str_t word);

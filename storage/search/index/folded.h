#pragma once
/* folded.h -- a document folded once: what is ranked, its facets and its lyrics, in one run of
 * bytes that a build keeps in a file and the delta in a table.
 *
 * Threads  None: pure functions. Errors  NO_MEMORY; CORRUPT: not what folded_append wrote. */

#include "storage/search/index/entry.h"

typedef struct folded {
    search_entry_t entry; /* its popularity is 0 until somebody knows the most played */
    uint64_t plays;
    int64_t added_at_ms;
    str_t facets; /* folded_next_facet */
    str_t lyrics; /* as put in */
    str_t entry_bytes;
} folded_t;

/* Long texts are cut at a whole character, further names left out. */
err_t folded_append(buf_t *out, const search_document_t *document);
/* Strings borrow the bytes. */
err_t folded_read(str_t bytes, folded_t *out_folded);
/* Gives a record its popularity, in place. */
err_t folded_rank(char *bytes, size_t size, const uint64_t plays_max[SEARCH_KIND_COUNT]);

typedef struct folded_facet {
    search_space_t space;
    str_t folded, name;
} folded_facet_t;
/* False: no more. */
bool folded_next_facet(str_t *rest, folded_facet_t *out_facet);

/* 0 to 100: by the logarithm, against the most played of its kind, and at least FOLDED_PLAYS_MIN:
 * where little was played yet one play is no fame, and an index that was built before the first one
 * knows the second from the twentieth. */
enum { FOLDED_PLAYS_MIN = 20 };
uint32_t folded_popularity(uint64_t plays, uint64_t plays_max);

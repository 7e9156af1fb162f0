#pragma once
/* search_index.h -- the search index of a node: what is in it, building, updating, swapping.
 *
 * Documents are artists, albums and tracks. They are numbered by kind, and within a kind by
 * popularity, so that ascending numbers are what most people mean first: the best k of a posting
 * list is its start, and "at least this popular" is a cut. What changes after a build lies in a
 * delta, which every query merges: it is durable and seen by the next query. A delta of
 * SEARCH_DELTA_MAX documents wants a rebuild, which also ranks anew; between rebuilds a document's
 * own popularity counts when hits are ranked.
 *
 * An index is a folder with one LMDB environment, derived from the catalog: `position` says up to
 * where. Whatever is found damaged in it is CORRUPT, never a crash: the owner builds it again.
 *
 * Ownership  search_index_open gives, search_index_close takes.
 * Threads    Reading (search_request.h) any; update, swap: one at a time, any thread, while others
 *            read. They block on the disk: offload lane.
 * Errors     CORRUPT, FULL, IO, NO_MEMORY; STALE: another format, build again. */

#include "runtime/base/arena.h"
#include "storage/search/search_kind.h"

#include <stdatomic.h>

enum {
    /* What it is stored as: another one can't be read, and is thrown away at the start. */
    SEARCH_FORMAT = 3,
    /* What a build makes of documents: folding, terms, ranks. One of another is outdated: it
     * answers, with the words of its time, until it has been built anew beside. */
    SEARCH_RANKING = 2,
    SEARCH_DELTA_MAX = 50000,       /* documents and tombstones, after which it wants a rebuild */
    SEARCH_DELTA_FULL = 200000,     /* FULL after so many: queries would become slow */
    SEARCH_NAMES_MAX = 32,          /* of a list in a document: further ones are left out */
    SEARCH_LYRICS_SIZE_MAX = 65536, /* the rest is not looked at */
    SEARCH_UPDATE_MAX = 1024,       /* changes in one update */
};

typedef struct search_index search_index_t;

typedef struct search_names {
    const str_t *items;
    size_t count;
} search_names_t;

/* What is shown as people wrote it; the index folds it (fold.h). Borrowed for the call. */
typedef struct search_document {
    search_kind_t kind;
    uint64_t id;           /* of the catalog */
    uint64_t plays;        /* of everybody; an album's and an artist's: of its tracks */
    str_t title;           /* of a track or album; an artist's name */
    str_t artist;          /* as a listener reads it; empty for an artist */
    str_t album;           /* of a track */
    search_names_t others; /* further names that find it: sort names, romanised, aliases */
    search_names_t genres, moods, languages, formats, roots; /* facets; roots: libraries it is in */
    uint32_t year;                                           /* 0: unknown */
    int64_t added_at_ms;
    str_t lyrics; /* of a track: LRC or plain; not folded */
} search_document_t;

/* ---- opening ---- */

typedef struct search_index_options {
    const char *path; /* of the folder; made, empty, where there is none */
    size_t map_size;  /* 0: KV_MAP_SIZE */
} search_index_options_t;

err_t search_index_open(const search_index_options_t *options, search_index_t **out_index);
void search_index_close(search_index_t *self); /* NULL is fine */
void search_index_scope_end(search_index_t **self);
#define SEARCH_INDEX_SCOPED SCOPED(search_index_scope_end)

typedef struct search_index_stats {
    uint64_t documents[SEARCH_KIND_COUNT];
    uint64_t terms, words; /* words: those that fuzzy search knows */
    uint64_t delta;        /* documents and tombstones in the delta */
    uint64_t file_size;    /* bytes in use */
    uint64_t built_at_ms;
    bool is_outdated; /* of another SEARCH_RANKING: not to be updated */
} search_index_stats_t;
err_t search_index_stats(search_index_t *self, search_index_stats_t *out_stats);

/* How far it has followed its source, as the last build or update said. `generation`: of which
 * source: another one's positions mean nothing. */
typedef struct search_position {
    uint64_t generation, position;
} search_position_t;
search_position_t search_index_position(search_index_t *self);

/* ---- building beside ---- */

typedef struct search_source {
    void *context;
    /* The next document, in any order, each once; false in *out_is_there at the end. Strings live
     * until the next call. */
    err_t (*next)(void *context, search_document_t *out_document, bool *out_is_there);
    uint64_t expected; /* about so many, for the progress; 0: not known */
} search_source_t;

typedef struct search_build_options {
    search_source_t source;
    search_position_t position;     /* of the source's snapshot */
    uint64_t now_ms;                /* becomes built_at_ms */
    const atomic_bool *is_stopped;  /* NULL: never. Then CANCELLED */
    _Atomic uint64_t *done, *total; /* NULL, or the progress in steps of a document */
    size_t memory_max;              /* bytes; 0: 64 MiB */
    size_t map_size;
} search_build_options_t;

/* Makes a whole index in the folder `path`, which must not exist or is removed first; runs that are
 * sorted lie in `path` while it works. Its memory is memory_max, 16 bytes a document, and at the
 * end the dictionary, which is about 35 bytes a word, up to twice. Nobody else may use the folder
 * meanwhile. */
err_t search_build(const char *path, const search_build_options_t *options);

/* PATH.new, complete, takes the place of PATH under its readers; a kill leaves one of the two
 * (search_swap_settle, before opening). `fresh` was opened from PATH.new; it is closed by this. */
err_t search_index_swap(search_index_t *self, search_index_t *fresh);
err_t search_swap_settle(const char *path);
/* Removes an index that nobody has open. One that is not there is fine. */
err_t search_index_remove(const char *path);

/* ---- updating ---- */

typedef struct search_change {
    bool is_removal; /* then kind and id count */
    search_document_t document;
} search_change_t;

/* All or nothing, durable, seen by whoever reads next. At most SEARCH_UPDATE_MAX. */
err_t search_index_update(search_index_t *self, const search_change_t *changes, size_t count,
                          search_position_t position);

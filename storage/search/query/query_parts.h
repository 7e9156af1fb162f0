#pragma once
/* query_parts.h -- what the files of the query share; nobody else includes it.
 *
 * request.c   search_ask: from the question to the answer
 * question.c  the text as words          near.c      words near a misspelt one
 * sets.c      the documents of a word    filter.c    the documents that may be seen
 * stages.c    which documents are ranked rank.c      in which order (rank_text.c)
 * facets.c    counts                     lyrics.c    the line that was sung (lyric_line.c)
 * answer.c    the page, what was meant   explain.c   why
 * highlight.c where the words stand in what is shown
 *
 * Work is counted in read.work, about 25 ns a unit: a node of the dictionary, 64 bytes of a posting
 * list. Each step that could be long asks query_is_spent and leaves out what is left.
 *
 * Ownership  Bitmaps belong to who made them, or to query_t; the rest lies in the arena. */

#include "storage/search/query/rank.h"

enum {
    /* Work of what is not counted where it is done. */
    WORK_POSTINGS = 20,  /* finding a posting list */
    WORK_RANK = 40,      /* reading a document; and ranking it, for each word of the question: */
    WORK_RANK_WORD = 20, /* and for each byte of that a unit */
    WORK_NUMBER = 30,    /* the number of an id; a word of the delta */
    WORK_SETS = 8,       /* putting two sets together, and a unit for so many numbers in them: */
    WORK_SET_SHARE = 64,
    WORK_LYRICS_SHARE = 3, /* bytes of lyrics that are read, a unit */
    WORK_SPREAD = 8,       /* numbers laid out for counting, a unit */

    FOUND_FEW = 10,    /* hits below which the next stage is tried */
    FOUND_TOO_FEW = 5, /* and the last one */
};

/* A document to be ranked; the first stage that found it counts. */
typedef struct candidate {
    uint32_t number;
    search_stage_t stage;
} candidate_t;

typedef struct candidates {
    candidate_t *items; /* of SEARCH_RANKED_MAX */
    size_t count;
} candidates_t;

typedef struct hit {
    uint64_t id;
    double score;
    uint32_t number, popularity;
    search_kind_t kind;
    search_stage_t stage;
} hit_t;

typedef struct hits {
    hit_t *items;
    size_t count;
} hits_t;

typedef struct filter filter_t;
typedef struct lyrics_hits lyrics_hits_t;

typedef struct query {
    search_read_t read;
    arena_t *arena;
    const search_request_t *request;
    uint64_t work_max, rank_work; /* rank_work: of one document */
    bool is_cut;
    question_t question;
    roaring_bitmap_t *visible;    /* what the filter leaves; NULL: everything */
    roaring_bitmap_t *found;      /* of all stages, all kinds */
    roaring_bitmap_t *unfiltered; /* the same before the filter; NULL: nobody needs it */
    bool keeps_unfiltered;
    roaring_bitmap_t *taken; /* candidates, so that each is one once */
    candidates_t candidates[SEARCH_KIND_COUNT];
    hits_t hits[SEARCH_KIND_COUNT];
    lyrics_hits_t *lines; /* instead of hits, where lyrics are searched */
    search_stage_t stage;
    uint64_t totals[SEARCH_KIND_COUNT];
    buf_t notes; /* where an explanation is wanted */
} query_t;

static inline bool query_is_stopped(const query_t *self)
{
    const atomic_bool *is_stopped = self->request->is_stopped;
    return is_stopped != NULL && atomic_load_explicit(is_stopped, memory_order_relaxed);
}

/* True, and the answer will say so, when the budget is spent, or nobody wants it any more. */
static inline bool query_is_spent(query_t *self)
{
    if (self->read.work < self->work_max && !query_is_stopped(self))
        return false;
    self->is_cut = true;
    return true;
}

/* Before each piece of work that costs more than a few microseconds. CANCELLED; LIMIT: what was
 * asked gives up rather than to be cut. */
static inline err_t query_go_on(query_t *self)
{
    if (query_is_stopped(self))
        return ERR_CANCELLED;
    const search_request_t *request = self->request;
    if (!request->gives_up)
        return ERR_OK;
    bool is_late = request->until_ns > 0 && clock_mono_ns(&request->clock) >= request->until_ns;
    return self->is_cut || self->read.work >= self->work_max || is_late ? ERR_LIMIT : ERR_OK;
}

/* Before a document is ranked. As query_go_on. */
static inline err_t query_before_rank(query_t *self)
{
    TRY(query_go_on(self));
    self->read.work += self->rank_work;
    return ERR_OK;
}

static inline bool query_wants(const query_t *self, search_kind_t kind)
{
    return self->request->first[kind] > 0;
}

#pragma once
/* search_asker.h -- asks the search index and the names without holding a scheduler for long.
 *
 * A question is begun on the thread that serves the request, with what is left of this round of its
 * loop: all that is asked in one round, by whatever requests, shares SEARCH_WORK_INLINE units of
 * work and SEARCH_INLINE_MS. What needs more begins anew on the offload pool, with SEARCH_WORK_MAX
 * and a look at the index as it is then, and is answered later, on the same thread. So most answers
 * cost no change of threads, and none costs others their time.
 *
 * At most SEARCH_WAITING_MAX questions wait there or run. Past that one is answered with what is
 * found in what is left of the round, and says so (is_cut); with nothing left it is BUSY.
 *
 * Who asked may cancel: a question that waits comes back at once, one that runs at its next look at
 * its budget; both are answered CANCELLED.
 *
 * Lane       OFFLOAD_COMPUTE, LOW: no build and no file waits there, and what does (the start of an
 *            encoder) goes first (docs/decisions/0023-long-searches.md).
 * Ownership  An asker outlives the runtime whose edges ask, for its handles are on their loops; it
 *            borrows the feed and the names. An ask is the caller's and lives until `then`, with
 *            all that its questions point to; one whose `then` never comes, since the runtime ended
 *            before, until the asker is freed.
 * Threads    ask, cancel: the edge's. stats: any. */

#include "runtime/runtime.h"
#include "storage/search/feed/search_feed.h"
#include "storage/search/names/name_index.h"

enum {
    SEARCH_WORK_INLINE = 100000, /* of all questions of a round: below 10 ms at 10,000,000 tracks */
    SEARCH_INLINE_MS = 4,        /* where memory is cold, a unit takes longer */
    SEARCH_WAITING_MAX = 64,
    SEARCH_ASK_PARTS_MAX = 2, /* names and lyrics */
};

typedef struct search_asker search_asker_t;

typedef struct search_asker_options {
    search_feed_t *feed;
    name_index_t *names; /* NULL: nobody asks for them */
    runtime_t *runtime;
    uint64_t work_inline; /* 0: SEARCH_WORK_INLINE */
    uint32_t inline_ms;   /* 0: SEARCH_INLINE_MS */
    uint32_t waiting_max; /* 0: SEARCH_WAITING_MAX */
} search_asker_options_t;

/* NO_MEMORY */
err_t search_asker_new(const search_asker_options_t *options, search_asker_t **out_asker);
void search_asker_free(search_asker_t *self); /* NULL is fine */
void search_asker_scope_end(search_asker_t **self);
#define SEARCH_ASKER_SCOPED SCOPED(search_asker_scope_end)

typedef struct search_part {
    search_request_t request; /* its budget is the asker's */
    search_found_t found;
    err_t err; /* as search_feed_ask; BUSY, CANCELLED */
    bool is_answered;
} search_part_t;

/* People and playlists: a part like the others. */
typedef struct search_names_part {
    name_index_query_t query; /* its budget is the asker's */
    name_index_found_t found;
    err_t err;
    bool is_wanted, is_answered;
} search_names_part_t;

typedef struct search_ask search_ask_t;
struct search_ask {
    /* Given; zeroes otherwise. */
    edge_t *edge;
    arena_t *arena; /* of the answers */
    search_part_t parts[SEARCH_ASK_PARTS_MAX];
    uint32_t count;
    search_names_part_t names;
    void (*then)(void *context); /* once the answers are there, unless they are at once */
    void *context;

    /* The asker's. */
    search_asker_t *asker;
    search_ask_t *next, *previous; /* of those that are away, of its scheduler */
    arena_t own; /* of answers that are made elsewhere, until they are given back */
    uint64_t ticket;
    atomic_bool is_stopped;
    bool is_posting, is_back;
};

/* True: it is answered, and `then` will not be called. */
bool search_asker_ask(search_asker_t *self, search_ask_t *ask);
/* One whose answer nobody wants: `then` comes all the same, soon. One that is answered: nothing. */
void search_asker_cancel(search_ask_t *ask);

typedef struct search_asker_stats {
    uint64_t here, offloaded; /* parts of questions by where they were answered */
    uint64_t cut;             /* of all: whose answer lacks something */
    uint64_t refused;         /* BUSY, or cut, since too many were waiting */
    uint64_t cancelled;
    uint64_t held_ns_max; /* the longest that the questions of one round held a scheduler */
    uint32_t waiting;     /* questions that wait in the pool or run there */
} search_asker_stats_t;
void search_asker_stats(search_asker_t *self, search_asker_stats_t *out_stats);

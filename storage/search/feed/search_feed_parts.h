#pragma once
/* search_feed_parts.h -- what the files of the feed share; nobody else includes it.
 *
 * search_feed.c       opening, waiting, figures
 * search_feed_ask.c   questions
 * search_feed_keep.c  updates from the catalog's notes, building beside */

#include "storage/search/feed/search_feed.h"
#include "storage/waiters.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct search_feed_counts {
    _Atomic uint64_t builds, build_ms, updates, updated_documents, lyrics_missed, damages;
    _Atomic uint64_t questions, cut, work, by_stage[SEARCH_STAGE_COUNT];
} search_feed_counts_t;

struct search_feed {
    search_feed_options_t options;
    buf_t path, path_new;
    search_index_t *index; /* the same from open to close: what it reads is swapped within */
    void (*wanted)(void *context);
    void *wanted_context;
    pthread_mutex_t updating; /* who changes the index or swaps it */
    atomic_bool is_building, is_damaged, is_stale;
    _Atomic search_want_t first_want;      /* until there is one */
    _Atomic uint64_t generation, sequence; /* that the index has; generation 0: there is none */
    _Atomic uint64_t done, total;          /* of a build */
    uint64_t trimmed;                      /* up to where; of who holds `updating` */
    waiters_t waiters;
    search_feed_counts_t counts;
};

/* The index has come to there: questions see it. */
void search_feed_moved(search_feed_t *self, search_position_t position);
void search_feed_found_damage(search_feed_t *self);

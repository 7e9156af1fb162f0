#pragma once
/* search_feed_parts.h -- what the files of the feed share; nobody else includes it.
 *
 * search_feed.c       opening, waiting, figures
 * search_feed_ask.c   questions
 * search_feed_keep.c  updates from the catalog's notes, what it wants
 * search_feed_build.c building beside */

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
    atomic_bool is_building, is_damaged, is_stale, is_outdated;
    _Atomic search_want_t first_want;      /* until there is one */
    _Atomic uint64_t generation, sequence; /* that the index has; generation 0: there is none */
    _Atomic uint64_t done, total;          /* of a build */
    uint64_t trimmed;                      /* up to where; of who holds `updating` */
    waiters_t waiters;
    search_feed_counts_t counts;
    pthread_mutex_t looking; /* never held over what blocks; with the rest: */
    search_index_stats_t seen;
    uint64_t source_damages, damaged_id;
    search_kind_t damaged_kind;
};

/* The index has come to there: questions see it. */
void search_feed_moved(search_feed_t *self, search_position_t position);
void search_feed_found_damage(search_feed_t *self);
/* Reads the index's figures, so that nobody else has to: after each change of it. */
void search_feed_look(search_feed_t *self);
search_index_stats_t search_feed_seen(search_feed_t *self);
void search_feed_count_reading(search_feed_t *self, const search_reading_t *reading);
/* What leads to the catalog's records, or tells of them, is damaged. */
void search_feed_source_damaged(search_feed_t *self);

/* How far a step came. */
typedef struct search_stepped {
    search_position_t position;
    bool is_behind;
} search_stepped_t;

/* One update of an index, whichever: its own or one that is built. STALE: only a build brings it
 * to this catalog. */
err_t search_feed_step(search_feed_t *self, search_index_t *index, search_stepped_t *out_stepped);
/* Of one that was built: what can't be read for the moment is not taken for another catalog's. */
err_t search_feed_position_of(search_index_t *index, search_position_t *out_position);
/* An update more might be past what a delta may have. */
bool search_feed_is_past(const search_feed_t *self, const search_index_stats_t *stats);

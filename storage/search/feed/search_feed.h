#pragma once
/* search_feed.h -- the search index of a data folder, kept as the catalog is: opened, built beside
 * itself from the catalog, swapped, updated from the catalog's notes, and asked.
 *
 * There always is an index that can be opened: one that can't be read is thrown away for an empty
 * one. Until a first one is built, questions are UNAVAILABLE. While one is built in
 * DATA/search.new, the one before answers and takes what changes. An index knows the generation of
 * its catalog and the number of the newest note that it has; of another catalog, or behind notes
 * that are trimmed, it wants to be built. So it does when its delta is large, when its ranks are
 * old, and when something in it is damaged: a question that finds that is answered UNAVAILABLE,
 * `wanted` is called, and the others go on from what is whole. One that an older version made, in
 * a format that can be read (SEARCH_RANKING), answers as it is, without what changes.
 *
 * What of the catalog can't be read is no damage of the index: a record is left out, and notes that
 * are damaged make this catalog another one. It is counted, for who has the catalog made anew.
 *
 * Ownership  Borrows the catalog and the folder of lyrics; they outlive it.
 * Threads    ask, stats, wants, wait: any, and but for ask and wait they read nothing from the
 *            disk. update and build: an offload lane; each once at a time, both may run together.
 *            They block.
 * Errors     CANCELLED: is_stopped; FULL, IO, NO_MEMORY. */

#include "runtime/base/clock.h"
#include "storage/search/feed/search_documents.h"
#include "storage/search/search_request.h"

enum {
    SEARCH_FEED_WAITERS_MAX = 16384,
    SEARCH_FEED_TRIES = 3,          /* of a build, when the catalog is swapped meanwhile */
    SEARCH_FEED_LAST_UPDATES = 256, /* of a swap, while nobody else updates */
    SEARCH_RANKS_HOURS_MAX = 24,    /* after that it is ranked anew, if something changed */
};

/* Why it is to be built. The text goes into the log. */
#define SEARCH_WANT_LIST(ROW)                                                                      \
    ROW(NOTHING, "it is as it should be")                                                          \
    ROW(FIRST, "there is none yet")                                                                \
    ROW(FORMAT, "it is of a version that can't be read")                                           \
    ROW(RANKING, "it was made by another version")                                                 \
    ROW(DAMAGED, "it is damaged")                                                                  \
    ROW(CATALOG, "the catalog is another one")                                                     \
    ROW(DELTA, "much has changed since it was built")                                              \
    ROW(RANKS, "its ranks are old")                                                                \
    ROW(ASKED, "somebody asked for it")
typedef enum search_want {
#define SEARCH_WANT_ROW(name, text) SEARCH_WANT_##name,
    SEARCH_WANT_LIST(SEARCH_WANT_ROW)
#undef SEARCH_WANT_ROW
} search_want_t;
const char *search_want_text(search_want_t want);

typedef struct search_feed search_feed_t;

typedef struct search_feed_options {
    const char *path; /* of the index: DATA/search */
    size_t map_size;
    catalog_t *catalog;
    blob_folder_t *lyrics; /* NULL: long lyrics are not searched */
    ms_clock_t clock;
    uint64_t delta_max;  /* 0: SEARCH_DELTA_MAX; of a large index a twentieth is let pass */
    uint64_t delta_full; /* 0: SEARCH_DELTA_FULL, the most: an update more would be past it */
} search_feed_options_t;

err_t search_feed_open(const search_feed_options_t *options, search_feed_t **out_feed);
/* NULL is fine. */
void search_feed_close(search_feed_t *self);
void search_feed_scope_end(search_feed_t **self);
#define SEARCH_FEED_SCOPED SCOPED(search_feed_scope_end)

/* Called when a question finds damage, on its thread. Before anybody asks. */
void search_feed_on_damage(search_feed_t *self, void (*wanted)(void *context), void *context);

/* ---- asking ---- */

/* As search_ask, and UNAVAILABLE: there is none yet, or what was asked for is damaged; it is built
 * already. */
err_t search_feed_ask(search_feed_t *self, arena_t *arena, const search_request_t *request,
                      search_found_t *out_found);
/* NULL until there is one: for who reads more of it than answers. */
search_index_t *search_feed_index(search_feed_t *self);
bool search_feed_is_ready(search_feed_t *self);

/* Read your writes: `then` once the index has what the catalog has now, on whatever thread updates
 * it, or at once on this one. UNAVAILABLE: there is none yet. STALE, also later: the catalog is
 * another one, or the index another version's, and only a build brings that; LIMIT: too many wait.
 */
typedef void (*search_then_fn)(void *context, err_t err);
err_t search_feed_wait(search_feed_t *self, search_then_fn then, void *context,
                       uint64_t *out_ticket);
/* True: `then` will not be called. */
bool search_feed_cancel(search_feed_t *self, uint64_t ticket);
/* Those that wait get CANCELLED, now. */
void search_feed_cancel_all(search_feed_t *self);
/* How many changes of the catalog it does not have, about. UNAVAILABLE: there is none yet; STALE:
 * nobody knows, the catalog is another one. */
err_t search_feed_behind(search_feed_t *self, uint64_t *out_changes);

/* ---- keeping it ---- */

/* Takes the next notes, SEARCH_UPDATE_MAX documents at most. *out_is_behind: there is more. An
 * index that wants to be built takes what it can. */
err_t search_feed_update(search_feed_t *self, bool *out_is_behind);
search_want_t search_feed_wants(search_feed_t *self);
/* One is about to be built: search_feed_percent begins again. */
void search_feed_plan(search_feed_t *self);
/* Builds one beside, and lets readers go over. BUSY: it is being built. */
err_t search_feed_build(search_feed_t *self, const atomic_bool *is_stopped);

/* ---- looking ---- */

typedef struct search_feed_stats {
    search_index_stats_t index; /* as the last update left it */
    bool is_building, is_ready;
    uint64_t built_documents, expected_documents; /* of the build under way */
    uint64_t builds, build_ms;                    /* that ended well; how long the last one took */
    uint64_t updates, updated_documents, lyrics_missed, damages;
    uint64_t questions, cut, work; /* of questions: whose budget was spent; spent by all */
    uint64_t by_stage[SEARCH_STAGE_COUNT];
    /* Of the catalog: how often something could not be read; the last record of these, id 0: it
     * was no record but what leads to them. */
    uint64_t source_damages;
    search_kind_t damaged_kind;
    uint64_t damaged_id;
} search_feed_stats_t;
void search_feed_stats(search_feed_t *self, search_feed_stats_t *out_stats);
uint32_t search_feed_percent(search_feed_t *self); /* of the build planned, under way or done */

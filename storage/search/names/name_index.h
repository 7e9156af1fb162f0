#pragma once
/* name_index.h -- people and playlists by name: what search finds beside the catalog.
 *
 * Names are personal data, so they lie in memory only; who keeps them (actors/social/
 * names_projection.h) seals them on disk. A question is understood, and a name is ranked, by the
 * search index's own code (query/question.h, query/rank.h), as the title of a document that nobody
 * has played; and it goes through the same stages, each only when those before found too little:
 * every word exactly; misspelt, run together or torn apart; all words but one; but two.
 *
 * Rights come first: a playlist is found by its owner, and by others while it is public. What one
 * may not see is neither looked at nor counted.
 *
 * Shape      Playlists hang from their owner. People and public playlists are, beside that, in the
 *            base: numbered by rank (people first; short names first, then by their letters), with
 *            a dictionary of their words and the ranks that have each. It never changes, but for
 *            the bits of those that were changed or went since: they are in none of its answers.
 *            What changed is in a list that is looked through. name_index_settle makes a new base;
 *            until then more than NAME_INDEX_RECENT_MAX changes are not all looked at.
 * Ranks      Of what the base finds, the first NAME_INDEX_RANKED_MAX of a kind are ranked: as many
 *            names as one letter begins, the best ten of them are its first. What a question finds
 *            is counted whole.
 * Bounds     NAME_INDEX_MAX names of NAME_INDEX_SIZE_MAX bytes; a question has a budget of work, as
 *            one to the search index, after which it has what was found, and is_cut says so.
 * Ownership  name_index_new gives, name_index_free takes; what goes is overwritten first.
 * Threads    find: any, without waiting for more than the moment of a change. All that changes: one
 *            at a time, any thread.
 * Errors     NO_MEMORY; LIMIT: there are as many as there may be. */

#include "runtime/base/arena.h"
#include "storage/search/search_index.h"

#include <stdatomic.h>

enum {
    NAME_INDEX_MAX = 1000000,
    NAME_INDEX_SIZE_MAX = 512,      /* bytes of a name: the rest is not kept */
    NAME_INDEX_KEY_SIZE_MAX = 200,  /* of a key, of an owner */
    NAME_INDEX_WORDS_MAX = 32,      /* of a name: further ones are not looked at */
    NAME_INDEX_FIRST_MAX = 50,      /* results of a kind */
    NAME_INDEX_RANKED_MAX = 250,    /* of a kind, of the base */
    NAME_INDEX_RECENT_WANTED = 512, /* changes after which a new base is due */
    NAME_INDEX_RECENT_MAX = 1024,   /* that a question looks through */
    NAME_INDEX_WORK_MAX = 250000,   /* of a question: below 10 ms on a slow core */
};

typedef struct name_index name_index_t;

typedef enum name_index_kind {
    NAME_INDEX_PERSON,
    NAME_INDEX_PLAYLIST,
    NAME_INDEX_KIND_COUNT
} name_index_kind_t;

typedef struct name_index_entry {
    name_index_kind_t kind;
    str_t key;   /* of its actor; a person's is the owner, too */
    str_t owner; /* of a playlist */
    str_t name;
    bool is_public; /* of a playlist */
} name_index_entry_t;

/* names_max: 0, or fewer than NAME_INDEX_MAX. */
err_t name_index_new(uint32_t names_max, name_index_t **out_names);
void name_index_free(name_index_t *self); /* NULL is fine */
void name_index_scope_end(name_index_t **self);
#define NAME_INDEX_SCOPED SCOPED(name_index_scope_end)

/* ---- changing ---- */

/* Adds or replaces. INVALID: no key, or one that is too long. */
err_t name_index_put(name_index_t *self, const name_index_entry_t *entry);
/* One that is not there is fine. */
void name_index_remove(name_index_t *self, name_index_kind_t kind, str_t key);
/* A person, and every playlist of theirs. */
void name_index_remove_owner(name_index_t *self, str_t owner);
void name_index_clear(name_index_t *self);
/* A new base is due: much has changed, or it has the words of somebody who is gone. */
bool name_index_is_unsettled(const name_index_t *self);
/* Makes a new base, while others ask: seconds for NAME_INDEX_MAX names. On an error the old one
 * stays. */
err_t name_index_settle(name_index_t *self);

/* Who fills it says whether all that there is has come; not so at first. */
void name_index_set_whole(name_index_t *self, bool is_whole);

typedef struct name_index_stats {
    uint32_t people, playlists, recent; /* recent: changes since the base */
    bool is_whole;
} name_index_stats_t;
name_index_stats_t name_index_stats(const name_index_t *self);

/* ---- asking ---- */

typedef struct name_index_query {
    str_t text;
    str_t asker; /* a user's id */
    bool is_typing, is_exact;
    uint32_t first[NAME_INDEX_KIND_COUNT]; /* at most NAME_INDEX_FIRST_MAX; 0: none of this kind */
    uint64_t work_max;             /* 0, or less than NAME_INDEX_WORK_MAX: changes wait for it */
    const atomic_bool *is_stopped; /* then it ends soon, and is cut; NULL: never */
} name_index_query_t;

/* Texts lie in the arena. */
typedef struct name_index_hit {
    name_index_kind_t kind;
    str_t key, name;
    double score;         /* comparable with search_result_t's */
    search_names_t words; /* as search_found_t.matched, of this name */
} name_index_hit_t;

typedef struct name_index_found {
    const name_index_hit_t *hits[NAME_INDEX_KIND_COUNT]; /* best first */
    uint32_t counts[NAME_INDEX_KIND_COUNT];
    uint32_t totals[NAME_INDEX_KIND_COUNT];
    bool is_cut;   /* the budget was spent, or there are too many changes */
    bool is_whole; /* name_index_set_whole */
    bool is_fuzzy; /* found exactly were too few */
    uint64_t work; /* spent, in search_found_t's units */
} name_index_found_t;

/* A question without words finds nothing. */
err_t name_index_find(name_index_t *self, arena_t *arena, const name_index_query_t *query,
                      name_index_found_t *out_found);

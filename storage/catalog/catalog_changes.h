#pragma once
/* catalog_changes.h -- what changed in the catalog, in order, for who makes something of it: the
 * search index.
 *
 * A catalog that nobody follows notes nothing. catalog_follow gives it a generation, a random
 * number that another catalog (one that was built anew, or wiped) does not have, and from then on
 * each write transaction notes the tracks, albums and artists that it made, changed or removed,
 * under sequence numbers that grow. An entity has its newest number only, so there are never more
 * notes than entities. What is noted is what search sees: names, credits, facets, lyrics, whether
 * it can be played; and plays, when they have grown by about a fifth.
 *
 * Who follows reads the state of now for each of them, after what was noted: so what changes again
 * meanwhile is only read twice.
 *
 * Threads  Any: follow and trim wait for the writer before.
 * Errors   STALE: of another generation, or older than what was trimmed: read everything anew. */

#include "storage/catalog/catalog.h"

enum {
    CATALOG_CHANGES_MAX = 1024, /* in one reading */
    CATALOG_TRIM_MAX = 4096,    /* in one transaction */
};

typedef struct catalog_mark {
    uint64_t generation; /* 0: nobody follows it */
    uint64_t sequence;   /* the newest number given */
} catalog_mark_t;

typedef struct catalog_change {
    search_kind_t kind;
    uint64_t id, sequence;
} catalog_change_t;

typedef struct catalog_changes {
    const catalog_change_t *items; /* in the arena of the reading; ascending by sequence */
    size_t count;
    bool has_more;
} catalog_changes_t;

/* Starts it where it has not begun. What is read after it is at least as new as the mark. */
err_t catalog_follow(catalog_t *self, catalog_mark_t *out_mark);
err_t catalog_mark(const catalog_read_t *read, catalog_mark_t *out_mark);
/* The notes behind `after`, CATALOG_CHANGES_MAX at most. */
err_t catalog_changes(const catalog_read_t *read, catalog_mark_t after,
                      catalog_changes_t *out_changes);
/* The first of a kind with an id past `after`, to go through all of them. NOT_FOUND: no more. */
err_t catalog_next(const catalog_read_t *read, search_kind_t kind, uint64_t after,
                   uint64_t *out_id);
/* Forgets the notes up to there. *out_has_more: CATALOG_TRIM_MAX were not all. */
err_t catalog_trim(catalog_t *self, catalog_mark_t up_to, bool *out_has_more);

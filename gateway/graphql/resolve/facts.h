#pragma once
/* facts.h -- what the caller made of a track (favourite, rating, plays), asked for in batches.
 *
 * Fields that need a fact wait; once the loop comes round, one question to the caller's `user`
 * actor answers up to USER_PAGE_MAX of them: a page of tracks costs one message, not a message a
 * track.
 *
 * Threads  The graph's. */

#include "gateway/graphql/engine.h"

typedef struct facts facts_t;
struct graph;

typedef enum fact { FACT_FAVOURITE, FACT_RATING, FACT_PLAYS } fact_t;

/* Completes the field, later. */
err_t facts_return(graphql_field_t *field, uint64_t track_id, fact_t fact);
void facts_free(facts_t *self); /* nothing waits any more; NULL is fine */

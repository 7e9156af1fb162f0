#pragma once
/* track_facts.h -- what one listener thinks of each track: a hash table by track id.
 *
 * Open addressing with linear probing, at most 3/4 full. A fact that says nothing any more (no
 * favourite, no rating, no play, nothing imported) stays until the table is rebuilt, which happens
 * when it is full. At most USER_TRACKS_MAX facts.
 *
 * Ownership  The table owns its slots; a fact's pointer is good until the next reserve.
 * Threads    None. Errors NO_MEMORY, LIMIT. */

#include "actors/protocol/user.h"

typedef enum track_imported {
    TRACK_IMPORTED_FAVOURITE = 1,
    TRACK_IMPORTED_RATING = 2
} track_imported_t;

typedef struct track_fact {
    uint64_t track_id;         /* 0: an empty slot */
    uint64_t favourite_number; /* 0: not a favourite */
    uint32_t play_count;
    uint32_t rating;
    uint32_t imported_plays; /* of play_count: what an import brought */
    uint32_t imported;       /* track_imported_t bits: what an import has said already */
} track_fact_t;

typedef struct track_facts {
    track_fact_t *slots;
    uint32_t capacity, used;
} track_facts_t;

void track_facts_deinit(track_facts_t *self);
/* NULL: nothing is known of it. */
const track_fact_t *track_facts_find(const track_facts_t *self, uint64_t track_id);
/* Makes room for one more, so that the next track_facts_at succeeds. */
err_t track_facts_reserve(track_facts_t *self);
/* The same for so many. */
err_t track_facts_reserve_many(track_facts_t *self, uint32_t count);
/* The fact, made if it is missing; NULL: no room was reserved. */
track_fact_t *track_facts_at(track_facts_t *self, uint64_t track_id);
bool track_fact_is_empty(const track_fact_t *fact);

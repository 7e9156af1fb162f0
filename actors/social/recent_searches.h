#pragma once
/* recent_searches.h -- what a listener searched for lately, newest first; pure.
 *
 * The same words again, whatever their case and accents (fold.h), move to the front, as they were
 * typed last. At most USER_SEARCHES_MAX: the oldest goes.
 *
 * Ownership  The list owns its texts. Threads  None.
 * Errors     A refused command changes nothing. Applying: NO_MEMORY, and the list must not be used
 * any more; after a check that let it pass there is none. */

#include "actors/protocol/user.h"
#include "runtime/base/arena.h"

typedef struct recent_search recent_search_t;

typedef struct recent_searches {
    recent_search_t *items; /* newest first; NULL, or room for all of them */
    uint32_t count;
} recent_searches_t;

void recent_searches_deinit(recent_searches_t *self);
bool recent_searches_has(const recent_searches_t *self, str_t query);

/* *out_query: what is kept of the typed words, without blanks around them, borrowed.
 * INVALID: none, over USER_SEARCH_SIZE_MAX bytes, not UTF-8, or a control character among them;
 * NO_MEMORY. */
err_t recent_searches_check(recent_searches_t *self, str_t typed, str_t *out_query);

/* No text, of an erased listener, is none. */
err_t recent_searches_apply(recent_searches_t *self, str_t query, int64_t searched_at);
void recent_searches_apply_removed(recent_searches_t *self, str_t query);
void recent_searches_apply_cleared(recent_searches_t *self);

/* Borrows the texts; returns how many. */
uint32_t recent_searches_list(const recent_searches_t *self,
                              user_search_t out[static USER_SEARCHES_MAX]);
/* CORRUPT: more than there may be; NO_MEMORY. */
err_t recent_searches_restore(recent_searches_t *self, const user_search_t *items, uint32_t count);

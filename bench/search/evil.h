#pragma once
/* evil.h -- questions meant to cost as much as they can: the budget has to end each of them.
 *
 * Threads  Any: pure functions. */

#include "storage/search/search_request.h"

size_t evil_count(void);
/* Its text lies in the arena. */
search_request_t evil_request(size_t number, arena_t *arena);

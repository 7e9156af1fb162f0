#pragma once
/* facets.h -- of the tracks that were found, how many have each value of a facet.
 *
 * The values that are most frequent in the index are counted, FACET_VALUES_COUNTED of a facet;
 * those that most tracks have are given. A facet's own filter is left out of its counts: who chose
 * "rock" sees what "jazz" beside it would add.
 *
 * Errors  CORRUPT, NO_MEMORY */

#include "storage/search/query/filter.h"

enum { FACET_VALUES_COUNTED = 2 * SEARCH_FACET_VALUES_MAX };

err_t facets_count(query_t *query, const filter_t *filter, search_found_t *out_found);

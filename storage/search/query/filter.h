#pragma once
/* filter.h -- the documents that a filter leaves, as a set.
 *
 * Values of a list are put together, lists are cut with each other. A popularity is a cut in each
 * kind's numbers, found by halving, since a kind's base is in that order; those of the delta that a
 * question finds are looked at one by one, the newest of them at most 1,000. A range of years is
 * whole decades and the years at its ends. So all of it is exact, and what is counted is what may
 * be seen.
 *
 * Ownership  Sets belong to the filter. Errors  INVALID: years the wrong way round, ids that do not
 * ascend; CORRUPT, NO_MEMORY */

#include "storage/search/query/query_parts.h"

struct filter {
    /* One a facet that is filtered by, else NULL: counts of a facet leave its own filter out. */
    roaring_bitmap_t *facets[SEARCH_FACET_COUNT];
    roaring_bitmap_t *rest; /* rights, popularity, date, favourites; NULL: everything */
    roaring_bitmap_t *all;  /* of all of them; NULL: everything */
};

err_t filter_init(query_t *query, filter_t *out_filter);
void filter_deinit(filter_t *self);
#define FILTER_SCOPED SCOPED(filter_deinit)

/* Takes those of the delta out that are not popular enough. */
err_t filter_drop_unpopular(query_t *query, roaring_bitmap_t *set);
/* What is in the set and passes all but the filter of this facet. */
err_t filter_all_but(query_t *query, const filter_t *self, search_facet_t facet,
                     const roaring_bitmap_t *set, roaring_bitmap_t **out_set);
search_space_t filter_space(search_facet_t facet);

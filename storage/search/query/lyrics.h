#pragma once
/* lyrics.h -- searching what is sung: which tracks, and which line.
 *
 * The index knows the words of each track's lyrics, and pairs of neighbours where one of them is so
 * common that its own list would not say much. Tracks that have all of them are read, the most
 * popular first, SEARCH_RANKED_MAX at most, for the line that has most of the words in order; when
 * few have, those that lack one word of three or more, too.
 *
 * Errors  CORRUPT, NO_MEMORY */

#include "storage/search/query/query_parts.h"

err_t lyrics_run(query_t *query);
err_t lyrics_fill(query_t *query, search_found_t *out_found);

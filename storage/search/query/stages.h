#pragma once
/* stages.h -- which documents are ranked: what each stage of a question finds.
 *
 * Exact, fuzzy, all but one, all but two: each only when those before it found fewer than FOUND_FEW
 * (the last: FOUND_TOO_FEW). Of what a stage finds the most popular are taken, each kind on its own
 * so that tracks crowd out no artist, and of the delta, which has no order, the newest, up to half.
 * Documents whose whole title was asked for are taken first: they may be unpopular.
 *
 * Errors  CORRUPT, NO_MEMORY */

#include "storage/search/query/query_parts.h"

/* Fills candidates, found, stage. A question has words. */
err_t stages_run(query_t *query);
/* Cuts a set that a stage found to what may be seen, counts it as found, and takes of it, what was
 * taken already left out, `limit` of each kind; 0: as many as are ranked. */
err_t stages_keep(query_t *query, roaring_bitmap_t *set, search_stage_t stage, size_t limit);
/* Of the kinds that are asked for. */
uint64_t stages_found(const query_t *query);

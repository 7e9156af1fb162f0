#pragma once
/* library_lookup.h -- what the catalog holds that a batch of files may be: the view that the rules
 * decide with (library_rules.h). It blocks on the disk: for offload threads. */

#include "actors/library/library_rules.h"
#include "storage/catalog/catalog.h"
#include "storage/projection.h"

/* Brings the catalog to the newest position of the journal that this node has heard of, or finds
 * that it is there. TIMEOUT. */
err_t library_catch_up(projection_t *projection, journal_t *journal, uint64_t timeout_ms);
/* To this one, which another node may have written a moment ago. */
err_t library_catch_up_to(projection_t *projection, uint64_t position, uint64_t timeout_ms);
/* The view lies in the arena. Errors as catalog.h. */
err_t library_lookup(catalog_t *catalog, str_t root, const library_add_t *batch, arena_t *arena,
                     library_view_t *out_view);

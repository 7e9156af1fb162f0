#pragma once
/* catalog_plays.h -- how often tracks were played, by everybody together: what popularity is made
 * of.
 *
 * A track's count stays when it goes and waits for it when it comes later; an album's and an
 * artist's is the sum of the tracks that they have now, kept exact with each change. Nobody is
 * named with a count. Whose plays were counted is (an id, as in the names of streams): when such a
 * listener is erased, the catalog wants to be built anew, where the erased plays are not any more.
 *
 * Threads  As catalog.h. */

#include "storage/catalog/catalog.h"

/* Of a track that need not be there. `listener`: the user's id. */
err_t catalog_add_plays(catalog_write_t *self, kv_tx_t *tx, str_t listener, uint64_t track_id,
                        uint64_t count);
/* Asks for a catalog that is built anew, where plays of this listener were counted. */
err_t catalog_forget_listener(catalog_write_t *self, kv_tx_t *tx, str_t listener);

/* 0: never. */
err_t catalog_plays(const catalog_read_t *read, search_kind_t kind, uint64_t id,
                    uint64_t *out_count);
err_t catalog_wants_recount(const catalog_read_t *read, bool *out_wants);

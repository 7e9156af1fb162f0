#pragma once
/* catalog_swap.h -- a catalog made anew beside the one that is read, and put in its place.
 *
 * The new one lies in the folder PATH.new until it is complete; then PATH becomes PATH.old,
 * PATH.new becomes PATH, readers go over, and what they left is removed. A kill between any two of
 * these leaves the old catalog or the new one as PATH once catalog_swap_settle has looked. Neither
 * is synced: after a power cut both are made again, as any lazy environment (kv.h).
 *
 * Threads  catalog_swap: one at a time, while nobody writes to either; readers of the first go on
 *          meanwhile, on any thread.
 * Errors   NOT_FOUND, FULL, IO, NO_MEMORY */

#include "storage/catalog/catalog.h"

/* Before the catalog in `path` is opened: ends a swap that was cut short. *out_has_new: one that is
 * made anew was left unfinished. */
err_t catalog_swap_settle(const char *path, bool *out_has_new);
/* Opens the new one beside `self`, with what an earlier call left of it, or empty. */
err_t catalog_open_new(catalog_t *self, size_t map_size, const char *boot_id,
                       catalog_t **out_fresh);
/* Readers of `self` see what `fresh` holds from now on; waits until the last one has left what it
 * held, which `fresh` has now. On an error both are as they were. */
err_t catalog_swap(catalog_t *self, catalog_t *fresh);
/* Closes a catalog and removes its files. NULL is fine. */
void catalog_drop(catalog_t *self);

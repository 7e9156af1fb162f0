#pragma once
/* names_projection.h -- the names of people and playlists, from the journal's feed into an
 * environment of their own, for search (storage/search/names/).
 *
 * On disk each name is sealed with its user's key, so that it is gone with the key; in memory
 * name_index_t follows: a step puts what it read into both. After a start names_projection_load
 * fills the memory from the disk. Who is erased goes from both with all of their playlists.
 *
 * Ownership  Borrows vault, names and environment; they outlive it.
 * Threads    As projection.h: one step at a time; load in between, on the same thread or after it.
 * Errors     As vault.h and kv.h; a name past NAME_INDEX_MAX is left out, and counted. */

#include "storage/crypt/vault.h"
#include "storage/projection.h"
#include "storage/search/names/name_index.h"

typedef struct names_projection names_projection_t;

/* The folder is made where there is none. boot_id: as kv_options_t. */
err_t names_projection_new(const char *path, const char *boot_id, vault_t *vault,
                           name_index_t *names, names_projection_t **out_projection);
void names_projection_free(names_projection_t *self); /* after projection_close; NULL is fine */
/* What projection_open wants; the journal is one that is not sealed. */
projection_options_t names_projection_options(names_projection_t *self, journal_t *journal);

/* Everything on the disk into the memory. CANCELLED: *is_stopped; CORRUPT: some can't be read and
 * are left out, and the next projection_open builds it again. */
err_t names_projection_load(names_projection_t *self, const atomic_bool *is_stopped);
/* Names that did not fit. */
uint64_t names_projection_left_out(const names_projection_t *self);

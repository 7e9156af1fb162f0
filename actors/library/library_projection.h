#pragma once
/* library_projection.h -- the events of `library/ROOT`, written into the catalog, and the plays in
 * those of `user/UID` added up there (catalog_plays.h): the journal is one that opens what is
 * sealed (storage/crypt/journal_sealed.h).
 *
 * What a file says replaces what the catalog holds of its track; cover and measured loudness stay
 * until an event brings others, the loudness only while the sound is the same.
 *
 * Ownership  Borrows the catalog. Threads  As projection.h: one step at a time. */

#include "storage/catalog/catalog.h"
#include "storage/projection.h"

typedef struct library_projection library_projection_t;

err_t library_projection_new(catalog_t *catalog, library_projection_t **out_projection);
void library_projection_free(library_projection_t *self); /* after projection_close; NULL is fine */
/* What projection_open wants. */
projection_options_t library_projection_options(library_projection_t *self, journal_t *journal);

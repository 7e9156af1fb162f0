#pragma once
/* catalog_history.h -- a library with a past, for tests of the catalog: files come, are tagged
 * anew, go, come back, get covers and loudness, as its actor would write it down; and the catalog
 * that follows it, with a sum of all that it holds. Everything follows from the seed. */

#include "actors/library/library_projection.h"
#include "runtime/base/random.h"
#include "storage/journal/journal_lmdb.h"
#include "tests/support/temporary.h"

enum { HISTORY_USERS = 3 };

typedef struct history {
    temporary_t folder;
    temporary_name_t path; /* of the catalog */
    journal_lmdb_t *journal;
    catalog_t *catalog;
    library_projection_t *library;
    projection_t *projection;
    random_seed_t seed;
    ms_random_t random;
    uint64_t version, sequence, files, user_versions[HISTORY_USERS];
    arena_t arena;
} history_t;

void history_init(history_t *self, uint64_t seed);
void history_deinit(history_t *self);
#define HISTORY_SCOPED SCOPED(history_deinit)

/* Closes what is open, as a process that ends does. */
void history_close(history_t *self);
void history_open(history_t *self);

/* Appends so many events. Now and then the catalog follows a random part of the way. */
void history_grow(history_t *self, uint32_t events);
/* Appends an event that changes nothing in the catalog. */
void history_finish(history_t *self);
void history_catch_up(history_t *self);

/* Gives it the format that an older version would have written: for the next open. */
void history_outdate(history_t *self, uint32_t format);

/* Appends that a listener, 0 to HISTORY_USERS - 1, was erased. */
void history_erase_user(history_t *self, uint32_t user);

/* Of every table but those that say how far somebody is. */
uint64_t history_digest(catalog_t *catalog);

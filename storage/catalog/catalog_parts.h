#pragma once
/* catalog_parts.h -- what the files of the catalog share; nobody else includes it.
 *
 * catalog.c         opening, ids, reading one record, finding
 * catalog_page.c    lists
 * catalog_keys.c    which keys an entity has in which index
 * catalog_write.c   tracks in and out
 * catalog_settle.c  what follows from tracks: albums, artists, genres, search
 * catalog_swap.c    another environment put in the place of the one that is read */

#include "storage/catalog/catalog.h"
#include "storage/catalog/catalog_dirty.h"
#include "storage/catalog/catalog_keys.h"

#include <pthread.h>
#include <stdatomic.h>

/* The lists are the first tables, so that a catalog_list_t is its own table. */
enum {
    TABLE_TRACKS = CATALOG_LIST_COUNT,
    TABLE_ALBUMS,
    TABLE_ARTISTS,
    TABLE_GENRES,
    TABLE_FIND_AUDIO,
    TABLE_FIND_MBID,
    TABLE_FIND_TAGS,
    TABLE_POSITION,
    TABLE_SEARCH,
    CATALOG_TABLE_COUNT = TABLE_SEARCH + SEARCH_TABLE_COUNT
};
_Static_assert((int)CATALOG_TABLE_COUNT <= (int)KV_TABLES_MAX, "one environment");

/* Two places for an environment, of which one is read. A reader counts itself in before it looks
 * whether the place is still the one; who swaps changes `current` first and then waits until the
 * other count is 0. Both are sequentially consistent, so one of the two sees the other. */
typedef struct catalog_place {
    kv_t *kv; /* NULL: none */
    atomic_uint readers;
} catalog_place_t;

struct catalog {
    catalog_place_t places[2];
    atomic_uint current;
    pthread_mutex_t left_lock; /* with `left`: the last reader of a place that is not current */
    pthread_cond_t left;
    search_t search;
};

struct catalog_write {
    catalog_t *catalog;
    arena_t names;   /* of the batch: what dirty entries point to */
    arena_t scratch; /* of one entity */
    buf_t wire, text;
    keys_t old_keys, new_keys;
    dirty_t albums, artists, genres;
};

/* NOT_FOUND, CORRUPT. Strings borrow the map. */
err_t catalog_get(const kv_tx_t *tx, kv_table_t table, const schema_t *schema, uint64_t id,
                  arena_t *arena, void *out_value);

/* Brings the index from old_keys to new_keys, counts what comes and goes for artists and genres,
 * and puts the record, or deletes it where `wire` is empty. */
err_t catalog_apply(catalog_write_t *self, const kv_tx_t *tx, kv_table_t table, uint64_t id,
                    str_t wire);

/* The catalog without its environment, which was closed or taken. */
void catalog_free(catalog_t *self);

#pragma once
/* catalog_parts.h -- what the files of the catalog share; nobody else includes it.
 *
 * catalog.c         opening, ids, reading one record, finding
 * catalog_page.c    lists
 * catalog_keys.c    which keys an entity has in which index
 * catalog_write.c   tracks in and out
 * catalog_settle.c  what follows from tracks: albums, artists, genres
 * catalog_changes.c what changed, for the search index
 * catalog_plays.c   how often tracks were played
 * catalog_swap.c    another environment put in the place of the one that is read */

#include "storage/catalog/catalog.h"
#include "storage/catalog/catalog_dirty.h"
#include "storage/catalog/catalog_keys.h"
#include "storage/kv_places.h"

/* The lists are the first tables, so that a catalog_list_t is its own table. */
enum {
    TABLE_TRACKS = CATALOG_LIST_COUNT,
    TABLE_ALBUMS,
    TABLE_ARTISTS,
    TABLE_GENRES,
    TABLE_FIND_AUDIO,
    TABLE_FIND_MBID,
    TABLE_FIND_TAGS,
    TABLE_PLAYS,     /* kind and id to a count */
    TABLE_LISTENERS, /* user ids whose plays were counted */
    TABLE_CHANGES,   /* catalog_changes.c has the rest */
    TABLE_CHANGED,
    TABLE_META,
    TABLE_POSITION,
    CATALOG_TABLE_COUNT
};
_Static_assert((int)CATALOG_TABLE_COUNT <= (int)KV_TABLES_MAX, "one environment");

struct catalog {
    kv_places_t places;
};

/* Of what is written between two flushes. */
typedef struct catalog_notes {
    bool is_known, is_followed;
    uint64_t first, sequence; /* newest number given before, and now */
} catalog_notes_t;

struct catalog_write {
    catalog_t *catalog;
    arena_t names;   /* of the batch: what dirty entries point to */
    arena_t scratch; /* of one entity */
    buf_t wire;
    keys_t old_keys, new_keys;
    dirty_t albums, artists, genres;
    catalog_notes_t notes;
};

/* NOT_FOUND, CORRUPT. Strings borrow the map. */
err_t catalog_get(const kv_tx_t *tx, kv_table_t table, const schema_t *schema, uint64_t id,
                  arena_t *arena, void *out_value);

/* Brings the index from old_keys to new_keys, counts what comes and goes for artists and genres,
 * and puts the record, or deletes it where `wire` is empty. */
err_t catalog_apply(catalog_write_t *self, const kv_tx_t *tx, kv_table_t table, uint64_t id,
                    str_t wire);

/* An entity changed in a way that search sees. */
err_t catalog_note(catalog_write_t *self, const kv_tx_t *tx, search_kind_t kind, uint64_t id);
/* Before the catalog is committed. */
err_t catalog_notes_flush(catalog_write_t *self, const kv_tx_t *tx);
/* A track's plays go with it, from one album and its artists to others. NULL: none. */
err_t catalog_move_plays(catalog_write_t *self, const kv_tx_t *tx, uint64_t id,
                         const catalog_track_t *from, const catalog_track_t *to);

/* Keys and values of the tables of notes and plays. */
enum { CATALOG_ENTITY_SIZE = 9 };
str_t catalog_entity_key(char room[CATALOG_ENTITY_SIZE], search_kind_t kind, uint64_t id);
/* 0: none. */
err_t catalog_get_number(const kv_tx_t *tx, kv_table_t table, str_t key, uint64_t *out_number);
err_t catalog_put_number(const kv_tx_t *tx, kv_table_t table, str_t key, uint64_t number);

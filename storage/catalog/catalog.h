#pragma once
/* catalog.h -- tracks, albums, artists and genres: read straight from mapped memory.
 *
 * Tracks are what is put in. Albums, artists and genres follow from them: they appear with their
 * first track, their counts stay exact, and they go with their last. Every list that a client can
 * ask for is an index, so a page costs its own length and nothing else. What changes is noted for
 * the search index (catalog_changes.h).
 *
 * Reading: a scoped catalog_read_t; records decode into its arena, their strings borrow the map.
 * It never outlives a turn; what outlives it is copied (schema_copy).
 * Writing: a batch collects what changed and settles albums, artists and genres at
 * catalog_write_flush, just before the caller commits.
 *
 * Limits   Keys hold the first 200 bytes of folded text and the id, so they stay under 511 bytes
 *          and unique.
 * Threads  Reading any; writing one at a time.
 * Errors   NOT_FOUND; INVALID: a cursor that is not from this list; CORRUPT: a stored record that
 *          does not decode; FULL, IO. */

#include "runtime/base/arena.h"
#include "storage/kv.h"
#include "storage/search/search_kind.h"

#define DEF_FILE "storage/catalog/catalog.def"
#include "runtime/base/schema_declare.h"

enum {
    CATALOG_PAGE_MAX = 500,
    CATALOG_LYRICS_SIZE_MAX = 4096,
    CATALOG_CREDITS_MAX = 64, /* a track or album; further ones are cut */
    CATALOG_GENRES_MAX = 32,
};

typedef enum catalog_role {
    CATALOG_ROLE_MAIN,
    CATALOG_ROLE_FEATURED,
    CATALOG_ROLE_COMPOSER,
    CATALOG_ROLE_LYRICIST,
    CATALOG_ROLE_CONDUCTOR,
    CATALOG_ROLE_PERFORMER,
    CATALOG_ROLE_REMIXER,
    CATALOG_ROLE_PRODUCER,
    CATALOG_ROLE_ARRANGER,
    CATALOG_ROLE_COUNT
} catalog_role_t;

typedef struct catalog catalog_t;

/* boot_id: as kv_options_t. map_size 0: KV_MAP_SIZE. */
err_t catalog_open(const char *path, size_t map_size, const char *boot_id, catalog_t **out_catalog);
void catalog_close(catalog_t *self); /* NULL is fine */
void catalog_scope_end(catalog_t **self);
#define CATALOG_SCOPED SCOPED(catalog_scope_end)

/* For the projection that feeds it: the environment, until catalog_swap, and the table that keeps
 * its position. */
kv_t *catalog_kv(catalog_t *self);
kv_table_t catalog_position_table(void);
/* Of what is stored, and the oldest that still can be read: see projection_options_t.format. */
enum { CATALOG_FORMAT = 2, CATALOG_FORMAT_READ = 1 };

/* ---- ids: the same everywhere, from what a file says ---- */

uint64_t catalog_artist_id(str_t name, str_t mbid);
uint64_t catalog_genre_id(str_t name);
/* The release id where there is one; else album artist, album and, where the tags give none of
 * these, the folder. */
uint64_t catalog_album_id(str_t album_artist, str_t album, str_t mb_release_id, str_t root,
                          str_t folder);
/* "Various Artists feat. ...": names with their join phrases. */
void catalog_credits_text(const catalog_credit_t *credits, uint32_t count, buf_t *out);
/* As a listener reads it: without composers, remixers and the like, who come last. */
void catalog_artist_line(const catalog_credit_t *credits, uint32_t count, buf_t *out);
/* The year at the start of a date; 0: none. */
uint32_t catalog_year(str_t date);

/* ---- reading ---- */

typedef struct catalog_read {
    kv_tx_t tx;
    arena_t *arena;
    catalog_t *catalog; /* NULL: within a write transaction */
    uint32_t place;
} catalog_read_t;

/* The arena is the caller's and gets what records point to. */
err_t catalog_read_begin(catalog_t *self, arena_t *arena, catalog_read_t *out_read);
void catalog_read_end(catalog_read_t *read);
#define CATALOG_READ_SCOPED SCOPED(catalog_read_end)

err_t catalog_track(catalog_read_t *read, uint64_t id, catalog_track_t *out_track);
/* A part of a track. */
err_t catalog_facets(catalog_read_t *read, uint64_t track_id, catalog_facets_t *out_facets);
err_t catalog_album(catalog_read_t *read, uint64_t id, catalog_album_t *out_album);
err_t catalog_artist(catalog_read_t *read, uint64_t id, catalog_artist_t *out_artist);
err_t catalog_genre(catalog_read_t *read, uint64_t id, catalog_genre_t *out_genre);

/* Ways a scan finds the track that a file is (ARCHITECTURE §6). */
err_t catalog_find_path(catalog_read_t *read, str_t root, str_t path, uint64_t *out_id);

typedef struct catalog_ids {
    const uint64_t *ids;
    size_t count;
} catalog_ids_t;
enum { CATALOG_FOUND_MAX = 64 };
/* Ids in the arena, ascending, CATALOG_FOUND_MAX at most; none is ERR_OK with count 0. */
err_t catalog_find_audio(catalog_read_t *read, str_t audio_hash, catalog_ids_t *out_ids);
err_t catalog_find_mbid(catalog_read_t *read, str_t mb_recording_id, str_t mb_release_id,
                        catalog_ids_t *out_ids);
/* Folded (album artist, album, disc, number, title). */
err_t catalog_find_tags(catalog_read_t *read, str_t album_artist, str_t album, uint32_t disc,
                        uint32_t number, str_t title, catalog_ids_t *out_ids);

typedef struct catalog_counts {
    uint64_t tracks, albums, artists, genres;
} catalog_counts_t;
err_t catalog_counts(catalog_read_t *read, catalog_counts_t *out_counts);

/* What a page lists; `of` names the album, artist or genre where the comment says so. */
typedef enum catalog_list {
    CATALOG_TRACKS_BY_TITLE,
    CATALOG_TRACKS_OF_ALBUM,  /* of: album; disc, number */
    CATALOG_TRACKS_OF_ARTIST, /* of: artist; title */
    CATALOG_TRACKS_OF_GENRE,  /* of: genre; title */
    CATALOG_TRACKS_BY_PATH,   /* all roots, each root together; `root` narrows it to one */
    CATALOG_TRACKS_BY_ADDED,  /* oldest first */
    CATALOG_ALBUMS_BY_TITLE,
    CATALOG_ALBUMS_BY_ARTIST, /* first credit, then year */
    CATALOG_ALBUMS_BY_YEAR,
    CATALOG_ALBUMS_BY_ADDED,  /* oldest first: page backward for "recently added" */
    CATALOG_ALBUMS_OF_ARTIST, /* of: artist; year */
    CATALOG_ALBUMS_OF_GENRE,  /* of: genre; title */
    CATALOG_ARTISTS_BY_NAME,
    CATALOG_GENRES_BY_NAME,
    CATALOG_LIST_COUNT
} catalog_list_t;

typedef struct catalog_page_options {
    catalog_list_t list;
    uint64_t of;
    str_t root;     /* of CATALOG_TRACKS_BY_PATH; empty: all */
    str_t after;    /* a cursor: go on behind it; empty: from the start (backward: from the end) */
    uint32_t limit; /* 0: CATALOG_PAGE_MAX, which is the most */
    bool is_backward;
} catalog_page_options_t;

typedef struct catalog_item {
    uint64_t id;
    str_t cursor; /* bytes, borrowed from the map: not text */
} catalog_item_t;

typedef struct catalog_page {
    const catalog_item_t *items; /* in the arena, in the order asked for */
    size_t count;
    bool has_more; /* in that direction */
} catalog_page_t;

/* An `of` that is not there gives an empty page. */
err_t catalog_page(catalog_read_t *read, const catalog_page_options_t *options,
                   catalog_page_t *out_page);

/* ---- writing ---- */

typedef struct catalog_write catalog_write_t;

/* A writer that may be used for many batches, one after the other. */
err_t catalog_write_new(catalog_t *self, catalog_write_t **out_write);
void catalog_write_free(catalog_write_t *self);

/* Puts a track, or replaces the one with its id. album_id 0, artist ids and genre ids that are 0
 * are worked out. is_available is as the track says. INVALID: id 0, or no root or path. */
err_t catalog_put_track(catalog_write_t *self, kv_tx_t *tx, const catalog_track_t *track);
/* NOT_FOUND */
err_t catalog_set_available(catalog_write_t *self, kv_tx_t *tx, uint64_t id, bool is_available,
                            str_t reason);
err_t catalog_remove_track(catalog_write_t *self, kv_tx_t *tx, uint64_t id);
/* Settles everything that follows from the tracks. Before every commit, and before a read in the
 * same transaction. */
err_t catalog_write_flush(catalog_write_t *self, kv_tx_t *tx);
/* The transaction is given up: forget what was collected. */
void catalog_write_discard(catalog_write_t *self);
/* Empties the catalog. */
err_t catalog_clear(catalog_write_t *self, kv_tx_t *tx);

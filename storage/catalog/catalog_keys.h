#pragma once
/* catalog_keys.h -- the keys that an entity has in the indexes.
 *
 * Every key ends with the entity's id (8 bytes, big endian). Before it stands what it is sorted by:
 * folded text, cut at CATALOG_TEXT_SIZE_MAX bytes and ended by a zero byte; numbers big endian; and
 * before that, in lists "of" something, the id of that.
 *
 * A set holds each key once. Errors  NO_MEMORY, kept until keys_reset. */

#include "runtime/base/buf.h"
#include "storage/catalog/catalog.h"

enum { CATALOG_TEXT_SIZE_MAX = 200, CATALOG_PATH_SIZE_MAX = 440 };

typedef struct catalog_key {
    size_t size;
    char bytes[KV_KEY_SIZE_MAX];
} catalog_key_t;

typedef struct keys_item {
    kv_table_t table;
    uint64_t of; /* the artist or genre whose counts it changes; 0: none */
    uint32_t offset, size;
} keys_item_t;

typedef struct keys {
    buf_t bytes;
    buf_t items; /* of keys_item_t */
    buf_t text;  /* scratch for folding */
} keys_t;

void keys_deinit(keys_t *self);
void keys_reset(keys_t *self);
err_t keys_status(const keys_t *self);
size_t keys_count(const keys_t *self);
keys_item_t keys_item(const keys_t *self, size_t index);
str_t keys_bytes(const keys_t *self, keys_item_t item);
bool keys_has(const keys_t *self, kv_table_t table, str_t key);

void keys_of_track(keys_t *self, const catalog_track_t *track);
void keys_of_album(keys_t *self, const catalog_album_t *album);
void keys_of_artist(keys_t *self, const catalog_artist_t *artist);
void keys_of_genre(keys_t *self, const catalog_genre_t *genre);

/* What stands before the id in keys that are looked up. */
void key_of_path(catalog_key_t *key, str_t root, str_t path);
void key_of_audio(catalog_key_t *key, str_t audio_hash);
void key_of_mbid(catalog_key_t *key, str_t mb_recording_id, str_t mb_release_id);
void key_of_tags(catalog_key_t *key, buf_t *scratch, str_t album_artist, str_t album, uint32_t disc,
                 uint32_t number, str_t title);
void key_add_u64(catalog_key_t *key, uint64_t value);
uint64_t catalog_root_hash(str_t root);

/* Folded text, or the text itself where folding leaves nothing ("!!!"). */
void catalog_fold(buf_t *out, str_t text);

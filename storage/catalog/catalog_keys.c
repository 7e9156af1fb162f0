#include "storage/catalog/catalog_parts.h"

#include "runtime/base/assert.h"
#include "storage/search/fold.h"

/* ---- a key ---- */

static void key_add(catalog_key_t *key, str_t bytes)
{
    ASSERT(key->size + bytes.size <= sizeof key->bytes);
    if (bytes.size > 0)
        memcpy(key->bytes + key->size, bytes.data, bytes.size);
    key->size += bytes.size;
}

void key_add_u64(catalog_key_t *key, uint64_t value)
{
    char bytes[8];
    kv_u64_write(bytes, value);
    key_add(key, str_of(bytes, sizeof bytes));
}

static void key_add_u32(catalog_key_t *key, uint32_t value)
{
    uint32_t big = __builtin_bswap32(value);
    key_add(key, str_of(&big, sizeof big));
}

/* So that a negative time sorts before a positive one. */
static void key_add_i64(catalog_key_t *key, int64_t value)
{
    key_add_u64(key, (uint64_t)value ^ (uint64_t)1 << 63);
}

void catalog_fold(buf_t *out, str_t text)
{
    size_t before = out->size;
    fold_append(out, text);
    if (out->size == before)
        buf_append(out, text);
}

static void key_add_text(catalog_key_t *key, buf_t *scratch, str_t text)
{
    buf_reset(scratch);
    fold_sort_append(scratch, text);
    if (scratch->size == 0)
        buf_append(scratch, text);
    key_add(key, str_slice(buf_str(scratch), 0, CATALOG_TEXT_SIZE_MAX));
    key_add(key, str_of("", 1));
}

uint64_t catalog_root_hash(str_t root)
{
    return str_hash(root);
}

void key_of_path(catalog_key_t *key, str_t root, str_t path)
{
    key->size = 0;
    key_add_u64(key, catalog_root_hash(root));
    key_add(key, str_slice(path, 0, CATALOG_PATH_SIZE_MAX));
    key_add(key, str_of("", 1));
    if (path.size > CATALOG_PATH_SIZE_MAX)
        key_add_u64(key, str_hash(path));
}

void key_of_audio(catalog_key_t *key, str_t audio_hash)
{
    key->size = 0;
    key_add(key, str_slice(audio_hash, 0, CATALOG_TEXT_SIZE_MAX));
    key_add(key, str_of("", 1));
}

void key_of_mbid(catalog_key_t *key, str_t mb_recording_id, str_t mb_release_id)
{
    key->size = 0;
    key_add(key, str_slice(mb_recording_id, 0, CATALOG_TEXT_SIZE_MAX));
    key_add(key, str_of("", 1));
    key_add(key, str_slice(mb_release_id, 0, CATALOG_TEXT_SIZE_MAX));
    key_add(key, str_of("", 1));
}

void key_of_tags(catalog_key_t *key, buf_t *scratch, str_t album_artist, str_t album, uint32_t disc,
                 uint32_t number, str_t title)
{
    buf_reset(scratch);
    catalog_fold(scratch, album_artist);
    buf_append_char(scratch, '\0');
    catalog_fold(scratch, album);
    buf_append_char(scratch, '\0');
    catalog_fold(scratch, title);
    buf_printf(scratch, "%c%u-%u", 0, disc, number);
    str_t text = buf_str(scratch);
    key->size = 0;
    key_add_u64(key, str_hash(text));
    key_add_u64(key, str_hash_more(0x9e3779b97f4a7c15u, text));
}

/* ---- a set of keys ---- */

void keys_deinit(keys_t *self)
{
    buf_deinit(&self->bytes);
    buf_deinit(&self->items);
    buf_deinit(&self->text);
}

void keys_reset(keys_t *self)
{
    buf_reset(&self->bytes);
    buf_reset(&self->items);
    buf_reset(&self->text);
}

err_t keys_status(const keys_t *self)
{
    TRY(buf_status(&self->bytes));
    TRY(buf_status(&self->items));
    return buf_status(&self->text);
}

size_t keys_count(const keys_t *self)
{
    return self->items.size / sizeof(keys_item_t);
}

keys_item_t keys_item(const keys_t *self, size_t index)
{
    keys_item_t item;
    memcpy(&item, self->items.data + index * sizeof item, sizeof item);
    return item;
}

str_t keys_bytes(const keys_t *self, keys_item_t item)
{
    return str_of(self->bytes.data + item.offset, item.size);
}

bool keys_has(const keys_t *self, kv_table_t table, str_t key)
{
    for (size_t i = 0; i < keys_count(self); i++) {
        keys_item_t item = keys_item(self, i);
        if (item.table == table && str_equal(keys_bytes(self, item), key))
            return true;
    }
    return false;
}

static void add(keys_t *self, kv_table_t table, uint64_t of, catalog_key_t *key, uint64_t id)
{
    key_add_u64(key, id);
    str_t bytes = str_of(key->bytes, key->size);
    if (keys_has(self, table, bytes))
        return;
    keys_item_t item = {table, of, (uint32_t)self->bytes.size, (uint32_t)bytes.size};
    buf_append(&self->bytes, bytes);
    buf_append_bytes(&self->items, &item, sizeof item);
}

static str_t sort_text(str_t sort, str_t plain)
{
    return sort.size > 0 ? sort : plain;
}

/* ---- the keys of each kind ---- */

static void add_to_lists_of(keys_t *self, const catalog_track_t *track)
{
    str_t title = sort_text(track->sort_title, track->title);
    for (uint32_t i = 0; i < track->credits.count; i++) {
        catalog_key_t key = {.size = 0};
        uint64_t artist = track->credits.items[i].artist_id;
        key_add_u64(&key, artist);
        key_add_text(&key, &self->text, title);
        add(self, CATALOG_TRACKS_OF_ARTIST, artist, &key, track->id);
    }
    for (uint32_t i = 0; i < track->genres.count; i++) {
        catalog_key_t key = {.size = 0};
        uint64_t genre = catalog_genre_id(track->genres.items[i]);
        key_add_u64(&key, genre);
        key_add_text(&key, &self->text, title);
        add(self, CATALOG_TRACKS_OF_GENRE, genre, &key, track->id);
    }
}

static void add_to_finders(keys_t *self, const catalog_track_t *track)
{
    catalog_key_t key;
    str_t album_artist =
        track->album_credits.count > 0 ? track->album_credits.items[0].name : (str_t){NULL, 0};
    key_of_path(&key, track->root, track->path);
    add(self, CATALOG_TRACKS_BY_PATH, 0, &key, track->id);
    if (track->audio_hash.size > 0) {
        key_of_audio(&key, track->audio_hash);
        add(self, TABLE_FIND_AUDIO, 0, &key, track->id);
    }
    if (track->mb_recording_id.size > 0) {
        key_of_mbid(&key, track->mb_recording_id, track->mb_release_id);
        add(self, TABLE_FIND_MBID, 0, &key, track->id);
    }
    key_of_tags(&key, &self->text, album_artist, track->album, track->disc, track->number,
                track->title);
    add(self, TABLE_FIND_TAGS, 0, &key, track->id);
}

void keys_of_track(keys_t *self, const catalog_track_t *track)
{
    str_t title = sort_text(track->sort_title, track->title);
    catalog_key_t key = {.size = 0};
    keys_reset(self);
    key_add_text(&key, &self->text, title);
    add(self, CATALOG_TRACKS_BY_TITLE, 0, &key, track->id);
    key.size = 0;
    key_add_i64(&key, track->added_at_ms);
    add(self, CATALOG_TRACKS_BY_ADDED, 0, &key, track->id);
    key.size = 0;
    key_add_u64(&key, track->album_id);
    key_add_u32(&key, track->disc);
    key_add_u32(&key, track->number);
    key_add_text(&key, &self->text, title);
    add(self, CATALOG_TRACKS_OF_ALBUM, 0, &key, track->id);
    add_to_lists_of(self, track);
    add_to_finders(self, track);
}

void keys_of_album(keys_t *self, const catalog_album_t *album)
{
    str_t title = sort_text(album->sort_title, album->title);
    catalog_key_t key = {.size = 0};
    keys_reset(self);
    key_add_text(&key, &self->text, title);
    add(self, CATALOG_ALBUMS_BY_TITLE, 0, &key, album->id);
    key.size = 0;
    str_t first = {NULL, 0};
    if (album->credits.count > 0)
        first = sort_text(album->credits.items[0].sort_name, album->credits.items[0].name);
    key_add_text(&key, &self->text, first);
    key_add_u32(&key, album->year);
    add(self, CATALOG_ALBUMS_BY_ARTIST, 0, &key, album->id);
    key.size = 0;
    key_add_u32(&key, album->year);
    key_add_text(&key, &self->text, title);
    add(self, CATALOG_ALBUMS_BY_YEAR, 0, &key, album->id);
    key.size = 0;
    key_add_i64(&key, album->added_at_ms);
    add(self, CATALOG_ALBUMS_BY_ADDED, 0, &key, album->id);
    for (uint32_t i = 0; i < album->credits.count; i++) {
        uint64_t artist = album->credits.items[i].artist_id;
        key.size = 0;
        key_add_u64(&key, artist);
        key_add_u32(&key, album->year);
        key_add_text(&key, &self->text, title);
        add(self, CATALOG_ALBUMS_OF_ARTIST, artist, &key, album->id);
    }
    for (uint32_t i = 0; i < album->genres.count; i++) {
        uint64_t genre = catalog_genre_id(album->genres.items[i]);
        key.size = 0;
        key_add_u64(&key, genre);
        key_add_text(&key, &self->text, title);
        add(self, CATALOG_ALBUMS_OF_GENRE, genre, &key, album->id);
    }
}

void keys_of_artist(keys_t *self, const catalog_artist_t *artist)
{
    catalog_key_t key = {.size = 0};
    keys_reset(self);
    key_add_text(&key, &self->text, sort_text(artist->sort_name, artist->name));
    add(self, CATALOG_ARTISTS_BY_NAME, 0, &key, artist->id);
}

void keys_of_genre(keys_t *self, const catalog_genre_t *genre)
{
    catalog_key_t key = {.size = 0};
    keys_reset(self);
    key_add_text(&key, &self->text, genre->name);
    add(self, CATALOG_GENRES_BY_NAME, 0, &key, genre->id);
}

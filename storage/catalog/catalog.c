#include "storage/catalog/catalog_parts.h"

#define DEF_FILE "storage/catalog/catalog.def"
#include "runtime/base/schema_define.h"

#include "runtime/base/memory.h"

static const char *const list_tables[CATALOG_LIST_COUNT] = {
    [CATALOG_TRACKS_BY_TITLE] = "tracks-by-title",
    [CATALOG_TRACKS_OF_ALBUM] = "tracks-of-album",
    [CATALOG_TRACKS_OF_ARTIST] = "tracks-of-artist",
    [CATALOG_TRACKS_OF_GENRE] = "tracks-of-genre",
    [CATALOG_TRACKS_BY_PATH] = "tracks-by-path",
    [CATALOG_TRACKS_BY_ADDED] = "tracks-by-added",
    [CATALOG_ALBUMS_BY_TITLE] = "albums-by-title",
    [CATALOG_ALBUMS_BY_ARTIST] = "albums-by-artist",
    [CATALOG_ALBUMS_BY_YEAR] = "albums-by-year",
    [CATALOG_ALBUMS_BY_ADDED] = "albums-by-added",
    [CATALOG_ALBUMS_OF_ARTIST] = "albums-of-artist",
    [CATALOG_ALBUMS_OF_GENRE] = "albums-of-genre",
    [CATALOG_ARTISTS_BY_NAME] = "artists-by-name",
    [CATALOG_GENRES_BY_NAME] = "genres-by-name",
};
static const char *const other_tables[CATALOG_TABLE_COUNT - CATALOG_LIST_COUNT] = {
    "tracks",         "albums",    "artists",  "genres",    "find-audio",
    "find-mbid",      "find-tags", "plays",    "listeners", "search-changes",
    "search-changed", "meta",      "position",
};

err_t catalog_open(const char *path, size_t map_size, const char *boot_id, catalog_t **out_catalog)
{
    const char *tables[CATALOG_TABLE_COUNT];
    memcpy(tables, list_tables, sizeof list_tables);
    memcpy(tables + TABLE_TRACKS, other_tables, sizeof other_tables);
    kv_t *kv KV_SCOPED = NULL;
    TRY(kv_open(&(kv_options_t){.path = path,
                                .tables = tables,
                                .table_count = CATALOG_TABLE_COUNT,
                                .map_size = map_size,
                                .is_lazy = true,
                                .boot_id = boot_id},
                &kv));
    catalog_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    kv_places_init(&self->places, STEAL(kv));
    *out_catalog = self;
    return ERR_OK;
}

void catalog_close(catalog_t *self)
{
    if (self == NULL)
        return;
    kv_places_deinit(&self->places);
    memory_free(self);
}

void catalog_scope_end(catalog_t **self)
{
    catalog_close(*self);
}

kv_t *catalog_kv(catalog_t *self)
{
    return kv_places_current(&self->places);
}

kv_table_t catalog_position_table(void)
{
    return TABLE_POSITION;
}

/* ---- ids ---- */

/* 53 bits, never 0. The mixing is MurmurHash3's finaliser (Appleby): FNV leaves high bits weak. */
static uint64_t id_from(const buf_t *text)
{
    uint64_t hash = str_hash(buf_str(text));
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53u;
    hash = (hash ^ hash >> 33) >> 11;
    return hash == 0 ? 1 : hash;
}

uint64_t catalog_artist_id(str_t name, str_t mbid)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_append(&text, mbid.size > 0 ? STR("mbid ") : STR("artist "));
    catalog_fold(&text, mbid.size > 0 ? mbid : name);
    return id_from(&text);
}

uint64_t catalog_genre_id(str_t name)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_append(&text, STR("genre "));
    catalog_fold(&text, name);
    return id_from(&text);
}

uint64_t catalog_album_id(str_t album_artist, str_t album, str_t mb_release_id, str_t root,
                          str_t folder)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    if (mb_release_id.size > 0) {
        buf_append(&text, STR("release "));
        catalog_fold(&text, mb_release_id);
    } else if (album.size > 0) {
        buf_append(&text, STR("album "));
        catalog_fold(&text, album_artist);
        buf_append_char(&text, '\0');
        catalog_fold(&text, album);
    } else {
        buf_append(&text, STR("folder "));
        buf_append(&text, root);
        buf_append_char(&text, '\0');
        buf_append(&text, folder);
    }
    return id_from(&text);
}

void catalog_credits_text(const catalog_credit_t *credits, uint32_t count, buf_t *out)
{
    for (uint32_t i = 0; i < count; i++) {
        buf_append(out, credits[i].name);
        if (i + 1 < count)
            buf_append(out, credits[i].join_phrase.size > 0 ? credits[i].join_phrase : STR(", "));
    }
}

void catalog_artist_line(const catalog_credit_t *credits, uint32_t count, buf_t *out)
{
    uint32_t named = 0;
    while (named < count && (credits[named].role == CATALOG_ROLE_MAIN ||
                             credits[named].role == CATALOG_ROLE_FEATURED))
        named++;
    catalog_credits_text(credits, named, out);
}

uint32_t catalog_year(str_t date)
{
    uint32_t year;
    return str_to_u32(str_slice(date, 0, 4), &year) == ERR_OK && date.size >= 4 ? year : 0;
}

/* ---- reading ---- */

err_t catalog_get(const kv_tx_t *tx, kv_table_t table, const schema_t *schema, uint64_t id,
                  arena_t *arena, void *out_value)
{
    char key[8];
    str_t wire;
    kv_u64_write(key, id);
    TRY(kv_get(tx, table, str_of(key, sizeof key), &wire));
    err_t err = schema_decode(schema, wire, arena, out_value);
    return err == ERR_INVALID || err == ERR_LIMIT ? ERR_CORRUPT : err;
}

err_t catalog_read_begin(catalog_t *self, arena_t *arena, catalog_read_t *out_read)
{
    catalog_read_t read = {.arena = arena, .catalog = self};
    TRY(kv_places_read(&self->places, &read.tx, &read.place));
    *out_read = read;
    return ERR_OK;
}

void catalog_read_end(catalog_read_t *read)
{
    kv_end(&read->tx);
    if (read->catalog != NULL)
        kv_places_leave(&STEAL(read->catalog)->places, read->place);
}

err_t catalog_track(catalog_read_t *read, uint64_t id, catalog_track_t *out_track)
{
    return catalog_get(&read->tx, TABLE_TRACKS, &catalog_track_schema, id, read->arena, out_track);
}

err_t catalog_facets(catalog_read_t *read, uint64_t track_id, catalog_facets_t *out_facets)
{
    return catalog_get(&read->tx, TABLE_TRACKS, &catalog_facets_schema, track_id, read->arena,
                       out_facets);
}

err_t catalog_album(catalog_read_t *read, uint64_t id, catalog_album_t *out_album)
{
    return catalog_get(&read->tx, TABLE_ALBUMS, &catalog_album_schema, id, read->arena, out_album);
}

err_t catalog_artist(catalog_read_t *read, uint64_t id, catalog_artist_t *out_artist)
{
    return catalog_get(&read->tx, TABLE_ARTISTS, &catalog_artist_schema, id, read->arena,
                       out_artist);
}

err_t catalog_genre(catalog_read_t *read, uint64_t id, catalog_genre_t *out_genre)
{
    return catalog_get(&read->tx, TABLE_GENRES, &catalog_genre_schema, id, read->arena, out_genre);
}

/* Ids of the keys that are `prefix` and an id. */
static err_t find(catalog_read_t *read, kv_table_t table, const catalog_key_t *prefix,
                  catalog_ids_t *out_ids)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    str_t start = str_of(prefix->bytes, prefix->size);
    uint64_t *ids = arena_new_array(read->arena, CATALOG_FOUND_MAX, sizeof *ids);
    size_t count = 0;
    if (ids == NULL)
        return ERR_NO_MEMORY;
    TRY(kv_cursor_open(&read->tx, table, &cursor));
    err_t err = kv_seek(&cursor, start);
    for (; err == ERR_OK && count < CATALOG_FOUND_MAX && str_starts_with(cursor.key, start);
         err = kv_next(&cursor))
        if (cursor.key.size == start.size + 8)
            ids[count++] = kv_u64_read(cursor.key.data + start.size);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *out_ids = (catalog_ids_t){ids, count};
    return ERR_OK;
}

err_t catalog_find_path(catalog_read_t *read, str_t root, str_t path, uint64_t *out_id)
{
    catalog_key_t key;
    catalog_ids_t found;
    key_of_path(&key, root, path);
    TRY(find(read, CATALOG_TRACKS_BY_PATH, &key, &found));
    for (size_t i = 0; i < found.count; i++) {
        catalog_track_t track;
        TRY(catalog_track(read, found.ids[i], &track));
        if (str_equal(track.root, root) && str_equal(track.path, path)) {
            *out_id = track.id;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

err_t catalog_find_audio(catalog_read_t *read, str_t audio_hash, catalog_ids_t *out_ids)
{
    catalog_key_t key;
    key_of_audio(&key, audio_hash);
    return find(read, TABLE_FIND_AUDIO, &key, out_ids);
}

err_t catalog_find_mbid(catalog_read_t *read, str_t mb_recording_id, str_t mb_release_id,
                        catalog_ids_t *out_ids)
{
    catalog_key_t key;
    key_of_mbid(&key, mb_recording_id, mb_release_id);
    return find(read, TABLE_FIND_MBID, &key, out_ids);
}

err_t catalog_find_tags(catalog_read_t *read, str_t album_artist, str_t album, uint32_t disc,
                        uint32_t number, str_t title, catalog_ids_t *out_ids)
{
    catalog_key_t key;
    buf_t scratch BUF_SCOPED = BUF_INIT;
    key_of_tags(&key, &scratch, album_artist, album, disc, number, title);
    TRY(buf_status(&scratch));
    return find(read, TABLE_FIND_TAGS, &key, out_ids);
}

err_t catalog_counts(catalog_read_t *read, catalog_counts_t *out_counts)
{
    catalog_counts_t counts;
    TRY(kv_count(&read->tx, TABLE_TRACKS, &counts.tracks));
    TRY(kv_count(&read->tx, TABLE_ALBUMS, &counts.albums));
    TRY(kv_count(&read->tx, TABLE_ARTISTS, &counts.artists));
    TRY(kv_count(&read->tx, TABLE_GENRES, &counts.genres));
    *out_counts = counts;
    return ERR_OK;
}

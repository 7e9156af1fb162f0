/* What follows from the tracks of a batch. Albums first, since they change what artists and genres
 * count. Every value that is read borrows the map until the next write, so each entity is worked
 * out wholly (keys, wire form, names) before its first write. */

#include "storage/catalog/catalog_parts.h"

#include "runtime/base/memory.h"

/* ---- albums ---- */

static void take_genres(const catalog_track_t *track, str_t *genres, uint32_t *count)
{
    for (uint32_t i = 0; i < track->genres.count && *count < CATALOG_GENRES_MAX; i++) {
        uint64_t id = catalog_genre_id(track->genres.items[i]);
        bool is_known = false;
        for (uint32_t k = 0; k < *count && !is_known; k++)
            is_known = catalog_genre_id(genres[k]) == id;
        if (!is_known)
            genres[(*count)++] = track->genres.items[i];
    }
}

/* The first track in order names the album. */
static void take_names(catalog_album_t *album, const catalog_track_t *track)
{
    album->title = track->album;
    album->sort_title = track->album_sort;
    album->credits.items = track->album_credits.items;
    album->credits.count = track->album_credits.count;
    if (album->credits.count == 0) {
        album->credits.items = track->credits.items;
        album->credits.count = track->credits.count;
    }
    album->mb_release_id = track->mb_release_id;
    album->mb_release_group_id = track->mb_release_group_id;
    album->added_at_ms = track->added_at_ms;
}

static str_t first_of(str_t a, str_t b)
{
    return a.size > 0 ? a : b;
}

static void take_track(catalog_album_t *album, const catalog_track_t *track)
{
    if (album->track_count == 0)
        take_names(album, track);
    album->track_count++;
    album->available_count += track->is_available ? 1 : 0;
    album->disc_count = MAX(album->disc_count, MAX(track->disc, 1u));
    album->duration_ms += track->duration_ms;
    album->added_at_ms = MIN(album->added_at_ms, track->added_at_ms);
    album->date = first_of(album->date, track->date);
    album->original_date = first_of(album->original_date, track->original_date);
    album->artwork_color = album->artwork.size > 0 ? album->artwork_color : track->artwork_color;
    album->artwork = first_of(album->artwork, track->artwork);
    album->is_compilation |= track->is_compilation;
    if (track->has_gain && !album->has_gain) {
        album->has_gain = true;
        album->gain_cdb = track->rg_album_gain_cdb;
        album->peak = track->rg_album_peak;
    }
}

static err_t sum_up(catalog_write_t *self, const kv_tx_t *tx, uint64_t id, catalog_album_t *album)
{
    kv_cursor_t cursor KV_CURSOR_SCOPED = {0};
    char prefix[8];
    uint32_t genre_count = 0;
    str_t *genres = arena_new_array(&self->scratch, CATALOG_GENRES_MAX, sizeof *genres);
    if (genres == NULL)
        return ERR_NO_MEMORY;
    *album = (catalog_album_t){.id = id};
    kv_u64_write(prefix, id);
    TRY(kv_cursor_open(tx, CATALOG_TRACKS_OF_ALBUM, &cursor));
    err_t err = kv_seek(&cursor, str_of(prefix, sizeof prefix));
    for (; err == ERR_OK && str_starts_with(cursor.key, str_of(prefix, sizeof prefix));
         err = kv_next(&cursor)) {
        catalog_track_t track;
        uint64_t track_id = kv_u64_read(cursor.key.data + cursor.key.size - 8);
        TRY(catalog_get(tx, TABLE_TRACKS, &catalog_track_schema, track_id, &self->scratch, &track));
        take_track(album, &track);
        take_genres(&track, genres, &genre_count);
    }
    album->genres.items = genres;
    album->genres.count = genre_count;
    album->year = catalog_year(first_of(album->original_date, album->date));
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* An artist without a picture gets the cover of an album of its own. */
static err_t show_artists(catalog_write_t *self, const catalog_album_t *album)
{
    if (album->artwork.size == 0 || album->credits.count == 0)
        return ERR_OK;
    dirty_entry_t *entry = dirty_at(&self->artists, album->credits.items[0].artist_id);
    if (entry == NULL)
        return ERR_NO_MEMORY;
    if (entry->artwork.size == 0)
        entry->artwork = arena_str(&self->names, album->artwork);
    return ERR_OK;
}

/* Its artists are there with it, or through it alone. */
static err_t note_album(catalog_write_t *self, const kv_tx_t *tx, const catalog_album_t *album)
{
    for (uint32_t i = 0; i < album->credits.count; i++) {
        dirty_entry_t *artist = dirty_at(&self->artists, album->credits.items[i].artist_id);
        if (artist == NULL)
            return ERR_NO_MEMORY;
        artist->is_noted = true;
    }
    return catalog_note(self, tx, SEARCH_ALBUM, album->id);
}

static err_t settle_album(catalog_write_t *self, const kv_tx_t *tx, const dirty_entry_t *entry)
{
    uint64_t id = entry->id;
    bool is_noted = entry->is_noted;
    catalog_album_t album, old;
    TRY(sum_up(self, tx, id, &album));
    keys_reset(&self->old_keys);
    keys_reset(&self->new_keys);
    err_t err = catalog_get(tx, TABLE_ALBUMS, &catalog_album_schema, id, &self->scratch, &old);
    if (err == ERR_OK)
        keys_of_album(&self->old_keys, &old);
    else if (err != ERR_NOT_FOUND)
        return err;
    if (album.track_count == 0) {
        TRY(catalog_apply(self, tx, TABLE_ALBUMS, id, (str_t){NULL, 0}));
        return is_noted ? catalog_note(self, tx, SEARCH_ALBUM, id) : ERR_OK;
    }
    keys_of_album(&self->new_keys, &album);
    TRY(show_artists(self, &album));
    buf_reset(&self->wire);
    schema_encode(&catalog_album_schema, &album, &self->wire);
    TRY(buf_status(&self->wire));
    TRY(catalog_apply(self, tx, TABLE_ALBUMS, id, buf_str(&self->wire)));
    return is_noted ? note_album(self, tx, &album) : ERR_OK;
}

/* ---- artists and genres ---- */

static uint32_t changed(uint32_t count, int64_t change)
{
    int64_t sum = (int64_t)count + change;
    return sum < 0 ? 0 : (uint32_t)sum;
}

/* Takes a newer name, if there is one. */
static bool is_other(str_t *name, str_t newer)
{
    if (newer.size == 0 || str_equal(*name, newer))
        return false;
    *name = newer;
    return true;
}

static err_t settle_artist(catalog_write_t *self, const kv_tx_t *tx, const dirty_entry_t *entry)
{
    catalog_artist_t artist;
    bool is_noted = entry->is_noted;
    keys_reset(&self->old_keys);
    keys_reset(&self->new_keys);
    err_t err =
        catalog_get(tx, TABLE_ARTISTS, &catalog_artist_schema, entry->id, &self->scratch, &artist);
    if (err == ERR_OK)
        keys_of_artist(&self->old_keys, &artist);
    else if (err == ERR_NOT_FOUND)
        artist = (catalog_artist_t){.id = entry->id};
    else
        return err;
    artist.track_count = changed(artist.track_count, entry->tracks);
    artist.album_count = changed(artist.album_count, entry->albums);
    if (artist.track_count == 0 && artist.album_count == 0) {
        TRY(catalog_apply(self, tx, TABLE_ARTISTS, entry->id, (str_t){NULL, 0}));
        return is_noted ? catalog_note(self, tx, SEARCH_ARTIST, entry->id) : ERR_OK;
    }
    bool is_renamed = is_other(&artist.name, entry->name);
    bool is_resorted = is_other(&artist.sort_name, entry->sort_name);
    is_noted = is_noted || is_renamed || is_resorted;
    artist.mbid = first_of(entry->mbid, artist.mbid);
    artist.artwork = first_of(artist.artwork, entry->artwork);
    keys_of_artist(&self->new_keys, &artist);
    buf_reset(&self->wire);
    schema_encode(&catalog_artist_schema, &artist, &self->wire);
    TRY(buf_status(&self->wire));
    TRY(catalog_apply(self, tx, TABLE_ARTISTS, entry->id, buf_str(&self->wire)));
    return is_noted ? catalog_note(self, tx, SEARCH_ARTIST, entry->id) : ERR_OK;
}

static err_t settle_genre(catalog_write_t *self, const kv_tx_t *tx, const dirty_entry_t *entry)
{
    catalog_genre_t genre;
    keys_reset(&self->old_keys);
    keys_reset(&self->new_keys);
    err_t err =
        catalog_get(tx, TABLE_GENRES, &catalog_genre_schema, entry->id, &self->scratch, &genre);
    if (err == ERR_OK)
        keys_of_genre(&self->old_keys, &genre);
    else if (err == ERR_NOT_FOUND)
        genre = (catalog_genre_t){.id = entry->id};
    else
        return err;
    genre.track_count = changed(genre.track_count, entry->tracks);
    genre.album_count = changed(genre.album_count, entry->albums);
    if (genre.track_count == 0 && genre.album_count == 0)
        return catalog_apply(self, tx, TABLE_GENRES, entry->id, (str_t){NULL, 0});
    genre.name = first_of(entry->name, genre.name);
    keys_of_genre(&self->new_keys, &genre);
    buf_reset(&self->wire);
    schema_encode(&catalog_genre_schema, &genre, &self->wire);
    TRY(buf_status(&self->wire));
    return catalog_apply(self, tx, TABLE_GENRES, entry->id, buf_str(&self->wire));
}

static err_t settle_all(catalog_write_t *self, const kv_tx_t *tx)
{
    for (size_t i = 0; i < self->albums.count; i++) {
        TRY(settle_album(self, tx, &self->albums.entries[i]));
        arena_reset(&self->scratch);
    }
    for (size_t i = 0; i < self->artists.count; i++) {
        TRY(settle_artist(self, tx, &self->artists.entries[i]));
        arena_reset(&self->scratch);
    }
    for (size_t i = 0; i < self->genres.count; i++) {
        TRY(settle_genre(self, tx, &self->genres.entries[i]));
        arena_reset(&self->scratch);
    }
    return ERR_OK;
}

err_t catalog_write_flush(catalog_write_t *self, kv_tx_t *tx)
{
    err_t err = settle_all(self, tx);
    if (err == ERR_OK)
        err = catalog_notes_flush(self, tx);
    if (err == ERR_OK)
        catalog_write_discard(self);
    return err;
}

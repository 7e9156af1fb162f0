#include "storage/catalog/catalog_parts.h"

#include "runtime/base/memory.h"

err_t catalog_write_new(catalog_t *self, catalog_write_t **out_write)
{
    catalog_write_t *write = memory_new(sizeof *write);
    if (write == NULL)
        return ERR_NO_MEMORY;
    write->catalog = self;
    *out_write = write;
    return ERR_OK;
}

void catalog_write_free(catalog_write_t *self)
{
    if (self == NULL)
        return;
    arena_deinit(&self->names);
    arena_deinit(&self->scratch);
    buf_deinit(&self->wire);
    keys_deinit(&self->old_keys);
    keys_deinit(&self->new_keys);
    dirty_deinit(&self->albums);
    dirty_deinit(&self->artists);
    dirty_deinit(&self->genres);
    memory_free(self);
}

void catalog_write_discard(catalog_write_t *self)
{
    dirty_clear(&self->albums);
    dirty_clear(&self->artists);
    dirty_clear(&self->genres);
    self->notes = (catalog_notes_t){.is_known = false};
    arena_reset(&self->names);
    arena_reset(&self->scratch);
}

/* ---- the index ---- */

static err_t count(catalog_write_t *self, keys_item_t item, int64_t change)
{
    bool is_artist =
        item.table == CATALOG_TRACKS_OF_ARTIST || item.table == CATALOG_ALBUMS_OF_ARTIST;
    bool is_track = item.table == CATALOG_TRACKS_OF_ARTIST || item.table == CATALOG_TRACKS_OF_GENRE;
    dirty_entry_t *entry = dirty_at(is_artist ? &self->artists : &self->genres, item.of);
    if (entry == NULL)
        return ERR_NO_MEMORY;
    *(is_track ? &entry->tracks : &entry->albums) += change;
    return ERR_OK;
}

/* Keys of `from` that are not in `other` come or go. */
static err_t move_keys(catalog_write_t *self, const kv_tx_t *tx, const keys_t *from,
                       const keys_t *other, int64_t change)
{
    for (size_t i = 0; i < keys_count(from); i++) {
        keys_item_t item = keys_item(from, i);
        str_t key = keys_bytes(from, item);
        if (keys_has(other, item.table, key))
            continue;
        TRY(change > 0 ? kv_put(tx, item.table, key, (str_t){NULL, 0})
                       : kv_delete(tx, item.table, key));
        if (item.of != 0)
            TRY(count(self, item, change));
    }
    return ERR_OK;
}

err_t catalog_apply(catalog_write_t *self, const kv_tx_t *tx, kv_table_t table, uint64_t id,
                    str_t wire)
{
    char key[8];
    TRY(keys_status(&self->old_keys));
    TRY(keys_status(&self->new_keys));
    TRY(move_keys(self, tx, &self->old_keys, &self->new_keys, -1));
    TRY(move_keys(self, tx, &self->new_keys, &self->old_keys, +1));
    kv_u64_write(key, id);
    if (wire.size > 0)
        return kv_put(tx, table, str_of(key, sizeof key), wire);
    err_t err = kv_delete(tx, table, str_of(key, sizeof key));
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- a track ---- */

static str_t keep(catalog_write_t *self, str_t s)
{
    return s.size == 0 ? (str_t){NULL, 0} : arena_str(&self->names, s);
}

/* The names under which an artist or genre is known from now on. */
static err_t name_credits(catalog_write_t *self, const catalog_credit_t *credits, uint32_t count_)
{
    for (uint32_t i = 0; i < count_; i++) {
        dirty_entry_t *entry = dirty_at(&self->artists, credits[i].artist_id);
        if (entry == NULL)
            return ERR_NO_MEMORY;
        if (!str_equal(entry->name, credits[i].name))
            entry->name = keep(self, credits[i].name);
        if (entry->sort_name.size == 0)
            entry->sort_name = keep(self, credits[i].sort_name);
        if (entry->mbid.size == 0)
            entry->mbid = keep(self, credits[i].mbid);
    }
    return ERR_OK;
}

static err_t name_genres(catalog_write_t *self, const catalog_track_t *track)
{
    for (uint32_t i = 0; i < track->genres.count; i++) {
        dirty_entry_t *entry = dirty_at(&self->genres, catalog_genre_id(track->genres.items[i]));
        if (entry == NULL)
            return ERR_NO_MEMORY;
        if (!str_equal(entry->name, track->genres.items[i]))
            entry->name = keep(self, track->genres.items[i]);
    }
    return ERR_OK;
}

/* Credits with their ids worked out, CATALOG_CREDITS_MAX at most. Nameless ones are left out. */
static err_t complete_credits(arena_t *arena, const catalog_credit_t *credits, uint32_t *count_,
                              const catalog_credit_t **out_credits)
{
    uint32_t kept = 0, most = MIN(*count_, (uint32_t)CATALOG_CREDITS_MAX);
    catalog_credit_t *copy = arena_new_array(arena, most, sizeof *copy);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < most; i++) {
        if (credits[i].name.size == 0)
            continue;
        copy[kept] = credits[i];
        if (copy[kept].artist_id == 0)
            copy[kept].artist_id = catalog_artist_id(credits[i].name, credits[i].mbid);
        kept++;
    }
    *count_ = kept;
    *out_credits = copy;
    return ERR_OK;
}

static err_t complete(catalog_write_t *self, catalog_track_t *track)
{
    TRY(complete_credits(&self->scratch, track->credits.items, &track->credits.count,
                         &track->credits.items));
    TRY(complete_credits(&self->scratch, track->album_credits.items, &track->album_credits.count,
                         &track->album_credits.items));
    track->genres.count = MIN(track->genres.count, (uint32_t)CATALOG_GENRES_MAX);
    if (track->lyrics.size > CATALOG_LYRICS_SIZE_MAX)
        track->lyrics = (str_t){NULL, 0};
    if (track->album_id == 0) {
        str_t artist =
            track->album_credits.count > 0 ? track->album_credits.items[0].name : (str_t){NULL, 0};
        size_t slash = str_find_last(track->path, '/');
        str_t folder =
            slash == track->path.size ? (str_t){NULL, 0} : str_slice(track->path, 0, slash);
        track->album_id =
            catalog_album_id(artist, track->album, track->mb_release_id, track->root, folder);
    }
    return ERR_OK;
}

/* ---- what search is told ---- */

static void mix(uint64_t *digest, str_t text)
{
    *digest = str_hash_more(*digest * 31 + text.size, text);
}

static void mix_list(uint64_t *digest, const str_t *items, uint32_t count_)
{
    *digest = *digest * 31 + count_;
    for (uint32_t i = 0; i < count_; i++)
        mix(digest, items[i]);
}

static void mix_credits(uint64_t *digest, const catalog_credit_t *credits, uint32_t count_)
{
    *digest = *digest * 31 + count_;
    for (uint32_t i = 0; i < count_; i++) {
        *digest = *digest * 31 + credits[i].artist_id + credits[i].role;
        mix(digest, credits[i].name);
        mix(digest, credits[i].join_phrase);
        mix(digest, credits[i].sort_name);
    }
}

/* Over what documents are made of (feed/search_documents.h): covers and loudness come for every
 * track, and search has nothing of them. */
static uint64_t digest_of(const catalog_track_t *track)
{
    uint64_t digest = track->album_id + (track->is_available ? 1 : 0);
    const str_t texts[] = {track->root,     track->album,       track->album_sort,
                           track->title,    track->codec,       track->sort_title,
                           track->composer, track->date,        track->original_date,
                           track->lyrics,   track->lyrics_blob, track->container};
    mix_list(&digest, texts, COUNT_OF(texts));
    mix_list(&digest, track->genres.items, track->genres.count);
    mix_list(&digest, track->mood.items, track->mood.count);
    mix_list(&digest, track->languages.items, track->languages.count);
    mix_credits(&digest, track->credits.items, track->credits.count);
    mix_credits(&digest, track->album_credits.items, track->album_credits.count);
    digest = digest * 31 + track->disc; /* who comes first names the album */
    digest = digest * 31 + track->number;
    return digest * 31 + (uint64_t)track->added_at_ms;
}

static err_t note_artists(catalog_write_t *self, const catalog_credit_t *credits, uint32_t count_)
{
    for (uint32_t i = 0; i < count_; i++) {
        dirty_entry_t *entry = dirty_at(&self->artists, credits[i].artist_id);
        if (entry == NULL)
            return ERR_NO_MEMORY;
        entry->is_noted = true;
    }
    return ERR_OK;
}

/* The track, its album and its artists: the album's are noted when it is settled. */
static err_t note_all_of(catalog_write_t *self, const catalog_track_t *track)
{
    dirty_entry_t *album = dirty_at(&self->albums, track->album_id);
    if (album == NULL)
        return ERR_NO_MEMORY;
    album->is_noted = true;
    TRY(note_artists(self, track->credits.items, track->credits.count));
    return note_artists(self, track->album_credits.items, track->album_credits.count);
}

/* NULL: not there before, or not any more. */
static err_t note_track(catalog_write_t *self, const catalog_track_t *old,
                        const catalog_track_t *track, bool *out_is_noted)
{
    *out_is_noted = old == NULL || track == NULL || digest_of(old) != digest_of(track);
    if (*out_is_noted && old != NULL)
        TRY(note_all_of(self, old));
    return *out_is_noted && track != NULL ? note_all_of(self, track) : ERR_OK;
}

static err_t put(catalog_write_t *self, const kv_tx_t *tx, const catalog_track_t *given)
{
    bool is_noted;
    catalog_track_t track = *given, old;
    TRY(complete(self, &track));
    err_t err =
        catalog_get(tx, TABLE_TRACKS, &catalog_track_schema, track.id, &self->scratch, &old);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    const catalog_track_t *before = err == ERR_OK ? &old : NULL;
    /* What is old borrows pages that the first write may move: everything is worked out before. */
    keys_reset(&self->old_keys);
    if (err == ERR_OK) {
        keys_of_track(&self->old_keys, &old);
        if (dirty_at(&self->albums, old.album_id) == NULL)
            return ERR_NO_MEMORY;
    }
    if (dirty_at(&self->albums, track.album_id) == NULL)
        return ERR_NO_MEMORY;
    keys_of_track(&self->new_keys, &track);
    TRY(name_credits(self, track.credits.items, track.credits.count));
    TRY(name_credits(self, track.album_credits.items, track.album_credits.count));
    TRY(name_genres(self, &track));
    TRY(note_track(self, before, &track, &is_noted));
    buf_reset(&self->wire);
    schema_encode(&catalog_track_schema, &track, &self->wire);
    TRY(buf_status(&self->wire));
    TRY(catalog_apply(self, tx, TABLE_TRACKS, track.id, buf_str(&self->wire)));
    TRY(catalog_move_plays(self, tx, track.id, before, &track));
    return is_noted ? catalog_note(self, tx, SEARCH_TRACK, track.id) : ERR_OK;
}

err_t catalog_put_track(catalog_write_t *self, kv_tx_t *tx, const catalog_track_t *track)
{
    if (track->id == 0 || track->root.size == 0 || track->path.size == 0)
        return ERR_INVALID;
    err_t err = put(self, tx, track);
    arena_reset(&self->scratch);
    return err;
}

static err_t set_available(catalog_write_t *self, const kv_tx_t *tx, uint64_t id, bool is_available,
                           str_t reason)
{
    catalog_track_t track;
    char key[8];
    TRY(catalog_get(tx, TABLE_TRACKS, &catalog_track_schema, id, &self->scratch, &track));
    bool is_noted = track.is_available != is_available;
    track.is_available = is_available;
    track.unavailable_reason = is_available ? (str_t){NULL, 0} : reason;
    if (dirty_at(&self->albums, track.album_id) == NULL)
        return ERR_NO_MEMORY;
    if (is_noted)
        TRY(note_all_of(self, &track));
    buf_reset(&self->wire);
    schema_encode(&catalog_track_schema, &track, &self->wire);
    TRY(buf_status(&self->wire));
    kv_u64_write(key, id);
    TRY(kv_put(tx, TABLE_TRACKS, str_of(key, sizeof key), buf_str(&self->wire)));
    return is_noted ? catalog_note(self, tx, SEARCH_TRACK, id) : ERR_OK;
}

err_t catalog_set_available(catalog_write_t *self, kv_tx_t *tx, uint64_t id, bool is_available,
                            str_t reason)
{
    err_t err = set_available(self, tx, id, is_available, reason);
    arena_reset(&self->scratch);
    return err;
}

static err_t take_out(catalog_write_t *self, const kv_tx_t *tx, uint64_t id)
{
    catalog_track_t old;
    bool is_noted;
    TRY(catalog_get(tx, TABLE_TRACKS, &catalog_track_schema, id, &self->scratch, &old));
    TRY(note_track(self, &old, NULL, &is_noted));
    if (dirty_at(&self->albums, old.album_id) == NULL)
        return ERR_NO_MEMORY;
    keys_of_track(&self->old_keys, &old);
    keys_reset(&self->new_keys);
    TRY(catalog_apply(self, tx, TABLE_TRACKS, id, (str_t){NULL, 0}));
    TRY(catalog_move_plays(self, tx, id, &old, NULL));
    return catalog_note(self, tx, SEARCH_TRACK, id);
}

err_t catalog_remove_track(catalog_write_t *self, kv_tx_t *tx, uint64_t id)
{
    err_t err = take_out(self, tx, id);
    arena_reset(&self->scratch);
    return err;
}

err_t catalog_clear(catalog_write_t *self, kv_tx_t *tx)
{
    catalog_write_discard(self);
    for (kv_table_t table = 0; table < TABLE_POSITION; table++)
        TRY(kv_clear(tx, table));
    return ERR_OK;
}

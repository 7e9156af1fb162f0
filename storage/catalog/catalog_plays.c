#include "storage/catalog/catalog_plays.h"

#include "storage/catalog/catalog_parts.h"

static const str_t RECOUNT = STR_INIT("recount"); /* in TABLE_META */

static err_t get(const kv_tx_t *tx, search_kind_t kind, uint64_t id, uint64_t *out_count)
{
    char room[CATALOG_ENTITY_SIZE];
    return catalog_get_number(tx, TABLE_PLAYS, catalog_entity_key(room, kind, id), out_count);
}

/* Grows by one with each fifth or so (a quarter of a doubling): what search is told of. */
static uint32_t level(uint64_t count)
{
    if (count == 0)
        return 0;
    uint64_t n = MIN(count, UINT64_MAX - 1) + 1;
    uint32_t doublings = 63 - (uint32_t)__builtin_clzll(n);
    uint64_t quarters = doublings >= 2 ? n >> (doublings - 2) : n << (2 - doublings);
    return doublings * 4 + (uint32_t)(quarters & 3);
}

static err_t change(catalog_write_t *self, const kv_tx_t *tx, search_kind_t kind, uint64_t id,
                    int64_t by)
{
    char room[CATALOG_ENTITY_SIZE];
    uint64_t before;
    str_t key = catalog_entity_key(room, kind, id);
    TRY(get(tx, kind, id, &before));
    uint64_t after = by < 0 ? before - MIN(before, (uint64_t)-by) : before + (uint64_t)by;
    if (after > 0)
        TRY(catalog_put_number(tx, TABLE_PLAYS, key, after));
    else if (before > 0)
        TRY(kv_delete(tx, TABLE_PLAYS, key));
    return level(before) == level(after) ? ERR_OK : catalog_note(self, tx, kind, id);
}

/* The album of a track and its artists, each once. The track may borrow the map: only numbers of it
 * are used. */
static err_t change_of(catalog_write_t *self, const kv_tx_t *tx, const catalog_track_t *track,
                       int64_t by)
{
    TRY(change(self, tx, SEARCH_ALBUM, track->album_id, by));
    for (uint32_t i = 0; i < track->credits.count; i++) {
        uint64_t artist = track->credits.items[i].artist_id;
        bool is_repeated = false;
        for (uint32_t k = 0; k < i && !is_repeated; k++)
            is_repeated = track->credits.items[k].artist_id == artist;
        if (!is_repeated)
            TRY(change(self, tx, SEARCH_ARTIST, artist, by));
    }
    return ERR_OK;
}

err_t catalog_move_plays(catalog_write_t *self, const kv_tx_t *tx, uint64_t id,
                         const catalog_track_t *from, const catalog_track_t *to)
{
    uint64_t count;
    TRY(get(tx, SEARCH_TRACK, id, &count));
    if (LIKELY(count == 0))
        return ERR_OK;
    if (from != NULL)
        TRY(change_of(self, tx, from, -(int64_t)count));
    return to == NULL ? ERR_OK : change_of(self, tx, to, (int64_t)count);
}

static err_t add(catalog_write_t *self, const kv_tx_t *tx, uint64_t track_id, uint64_t count)
{
    catalog_track_t track;
    TRY(change(self, tx, SEARCH_TRACK, track_id, (int64_t)count));
    err_t err =
        catalog_get(tx, TABLE_TRACKS, &catalog_track_schema, track_id, &self->scratch, &track);
    if (err == ERR_OK)
        err = change_of(self, tx, &track, (int64_t)count);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

err_t catalog_add_plays(catalog_write_t *self, kv_tx_t *tx, str_t listener, uint64_t track_id,
                        uint64_t count)
{
    if (track_id == 0 || count == 0)
        return ERR_OK;
    err_t err = add(self, tx, track_id, MIN(count, (uint64_t)UINT32_MAX));
    if (err == ERR_OK && !kv_has(tx, TABLE_LISTENERS, listener))
        err = kv_put(tx, TABLE_LISTENERS, listener, (str_t){NULL, 0});
    arena_reset(&self->scratch);
    return err;
}

err_t catalog_forget_listener(catalog_write_t *self, kv_tx_t *tx, str_t listener)
{
    (void)self;
    err_t err = kv_delete(tx, TABLE_LISTENERS, listener);
    if (err == ERR_OK)
        err = kv_put(tx, TABLE_META, RECOUNT, STR("1"));
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

err_t catalog_plays(const catalog_read_t *read, search_kind_t kind, uint64_t id,
                    uint64_t *out_count)
{
    return get(&read->tx, kind, id, out_count);
}

err_t catalog_wants_recount(const catalog_read_t *read, bool *out_wants)
{
    *out_wants = kv_has(&read->tx, TABLE_META, RECOUNT);
    return ERR_OK;
}

#include "actors/library/library_projection.h"

#include "actors/protocol/library.h"
#include "actors/protocol/user.h"
#include "runtime/base/memory.h"
#include "storage/catalog/catalog_plays.h"

enum {
    LIBRARY_PROJECTION_FORMAT = 3, /* raise it with every change of what is written */
    LIBRARY_PROJECTION_BATCH = 64, /* records in a transaction, and as many as 2,000 tracks are: */
    LIBRARY_PROJECTION_BATCH_SIZE = 1536 * 1024,
};

static const str_t LIBRARY_STREAMS = STR_INIT("library/"), USER_STREAMS = STR_INIT("user/");

struct library_projection {
    catalog_t *catalog;
    catalog_write_t *write;
    arena_t arena; /* of one record */
};

typedef struct step {
    library_projection_t *self;
    kv_tx_t *tx;
    catalog_read_t read; /* within tx */
    str_t key;           /* of the stream: a root, or a user's id */
} step_t;

/* ---- tracks ---- */

static err_t credits_of(const library_credit_t *credits, uint32_t count, arena_t *arena,
                        const catalog_credit_t **out_credits, uint32_t *out_count)
{
    catalog_credit_t *copies = arena_new_array(arena, (size_t)count + 1, sizeof *copies);
    if (copies == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        copies[i] = (catalog_credit_t){.artist_id = 0,
                                       .name = credits[i].name,
                                       .role = credits[i].role,
                                       .join_phrase = credits[i].join_phrase,
                                       .sort_name = credits[i].sort_name,
                                       .mbid = credits[i].mbid};
    *out_credits = copies;
    *out_count = count;
    return ERR_OK;
}

static void tags_of(const library_track_t *read, catalog_track_t *out)
{
    out->title = read->title;
    out->sort_title = read->sort_title;
    out->album = read->album;
    out->album_sort = read->sort_album;
    out->album_id = read->album_id;
    out->disc = read->disc;
    out->disc_total = read->disc_total;
    out->number = read->number;
    out->number_total = read->number_total;
    out->date = read->date;
    out->original_date = read->original_date;
    out->genres.items = read->genres.items;
    out->genres.count = read->genres.count;
    out->mood.items = read->moods.items;
    out->mood.count = read->moods.count;
    out->languages.items = read->languages.items;
    out->languages.count = read->languages.count;
    out->composer = read->composer;
    out->is_compilation = read->is_compilation;
    out->mb_track_id = read->mb_track;
    out->mb_recording_id = read->mb_recording;
    out->mb_release_id = read->mb_release;
    out->mb_release_group_id = read->mb_release_group;
    out->has_lyrics = read->lyrics.size > 0 || read->lyrics_blob.size > 0;
    out->lyrics_synced = read->is_synced;
    out->lyrics = read->lyrics;
    out->lyrics_blob = read->lyrics_blob;
}

static void sound_of(const library_track_t *read, catalog_track_t *out)
{
    out->duration_ms = read->duration_ms;
    out->codec = read->codec;
    out->container = read->container;
    out->bit_rate = read->bit_rate;
    out->sample_rate = read->sample_rate;
    out->channels = read->channels;
    out->bits = read->bits;
    out->audio_hash = read->audio_hash;
    out->samples = read->samples;
    out->encoder_delay = read->encoder_delay;
    out->encoder_padding = read->encoder_padding;
    out->has_gain = read->has_gain;
    out->rg_track_gain_cdb = read->track_gain_cdb;
    out->rg_track_peak = read->track_peak;
    out->rg_album_gain_cdb = read->album_gain_cdb;
    out->rg_album_peak = read->album_peak;
}

/* What was found out about the track beside its tags. Copied: the old record lies in the map. */
static err_t keep_old(const catalog_track_t *old, arena_t *arena, catalog_track_t *out)
{
    out->artwork = arena_str(arena, old->artwork);
    out->artwork_color = arena_str(arena, old->artwork_color);
    if (out->artwork.data == NULL || out->artwork_color.data == NULL)
        return ERR_NO_MEMORY;
    if (!str_equal(old->audio_hash, out->audio_hash) || old->samples != out->samples)
        return ERR_OK;
    out->loudness_mlufs = old->loudness_mlufs;
    if (out->has_gain || !old->has_gain)
        return ERR_OK;
    out->has_gain = true;
    out->rg_track_gain_cdb = old->rg_track_gain_cdb;
    out->rg_track_peak = old->rg_track_peak;
    out->rg_album_gain_cdb = old->rg_album_gain_cdb;
    out->rg_album_peak = old->rg_album_peak;
    return ERR_OK;
}

static err_t put_track(step_t *step, const library_track_t *read)
{
    catalog_track_t old, track = {.id = read->track_id,
                                  .root = step->key,
                                  .path = read->path,
                                  .size_bytes = read->size_bytes,
                                  .mtime_ns = read->stamp,
                                  .is_available = true,
                                  .added_at_ms = read->added_ms};
    tags_of(read, &track);
    sound_of(read, &track);
    TRY(credits_of(read->credits.items, read->credits.count, step->read.arena, &track.credits.items,
                   &track.credits.count));
    TRY(credits_of(read->album_credits.items, read->album_credits.count, step->read.arena,
                   &track.album_credits.items, &track.album_credits.count));
    err_t err = catalog_track(&step->read, read->track_id, &old);
    if (err == ERR_OK)
        err = keep_old(&old, step->read.arena, &track);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    return catalog_put_track(step->self->write, step->tx, &track);
}

/* ---- events ---- */

static err_t set_gone(step_t *step, uint64_t track_id, bool is_available, str_t reason)
{
    err_t err = catalog_set_available(step->self->write, step->tx, track_id, is_available, reason);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* A copy of a track that outlives writes. Strings of a record borrow the map, which a write moves.
 */
static err_t read_copy(step_t *step, uint64_t id, catalog_track_t **out_track)
{
    catalog_track_t track;
    TRY(catalog_track(&step->read, id, &track));
    void *room = arena_new(step->read.arena, schema_deep_size(&catalog_track_schema, &track));
    if (room == NULL)
        return ERR_NO_MEMORY;
    schema_copy(&catalog_track_schema, &track, room);
    *out_track = room;
    return ERR_OK;
}

static err_t mix_album(step_t *step, uint64_t album_id)
{
    static const catalog_credit_t various = {.name = STR_INIT("Various Artists")};
    catalog_page_t page;
    buf_t after BUF_SCOPED = BUF_INIT;
    do {
        TRY(catalog_write_flush(step->self->write, step->tx));
        catalog_page_options_t options = {
            .list = CATALOG_TRACKS_OF_ALBUM, .of = album_id, .after = buf_str(&after)};
        TRY(catalog_page(&step->read, &options, &page));
        if (page.count > 0) {
            buf_reset(&after);
            buf_append(&after, page.items[page.count - 1].cursor);
            TRY(buf_status(&after));
        }
        for (size_t i = 0; i < page.count; i++) {
            catalog_track_t *track;
            TRY(read_copy(step, page.items[i].id, &track));
            track->album_credits.items = &various;
            track->album_credits.count = 1;
            track->is_compilation = true;
            TRY(catalog_put_track(step->self->write, step->tx, track));
        }
    } while (page.has_more);
    return ERR_OK;
}

static err_t apply_batch_added(step_t *step, const library_batch_added_t *event)
{
    for (uint32_t i = 0; i < event->gone.count; i++)
        TRY(set_gone(step, event->gone.items[i].track_id, false, event->gone.items[i].reason));
    for (uint32_t i = 0; i < event->tracks.count; i++)
        TRY(put_track(step, &event->tracks.items[i]));
    for (uint32_t i = 0; i < event->mixed_albums.count; i++)
        TRY(mix_album(step, event->mixed_albums.items[i]));
    return ERR_OK;
}

static err_t apply_tracks_gone(step_t *step, const library_tracks_gone_t *event)
{
    for (uint32_t i = 0; i < event->tracks.count; i++)
        TRY(set_gone(step, event->tracks.items[i].track_id, false, event->tracks.items[i].reason));
    return ERR_OK;
}

static err_t apply_tracks_returned(step_t *step, const library_tracks_returned_t *event)
{
    for (uint32_t i = 0; i < event->track_ids.count; i++)
        TRY(set_gone(step, event->track_ids.items[i], true, (str_t){"", 0}));
    return ERR_OK;
}

static err_t apply_loudness_measured(step_t *step, const library_loudness_measured_t *event)
{
    for (uint32_t i = 0; i < event->tracks.count; i++) {
        const library_loudness_t *measured = &event->tracks.items[i];
        catalog_track_t *track;
        err_t err = read_copy(step, measured->track_id, &track);
        if (err == ERR_NOT_FOUND)
            continue;
        TRY(err);
        track->loudness_mlufs = measured->loudness_mlufs;
        track->has_gain = true;
        track->rg_track_gain_cdb = measured->track_gain_cdb;
        track->rg_track_peak = measured->track_peak;
        track->rg_album_gain_cdb = measured->album_gain_cdb;
        track->rg_album_peak = measured->album_peak;
        TRY(catalog_put_track(step->self->write, step->tx, track));
    }
    return ERR_OK;
}

static err_t apply_covers_made(step_t *step, const library_covers_made_t *event)
{
    for (uint32_t i = 0; i < event->covers.count; i++)
        for (uint32_t j = 0; j < event->covers.items[i].track_ids.count; j++) {
            catalog_track_t *track;
            err_t err = read_copy(step, event->covers.items[i].track_ids.items[j], &track);
            if (err == ERR_NOT_FOUND)
                continue;
            TRY(err);
            track->artwork = event->covers.items[i].hash;
            track->artwork_color = event->covers.items[i].color;
            TRY(catalog_put_track(step->self->write, step->tx, track));
        }
    return ERR_OK;
}

/* ---- plays ---- */

/* Of who was erased nothing is left of them: no track, no list. */
static err_t apply_played(step_t *step, const user_played_t *event)
{
    return catalog_add_plays(step->self->write, step->tx, step->key, event->track_id, 1);
}

static err_t apply_imported(step_t *step, const user_imported_t *event)
{
    for (uint32_t i = 0; i < event->tracks.count; i++) {
        const user_import_track_t *track = &event->tracks.items[i];
        /* Events of before had no new_plays. */
        uint64_t count = track->new_plays > 0 ? track->new_plays : track->play_count;
        TRY(catalog_add_plays(step->self->write, step->tx, step->key, track->track_id, count));
    }
    return ERR_OK;
}

static err_t apply_erased(step_t *step, const user_erased_t *event)
{
    (void)event;
    return catalog_forget_listener(step->self->write, step->tx, step->key);
}

#define APPLY_IF(event_name, apply_event)                                                          \
    if (str_equal(record->event.name, STR(#event_name))) {                                         \
        event_name##_t event;                                                                      \
        TRY(schema_decode(&event_name##_schema, record->event.payload, &self->arena, &event));     \
        TRY(apply_event(&step, &event));                                                           \
        return catalog_write_flush(self->write, tx);                                               \
    }

static err_t apply_of_library(library_projection_t *self, kv_tx_t *tx,
                              const journal_record_t *record)
{
    step_t step = {.self = self,
                   .tx = tx,
                   .read = {.tx = *tx, .arena = &self->arena},
                   .key = str_slice(record->stream, LIBRARY_STREAMS.size, record->stream.size)};
    APPLY_IF(library_batch_added, apply_batch_added)
    APPLY_IF(library_tracks_gone, apply_tracks_gone)
    APPLY_IF(library_tracks_returned, apply_tracks_returned)
    APPLY_IF(library_loudness_measured, apply_loudness_measured)
    APPLY_IF(library_covers_made, apply_covers_made)
    return ERR_OK;
}

static err_t apply_of_user(library_projection_t *self, kv_tx_t *tx, const journal_record_t *record)
{
    step_t step = {.self = self,
                   .tx = tx,
                   .key = str_slice(record->stream, USER_STREAMS.size, record->stream.size)};
    APPLY_IF(user_played, apply_played)
    APPLY_IF(user_imported, apply_imported)
    APPLY_IF(user_erased, apply_erased)
    return ERR_OK;
}

static err_t apply(void *context, kv_tx_t *tx, const journal_record_t *record)
{
    library_projection_t *self = context;
    arena_reset(&self->arena);
    if (str_starts_with(record->stream, LIBRARY_STREAMS))
        return apply_of_library(self, tx, record);
    return str_starts_with(record->stream, USER_STREAMS) ? apply_of_user(self, tx, record) : ERR_OK;
}

static err_t flush(void *context, kv_tx_t *tx)
{
    library_projection_t *self = context;
    return catalog_write_flush(self->write, tx);
}

static void discard(void *context)
{
    library_projection_t *self = context;
    catalog_write_discard(self->write);
}

static err_t reset(void *context, kv_tx_t *tx)
{
    library_projection_t *self = context;
    return catalog_clear(self->write, tx);
}

err_t library_projection_new(catalog_t *catalog, library_projection_t **out_projection)
{
    library_projection_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->catalog = catalog;
    err_t err = catalog_write_new(catalog, &self->write);
    if (err != ERR_OK) {
        memory_free(self);
        return err;
    }
    *out_projection = self;
    return ERR_OK;
}

void library_projection_free(library_projection_t *self)
{
    if (self == NULL)
        return;
    catalog_write_free(self->write);
    arena_deinit(&self->arena);
    memory_free(self);
}

projection_options_t library_projection_options(library_projection_t *self, journal_t *journal)
{
    return (projection_options_t){.name = "library",
                                  .journal = journal,
                                  .kv = catalog_kv(self->catalog),
                                  .table = catalog_position_table(),
                                  .format = CATALOG_FORMAT * 1000 + LIBRARY_PROJECTION_FORMAT,
                                  .format_read = CATALOG_FORMAT_READ * 1000,
                                  .batch_max = LIBRARY_PROJECTION_BATCH,
                                  .batch_size_max = LIBRARY_PROJECTION_BATCH_SIZE,
                                  .context = self,
                                  .apply = apply,
                                  .flush = flush,
                                  .discard = discard,
                                  .reset = reset};
}

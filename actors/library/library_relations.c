#include "actors/library/library_relations.h"

#include "actors/protocol/library.h"
#include "library_batch_sql.h"
#include "storage/catalog/catalog.h"

/* ---- files that were read ----
 *
 * One event is up to 256 files with their credits and genres, in lists of columns that name the row
 * of their file. Nothing is written twice in one statement: a row is put, or taken away. */

/* The first column of each list. */
enum { TRACKS = 0, CREDITS = 40, GENRES = 50, GONE = 55, MIXED = 58 };

#define TRACK_COLUMNS "ltlyllliitttttlttiiiitlbldldtttbttbttiii"
#define CREDIT_COLUMNS "llbiltttit"
#define GENRE_COLUMNS "llilt"
#define GONE_COLUMNS "llt"
#define MIXED_COLUMNS "ll"

/* Nameless ones are left out, as in the catalog. */
static uint32_t add_credits(relation_rows_t *rows, uint32_t row, bool is_album,
                            const library_credit_t *credits, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < MIN(count, (uint32_t)CATALOG_CREDITS_MAX); i++) {
        if (credits[i].name.size == 0)
            continue;
        relation_at(rows, CREDITS);
        relation_u64(rows, row);
        relation_bool(rows, is_album);
        relation_u32(rows, kept++);
        relation_u64(rows, catalog_artist_id(credits[i].name, credits[i].mbid));
        relation_text(rows, credits[i].name);
        relation_text(rows, credits[i].sort_name);
        relation_text(rows, credits[i].mbid);
        relation_u32(rows, credits[i].role);
        relation_text(rows, credits[i].join_phrase);
    }
    return kept;
}

static uint32_t add_genres(relation_rows_t *rows, uint32_t row, const library_track_t *track)
{
    uint32_t count = MIN(track->genres.count, (uint32_t)CATALOG_GENRES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        relation_at(rows, GENRES);
        relation_u64(rows, row);
        relation_u32(rows, i);
        relation_u64(rows, catalog_genre_id(track->genres.items[i]));
        relation_text(rows, track->genres.items[i]);
    }
    return count;
}

/* Events of the first releases don't say it. */
static uint64_t album_of(const relation_rows_t *rows, const library_track_t *track)
{
    if (track->album_id != 0)
        return track->album_id;
    str_t artist =
        track->album_credits.count > 0 ? track->album_credits.items[0].name : (str_t){NULL, 0};
    size_t slash = str_find_last(track->path, '/');
    str_t folder = slash == track->path.size ? (str_t){NULL, 0} : str_slice(track->path, 0, slash);
    return catalog_album_id(artist, track->album, track->mb_release, relation_key_of(rows), folder);
}

static void add_file(relation_rows_t *rows, const library_track_t *track)
{
    relation_key(rows);
    relation_u64(rows, track->track_id);
    relation_bytes(rows, track->path);
    relation_u64(rows, track->size_bytes);
    relation_i64(rows, track->added_ms);
    relation_u64(rows, album_of(rows, track));
    relation_u32(rows, track->disc);
    relation_u32(rows, track->number);
    relation_text(rows, track->title);
    relation_text(rows, track->sort_title);
    relation_text(rows, track->date);
    relation_text(rows, track->composer);
    relation_text(rows, track->mb_recording);
}

static void add_sound(relation_rows_t *rows, const library_track_t *track)
{
    relation_u64(rows, track->duration_ms);
    relation_text(rows, track->codec);
    relation_text(rows, track->container);
    relation_u32(rows, track->bit_rate);
    relation_u32(rows, track->sample_rate);
    relation_u32(rows, track->channels);
    relation_u32(rows, track->bits);
    relation_text(rows, track->audio_hash);
    relation_u64(rows, track->samples);
    relation_bool(rows, track->has_gain);
    relation_i64(rows, track->track_gain_cdb);
    relation_f64(rows, track->track_peak);
    relation_i64(rows, track->album_gain_cdb);
    relation_f64(rows, track->album_peak);
}

static void add_album(relation_rows_t *rows, const library_track_t *track)
{
    relation_text(rows, track->album);
    relation_text(rows, track->sort_album);
    relation_text(rows, track->original_date);
    relation_bool(rows, track->is_compilation);
    relation_text(rows, track->mb_release);
    relation_text(rows, track->mb_release_group);
    relation_bool(rows, track->is_synced);
    relation_text(rows, track->lyrics);
    relation_text(rows, track->lyrics_blob);
}

static void add_track(relation_rows_t *rows, const library_track_t *track)
{
    uint32_t row = relation_count(rows, TRACKS);
    uint32_t credits = add_credits(rows, row, false, track->credits.items, track->credits.count);
    uint32_t album_credits =
        add_credits(rows, row, true, track->album_credits.items, track->album_credits.count);
    uint32_t genres = add_genres(rows, row, track);
    relation_at(rows, TRACKS);
    add_file(rows, track);
    add_sound(rows, track);
    add_album(rows, track);
    relation_u32(rows, credits);
    relation_u32(rows, album_credits);
    relation_u32(rows, genres);
}

static void add_gone(relation_rows_t *rows, uint32_t column, const library_gone_t *tracks,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        relation_at(rows, column);
        relation_u64(rows, tracks[i].track_id);
        relation_text(rows, tracks[i].reason);
    }
}

static void batch_added(relation_rows_t *rows, const void *event_)
{
    const library_batch_added_t *event = event_;
    for (uint32_t i = 0; i < event->tracks.count; i++)
        add_track(rows, &event->tracks.items[i]);
    add_gone(rows, GONE, event->gone.items, event->gone.count);
    for (uint32_t i = 0; i < event->mixed_albums.count; i++) {
        relation_at(rows, MIXED);
        relation_u64(rows, event->mixed_albums.items[i]);
    }
}

/* ---- what comes later ---- */

static const char gone_sql[] =
    "UPDATE tracks k SET is_available = false, unavailable_reason = e.reason"
    " FROM (SELECT DISTINCT ON (track_id) *"
    "   FROM unnest($1::bigint[], $2::bigint[], $3::text[])"
    "     WITH ORDINALITY AS e(place, track_id, reason, nth)"
    "   WHERE " RELATION_PASSED " ORDER BY track_id, nth DESC) AS e"
    " WHERE k.track_id = e.track_id";

static void tracks_gone(relation_rows_t *rows, const void *event_)
{
    const library_tracks_gone_t *event = event_;
    add_gone(rows, 0, event->tracks.items, event->tracks.count);
}

static const char returned_sql[] =
    "UPDATE tracks k SET is_available = true, unavailable_reason = ''"
    " FROM unnest($1::bigint[], $2::bigint[]) AS e(place, track_id)"
    " WHERE k.track_id = e.track_id AND " RELATION_PASSED;

static void tracks_returned(relation_rows_t *rows, const void *event_)
{
    const library_tracks_returned_t *event = event_;
    for (uint32_t i = 0; i < event->track_ids.count; i++) {
        relation_at(rows, 0);
        relation_u64(rows, event->track_ids.items[i]);
    }
}

static const char loudness_sql[] =
    "UPDATE tracks k SET loudness_mlufs = e.loudness_mlufs, has_gain = true,"
    "   track_gain_cdb = e.track_gain_cdb, track_peak = e.track_peak,"
    "   album_gain_cdb = e.album_gain_cdb, album_peak = e.album_peak"
    " FROM (SELECT DISTINCT ON (track_id) *"
    "   FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::float8[],"
    "     $6::bigint[], $7::float8[]) WITH ORDINALITY AS e(place, track_id, loudness_mlufs,"
    "     track_gain_cdb, track_peak, album_gain_cdb, album_peak, nth)"
    "   WHERE " RELATION_PASSED " ORDER BY track_id, nth DESC) AS e"
    " WHERE k.track_id = e.track_id";

static void loudness_measured(relation_rows_t *rows, const void *event_)
{
    const library_loudness_measured_t *event = event_;
    for (uint32_t i = 0; i < event->tracks.count; i++) {
        const library_loudness_t *measured = &event->tracks.items[i];
        relation_at(rows, 0);
        relation_u64(rows, measured->track_id);
        relation_i64(rows, measured->loudness_mlufs);
        relation_i64(rows, measured->track_gain_cdb);
        relation_f64(rows, measured->track_peak);
        relation_i64(rows, measured->album_gain_cdb);
        relation_f64(rows, measured->album_peak);
    }
}

static const char covers_sql[] =
    "UPDATE tracks k SET artwork = e.hash, artwork_color = e.color"
    " FROM (SELECT DISTINCT ON (track_id) *"
    "   FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])"
    "     WITH ORDINALITY AS e(place, track_id, hash, color, nth)"
    "   WHERE " RELATION_PASSED " ORDER BY track_id, nth DESC) AS e"
    " WHERE k.track_id = e.track_id";

static void covers_made(relation_rows_t *rows, const void *event_)
{
    const library_covers_made_t *event = event_;
    for (uint32_t i = 0; i < event->covers.count; i++) {
        const library_cover_t *cover = &event->covers.items[i];
        for (uint32_t k = 0; k < cover->track_ids.count; k++) {
            relation_at(rows, 0);
            relation_u64(rows, cover->track_ids.items[k]);
            relation_text(rows, cover->hash);
            relation_text(rows, cover->color);
        }
    }
}

static const relation_event_t events[] = {
    {.schema = &library_batch_added_schema,
     .columns = TRACK_COLUMNS CREDIT_COLUMNS GENRE_COLUMNS GONE_COLUMNS MIXED_COLUMNS,
     .sql = library_batch_sql,
     .add = batch_added,
     .is_alone = true},
    {.schema = &library_tracks_gone_schema, .columns = "llt", .sql = gone_sql, .add = tracks_gone},
    {.schema = &library_tracks_returned_schema,
     .columns = "ll",
     .sql = returned_sql,
     .add = tracks_returned},
    {.schema = &library_loudness_measured_schema,
     .columns = "lllldld",
     .sql = loudness_sql,
     .add = loudness_measured},
    {.schema = &library_covers_made_schema,
     .columns = "lltt",
     .sql = covers_sql,
     .add = covers_made},
};

const relation_t LIBRARY_RELATION = {
    .name = "catalog",
    .format = 1,
    .tables = {"tracks", "albums", "artists", "credits", "genres", "track_genres", "lyrics"},
    .events = events,
    .event_count = COUNT_OF(events)};

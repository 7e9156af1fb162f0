/* resolve_track.c -- a track: its credits, artwork, lyrics, file and stream. */

#include "gateway/graphql/resolve/facts.h"
#include "gateway/graphql/resolve/graph.h"
#include "media/protocol/segments.h"
#include "runtime/base/utf8.h"
#include "storage/keys/url_signature.h"

static const catalog_track_t *track_of(graphql_field_t *field)
{
    return graphql_source(field);
}

/* ---- what albums have too ---- */

static err_t credit_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_object(item, (const catalog_credit_t *)items + index);
}

err_t graph_return_credits(graphql_field_t *field, const catalog_credit_t *credits, uint32_t count)
{
    return graphql_return_list(field, count, credit_item, credits);
}

err_t graph_return_artist_line(graphql_field_t *field, const catalog_credit_t *credits,
                               uint32_t count)
{
    buf_t line BUF_SCOPED = BUF_INIT;
    catalog_artist_line(credits, count, &line);
    TRY(buf_status(&line));
    return graphql_return_str(field, line.size == 0 ? STR("") : buf_str(&line));
}

err_t graph_return_genres(graphql_field_t *field, const str_t *names, uint32_t count)
{
    uint64_t *ids = arena_new_array(graphql_arena(field), count, sizeof *ids);
    if (ids == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        ids[i] = catalog_genre_id(names[i]);
    return graph_return_records(field, GRAPH_GENRE, ids, count);
}

typedef struct artwork {
    str_t url, color;
} artwork_t;

err_t graph_return_artwork(graphql_field_t *field, str_t hash, str_t color)
{
    if (str_is_empty(hash))
        return graphql_return_null(field);
    artwork_t *artwork = arena_new(graphql_arena(field), sizeof *artwork);
    if (artwork == NULL)
        return ERR_NO_MEMORY;
    artwork->url = arena_printf(graphql_arena(field), "/artwork/%.*s", STR_ARG(hash));
    artwork->color = str_is_empty(color) ? STR("#808080") : graph_keep_str(field, color);
    return graphql_return_object(field, artwork);
}

static err_t credit_artist(graphql_field_t *field)
{
    const catalog_credit_t *credit = graphql_source(field);
    const catalog_artist_t *artist;
    uint64_t id =
        credit->artist_id != 0 ? credit->artist_id : catalog_artist_id(credit->name, credit->mbid);
    TRY(graph_artist(field, id, &artist));
    return graphql_return_object(field, artist);
}

static err_t credit_role(graphql_field_t *field)
{
    static const char *const names[CATALOG_ROLE_COUNT] = {
        [CATALOG_ROLE_MAIN] = "MAIN",           [CATALOG_ROLE_FEATURED] = "FEATURED",
        [CATALOG_ROLE_COMPOSER] = "COMPOSER",   [CATALOG_ROLE_LYRICIST] = "LYRICIST",
        [CATALOG_ROLE_CONDUCTOR] = "CONDUCTOR", [CATALOG_ROLE_PERFORMER] = "PERFORMER",
        [CATALOG_ROLE_REMIXER] = "REMIXER",     [CATALOG_ROLE_PRODUCER] = "PRODUCER",
        [CATALOG_ROLE_ARRANGER] = "ARRANGER"};
    const catalog_credit_t *credit = graphql_source(field);
    uint32_t role = credit->role < CATALOG_ROLE_COUNT ? credit->role : CATALOG_ROLE_PERFORMER;
    return graphql_return_str(field, str_from(names[role]));
}

/* ---- Track ---- */

static err_t track_id(graphql_field_t *field)
{
    return graph_return_id(field, "tr_", track_of(field)->id);
}

static err_t track_credits(graphql_field_t *field)
{
    return graph_return_credits(field, track_of(field)->credits.items,
                                track_of(field)->credits.count);
}

static err_t track_artist_line(graphql_field_t *field)
{
    return graph_return_artist_line(field, track_of(field)->credits.items,
                                    track_of(field)->credits.count);
}

static err_t track_album(graphql_field_t *field)
{
    const catalog_album_t *album;
    TRY(graph_album(field, track_of(field)->album_id, &album));
    return graphql_return_object(field, album);
}

static err_t track_genres(graphql_field_t *field)
{
    return graph_return_genres(field, track_of(field)->genres.items, track_of(field)->genres.count);
}

static err_t track_composer(graphql_field_t *field)
{
    return graph_return_text_or_null(field, track_of(field)->composer);
}

static err_t mood_item(graphql_field_t *item, const void *items, size_t index)
{
    return graphql_return_str(item, ((const str_t *)items)[index]);
}

static err_t track_mood(graphql_field_t *field)
{
    return graphql_return_list(field, track_of(field)->mood.count, mood_item,
                               track_of(field)->mood.items);
}

/* The catalog says what was on the disk; whether its folder can be read now, this node knows. */
static bool has_root(graphql_field_t *field)
{
    root_places_t *places = graph_of(field)->home->api->places;
    return places == NULL || root_places_has(places, track_of(field)->root);
}

static err_t track_is_available(graphql_field_t *field)
{
    return graphql_return_bool(field, track_of(field)->is_available && has_root(field));
}

static err_t track_unavailable_reason(graphql_field_t *field)
{
    const catalog_track_t *track = track_of(field);
    root_place_t place;
    if (!track->is_available || has_root(field))
        return graph_return_text_or_null(field, track->unavailable_reason);
    TRY(root_places_find(graph_of(field)->home->api->places, track->root, graphql_arena(field),
                         &place));
    /* Of several nodes, what is wrong with it on this one is not the point. */
    return graph_return_text_or_null(field, root_places_are_many(graph_of(field)->home->api->places)
                                                ? STR("no running node can read its music folder")
                                                : place.reason);
}

static err_t track_artwork(graphql_field_t *field)
{
    const catalog_track_t *track = track_of(field);
    const catalog_album_t *album;
    if (!str_is_empty(track->artwork))
        return graph_return_artwork(field, track->artwork, track->artwork_color);
    if (graph_album(field, track->album_id, &album) != ERR_OK)
        return graphql_return_null(field);
    return graph_return_artwork(field, album->artwork, album->artwork_color);
}

static err_t track_is_favourite(graphql_field_t *field)
{
    return facts_return(field, track_of(field)->id, FACT_FAVOURITE);
}

static err_t track_rating(graphql_field_t *field)
{
    return facts_return(field, track_of(field)->id, FACT_RATING);
}

static err_t track_play_count(graphql_field_t *field)
{
    return facts_return(field, track_of(field)->id, FACT_PLAYS);
}

static err_t same_track(graphql_field_t *field)
{
    return graphql_return_object(field, track_of(field));
}

/* ---- TrackFile ---- */

static err_t file_bits(graphql_field_t *field)
{
    uint32_t bits = track_of(field)->bits;
    return bits == 0 ? graphql_return_null(field) : graphql_return_int(field, bits);
}

static err_t file_size(graphql_field_t *field)
{
    return graphql_return_float(field, (double)track_of(field)->size_bytes);
}

static err_t file_path(graphql_field_t *field)
{
    buf_t path BUF_SCOPED = BUF_INIT;
    utf8_append_repaired(&path, track_of(field)->path);
    TRY(buf_status(&path));
    return graphql_return_str(field, buf_str(&path));
}

/* ---- Stream ---- */

static err_t sign(graphql_field_t *field, str_t rendition, url_signature_t *out_signature,
                  str_t *out_track)
{
    const api_t *api = graph_of(field)->home->api;
    *out_track =
        arena_printf(graphql_arena(field), "%llu", (unsigned long long)track_of(field)->id);
    return url_signature_make(api->keyring, *out_track, rendition, clock_wall_ms(&api->clock),
                              out_signature);
}

static err_t stream_hls(graphql_field_t *field)
{
    url_signature_t signature;
    str_t track;
    TRY(sign(field, STR("all"), &signature, &track));
    return graphql_return_str(field,
                              arena_printf(graphql_arena(field), "/hls/%s/%.*s/all/index.m3u8",
                                           signature.text, STR_ARG(track)));
}

static err_t stream_original(graphql_field_t *field)
{
    url_signature_t signature;
    str_t track;
    TRY(sign(field, STR("original"), &signature, &track));
    return graphql_return_str(field, arena_printf(graphql_arena(field), "/audio/%s/%.*s/original",
                                                  signature.text, STR_ARG(track)));
}

static err_t stream_expires_at(graphql_field_t *field)
{
    url_signature_t signature;
    str_t track;
    TRY(sign(field, STR("all"), &signature, &track));
    return graph_return_time(field, signature.expires_at_ms);
}

static err_t stream_track_gain(graphql_field_t *field)
{
    const catalog_track_t *track = track_of(field);
    return track->has_gain ? graphql_return_float(field, (double)track->rg_track_gain_cdb / 100)
                           : graphql_return_null(field);
}

static err_t stream_album_gain(graphql_field_t *field)
{
    const catalog_album_t *album;
    err_t err = graph_album(field, track_of(field)->album_id, &album);
    if (err == ERR_OK && album->has_gain)
        return graphql_return_float(field, (double)album->gain_cdb / 100);
    return graphql_return_null(field);
}

/* How the AAC renditions are cut: the same for all of them. */
static err_t plan_of(graphql_field_t *field, segment_plan_t *out_plan)
{
    const catalog_track_t *track = track_of(field);
    segment_source_t source = {track->sample_rate, track->channels, track->bits, track->samples};
    return segment_plan(RENDITION_AAC_128, &source, out_plan);
}

/* A file that no rendition can be made of has zeros here; asking for its sound says why. */
static err_t stream_sample_rate(graphql_field_t *field)
{
    segment_plan_t plan = {0};
    IGNORE_ERR(plan_of(field, &plan));
    return graphql_return_int(field, plan.sample_rate);
}

static err_t stream_samples(graphql_field_t *field)
{
    segment_plan_t plan = {0};
    IGNORE_ERR(plan_of(field, &plan));
    return graphql_return_float(field, (double)plan.total_samples);
}

static err_t stream_encoder_delay(graphql_field_t *field)
{
    segment_plan_t plan = {0};
    IGNORE_ERR(plan_of(field, &plan));
    return graphql_return_int(field, plan.priming_samples);
}

static err_t stream_encoder_padding(graphql_field_t *field)
{
    segment_plan_t plan = {0};
    IGNORE_ERR(plan_of(field, &plan));
    return graphql_return_int(field, plan.padding_samples);
}

graph_rows_t resolve_track(void)
{
    static const graphql_resolver_t rows[] = {
        {"Credit.artist", .resolve = credit_artist},
        {"Credit.name", GRAPHQL_MEMBER(catalog_credit_t, name)},
        {"Credit.role", .resolve = credit_role},
        {"Credit.joinPhrase", GRAPHQL_MEMBER(catalog_credit_t, join_phrase)},
        {"Artwork.url", GRAPHQL_MEMBER(artwork_t, url)},
        {"Artwork.color", GRAPHQL_MEMBER(artwork_t, color)},
        {"Track.id", .resolve = track_id},
        {"Track.title", GRAPHQL_MEMBER(catalog_track_t, title)},
        {"Track.credits", .resolve = track_credits},
        {"Track.artistLine", .resolve = track_artist_line},
        {"Track.album", .resolve = track_album},
        {"Track.disc", GRAPHQL_MEMBER(catalog_track_t, disc)},
        {"Track.number", GRAPHQL_MEMBER(catalog_track_t, number)},
        {"Track.durationMs", GRAPHQL_MEMBER(catalog_track_t, duration_ms)},
        {"Track.genres", .resolve = track_genres},
        {"Track.composer", .resolve = track_composer},
        {"Track.mood", .resolve = track_mood},
        {"Track.isAvailable", .resolve = track_is_available},
        {"Track.unavailableReason", .resolve = track_unavailable_reason},
        {"Track.artwork", .resolve = track_artwork},
        {"Track.isFavourite", .resolve = track_is_favourite},
        {"Track.rating", .resolve = track_rating},
        {"Track.playCount", .resolve = track_play_count},
        {"Track.file", .resolve = same_track},
        {"Track.stream", .resolve = same_track},
        {"TrackFile.codec", GRAPHQL_MEMBER(catalog_track_t, codec)},
        {"TrackFile.container", GRAPHQL_MEMBER(catalog_track_t, container)},
        {"TrackFile.bitRate", GRAPHQL_MEMBER(catalog_track_t, bit_rate)},
        {"TrackFile.sampleRate", GRAPHQL_MEMBER(catalog_track_t, sample_rate)},
        {"TrackFile.channels", GRAPHQL_MEMBER(catalog_track_t, channels)},
        {"TrackFile.bitsPerSample", .resolve = file_bits},
        {"TrackFile.sizeBytes", .resolve = file_size},
        {"TrackFile.path", .resolve = file_path},
        {"Stream.hls", .resolve = stream_hls},
        {"Stream.original", .resolve = stream_original},
        {"Stream.expiresAt", .resolve = stream_expires_at},
        {"Stream.trackGain", .resolve = stream_track_gain},
        {"Stream.albumGain", .resolve = stream_album_gain},
        {"Stream.sampleRate", .resolve = stream_sample_rate},
        {"Stream.samples", .resolve = stream_samples},
        {"Stream.encoderDelay", .resolve = stream_encoder_delay},
        {"Stream.encoderPadding", .resolve = stream_encoder_padding},
    };
    return GRAPH_ROWS(rows);
}

#include "actors/library/read_tags.h"

#include "runtime/base/utf8.h"
#include "storage/catalog/catalog.h"

#include <math.h>

static str_t cut(str_t text, size_t size_max)
{
    size_t size = MIN(text.size, size_max);
    while (size > 0 && size < text.size && ((uint8_t)text.data[size] & 0xC0) == 0x80)
        size--;
    return str_slice(text, 0, size);
}

static str_t cut_name(str_t text)
{
    return cut(str_trim(text), READ_TAGS_NAME_SIZE_MAX);
}

/* ---- credits ---- */

static bool is_featuring(str_t between)
{
    static const char *const words[] = {"feat", "ft.", "ft ", "featuring", "with"};
    str_t trimmed = str_trim(between);
    if (trimmed.size > 0 && (trimmed.data[0] == '(' || trimmed.data[0] == '['))
        trimmed = str_slice(trimmed, 1, trimmed.size);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_equal_ignoring_case(str_slice(trimmed, 0, strlen(words[i])), str_from(words[i])))
            return true;
    return str_equal_ignoring_case(trimmed, STR("ft"));
}

static size_t find_part(str_t text, size_t begin, str_t part)
{
    for (size_t i = begin; part.size > 0 && i + part.size <= text.size; i++)
        if (memcmp(text.data + i, part.data, part.size) == 0)
            return i;
    return SIZE_MAX;
}

/* What the credit writes between its names; false: it does not hold them in this order. */
static bool take_phrases(str_t credit, library_credit_t *credits, uint32_t count)
{
    size_t at = 0;
    uint32_t role = CATALOG_ROLE_MAIN;
    for (uint32_t i = 0; i < count; i++) {
        size_t begin = find_part(credit, at, credits[i].name);
        if (begin == SIZE_MAX || (i == 0 && begin != 0))
            return false;
        if (i > 0) {
            credits[i - 1].join_phrase = cut(str_slice(credit, at, begin), 64);
            if (is_featuring(credits[i - 1].join_phrase))
                role = CATALOG_ROLE_FEATURED;
        }
        credits[i].role = role;
        at = begin + credits[i].name.size;
    }
    return true;
}

static void plain_phrases(library_credit_t *credits, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        credits[i].role = CATALOG_ROLE_MAIN;
        credits[i].join_phrase = i + 1 == count   ? (str_t){"", 0}
                                 : i + 2 == count ? STR(" & ")
                                                  : STR(", ");
    }
}

/* sorts and mbids go by index; there may be fewer of them. */
static uint32_t add_artists(library_credit_t *credits, const str_t *names, uint32_t count,
                            const str_t *sorts, uint32_t sort_count, const str_t *mbids,
                            uint32_t mbid_count, str_t credit)
{
    uint32_t added = 0;
    for (uint32_t i = 0; i < count && added < READ_TAGS_CREDITS_MAX; i++) {
        str_t name = cut_name(names[i]);
        if (name.size == 0)
            continue;
        credits[added++] = (library_credit_t){
            .name = name,
            .sort_name = i < sort_count ? cut_name(sorts[i]) : (str_t){"", 0},
            .mbid = i < mbid_count && mbids[i].size <= 64 ? mbids[i] : (str_t){"", 0}};
    }
    if (added == 0 && str_trim(credit).size > 0)
        credits[added++] = (library_credit_t){.name = cut_name(credit)};
    if (!take_phrases(credit, credits, added))
        plain_phrases(credits, added);
    return added;
}

static bool role_of(str_t name, uint32_t *out_role)
{
    static const struct {
        const char *name;
        catalog_role_t role;
    } roles[] = {
        {"composer", CATALOG_ROLE_COMPOSER},   {"lyricist", CATALOG_ROLE_LYRICIST},
        {"conductor", CATALOG_ROLE_CONDUCTOR}, {"performer", CATALOG_ROLE_PERFORMER},
        {"ensemble", CATALOG_ROLE_PERFORMER},  {"remixer", CATALOG_ROLE_REMIXER},
        {"producer", CATALOG_ROLE_PRODUCER},   {"arranger", CATALOG_ROLE_ARRANGER},
    };
    for (size_t i = 0; i < COUNT_OF(roles); i++)
        if (str_equal(name, str_from(roles[i].name))) {
            *out_role = roles[i].role;
            return true;
        }
    return false;
}

static err_t take_credits(const media_file_t *file, arena_t *arena, library_track_t *track)
{
    library_credit_t *credits = arena_new_array(arena, READ_TAGS_CREDITS_MAX, sizeof *credits);
    library_credit_t *album = arena_new_array(arena, READ_TAGS_CREDITS_MAX, sizeof *album);
    if (credits == NULL || album == NULL)
        return ERR_NO_MEMORY;
    uint32_t count =
        add_artists(credits, file->artists.items, file->artists.count, file->artist_sorts.items,
                    file->artist_sorts.count, file->artist_mbids.items, file->artist_mbids.count,
                    file->artist_credit);
    for (uint32_t i = 0; i < file->credits.count && count < READ_TAGS_CREDITS_MAX; i++) {
        uint32_t role = 0;
        str_t name = cut_name(file->credits.items[i].name);
        if (name.size > 0 && role_of(file->credits.items[i].role, &role))
            credits[count++] = (library_credit_t){.name = name, .role = role};
    }
    track->credits.items = credits;
    track->credits.count = count;
    track->album_credits.items = album;
    track->album_credits.count = add_artists(
        album, file->album_artists.items, file->album_artists.count, file->album_artist_sorts.items,
        file->album_artist_sorts.count, file->album_artist_mbids.items,
        file->album_artist_mbids.count, file->album_artist_credit);
    return ERR_OK;
}

/* ---- the rest ---- */

str_t read_tags_title_of(str_t path, arena_t *arena)
{
    buf_t repaired BUF_SCOPED = BUF_INIT;
    size_t slash = str_find_last(path, '/');
    str_t name = slash == path.size ? path : str_slice(path, slash + 1, path.size);
    size_t dot = str_find_last(name, '.');
    if (dot > 0 && dot < name.size)
        name = str_slice(name, 0, dot);
    size_t digits = 0;
    while (digits < name.size && name.data[digits] >= '0' && name.data[digits] <= '9')
        digits++;
    str_t rest = str_slice(name, digits, name.size);
    size_t marks = 0;
    while (marks < rest.size && strchr(" .-_", rest.data[marks]) != NULL)
        marks++;
    if (digits > 0 && digits <= 3 && marks > 0 && marks < rest.size)
        name = str_slice(rest, marks, rest.size);
    utf8_append_repaired(&repaired, name);
    return arena_str(arena, cut_name(buf_str(&repaired)));
}

static err_t take_values(const str_t *values, uint32_t count, arena_t *arena,
                         const str_t **out_items, uint32_t *out_count)
{
    str_t *kept = arena_new_array(arena, READ_TAGS_VALUES_MAX, sizeof *kept);
    uint32_t kept_count = 0;
    if (kept == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count && kept_count < READ_TAGS_VALUES_MAX; i++) {
        str_t value = cut_name(values[i]);
        if (value.size > 0)
            kept[kept_count++] = value;
    }
    *out_items = kept;
    *out_count = kept_count;
    return ERR_OK;
}

static str_t first_composer(const media_file_t *file)
{
    for (uint32_t i = 0; i < file->credits.count; i++)
        if (str_equal(file->credits.items[i].role, STR("composer")))
            return cut_name(file->credits.items[i].name);
    return (str_t){"", 0};
}

static int64_t centi(double decibel)
{
    return isfinite(decibel) && fabs(decibel) < 1000 ? llround(decibel * 100) : 0;
}

static str_t short_id(str_t id)
{
    return id.size <= 64 ? id : (str_t){"", 0};
}

static void take_sound(const media_audio_t *audio, arena_t *arena, library_track_t *track)
{
    track->codec = cut(audio->codec, 32);
    track->container = cut(audio->container, 32);
    track->bit_rate = audio->bit_rate;
    track->sample_rate = audio->sample_rate;
    track->channels = audio->channels;
    track->bits = audio->is_lossless ? audio->bits : 0;
    track->samples = audio->total_samples;
    track->duration_ms = audio->duration_ms;
    track->encoder_delay = audio->encoder_delay;
    track->encoder_padding = audio->encoder_padding;
    if (audio->audio_hash != 0)
        track->audio_hash = arena_printf(arena, "%016llx", (unsigned long long)audio->audio_hash);
}

static void take_gain(const media_file_t *file, library_track_t *track)
{
    track->has_gain = file->has_track_gain;
    if (!file->has_track_gain)
        return;
    track->track_gain_cdb = centi(file->track_gain_db);
    track->track_peak = file->track_peak;
    track->album_gain_cdb = centi(file->has_album_gain ? file->album_gain_db : file->track_gain_db);
    track->album_peak = file->has_album_gain ? file->album_peak : file->track_peak;
}

/* Few files say so much that a whole batch of them would not fit; they lose their longest lists. */
static void shrink(library_track_t *track)
{
    enum { FEW = 8 };
    if (schema_deep_size(&library_track_schema, track) <= READ_TAGS_SIZE_MAX)
        return;
    track->credits.count = MIN(track->credits.count, (uint32_t)FEW);
    track->album_credits.count = MIN(track->album_credits.count, (uint32_t)FEW);
    track->genres.count = MIN(track->genres.count, (uint32_t)FEW);
    track->moods.count = MIN(track->moods.count, (uint32_t)FEW);
    track->languages.count = MIN(track->languages.count, (uint32_t)FEW);
}

err_t read_tags(const media_file_t *file, str_t path, uint64_t size_bytes, int64_t stamp,
                arena_t *arena, library_track_t *out_track)
{
    library_track_t track = {.path = path, .size_bytes = size_bytes, .stamp = stamp};
    track.title = cut_name(file->title);
    if (track.title.size == 0)
        track.title = read_tags_title_of(path, arena);
    if (track.title.data == NULL)
        return ERR_NO_MEMORY;
    track.sort_title = cut_name(file->title_sort);
    track.album = cut_name(file->album);
    track.sort_album = cut_name(file->album_sort);
    track.disc = file->disc;
    track.disc_total = file->disc_total;
    track.number = file->track;
    track.number_total = file->track_total;
    track.date = cut(file->date, 32);
    track.original_date = cut(file->original_date, 32);
    track.composer = first_composer(file);
    track.is_compilation = file->is_compilation;
    track.mb_recording = short_id(file->recording_mbid);
    track.mb_release = short_id(file->release_mbid);
    track.mb_release_group = short_id(file->release_group_mbid);
    track.mb_track = short_id(file->release_track_mbid);
    track.cover_hash = file->cover_size > 0 ? (file->cover_hash | 1) : 0;
    TRY(take_credits(file, arena, &track));
    TRY(take_values(file->genres.items, file->genres.count, arena, &track.genres.items,
                    &track.genres.count));
    TRY(take_values(file->moods.items, file->moods.count, arena, &track.moods.items,
                    &track.moods.count));
    TRY(take_values(file->languages.items, file->languages.count, arena, &track.languages.items,
                    &track.languages.count));
    take_gain(file, &track);
    if (file->audio.count > 0)
        take_sound(&file->audio.items[0], arena, &track);
    shrink(&track);
    *out_track = track;
    return ERR_OK;
}

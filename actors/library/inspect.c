#include "actors/library/inspect.h"

#include "actors/library/library_rules.h"
#include "actors/library/read_tags.h"
#include "runtime/base/utf8.h"
#include "storage/catalog/catalog.h"

static void line(buf_t *out, const char *name, str_t value)
{
    if (value.size == 0)
        return;
    buf_printf(out, "  %-22s ", name);
    utf8_append_repaired(out, value);
    buf_append_char(out, '\n');
}

static void number(buf_t *out, const char *name, uint64_t value)
{
    if (value != 0)
        buf_printf(out, "  %-22s %llu\n", name, (unsigned long long)value);
}

static void place(buf_t *out, const char *name, uint32_t at, uint32_t total)
{
    if (at != 0 && total != 0)
        buf_printf(out, "  %-22s %u of %u\n", name, at, total);
    else
        number(out, name, at);
}

static void credits(buf_t *out, const char *name, const library_credit_t *items, uint32_t count)
{
    static const char *const roles[CATALOG_ROLE_COUNT] = {
        [CATALOG_ROLE_MAIN] = "main",           [CATALOG_ROLE_FEATURED] = "featured",
        [CATALOG_ROLE_COMPOSER] = "composer",   [CATALOG_ROLE_LYRICIST] = "lyricist",
        [CATALOG_ROLE_CONDUCTOR] = "conductor", [CATALOG_ROLE_PERFORMER] = "performer",
        [CATALOG_ROLE_REMIXER] = "remixer",     [CATALOG_ROLE_PRODUCER] = "producer",
        [CATALOG_ROLE_ARRANGER] = "arranger"};
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(out, "  %-22s ", name);
        utf8_append_repaired(out, items[i].name);
        buf_printf(out, " (%s%s%.*s)\n", roles[items[i].role], items[i].mbid.size > 0 ? ", " : "",
                   STR_ARG(items[i].mbid));
    }
}

static void values(buf_t *out, const char *name, const str_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        line(out, name, items[i]);
}

static void append_tags(const library_track_t *track, const media_file_t *file, buf_t *out)
{
    buf_append(out, STR("Tags\n"));
    line(out, "title", track->title);
    if (file->title.size == 0)
        buf_append(out, STR("                         (no title tag: made of the file's name)\n"));
    credits(out, "artist", track->credits.items, track->credits.count);
    line(out, "album", track->album);
    credits(out, "album artist", track->album_credits.items, track->album_credits.count);
    place(out, "disc", track->disc, track->disc_total);
    place(out, "number", track->number, track->number_total);
    line(out, "date", track->date);
    line(out, "original date", track->original_date);
    values(out, "genre", track->genres.items, track->genres.count);
    values(out, "mood", track->moods.items, track->moods.count);
    values(out, "language", track->languages.items, track->languages.count);
    if (track->is_compilation)
        line(out, "compilation", STR("yes"));
    line(out, "MusicBrainz recording", track->mb_recording);
    line(out, "MusicBrainz release", track->mb_release);
    if (track->has_gain)
        buf_printf(out, "  %-22s %.2f dB track, %.2f dB album\n", "ReplayGain",
                   (double)track->track_gain_cdb / 100, (double)track->album_gain_cdb / 100);
    line(out, "cover inside", file->cover_type);
    line(out, "lyrics",
         file->synced_lyrics.size > 0 ? STR("in time")
         : file->lyrics.size > 0      ? STR("plain")
                                      : (str_t){"", 0});
}

static void append_sound(const library_track_t *track, buf_t *out)
{
    buf_append(out, STR("Sound\n"));
    line(out, "codec", track->codec);
    line(out, "container", track->container);
    number(out, "bit rate", track->bit_rate);
    number(out, "sample rate", track->sample_rate);
    number(out, "channels", track->channels);
    number(out, "bits", track->bits);
    number(out, "samples", track->samples);
    number(out, "duration ms", track->duration_ms);
}

static void append_grouping(const library_track_t *track, arena_t *arena, buf_t *out)
{
    uint64_t album_id = 0;
    bool is_by_folder = false;
    if (library_album_of(track, (str_t){"", 0}, arena, &album_id, &is_by_folder) != ERR_OK)
        return;
    buf_append(out, STR("Album\n"));
    if (track->mb_release.size > 0)
        line(out, "grouped by", STR("MusicBrainz release id: all files with the same one"));
    else if (is_by_folder)
        line(out, "grouped by",
             STR("folder and album title, since there is no album artist tag; with several artists "
                 "in it the album is of Various Artists"));
    else
        line(out, "grouped by", STR("album artist and album title, whatever the folder"));
}

static void append_identity(const library_track_t *track, buf_t *out)
{
    buf_append(out, STR("It stays the same track when it moves or changes, as long as one of these "
                        "is the same\n"));
    if (track->audio_hash.size > 0)
        buf_printf(out, "  %-22s %.*s, %llu samples\n", "sound", STR_ARG(track->audio_hash),
                   (unsigned long long)track->samples);
    if (track->mb_recording.size > 0 && track->mb_release.size > 0)
        line(out, "MusicBrainz", STR("recording and release"));
    if (track->album.size > 0)
        line(out, "tags",
             STR("album artist, album, disc, number and title, and the length within 2 s"));
    else
        line(out, "tags", STR("no: there is no album tag"));
}

void inspect_append(const media_file_t *file, str_t path, buf_t *out)
{
    library_track_t track;
    arena_t arena ARENA_SCOPED = {0};
    utf8_append_repaired(out, path);
    buf_append_char(out, '\n');
    if (file->err != ERR_OK) {
        line(out, "can't be read", file->reason);
        return;
    }
    if (read_tags(file, path, 0, 0, &arena, &track) != ERR_OK)
        return;
    append_tags(&track, file, out);
    append_sound(&track, out);
    append_grouping(&track, &arena, out);
    append_identity(&track, out);
}

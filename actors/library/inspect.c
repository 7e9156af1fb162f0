#include "actors/library/inspect.h"

#include "actors/library/read_tags.h"
#include "storage/catalog/catalog.h"

static void append_line(buf_t *out, const char *name, str_t value)
{
    if (!str_is_empty(value))
        buf_printf(out, "  %-22s %.*s\n", name, STR_ARG(value));
}

static void append_number(buf_t *out, const char *name, uint64_t value)
{
    if (value != 0)
        buf_printf(out, "  %-22s %llu\n", name, (unsigned long long)value);
}

static void append_list(buf_t *out, const char *name, const str_t *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        append_line(out, name, items[i]);
}

static void append_audio(buf_t *out, const media_audio_t *audio)
{
    buf_append(out, STR("sound\n"));
    append_line(out, "codec", audio->codec);
    append_line(out, "container", audio->container);
    append_number(out, "bit rate (bit/s)", audio->bit_rate);
    append_number(out, "sample rate (Hz)", audio->sample_rate);
    append_number(out, "channels", audio->channels);
    append_number(out, "bits per sample", audio->bits);
    append_number(out, "samples", audio->total_samples);
    append_number(out, "duration (ms)", audio->duration_ms);
    append_number(out, "encoder delay", audio->encoder_delay);
    append_number(out, "encoder padding", audio->encoder_padding);
    if (audio->is_truncated)
        append_line(out, "note", STR("it ends before its header says"));
}

static void append_tags(buf_t *out, const media_file_t *file)
{
    buf_append(out, STR("tags\n"));
    append_line(out, "title", file->title);
    append_line(out, "artists as written", file->artist_credit);
    append_list(out, "artist", file->artists.items, file->artists.count);
    append_line(out, "album", file->album);
    append_line(out, "album artists as written", file->album_artist_credit);
    append_list(out, "album artist", file->album_artists.items, file->album_artists.count);
    append_number(out, "disc", file->disc);
    append_number(out, "discs", file->disc_total);
    append_number(out, "track", file->track);
    append_number(out, "tracks", file->track_total);
    append_line(out, "date", file->date);
    append_line(out, "original date", file->original_date);
    append_list(out, "genre", file->genres.items, file->genres.count);
    append_list(out, "mood", file->moods.items, file->moods.count);
    for (uint32_t i = 0; i < file->credits.count; i++)
        buf_printf(out, "  %-22.*s %.*s\n", STR_ARG(file->credits.items[i].role),
                   STR_ARG(file->credits.items[i].name));
    append_line(out, "compilation", file->is_compilation ? STR("yes") : STR(""));
    append_line(out, "MusicBrainz recording", file->recording_mbid);
    append_line(out, "MusicBrainz release", file->release_mbid);
    if (file->has_track_gain)
        buf_printf(out, "  %-22s %.2f dB\n", "track gain", file->track_gain_db);
    if (file->has_album_gain)
        buf_printf(out, "  %-22s %.2f dB\n", "album gain", file->album_gain_db);
    append_number(out, "cover (bytes)", file->cover_size);
    append_line(out, "lyrics",
                str_is_empty(file->synced_lyrics)
                    ? (str_is_empty(file->lyrics) ? STR("") : STR("plain"))
                    : STR("time-synced"));
}

/* The order is that in which the library looks (ARCHITECTURE §6). */
static void append_identity(buf_t *out, const library_track_t *track, str_t album_artist)
{
    buf_append(out, STR("it is the same track as one in the library with, in this order\n"));
    buf_printf(out, "  1. the same path, size and time of change\n");
    if (!str_is_empty(track->audio_hash))
        buf_printf(out, "  2. the same sound: %.*s\n", STR_ARG(track->audio_hash));
    if (!str_is_empty(track->mb_recording) && !str_is_empty(track->mb_release))
        buf_printf(out, "  3. the same MusicBrainz recording and release\n");
    buf_printf(out,
               "  4. the same album artist (%.*s), album (%.*s), disc %u, track %u and title, and "
               "a length "
               "within 2 s\n",
               STR_ARG(album_artist), STR_ARG(track->album), track->disc, track->number);
}

static void append_album(buf_t *out, const library_track_t *track, str_t album_artist, str_t path)
{
    size_t slash = str_find_last(path, '/');
    str_t folder = slash == path.size ? STR("") : str_slice(path, 0, slash);
    const char *why = !str_is_empty(track->mb_release) ? "its MusicBrainz release"
                      : !str_is_empty(track->album)    ? "its album artist and album"
                                                       : "its folder, since it names no album";
    uint64_t id = catalog_album_id(album_artist, track->album, track->mb_release, STR(""), folder);
    buf_printf(out, "its album is found by %s (al_%llu)\n", why, (unsigned long long)id);
}

void inspect_append(const media_file_t *file, str_t path, buf_t *out)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t album_artist BUF_SCOPED = BUF_INIT;
    library_track_t track;
    buf_printf(out, "%.*s\n", STR_ARG(path));
    if (file->err != ERR_OK) {
        buf_printf(out, "can't be read: %.*s\n", STR_ARG(file->reason));
        return;
    }
    for (uint32_t i = 0; i < file->audio.count; i++)
        append_audio(out, &file->audio.items[i]);
    append_tags(out, file);
    if (read_tags(file, path, 0, 0, &arena, &track) != ERR_OK)
        return;
    for (uint32_t i = 0; i < track.album_credits.count; i++)
        buf_printf(&album_artist, "%.*s%.*s", STR_ARG(track.album_credits.items[i].name),
                   STR_ARG(track.album_credits.items[i].join_phrase));
    str_t name = buf_str(&album_artist);
    append_identity(out, &track, name);
    append_album(out, &track, name, path);
}

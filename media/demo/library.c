#include "media/demo/library.h"

#include "media/demo/albums.h"
#include "media/demo/cover.h"
#include "runtime/base/xxh64.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_SIZE = 1024,
    TAGS_MAX = 48,
    COVER_SIDE = 800,
    BULK_COVER_SIDE = 96,
    SAMPLE_RATE = 44100,
    GAPLESS_FIRST = 3 * 44100 + 777
};

/* ---- small things ---- */

static err_t make_folders(const char *path)
{
    char part[PATH_SIZE];
    size_t size = strlen(path);
    if (size >= sizeof part)
        return ERR_LIMIT;
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return err_from_errno(errno);
    }
    return ERR_OK;
}

static err_t write_file(const char *path, str_t bytes)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return err_from_errno(errno);
    bool is_whole = fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
    return fclose(file) == 0 && is_whole ? ERR_OK : ERR_IO;
}

static err_t join(char out[PATH_SIZE], const char *folder, const char *name)
{
    int size = snprintf(out, PATH_SIZE, "%s/%s", folder, name);
    return size < 0 || size >= PATH_SIZE ? ERR_LIMIT : ERR_OK;
}

/* A tag list whose values live in one buffer of text. */
typedef struct tags {
    demo_tag_t items[TAGS_MAX];
    size_t count, used;
    char text[16 * 1024];
} tags_t;

static void add(tags_t *self, const char *key, const char *format, ...) PRINTF_LIKE(3, 4);
static void add(tags_t *self, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = vsnprintf(self->text + self->used, sizeof self->text - self->used, format, args);
    va_end(args);
    if (size <= 0 || self->count == TAGS_MAX || (size_t)size >= sizeof self->text - self->used)
        return;
    self->items[self->count++] = (demo_tag_t){key, self->text + self->used};
    self->used += (size_t)size + 1;
}

/* Looks like a MusicBrainz id, is made from a name: the same for the same one. */
static void add_id(tags_t *self, const char *key, const char *kind, const char *name)
{
    uint64_t a = xxh64(str_from(name), str_hash(str_from(kind))), b = xxh64(str_from(kind), a);
    add(self, key, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(a >> 32),
        (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(b >> 52),
        (unsigned long long)(b & 0xffffffffffffULL));
}

/* ---- the demo library ---- */

static void lyrics_text(const demo_song_t *song, double seconds, char *out, size_t size)
{
    size_t count = 0, used = 0;
    while (song->lyrics[count] != NULL)
        count++;
    for (size_t i = 0; i < count; i++) {
        double at = 2.0 + (seconds - 5.0) * (double)i / (double)count;
        used += (size_t)snprintf(out + used, size - used, "[%02d:%05.2f]%s\n", (int)(at / 60),
                                 fmod(at, 60), song->lyrics[i]);
    }
}

/* Mean power stands in for loudness: close enough for tags that only have to be sensible. */
static void add_gain(tags_t *tags, const demo_wave_t *wave)
{
    double power = 0, peak = 0;
    uint64_t count = wave->count * wave->channels;
    for (uint64_t i = 0; i < count; i++) {
        power += (double)wave->samples[i] * (double)wave->samples[i];
        peak = fmax(peak, fabs((double)wave->samples[i]));
    }
    double loudness = 10 * log10(power / (double)count + 1e-12);
    add(tags, "REPLAYGAIN_TRACK_GAIN", "%.2f dB", -18 - loudness);
    add(tags, "REPLAYGAIN_TRACK_PEAK", "%.6f", peak);
    add(tags, "REPLAYGAIN_ALBUM_GAIN", "%.2f dB", -18 - loudness + 0.5);
    add(tags, "REPLAYGAIN_ALBUM_PEAK", "%.6f", fmin(1, peak + 0.01));
}

static void add_song_tags(tags_t *tags, const demo_album_t *album, const demo_song_t *song)
{
    bool has_many =
        song->format == DEMO_FLAC || song->format == DEMO_OGG || song->format == DEMO_OPUS;
    uint32_t on_disc = 0;
    for (size_t i = 0; i < album->song_count; i++)
        on_disc += album->songs[i].disc == song->disc ? 1 : 0;
    add(tags, "title", "%s", song->title);
    add(tags, "artist", "%s", song->artist);
    add(tags, "album", "%s", album->title);
    add(tags, "album_artist", "%s", album->artist);
    if (has_many)
        add(tags, "ALBUMARTIST", "%s", album->artist);
    add(tags, "track", "%u/%u", song->track, on_disc);
    add(tags, "disc", "%u/%u", song->disc, album->discs);
    add(tags, "date", "%s", album->date);
    add(tags, "ORIGINALDATE", "%s", album->original_date);
    add(tags, "composer", "%s", song->composer);
    add(tags, "MOOD", "%s", song->mood);
    add(tags, "LABEL", "%s", album->label);
    if (album->is_compilation)
        add(tags, "compilation", "1");
    /* libavformat's writers keep one value a key: several are parted by ';'. */
    const char *const *g = song->genres;
    add(tags, "genre", "%s%s%s", g[0], g[1] == NULL ? "" : "; ", g[1] == NULL ? "" : g[1]);
    const char *const *people = song->artists;
    if (has_many && people[0] != NULL)
        add(tags, "ARTISTS", "%s; %s", people[0], people[1]);
    if (has_many && people[0] == NULL)
        add_id(tags, "MUSICBRAINZ_ARTISTID", "artist", song->artist);
    /* No MUSICBRAINZ_ALBUMID: albums here mix formats, and not all of libavformat's writers carry
     * it, which would part them. */
    add_id(tags, "MUSICBRAINZ_ALBUMARTISTID", "artist", album->artist);
    add_id(tags, "MUSICBRAINZ_TRACKID", "recording", song->title);
}

static err_t write_song(const char *folder, const demo_album_t *album, const demo_song_t *song,
                        str_t cover)
{
    char name[256], path[PATH_SIZE], lyrics[2048];
    const char *ending = demo_format_name(song->format);
    snprintf(name, sizeof name, "%u-%02u %s.%s", song->disc, song->track, song->title, ending);
    TRY(join(path, folder, name));
    if (access(path, F_OK) == 0)
        return ERR_OK;
    demo_wave_t wave DEMO_WAVE_SCOPED = {0};
    demo_sound_t sound DEMO_SOUND_SCOPED = {0};
    TRY(demo_compose(&song->piece, SAMPLE_RATE, &wave));
    TRY(demo_encode(&wave, song->format, &sound));
    tags_t tags = {.count = 0};
    add_song_tags(&tags, album, song);
    add_gain(&tags, &wave);
    if (song->lyrics != NULL) {
        lyrics_text(song, (double)wave.count / SAMPLE_RATE, lyrics, sizeof lyrics);
        add(&tags, "lyrics", "%s", lyrics);
    }
    demo_file_t file = {.path = path, .tags = tags.items, .tag_count = tags.count, .cover = cover};
    TRY(demo_write(&sound, &file));
    if (song->lyrics == NULL)
        return ERR_OK;
    snprintf(name, sizeof name, "%u-%02u %s.lrc", song->disc, song->track, song->title);
    TRY(join(path, folder, name));
    return write_file(path, str_from(lyrics));
}

static err_t write_album(const char *root, const demo_album_t *album, uint32_t seed)
{
    char folder[PATH_SIZE], path[PATH_SIZE];
    buf_t cover BUF_SCOPED = BUF_INIT;
    TRY(join(folder, root, album->folder));
    TRY(make_folders(folder));
    TRY(demo_cover(seed, COVER_SIDE, album->has_png_cover ? PICTURE_PNG : PICTURE_JPEG, &cover));
    if (!album->has_cover_inside) {
        TRY(join(path, folder, "cover.jpg"));
        TRY(write_file(path, buf_str(&cover)));
    }
    for (size_t i = 0; i < album->song_count; i++)
        TRY(write_song(folder, album, &album->songs[i],
                       album->has_cover_inside ? buf_str(&cover) : (str_t){0}));
    return ERR_OK;
}

err_t demo_make_library(const char *folder)
{
    size_t count;
    const demo_album_t *albums = demo_albums(&count);
    for (size_t i = 0; i < count; i++)
        TRY(write_album(folder, &albums[i], (uint32_t)(7 + 31 * i)));
    return ERR_OK;
}

/* ---- many files ---- */

static uint32_t samples_in_packet(const demo_sound_t *sound)
{
    int64_t span = sound->packets[sound->packet_count - 1]->pts - sound->packets[0]->pts;
    return (uint32_t)MAX(span / (int64_t)MAX(sound->packet_count - 1, (size_t)1), 1);
}

static err_t write_bulk_file(const char *root, const demo_bulk_t *bulk, const demo_sound_t *sound,
                             uint32_t index, str_t cover)
{
    enum { TRACKS = 12, ALBUMS = 5 };
    uint32_t album = index / TRACKS, artist = album / ALBUMS;
    char folder[PATH_SIZE / 2], path[PATH_SIZE];
    if (snprintf(folder, sizeof folder, "%s/artist %04u/album %05u", root, artist, album) >=
        (int)sizeof folder)
        return ERR_LIMIT;
    if (index % TRACKS == 0)
        TRY(make_folders(folder));
    snprintf(path, sizeof path, "%s/%02u track %u.%s", folder, index % TRACKS + 1, index,
             demo_format_name(sound->format));
    tags_t tags = {.count = 0};
    add(&tags, "title", "Track %u", index);
    add(&tags, "artist", "Artist %u", artist);
    add(&tags, "album_artist", "Artist %u", artist);
    if (sound->format != DEMO_MP3)
        add(&tags, "ALBUMARTIST", "Artist %u", artist);
    add(&tags, "album", "Album %u", album);
    add(&tags, "track", "%u/%u", index % TRACKS + 1, TRACKS);
    add(&tags, "disc", "1/1");
    add(&tags, "date", "%u", 1970 + album % 50);
    add(&tags, "genre", "%s", album % 3 == 0 ? "Jazz" : album % 3 == 1 ? "Rock" : "Electronic");
    add_id(&tags, "MUSICBRAINZ_ALBUMID", "release", folder);
    add_id(&tags, "MUSICBRAINZ_TRACKID", "recording", path);
    uint32_t rate = (uint32_t)sound->time_base.den, packet = samples_in_packet(sound);
    size_t count = MAX((size_t)((uint64_t)bulk->seconds * rate / packet), (size_t)1);
    size_t places = sound->packet_count > count ? sound->packet_count - count : 1;
    demo_file_t file = {.path = path,
                        .tags = tags.items,
                        .tag_count = tags.count,
                        .cover = cover,
                        .first = index / bulk->format_count % places,
                        .count = count};
    return demo_write(sound, &file);
}

/* Long enough that every file begins at another packet. */
static err_t make_bulk_sound(const demo_bulk_t *bulk, demo_format_t format, demo_sound_t *out)
{
    static const uint32_t samples[DEMO_FORMATS] = {
        [DEMO_FLAC] = 4608, [DEMO_MP3] = 1152, [DEMO_OGG] = 1024, [DEMO_OPUS] = 882,
        [DEMO_M4A] = 1024,  [DEMO_WAV] = 4096, [DEMO_AIFF] = 4096};
    uint64_t files = bulk->count / bulk->format_count + 2;
    demo_piece_t piece = {
        .seed = 99 + format, .bpm = 110, .root = 57, .has_drums = true, .has_arpeggio = true};
    piece.seconds = (uint32_t)(files * samples[format] / SAMPLE_RATE) + bulk->seconds + 4;
    demo_wave_t wave DEMO_WAVE_SCOPED = {0};
    TRY(demo_compose(&piece, SAMPLE_RATE, &wave));
    return demo_encode(&wave, format, out);
}

static err_t write_bulk(const char *folder, const demo_bulk_t *bulk, const demo_sound_t *sounds)
{
    for (uint32_t i = 0; i < bulk->count; i++) {
        buf_t cover BUF_SCOPED = BUF_INIT;
        if (bulk->has_covers)
            TRY(demo_cover(i / 12, BULK_COVER_SIDE, PICTURE_JPEG, &cover));
        TRY(write_bulk_file(folder, bulk, &sounds[i % bulk->format_count], i, buf_str(&cover)));
    }
    return ERR_OK;
}

err_t demo_make_bulk(const char *folder, const demo_bulk_t *bulk)
{
    demo_sound_t sounds[DEMO_FORMATS] = {0};
    err_t err = bulk->format_count == 0 || bulk->format_count > DEMO_FORMATS ? ERR_INVALID
                                                                             : make_folders(folder);
    for (size_t i = 0; i < bulk->format_count && err == ERR_OK; i++)
        err = make_bulk_sound(bulk, bulk->formats[i], &sounds[i]);
    if (err == ERR_OK)
        err = write_bulk(folder, bulk, sounds);
    for (size_t i = 0; i < COUNT_OF(sounds); i++)
        demo_sound_deinit(&sounds[i]);
    return err;
}

/* ---- a gapless pair ---- */

err_t demo_make_gapless(const char *folder, uint32_t seconds)
{
    size_t first = seconds == 0 ? GAPLESS_FIRST : (size_t)seconds * SAMPLE_RATE + 123;
    size_t second = (size_t)(seconds == 0 ? 4 : seconds) * SAMPLE_RATE + 321;
    TRY(make_folders(folder));
    for (uint32_t i = 0; i < 2; i++) {
        char path[PATH_SIZE];
        demo_wave_t wave DEMO_WAVE_SCOPED = {0};
        demo_sound_t sound DEMO_SOUND_SCOPED = {0};
        TRY(join(path, folder, i == 0 ? "01.flac" : "02.flac"));
        TRY(demo_wave_init(&wave, SAMPLE_RATE, 2, i == 0 ? first : second));
        demo_sine(&wave, 441.7, 0.5, i == 0 ? 0 : first);
        TRY(demo_encode(&wave, DEMO_FLAC, &sound));
        tags_t tags = {.count = 0};
        add(&tags, "title", "Sine, part %u", i + 1);
        add(&tags, "artist", "Generator");
        add(&tags, "album", "Gapless");
        add(&tags, "track", "%u/2", i + 1);
        demo_file_t file = {.path = path, .tags = tags.items, .tag_count = tags.count};
        TRY(demo_write(&sound, &file));
    }
    return ERR_OK;
}

#include "media/demo/cover.h"
#include "media/tags/tag_keys.h"
#include "runtime/base/memory.h"
#include "runtime/base/utf8.h"
#include "tests/media/media_fixture.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const demo_tag_t full_tags[] = {
    {"title", "Über den Wolken"},
    {"artist", "Mira Solane feat. Jonas Vey"},
    {"album", "Harbour Lights"},
    {"album_artist", "Mira Solane"},
    {"ALBUMARTIST", "Mira Solane"},
    {"track", "3/12"},
    {"disc", "1/2"},
    {"date", "2021-05-14"},
    {"genre", "Ambient; Electronic"},
    {"composer", "Jonas Vey"},
    {"MOOD", "Calm"},
    {"LANGUAGE", "deu"},
    {"REPLAYGAIN_TRACK_GAIN", "-7.25 dB"},
    {"REPLAYGAIN_TRACK_PEAK", "0.98"},
    {"MUSICBRAINZ_ALBUMID", "18caccca-4ffd-44f0-ab71-251f00de0368"},
    {"lyrics", "[00:01.00]one\n[00:02.50]two\n"},
};

static void make_wave(demo_wave_t *wave, uint32_t sample_rate, uint64_t count)
{
    check_ok(demo_wave_init(wave, sample_rate, 2, count));
    demo_sine(wave, 330, 0.4, 0);
}

static int make_file(demo_format_t format, const demo_tag_t *tags, size_t count)
{
    demo_wave_t wave DEMO_WAVE_SCOPED = {0};
    buf_t cover BUF_SCOPED = BUF_INIT;
    make_wave(&wave, 44100, 100001);
    check_ok(demo_cover(3, 400, PICTURE_JPEG, &cover));
    return fixture_audio(&wave, format, tags, count, buf_str(&cover));
}

Test(probe, finds_the_tags_in_every_format)
{
    for (demo_format_t format = 0; format < DEMO_WAV; format++) {
        const char *what = demo_format_name(format);
        arena_t arena ARENA_SCOPED = {0};
        char name[16];
        snprintf(name, sizeof name, "a.%s", what);
        int fd = make_file(format, full_tags, COUNT_OF(full_tags));

        media_file_t file = fixture_probe(fd, name, &arena);

        cr_expect(file.err == ERR_OK, "%s: %.*s", what, STR_ARG(file.reason));
        cr_expect(str_equal(file.title, STR("Über den Wolken")), "%s", what);
        cr_expect(str_equal(file.artist_credit, STR("Mira Solane feat. Jonas Vey")), "%s", what);
        cr_assert(file.artists.count == 2, "%s: %u artists", what, file.artists.count);
        cr_expect(str_equal(file.artists.items[1], STR("Jonas Vey")), "%s", what);
        cr_expect(file.album_artists.count == 1 &&
                      str_equal(file.album_artists.items[0], STR("Mira Solane")),
                  "%s", what);
        cr_expect(file.track == 3 && file.track_total == 12 && file.disc == 1 &&
                      file.disc_total == 2,
                  "%s", what);
        cr_expect(str_equal(file.date, STR("2021-05-14")), "%s: %.*s", what, STR_ARG(file.date));
        cr_expect(file.genres.count == 2, "%s: %u genres", what, file.genres.count);
        cr_expect(file.credits.count == 1 && str_equal(file.credits.items[0].role, STR("composer")),
                  "%s", what);
        cr_expect(file.synced_lyrics.size > 0, "%s", what);
        cr_expect(file.cover_size > 1000 && str_equal(file.cover_type, STR("image/jpeg")), "%s",
                  what);
        /* MP4 keeps the length of its edit in milliseconds. */
        int64_t off =
            (int64_t)file.audio.items[0].total_samples - (format == DEMO_OPUS ? 108845 : 100001);
        cr_expect(llabs(off) <= (format == DEMO_M4A ? 44 : 0), "%s: %lld samples off", what,
                  (long long)off);
        if (format != DEMO_M4A) { /* its writer keeps only what iTunes knows */
            cr_expect(file.has_track_gain && file.track_gain_db == -7.25 && file.track_peak == 0.98,
                      "%s", what);
            cr_expect(file.languages.count == 1 && str_equal(file.languages.items[0], STR("deu")),
                      "%s", what);
            cr_expect(file.moods.count == 1 && file.release_mbid.size == 36, "%s", what);
        }
        close(fd);
    }
}

/* The same cover in another file is known by its hash; the same sound under other tags by the
 * audio's. */
Test(probe, identity_survives_retagging)
{
    static const demo_tag_t other[] = {
        {"title", "Another name, much longer than before, so that everything moves"}};
    uint64_t cover_hash = 0;
    for (demo_format_t format = 0; format < DEMO_FORMATS; format++) {
        arena_t arena ARENA_SCOPED = {0};
        int a = make_file(format, full_tags, COUNT_OF(full_tags)),
            b = make_file(format, other, COUNT_OF(other));
        media_file_t first = fixture_probe(a, "a", &arena), second = fixture_probe(b, "b", &arena);
        cr_assert(first.err == ERR_OK && second.err == ERR_OK);
        cr_expect(first.audio.items[0].audio_hash != 0 &&
                      first.audio.items[0].audio_hash == second.audio.items[0].audio_hash,
                  "%s", demo_format_name(format));
        if (format != DEMO_WAV && first.cover_size != 0) {
            cr_expect(first.cover_hash != 0 && (cover_hash == 0 || first.cover_hash == cover_hash),
                      "%s", demo_format_name(format));
            cover_hash = first.cover_hash;
        }
        close(a);
        close(b);
    }
}

Test(probe, the_readers_here_and_libavformat_agree)
{
    static const demo_format_t formats[] = {DEMO_FLAC, DEMO_MP3, DEMO_OGG, DEMO_OPUS};
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        arena_t arena ARENA_SCOPED = {0};
        int fd = make_file(formats[i], full_tags, COUNT_OF(full_tags));
        media_file_t own = fixture_probe(fd, "a", &arena), theirs = {0};
        media_audio_t audio = {0};
        tag_set_t *tags = memory_new(sizeof *tags);
        tag_set_init(tags, &arena, &theirs);
        probe_t probe = {.arena = &arena, .file = &theirs, .audio = &audio, .tags = tags};
        probe.source.fd = fd;
        check_ok(probe_libav(&probe));
        tag_set_finish(tags);
        const char *what = demo_format_name(formats[i]);
        check_str(own.title, theirs.title);
        check_str(own.album, theirs.album);
        check_str(own.audio.items[0].codec, audio.codec);
        cr_expect(own.audio.items[0].sample_rate == audio.sample_rate &&
                      own.audio.items[0].channels == audio.channels,
                  "%s", what);
        /* libavformat counts Opus' delay in, and does not trust LAME's padding. */
        uint64_t most = MAX(own.audio.items[0].total_samples, audio.total_samples),
                 least = MIN(own.audio.items[0].total_samples, audio.total_samples);
        cr_expect(most - least <= 2400, "%s: %llu and %llu", what,
                  (unsigned long long)own.audio.items[0].total_samples,
                  (unsigned long long)audio.total_samples);
        memory_free(tags);
        close(fd);
    }
}

/* ---- bad input ---- */

static media_file_t probe_bytes(str_t bytes, const char *name, arena_t *arena)
{
    int fd = fixture_bytes(bytes);
    media_file_t file = fixture_probe(fd, name, arena);
    close(fd);
    return file;
}

Test(probe, what_is_not_audio_is_refused_with_a_reason)
{
    static const struct {
        const char *what, *name;
        str_t bytes;
    } cases[] = {
        {"an empty file", "a.mp3", STR_INIT("")},
        {"text", "a.mp3", STR_INIT("Dear diary, this is a text file whose name is wrong.\n")},
        {"text named .flac", "a.flac", STR_INIT("fLaC but then nothing that makes sense at all")},
        {"a lone Ogg page header", "a.ogg",
         STR_INIT("OggS\0\2\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\1")},
        {"an ID3 tag with nothing behind", "a.mp3", STR_INIT("ID3\3\0\0\0\0\0\0")},
        {"an ID3 tag longer than the file", "a.mp3", STR_INIT("ID3\4\0\0\x7f\x7f\x7f\x7fTIT2")},
        {"zeros", "a.wav", STR_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        media_file_t file = probe_bytes(cases[i].bytes, cases[i].name, &arena);
        cr_expect(file.err != ERR_OK && file.reason.size > 10, "%s: %u \"%.*s\"", cases[i].what,
                  file.err, STR_ARG(file.reason));
    }
}

Test(probe, a_sparse_file_of_three_gigabytes_takes_no_time)
{
    arena_t arena ARENA_SCOPED = {.size_max = 8 * 1024 * 1024};
    int fd = fixture_file();
    cr_assert(ftruncate(fd, 3LL << 30) == 0);
    media_file_t file = fixture_probe(fd, "a.mp3", &arena);
    cr_assert(file.err != ERR_OK && file.reason.size > 10);
    close(fd);
}

Test(probe, a_file_cut_off_anywhere_never_crashes_and_says_so)
{
    for (demo_format_t format = 0; format < DEMO_FORMATS; format++) {
        buf_t bytes BUF_SCOPED = BUF_INIT;
        int fd = make_file(format, full_tags, COUNT_OF(full_tags));
        fixture_read(fd, &bytes);
        close(fd);
        for (size_t size = 1; size < bytes.size; size += 1 + size / 6) {
            arena_t arena ARENA_SCOPED = {0};
            media_file_t file = probe_bytes(str_slice(buf_str(&bytes), 0, size), "a.x", &arena);
            cr_assert(file.err == ERR_OK || file.reason.size > 0, "%s at %zu",
                      demo_format_name(format), size);
        }
    }
}

Test(probe, a_truncated_flac_counts_what_is_there)
{
    arena_t arena ARENA_SCOPED = {0};
    demo_wave_t wave DEMO_WAVE_SCOPED = {0};
    buf_t bytes BUF_SCOPED = BUF_INIT;
    demo_piece_t piece = {.seed = 2, .bpm = 100, .root = 57, .seconds = 12, .has_drums = true};
    check_ok(demo_compose(&piece, 44100, &wave));
    int fd = fixture_audio(&wave, DEMO_FLAC, NULL, 0, (str_t){0});
    fixture_read(fd, &bytes);
    close(fd);

    media_file_t whole = probe_bytes(buf_str(&bytes), "a.flac", &arena);
    media_file_t half =
        probe_bytes(str_slice(buf_str(&bytes), 0, bytes.size / 2), "a.flac", &arena);

    cr_assert(whole.err == ERR_OK && !whole.audio.items[0].is_truncated);
    cr_assert(half.err == ERR_OK && half.audio.items[0].is_truncated && half.reason.size > 10);
    cr_assert(half.audio.items[0].total_samples > whole.audio.items[0].total_samples / 4);
    cr_assert(half.audio.items[0].total_samples < whole.audio.items[0].total_samples * 3 / 4);
}

/* ---- ID3 by hand ---- */

static void put_frame(buf_t *out, const char *id, str_t body)
{
    buf_append_bytes(out, id, 4);
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_append_char(out, (char)(body.size >> shift & 0xff));
    buf_append_bytes(out, "\0\0", 2);
    buf_append(out, body);
}

/* An ID3v2.3 tag around these frames, then real MP3. */
static media_file_t probe_with_frames(const buf_t *frames, arena_t *arena)
{
    buf_t bytes BUF_SCOPED = BUF_INIT, mp3 BUF_SCOPED = BUF_INIT;
    demo_wave_t wave DEMO_WAVE_SCOPED = {0};
    make_wave(&wave, 44100, 44100);
    int fd = fixture_audio(&wave, DEMO_MP3, NULL, 0, (str_t){0});
    fixture_read(fd, &mp3);
    close(fd);
    buf_append_bytes(&bytes, "ID3\3\0\0", 6);
    for (int shift = 21; shift >= 0; shift -= 7)
        buf_append_char(&bytes, (char)(frames->size >> shift & 0x7f));
    buf_append(&bytes, buf_str(frames));
    buf_append(&bytes, buf_str(&mp3));
    return probe_bytes(buf_str(&bytes), "a.mp3", arena);
}

Test(probe, text_is_valid_utf8_whatever_the_tag_claims)
{
    static const struct {
        const char *what;
        str_t body, want;
    } cases[] = {
        {"Latin-1", STR_INIT("\0Caf\xe9"), STR_INIT("Café")},
        {"UTF-8 under the name of Latin-1", STR_INIT("\0Caf\xc3\xa9"), STR_INIT("Café")},
        {"Windows-1252", STR_INIT("\0It\x92s"), STR_INIT("It’s")},
        {"UTF-16 with its mark",
         STR_INIT("\1\xff\xfe"
                  "C\0a\0f\0\xe9\0"),
         STR_INIT("Café")},
        {"UTF-16, big end first", STR_INIT("\2\0C\0a\0f\0\xe9"), STR_INIT("Café")},
        {"half a surrogate pair",
         STR_INIT("\1\xff\xfe"
                  "A\0\x3d\xd8"),
         STR_INIT("A\xef\xbf\xbd")},
        {"an odd byte at the end",
         STR_INIT("\1\xff\xfe"
                  "A\0B"),
         STR_INIT("A")},
        {"UTF-8 that is not",
         STR_INIT("\3"
                  "Caf\xe9"),
         STR_INIT("Café")},
        {"control characters",
         STR_INIT("\0A\1B\x1b"
                  "C"),
         STR_INIT("A B C")},
        {"an unknown encoding",
         STR_INIT("\x09"
                  "A"),
         STR_INIT("")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        buf_t frames BUF_SCOPED = BUF_INIT;
        put_frame(&frames, "TIT2", cases[i].body);
        media_file_t file = probe_with_frames(&frames, &arena);
        cr_expect(str_equal(file.title, cases[i].want), "%s: \"%.*s\"", cases[i].what,
                  STR_ARG(file.title));
    }
}

Test(probe, id3_says_many_things_in_its_own_way)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t frames BUF_SCOPED = BUF_INIT;
    put_frame(&frames, "TCON", STR("\0(17)"));
    put_frame(&frames, "TYER",
              STR("\0"
                  "1999"));
    put_frame(&frames, "TDAT",
              STR("\0"
                  "2412"));
    put_frame(&frames, "TPE1", STR("\3A\0B\0C"));
    put_frame(&frames, "TXXX", STR("\0MusicBrainz Album Id\0abc"));
    put_frame(&frames, "UFID", STR("http://musicbrainz.org\0the-recording"));
    put_frame(&frames, "SYLT", STR("\3eng\2\1\0one\0\0\0\x3\xe8two\0\0\0\x7\xd0"));
    put_frame(&frames, "USLT", STR("\0eng\0plain words"));
    put_frame(&frames, "IPLS", STR("\0producer\0P. Roducer"));
    put_frame(&frames, "RVA2", STR("track\0\1\xfc\0\0"));

    media_file_t file = probe_with_frames(&frames, &arena);

    cr_assert(file.err == ERR_OK, "%.*s", STR_ARG(file.reason));
    check_str(file.genres.items[0], STR("Rock"));
    check_str(file.date, STR("1999-12-24"));
    cr_assert(file.artists.count == 3);
    check_str(file.artists.items[2], STR("C"));
    check_str(file.release_mbid, STR("abc"));
    check_str(file.recording_mbid, STR("the-recording"));
    check_str(file.synced_lyrics, STR("[00:01.00]one\n[00:02.00]two"));
    check_str(file.lyrics, STR("plain words"));
    cr_assert(file.credits.count == 1);
    check_str(file.credits.items[0].role, STR("producer"));
    cr_assert(file.has_track_gain && file.track_gain_db == -2);
}

Test(probe, tags_of_megabytes_are_cut_to_their_bounds)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t frames BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT;
    buf_append_char(&text, '\3');
    while (text.size < 1024 * 1024)
        buf_append(&text, STR("äöü"));
    put_frame(&frames, "TIT2", buf_str(&text));
    buf_t lyrics BUF_SCOPED = BUF_INIT;
    buf_append(&lyrics, STR("\3eng\0"));
    buf_append(&lyrics, str_slice(buf_str(&text), 1, text.size));
    put_frame(&frames, "USLT", buf_str(&lyrics));
    for (int i = 0; i < 200; i++)
        put_frame(&frames, "TCON", buf_str(&text));

    media_file_t file = probe_with_frames(&frames, &arena);

    cr_assert(file.err == ERR_OK);
    cr_assert(file.title.size <= MEDIA_TEXT_MAX && file.title.size > MEDIA_TEXT_MAX - 8);
    cr_assert(utf8_is_valid(file.title));
    cr_assert(file.lyrics.size <= MEDIA_LYRICS_MAX && file.lyrics.size > MEDIA_LYRICS_MAX - 8);
    cr_assert(file.genres.count <= MEDIA_VALUES_MAX);
}

Test(probe, the_table_of_keys_is_in_order)
{
    size_t count;
    tag_key_at(0, &count);
    for (size_t i = 1; i < count; i++) {
        str_t before = str_from(tag_key_at(i - 1, &count)->name),
              name = str_from(tag_key_at(i, &count)->name);
        cr_expect(str_compare(before, name) < 0, "%.*s", STR_ARG(name));
        cr_expect(tag_key_find(name) == tag_key_at(i, &count));
    }
}

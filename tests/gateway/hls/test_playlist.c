#include "gateway/hls/playlist.h"
#include "tests/support/check.h"

static const hls_track_t flac_track = {{44100, 2, 16, 44100 * 10}, true};
static const hls_track_t mp3_track = {{48000, 2, 0, 48000 * 10}, false};

static err_t address(void *context, rendition_t rendition, buf_t *out)
{
    (void)context;
    buf_printf(out, "../%s/index.m3u8", rendition_name(rendition));
    return ERR_OK;
}

static size_t count_of(str_t text, const char *part)
{
    size_t count = 0;
    str_t wanted = str_from(part);
    for (size_t i = 0; i + wanted.size <= text.size; i++)
        count += str_equal(str_slice(text, i, i + wanted.size), wanted);
    return count;
}

Test(hls_playlist, flac_is_offered_for_lossless_sources_only)
{
    static const struct {
        const char *what;
        const hls_track_t *track;
        size_t renditions, flac;
    } cases[] = {{"lossless", &flac_track, 4, 1}, {"lossy", &mp3_track, 3, 0}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t text BUF_SCOPED = BUF_INIT;
        check_ok(hls_multivariant(cases[i].track, address, NULL, &text));
        cr_expect(count_of(buf_str(&text), "#EXT-X-STREAM-INF") == cases[i].renditions, "%s",
                  cases[i].what);
        cr_expect(count_of(buf_str(&text), "CODECS=\"fLaC\"") == cases[i].flac, "%s",
                  cases[i].what);
        cr_expect(str_starts_with(buf_str(&text), STR("#EXTM3U\n")), "%s", cases[i].what);
    }
}

/* Durations of a media playlist add up to the frames of the plan, and the first one is short. */
Test(hls_playlist, the_segments_of_a_media_playlist_are_those_of_the_plan)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    segment_plan_t plan;
    check_ok(segment_plan(RENDITION_AAC_128, &flac_track.source, &plan));

    check_ok(hls_media(&flac_track, RENDITION_AAC_128, &text));

    cr_assert(count_of(buf_str(&text), "#EXTINF:") == plan.segment_count);
    cr_assert(count_of(buf_str(&text), ".m4s\n") == plan.segment_count);
    cr_assert(str_ends_with(buf_str(&text), STR("#EXT-X-ENDLIST\n")));
    cr_assert(str_contains(buf_str(&text), STR("#EXT-X-MAP:URI=\"init.mp4\"")));
    cr_assert(segment_seconds(&plan, 0) < 1.1 && segment_seconds(&plan, 1) > 3.5);
}

Test(hls_playlist, a_lossy_track_has_no_flac)
{
    buf_t text BUF_SCOPED = BUF_INIT;

    check_err(hls_media(&mp3_track, RENDITION_FLAC, &text), ERR_NOT_FOUND);

    cr_assert(text.size == 0);
}

Test(hls_playlist, a_track_without_samples_has_no_renditions)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    hls_track_t empty = {{44100, 2, 0, 0}, false};

    check_err(hls_multivariant(&empty, address, NULL, &text), ERR_UNSUPPORTED);
}

Test(hls_playlist, file_names_lead_to_segments)
{
    static const struct {
        const char *file;
        err_t want;
        uint32_t index;
    } cases[] = {
        {"init.mp4", ERR_OK, HLS_INIT},        {"0.m4s", ERR_OK, 0},
        {"65535.m4s", ERR_OK, 65535},          {"65536.m4s", ERR_NOT_FOUND, 7},
        {"-1.m4s", ERR_NOT_FOUND, 7},          {".m4s", ERR_NOT_FOUND, 7},
        {"1.mp4", ERR_NOT_FOUND, 7},           {"../0.m4s", ERR_NOT_FOUND, 7},
        {"99999999999.m4s", ERR_NOT_FOUND, 7}, {"", ERR_NOT_FOUND, 7},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t index = 7;
        err_t err = hls_file_index(str_from(cases[i].file), &index);
        cr_expect(err == cases[i].want && index == cases[i].index, "%s", cases[i].file);
    }
}

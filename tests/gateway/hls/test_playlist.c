#include "gateway/hls/playlist.h"

#include "tests/support/check.h"

static const segment_source_t lossless = {44100, 2, 16, 44100 * 10};
static const str_t tokens[RENDITION_COUNT] = {
    [RENDITION_AAC_64] = {"64.a", 4},
    [RENDITION_AAC_128] = {"128.b", 5},
    [RENDITION_AAC_256] = {"256.c", 5},
    [RENDITION_FLAC] = {"1.d", 3},
};
static const segment_source_t lossy = {44100, 2, 0, 44100 * 10};

Test(playlist, the_multivariant_names_each_rendition)
{
    buf_t out BUF_SCOPED = BUF_INIT;

    check_ok(hls_multivariant(&lossless, STR("17"), tokens, &out));

    cr_assert_str_eq(buf_terminated(&out),
                     "#EXTM3U\n"
                     "#EXT-X-VERSION:7\n"
                     "#EXT-X-INDEPENDENT-SEGMENTS\n"
                     "#EXT-X-STREAM-INF:BANDWIDTH=138400,CODECS=\"mp4a.40.2\",NAME=\"aac128\"\n"
                     "../../../128.b/17/aac128/index.m3u8\n"
                     "#EXT-X-STREAM-INF:BANDWIDTH=272800,CODECS=\"mp4a.40.2\",NAME=\"aac256\"\n"
                     "../../../256.c/17/aac256/index.m3u8\n"
                     "#EXT-X-STREAM-INF:BANDWIDTH=71200,CODECS=\"mp4a.40.2\",NAME=\"aac64\"\n"
                     "../../../64.a/17/aac64/index.m3u8\n"
                     "#EXT-X-STREAM-INF:BANDWIDTH=1411200,CODECS=\"fLaC\",NAME=\"flac\"\n"
                     "../../../1.d/17/flac/index.m3u8\n");
}

Test(playlist, a_lossy_file_has_no_flac)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    check_ok(hls_multivariant(&lossy, STR("17"), tokens, &out));
    cr_assert_not(str_contains(buf_str(&out), STR("flac")));
    check_err(hls_media(RENDITION_FLAC, &lossy, &out), ERR_NOT_FOUND);
}

Test(playlist, the_media_playlist_counts_whole_frames)
{
    buf_t out BUF_SCOPED = BUF_INIT;

    check_ok(hls_media(RENDITION_AAC_128, &lossless, &out));

    cr_assert_str_eq(buf_terminated(&out), "#EXTM3U\n"
                                           "#EXT-X-VERSION:7\n"
                                           "#EXT-X-TARGETDURATION:4\n"
                                           "#EXT-X-MEDIA-SEQUENCE:0\n"
                                           "#EXT-X-PLAYLIST-TYPE:VOD\n"
                                           "#EXT-X-INDEPENDENT-SEGMENTS\n"
                                           "#EXT-X-MAP:URI=\"init.mp4\"\n"
                                           "#EXTINF:0.998458,\n0.m4s\n"
                                           "#EXTINF:3.993832,\n1.m4s\n"
                                           "#EXTINF:3.993832,\n2.m4s\n"
                                           "#EXTINF:1.044898,\n3.m4s\n"
                                           "#EXT-X-ENDLIST\n");
}

Test(playlist, what_can_not_be_cut_is_refused)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    const segment_source_t nothing = {0};
    check_err(hls_multivariant(&nothing, STR("17"), tokens, &out), ERR_UNSUPPORTED);
    cr_assert(eq(sz, out.size, 0));
}

Test(playlist, file_names_have_one_form)
{
    static const struct {
        const char *name;
        err_t want;
        hls_file_kind_t kind;
        uint32_t index;
    } cases[] = {
        {"index.m3u8", ERR_OK, HLS_INDEX, 0},      {"init.mp4", ERR_OK, HLS_INIT, 0},
        {"0.m4s", ERR_OK, HLS_SEGMENT, 0},         {"12.m4s", ERR_OK, HLS_SEGMENT, 12},
        {"65535.m4s", ERR_OK, HLS_SEGMENT, 65535}, {"65536.m4s", ERR_NOT_FOUND, 0, 0},
        {"012.m4s", ERR_NOT_FOUND, 0, 0},          {".m4s", ERR_NOT_FOUND, 0, 0},
        {"-1.m4s", ERR_NOT_FOUND, 0, 0},           {"1.mp4", ERR_NOT_FOUND, 0, 0},
        {"99999999999.m4s", ERR_NOT_FOUND, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        hls_file_kind_t kind = 0;
        uint32_t index = 0;
        err_t got = hls_parse_file(str_from(cases[i].name), &kind, &index);
        cr_expect(got == cases[i].want && kind == cases[i].kind && index == cases[i].index, "%s",
                  cases[i].name);
    }
}

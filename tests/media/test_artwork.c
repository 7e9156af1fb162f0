#include "media/artwork.h"
#include "media/demo/cover.h"
#include "tests/media/media_fixture.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <unistd.h>

static err_t make(str_t bytes, const uint64_t *sizes, uint32_t count, arena_t *arena,
                  media_artwork_made_t *out, str_t *reason)
{
    int fd = fixture_bytes(bytes);
    media_artwork_t request = {.sizes = {sizes, count}};
    err_t err = artwork_make(&request, fd, arena, out, reason);
    close(fd);
    return err;
}

Test(artwork, is_made_in_every_size_and_never_enlarged)
{
    static const picture_type_t types[] = {PICTURE_JPEG, PICTURE_PNG, PICTURE_WEBP};
    static const uint64_t sizes[] = {96, 300, 640, 1200};
    for (size_t t = 0; t < COUNT_OF(types); t++) {
        arena_t arena ARENA_SCOPED = {0};
        buf_t cover BUF_SCOPED = BUF_INIT;
        media_artwork_made_t made = {0};
        str_t reason;
        check_ok(demo_cover(4, 500, types[t], &cover));
        check_ok(make(buf_str(&cover), sizes, COUNT_OF(sizes), &arena, &made, &reason));
        cr_assert(made.pictures.count == 8);
        for (uint32_t i = 0; i < made.pictures.count; i++) {
            const media_picture_t *picture = &made.pictures.items[i];
            cr_expect(picture->width == MIN(picture->size, 500U) &&
                      picture->height == picture->width);
            AVFrame *back = NULL;
            check_ok(picture_decode(picture->bytes, &back));
            cr_expect(back->width == (int)picture->width);
            av_frame_free(&back);
        }
    }
}

/* The colours of picture and copy are compared in a corner and the middle. */
Test(artwork, keeps_the_colours)
{
    arena_t arena ARENA_SCOPED = {0};
    static const uint64_t sizes[] = {96};
    media_artwork_made_t made = {0};
    str_t reason;
    AVFrame *red = av_frame_alloc();
    red->format = AV_PIX_FMT_RGB24;
    red->width = red->height = 200;
    cr_assert(av_frame_get_buffer(red, 0) == 0);
    for (int y = 0; y < 200; y++)
        for (int x = 0; x < 200; x++)
            memcpy(red->data[0] + y * red->linesize[0] + 3 * x, "\xc8\x28\x3c", 3);
    for (picture_type_t type = PICTURE_WEBP; type <= PICTURE_PNG; type++) {
        buf_t bytes BUF_SCOPED = BUF_INIT;
        check_ok(picture_encode(red, type, 95, &bytes));
        check_ok(make(buf_str(&bytes), sizes, 1, &arena, &made, &reason));
        for (uint32_t i = 0; i < made.pictures.count; i++) {
            AVFrame *back = NULL, *rgb = NULL;
            check_ok(picture_decode(made.pictures.items[i].bytes, &back));
            check_ok(picture_scale(back, 96, 96, &rgb));
            const uint8_t *p = rgb->data[0] + 48 * rgb->linesize[0] + 3 * 48;
            cr_expect(abs(p[0] - 0xc8) < 8 && abs(p[1] - 0x28) < 8 && abs(p[2] - 0x3c) < 8,
                      "type %d, picture %u: %d %d %d", type, i, p[0], p[1], p[2]);
            av_frame_free(&back);
            av_frame_free(&rgb);
        }
        cr_expect(made.colour >> 16 > 0xb8 && (made.colour >> 8 & 0xff) < 0x38, "%06x",
                  made.colour);
    }
    av_frame_free(&red);
}

Test(artwork, refuses_what_is_too_much_or_no_picture)
{
    static const uint64_t sizes[] = {300}, tiny[] = {1}, many[MEDIA_ARTWORK_SIZES_MAX + 1] = {96};
    static const struct {
        const char *what;
        str_t bytes;
        const uint64_t *sizes;
        uint32_t count;
        err_t want;
    } cases[] = {
        {"a PNG of 60,000 by 60,000 pixels",
         STR_INIT(
             "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\2\0\0\0\x30\x30\x30\x30"),
         sizes, 1, ERR_LIMIT},
        {"a JPEG of 65,000 by 65,000 pixels",
         STR_INIT("\xff\xd8\xff\xc0\0\x11\x08\xfd\xe8\xfd\xe8\3\1\x22\0\2\x11\1\3\x11\1"), sizes, 1,
         ERR_LIMIT},
        {"text", STR_INIT("this is not a picture, whatever its name"), sizes, 1, ERR_UNSUPPORTED},
        {"nothing", STR_INIT(""), sizes, 1, ERR_UNSUPPORTED},
        {"a cut-off PNG", STR_INIT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x10\x08\2\0\0\0"),
         sizes, 1, ERR_INVALID},
        {"a size of one pixel", STR_INIT("x"), tiny, 1, ERR_INVALID},
        {"too many sizes", STR_INIT("x"), many, COUNT_OF(many), ERR_INVALID},
        {"no size", STR_INIT("x"), sizes, 0, ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        arena_t arena ARENA_SCOPED = {0};
        media_artwork_made_t made = {0};
        str_t reason = {0};
        err_t got = make(cases[i].bytes, cases[i].sizes, cases[i].count, &arena, &made, &reason);
        cr_expect(got == cases[i].want && reason.size > 10, "%s: %s", cases[i].what, err_name(got));
    }
}

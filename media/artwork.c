#include "media/artwork.h"

#include "media/picture.h"
#include "media/tags/probe.h"

enum { WEBP_QUALITY = 80, JPEG_QUALITY = 86, ARTWORK_BYTES_MAX = 8 * 1024 * 1024 };

static void free_frame(AVFrame **frame)
{
    av_frame_free(frame);
}

static err_t read_source(const media_artwork_t *request, int fd, arena_t *arena, str_t *out)
{
    if (request->is_embedded)
        return probe_cover(fd, request->name, arena, out);
    source_t source;
    TRY(source_init(&source, fd, NULL));
    if (source.size > MEDIA_COVER_MAX)
        return ERR_LIMIT;
    return source_copy(&source, 0, (size_t)source.size, arena, out);
}

static err_t encode(const AVFrame *picture, picture_type_t type, uint64_t size, arena_t *arena,
                    media_picture_t *out)
{
    buf_t bytes BUF_SCOPED = {.size_max = ARTWORK_BYTES_MAX};
    TRY(picture_encode(picture, type, type == PICTURE_WEBP ? WEBP_QUALITY : JPEG_QUALITY, &bytes));
    *out = (media_picture_t){
        .size = (uint32_t)size,
        .width = (uint32_t)picture->width,
        .height = (uint32_t)picture->height,
        .type = type == PICTURE_WEBP ? STR("image/webp") : STR("image/jpeg"),
        .bytes = arena_str(arena, buf_str(&bytes)),
    };
    return out->bytes.data == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static err_t make_size(const AVFrame *original, uint64_t size, arena_t *arena,
                       media_picture_t out[2])
{
    AVFrame *scaled SCOPED(free_frame) = NULL;
    uint64_t longest = (uint64_t)MAX(original->width, original->height);
    uint64_t wanted = MIN(size, longest);
    int width = (int)(((uint64_t)original->width * wanted + longest / 2) / longest);
    int height = (int)(((uint64_t)original->height * wanted + longest / 2) / longest);
    TRY(picture_scale(original, width, height, &scaled));
    TRY(encode(scaled, PICTURE_WEBP, size, arena, &out[0]));
    return encode(scaled, PICTURE_JPEG, size, arena, &out[1]);
}

static err_t make_all(const media_artwork_t *request, str_t bytes, arena_t *arena,
                      media_artwork_made_t *out)
{
    AVFrame *original SCOPED(free_frame) = NULL;
    TRY(picture_decode(bytes, &original));
    media_artwork_made_t made = {.width = (uint32_t)original->width,
                                 .height = (uint32_t)original->height};
    TRY(picture_colour(original, &made.colour));
    media_picture_t *pictures =
        arena_new_array(arena, 2 * (size_t)request->sizes.count, sizeof *pictures);
    if (pictures == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < request->sizes.count; i++)
        TRY(make_size(original, request->sizes.items[i], arena, pictures + (size_t)2 * i));
    made.pictures.items = pictures;
    made.pictures.count = 2 * request->sizes.count;
    *out = made;
    return ERR_OK;
}

static str_t reason_for(err_t err)
{
    if (err == ERR_NOT_FOUND)
        return STR("the file has no cover inside");
    if (err == ERR_LIMIT)
        return STR("the picture has too many pixels or bytes");
    if (err == ERR_UNSUPPORTED)
        return STR("this is not a picture of a known kind");
    return STR("the picture is damaged");
}

err_t artwork_make(const media_artwork_t *request, int fd, arena_t *arena,
                   media_artwork_made_t *out_made, str_t *out_reason)
{
    *out_reason = STR("the sizes asked for are not possible");
    if (request->sizes.count == 0 || request->sizes.count > MEDIA_ARTWORK_SIZES_MAX)
        return ERR_INVALID;
    for (uint32_t i = 0; i < request->sizes.count; i++)
        if (request->sizes.items[i] < 8 || request->sizes.items[i] > MEDIA_ARTWORK_SIDE_MAX)
            return ERR_INVALID;
    str_t bytes = {0};
    err_t err = read_source(request, fd, arena, &bytes);
    if (err == ERR_OK)
        err = make_all(request, bytes, arena, out_made);
    if (err != ERR_OK)
        *out_reason = reason_for(err);
    return err;
}

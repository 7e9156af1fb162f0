#include "media/picture.h"

#include "media/protocol/media.h"

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>

enum { COLOUR_SIDE = 24, COLOUR_BUCKETS = 512 };

static void free_codec(AVCodecContext **codec)
{
    avcodec_free_context(codec);
}
static void free_frame(AVFrame **frame)
{
    av_frame_free(frame);
}
static void free_packet(AVPacket **packet)
{
    av_packet_free(packet);
}
static void free_scaler(struct SwsContext **scaler)
{
    sws_freeContext(*scaler);
}

static enum AVCodecID kind_of(str_t bytes)
{
    if (bytes.size < 16)
        return AV_CODEC_ID_NONE;
    if (memcmp(bytes.data, "\xff\xd8\xff", 3) == 0)
        return AV_CODEC_ID_MJPEG;
    if (memcmp(bytes.data, "\x89PNG\r\n\x1a\n", 8) == 0)
        return AV_CODEC_ID_PNG;
    if (memcmp(bytes.data, "RIFF", 4) == 0 && memcmp(bytes.data + 8, "WEBP", 4) == 0)
        return AV_CODEC_ID_WEBP;
    if (memcmp(bytes.data, "GIF8", 4) == 0)
        return AV_CODEC_ID_GIF;
    return memcmp(bytes.data, "BM", 2) == 0 ? AV_CODEC_ID_BMP : AV_CODEC_ID_NONE;
}

/* Width and height stand early in every kind; a JPEG's are in its first SOF segment. */
static bool jpeg_size(str_t s, uint64_t *width, uint64_t *height)
{
    const unsigned char *p = (const unsigned char *)s.data;
    for (size_t at = 2; at + 9 < s.size;) {
        if (p[at] != 0xff) {
            at++;
            continue;
        }
        unsigned marker = p[at + 1];
        if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
            marker != 0xcc) {
            *height = (uint64_t)p[at + 5] << 8 | p[at + 6];
            *width = (uint64_t)p[at + 7] << 8 | p[at + 8];
            return true;
        }
        bool is_bare = marker == 0xff || marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
        at += marker == 0xff ? 1 : is_bare ? 2 : 2 + ((size_t)p[at + 2] << 8 | p[at + 3]);
    }
    return false;
}

static uint64_t pixels_claimed(enum AVCodecID kind, str_t s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    uint64_t width = 0, height = 0;
    if (kind == AV_CODEC_ID_PNG && s.size >= 24) {
        width = (uint64_t)p[16] << 24 | (uint64_t)p[17] << 16 | (uint64_t)p[18] << 8 | p[19];
        height = (uint64_t)p[20] << 24 | (uint64_t)p[21] << 16 | (uint64_t)p[22] << 8 | p[23];
    } else if (kind == AV_CODEC_ID_MJPEG && !jpeg_size(s, &width, &height)) {
        return 0;
    }
    return width * height;
}

static err_t decode_frame(enum AVCodecID kind, str_t bytes, AVFrame *frame)
{
    const AVCodec *codec = avcodec_find_decoder(kind);
    AVCodecContext *decoder SCOPED(free_codec) =
        codec == NULL ? NULL : avcodec_alloc_context3(codec);
    AVPacket *packet SCOPED(free_packet) = av_packet_alloc();
    if (decoder == NULL || packet == NULL || av_new_packet(packet, (int)bytes.size) < 0)
        return ERR_NO_MEMORY;
    memcpy(packet->data, bytes.data, bytes.size);
    decoder->max_pixels = MEDIA_PIXELS_MAX;
    decoder->thread_count = 1;
    if (avcodec_open2(decoder, codec, NULL) < 0 || avcodec_send_packet(decoder, packet) < 0)
        return ERR_INVALID;
    int code = avcodec_receive_frame(decoder, frame);
    if (code == AVERROR(EAGAIN) && avcodec_send_packet(decoder, NULL) >= 0)
        code = avcodec_receive_frame(decoder, frame);
    return code < 0 || frame->width <= 0 || frame->height <= 0 ? ERR_INVALID : ERR_OK;
}

static err_t convert(const AVFrame *from, int width, int height, enum AVPixelFormat format,
                     AVFrame **out)
{
    AVFrame *frame SCOPED(free_frame) = av_frame_alloc();
    if (frame == NULL)
        return ERR_NO_MEMORY;
    frame->format = format;
    frame->width = width;
    frame->height = height;
    if (av_frame_get_buffer(frame, 0) < 0)
        return ERR_NO_MEMORY;
    bool is_smaller = width < from->width || height < from->height;
    struct SwsContext *scaler SCOPED(free_scaler) = sws_getContext(
        from->width, from->height, from->format, width, height, format,
        (is_smaller ? SWS_AREA : SWS_BICUBIC) | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL,
        NULL);
    if (scaler == NULL)
        return ERR_UNSUPPORTED;
    if (sws_scale(scaler, (const uint8_t *const *)from->data, from->linesize, 0, from->height,
                  frame->data, frame->linesize) <= 0)
        return ERR_INVALID;
    *out = STEAL(frame);
    return ERR_OK;
}

err_t picture_decode(str_t bytes, AVFrame **out_picture)
{
    enum AVCodecID kind = kind_of(bytes);
    if (kind == AV_CODEC_ID_NONE)
        return ERR_UNSUPPORTED;
    if (bytes.size > MEDIA_COVER_MAX || pixels_claimed(kind, bytes) > MEDIA_PIXELS_MAX)
        return ERR_LIMIT;
    AVFrame *frame SCOPED(free_frame) = av_frame_alloc();
    if (frame == NULL)
        return ERR_NO_MEMORY;
    TRY(decode_frame(kind, bytes, frame));
    if ((int64_t)frame->width * frame->height > MEDIA_PIXELS_MAX)
        return ERR_LIMIT;
    *out_picture = STEAL(frame);
    return ERR_OK;
}

err_t picture_scale(const AVFrame *picture, int width, int height, AVFrame **out_picture)
{
    return convert(picture, MAX(width, 1), MAX(height, 1), AV_PIX_FMT_RGB24, out_picture);
}

static AVCodecContext *open_encoder(const AVCodec *codec, const AVFrame *frame, picture_type_t type,
                                    int quality)
{
    AVCodecContext *encoder SCOPED(free_codec) =
        codec == NULL ? NULL : avcodec_alloc_context3(codec);
    if (encoder == NULL)
        return NULL;
    encoder->width = frame->width;
    encoder->height = frame->height;
    encoder->pix_fmt = frame->format;
    encoder->time_base = (AVRational){1, 1};
    encoder->thread_count = 1;
    AVDictionary *options = NULL;
    if (type == PICTURE_WEBP) {
        av_dict_set_int(&options, "quality", quality, 0);
        av_dict_set_int(&options, "compression_level", 3, 0);
    } else if (type == PICTURE_JPEG) { /* 2 is the best, 31 the worst */
        encoder->flags |= AV_CODEC_FLAG_QSCALE;
        encoder->global_quality = FF_QP2LAMBDA * MAX(2, (100 - quality) / 4);
        encoder->color_range = AVCOL_RANGE_JPEG;
    }
    int code = avcodec_open2(encoder, codec, &options);
    av_dict_free(&options);
    return code < 0 ? NULL : STEAL(encoder);
}

err_t picture_encode(const AVFrame *picture, picture_type_t type, int quality, buf_t *out)
{
    static const struct {
        const char *codec;
        enum AVPixelFormat format;
    } types[] = {
        {"libwebp", AV_PIX_FMT_RGB32}, {"mjpeg", AV_PIX_FMT_YUVJ420P}, {"png", AV_PIX_FMT_RGB24}};
    AVFrame *frame SCOPED(free_frame) = NULL;
    TRY(convert(picture, picture->width, picture->height, types[type].format, &frame));
    frame->pts = 0;
    if (type == PICTURE_JPEG)
        frame->quality = FF_QP2LAMBDA * MAX(2, (100 - quality) / 4);
    AVCodecContext *encoder SCOPED(free_codec) =
        open_encoder(avcodec_find_encoder_by_name(types[type].codec), frame, type, quality);
    AVPacket *packet SCOPED(free_packet) = av_packet_alloc();
    if (encoder == NULL || packet == NULL)
        return ERR_UNSUPPORTED;
    if (avcodec_send_frame(encoder, frame) < 0 || avcodec_send_frame(encoder, NULL) < 0 ||
        avcodec_receive_packet(encoder, packet) < 0)
        return ERR_INVALID;
    buf_append_bytes(out, packet->data, (size_t)packet->size);
    return buf_status(out);
}

err_t picture_colour(const AVFrame *picture, uint32_t *out_colour)
{
    AVFrame *small SCOPED(free_frame) = NULL;
    TRY(convert(picture, COLOUR_SIDE, COLOUR_SIDE, AV_PIX_FMT_RGB24, &small));
    struct {
        uint64_t weight, red, green, blue;
    } buckets[COLOUR_BUCKETS] = {0}, best = {0};
    for (int y = 0; y < COLOUR_SIDE; y++) {
        for (int x = 0; x < COLOUR_SIDE; x++) {
            const uint8_t *p =
                small->data[0] + (ptrdiff_t)y * small->linesize[0] + (ptrdiff_t)3 * x;
            uint32_t most = MAX(p[0], MAX(p[1], p[2])), least = MIN(p[0], MIN(p[1], p[2]));
            uint64_t weight = 16 + most - least;
            size_t bucket = (size_t)(p[0] >> 5) << 6 | (size_t)(p[1] >> 5) << 3 | p[2] >> 5;
            buckets[bucket].weight += weight;
            buckets[bucket].red += weight * p[0];
            buckets[bucket].green += weight * p[1];
            buckets[bucket].blue += weight * p[2];
        }
    }
    for (size_t i = 0; i < COLOUR_BUCKETS; i++)
        if (buckets[i].weight > best.weight)
            memcpy(&best, &buckets[i], sizeof best);
    *out_colour = (uint32_t)(best.red / best.weight << 16 | best.green / best.weight << 8 |
                             best.blue / best.weight);
    return ERR_OK;
}

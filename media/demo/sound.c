#include "media/demo/sound.h"

#include "media/flac_frame.h"
#include "runtime/base/memory.h"
#include "runtime/base/text.h"

#include <libavformat/avformat.h>
#include <libswresample/swresample.h>

static const struct {
    const char *name, *muxer, *encoder;
    enum AVSampleFormat format;
    int sample_rate; /* 0: as the wave */
    int bit_rate;
} formats[DEMO_FORMATS] = {
    [DEMO_FLAC] = {"flac", "flac", "flac", AV_SAMPLE_FMT_S16, 0, 0},
    [DEMO_MP3] = {"mp3", "mp3", "libmp3lame", AV_SAMPLE_FMT_FLTP, 0, 192000},
    [DEMO_OGG] = {"ogg", "ogg", "libvorbis", AV_SAMPLE_FMT_FLTP, 0, 160000},
    [DEMO_OPUS] = {"opus", "opus", "libopus", AV_SAMPLE_FMT_FLT, 48000, 128000},
    [DEMO_M4A] = {"m4a", "ipod", "aac", AV_SAMPLE_FMT_FLTP, 0, 192000},
    [DEMO_WAV] = {"wav", "wav", "pcm_s16le", AV_SAMPLE_FMT_S16, 0, 0},
    [DEMO_AIFF] = {"aiff", "aiff", "pcm_s16be", AV_SAMPLE_FMT_S16, 0, 0},
};

const char *demo_format_name(demo_format_t format)
{
    return formats[format].name;
}

err_t demo_format_from_name(str_t name, demo_format_t *out_format)
{
    for (uint32_t i = 0; i < DEMO_FORMATS; i++) {
        if (str_equal(name, str_from(formats[i].name))) {
            *out_format = (demo_format_t)i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

err_t demo_wave_init(demo_wave_t *self, uint32_t sample_rate, uint32_t channels, uint64_t count)
{
    *self = (demo_wave_t){NULL, sample_rate, channels, count};
    self->samples = memory_new_array((size_t)count * channels, sizeof *self->samples);
    return self->samples == NULL ? ERR_NO_MEMORY : ERR_OK;
}

void demo_wave_deinit(demo_wave_t *self)
{
    memory_free(self->samples);
    *self = (demo_wave_t){0};
}

void demo_sound_deinit(demo_sound_t *self)
{
    for (size_t i = 0; i < self->packet_count; i++)
        av_packet_free(&self->packets[i]);
    memory_free(self->packets);
    avcodec_parameters_free(&self->parameters);
    *self = (demo_sound_t){0};
}

/* ---- coding ---- */

static void free_encoder(AVCodecContext **encoder)
{
    avcodec_free_context(encoder);
}
static void free_frame(AVFrame **frame)
{
    av_frame_free(frame);
}
static void free_converter(SwrContext **converter)
{
    swr_free(converter);
}
static void free_muxer(AVFormatContext **muxer)
{
    if (*muxer != NULL)
        avio_closep(&(*muxer)->pb);
    avformat_free_context(*muxer);
}

static AVCodecContext *open_encoder(demo_format_t format, const demo_wave_t *wave)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(formats[format].encoder);
    AVCodecContext *encoder SCOPED(free_encoder) =
        codec == NULL ? NULL : avcodec_alloc_context3(codec);
    if (encoder == NULL)
        return NULL;
    encoder->sample_fmt = formats[format].format;
    encoder->sample_rate =
        formats[format].sample_rate == 0 ? (int)wave->sample_rate : formats[format].sample_rate;
    encoder->bit_rate = formats[format].bit_rate;
    encoder->time_base = (AVRational){1, encoder->sample_rate};
    encoder->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    encoder->thread_count = 1;
    av_channel_layout_default(&encoder->ch_layout, (int)wave->channels);
    return avcodec_open2(encoder, codec, NULL) < 0 ? NULL : STEAL(encoder);
}

static err_t keep_packets(demo_sound_t *self, AVCodecContext *encoder)
{
    for (;;) {
        AVPacket *packet = av_packet_alloc();
        if (packet == NULL)
            return ERR_NO_MEMORY;
        if (avcodec_receive_packet(encoder, packet) < 0) {
            av_packet_free(&packet);
            return ERR_OK;
        }
        if (self->packet_count == self->packet_capacity) {
            size_t capacity = self->packet_capacity == 0 ? 256 : 2 * self->packet_capacity;
            AVPacket **packets = memory_resize(self->packets, capacity, sizeof(AVPacket *));
            if (packets == NULL) {
                av_packet_free(&packet);
                return ERR_NO_MEMORY;
            }
            self->packets = packets;
            self->packet_capacity = capacity;
        }
        self->packets[self->packet_count++] = packet;
    }
}

static SwrContext *open_converter(const AVCodecContext *encoder, const demo_wave_t *wave)
{
    SwrContext *converter SCOPED(free_converter) = NULL;
    AVChannelLayout layout = encoder->ch_layout;
    if (swr_alloc_set_opts2(&converter, &layout, encoder->sample_fmt, encoder->sample_rate, &layout,
                            AV_SAMPLE_FMT_FLT, (int)wave->sample_rate, 0, NULL) < 0 ||
        swr_init(converter) < 0)
        return NULL;
    return STEAL(converter);
}

static err_t send_block(demo_sound_t *self, AVCodecContext *encoder, SwrContext *converter,
                        int size, int64_t *at)
{
    AVFrame *frame SCOPED(free_frame) = av_frame_alloc();
    if (frame == NULL)
        return ERR_NO_MEMORY;
    frame->format = encoder->sample_fmt;
    frame->sample_rate = encoder->sample_rate;
    frame->nb_samples = size;
    if (av_channel_layout_copy(&frame->ch_layout, &encoder->ch_layout) < 0 ||
        av_frame_get_buffer(frame, 0) < 0)
        return ERR_NO_MEMORY;
    int made = swr_convert(converter, frame->extended_data, size, NULL, 0);
    if (made <= 0)
        return made < 0 ? ERR_IO : ERR_OK;
    frame->nb_samples = made;
    frame->pts = *at;
    *at += made;
    if (avcodec_send_frame(encoder, frame) < 0)
        return ERR_UNSUPPORTED;
    return keep_packets(self, encoder);
}

static err_t encode_all(demo_sound_t *self, const demo_wave_t *wave, AVCodecContext *encoder,
                        SwrContext *converter)
{
    int size = encoder->frame_size > 0 ? encoder->frame_size : 4096;
    int64_t at = 0;
    for (uint64_t i = 0; i < wave->count; i += (uint64_t)size) {
        const uint8_t *in = (const uint8_t *)(wave->samples + i * wave->channels);
        int count = (int)MIN((uint64_t)size, wave->count - i);
        uint8_t *no_room[AV_NUM_DATA_POINTERS] = {0};
        if (swr_convert(converter, no_room, 0, &in, count) <
            0) /* kept inside until it is asked for */
            return ERR_NO_MEMORY;
        while (swr_get_out_samples(converter, 0) >= size + 64)
            TRY(send_block(self, encoder, converter, size, &at));
    }
    if (wave->sample_rate != (uint32_t)encoder->sample_rate &&
        swr_convert(converter, NULL, 0, NULL, 0) < 0)
        return ERR_NO_MEMORY;
    for (int64_t before = -1; before != at;) {
        before = at;
        TRY(send_block(self, encoder, converter, size, &at));
    }
    if (avcodec_send_frame(encoder, NULL) < 0)
        return ERR_UNSUPPORTED;
    return keep_packets(self, encoder);
}

err_t demo_encode(const demo_wave_t *wave, demo_format_t format, demo_sound_t *out_sound)
{
    AVCodecContext *encoder SCOPED(free_encoder) = open_encoder(format, wave);
    SwrContext *converter SCOPED(free_converter) =
        encoder == NULL ? NULL : open_converter(encoder, wave);
    if (converter == NULL)
        return ERR_UNSUPPORTED;
    demo_sound_t sound SCOPED(demo_sound_deinit) = {.format = format,
                                                    .time_base = encoder->time_base};
    TRY(encode_all(&sound, wave, encoder, converter));
    sound.parameters = avcodec_parameters_alloc();
    if (sound.parameters == NULL || avcodec_parameters_from_context(sound.parameters, encoder) < 0)
        return ERR_NO_MEMORY;
    *out_sound = STEAL(sound);
    return ERR_OK;
}

/* ---- writing ---- */

static bool is_png(str_t picture)
{
    return picture.size > 4 && memcmp(picture.data, "\x89PNG", 4) == 0;
}

static void put_u32(buf_t *out, size_t value)
{
    for (unsigned i = 0; i < 4; i++)
        buf_append_char(out, (char)(value >> (24 - 8 * i) & 0xff));
}

/* Ogg has no place for pictures: a FLAC PICTURE block in base64 as a comment. */
static err_t set_ogg_cover(AVDictionary **tags, str_t cover)
{
    buf_t block BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT;
    str_t type = is_png(cover) ? STR("image/png") : STR("image/jpeg");
    put_u32(&block, 3); /* the front */
    put_u32(&block, type.size);
    buf_append(&block, type);
    for (unsigned i = 0; i < 5; i++) /* no description; width, height, depth, colours: not said */
        put_u32(&block, 0);
    put_u32(&block, cover.size);
    buf_append(&block, cover);
    base64_append(&text, buf_str(&block));
    TRY(buf_status(&block));
    const char *value = buf_terminated(&text);
    TRY(buf_status(&text));
    return av_dict_set(tags, "METADATA_BLOCK_PICTURE", value, AV_DICT_MULTIKEY) < 0 ? ERR_NO_MEMORY
                                                                                    : ERR_OK;
}

static err_t add_cover_stream(AVFormatContext *muxer, str_t cover)
{
    AVStream *stream = avformat_new_stream(muxer, NULL);
    if (stream == NULL)
        return ERR_NO_MEMORY;
    stream->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
    stream->codecpar->codec_id = is_png(cover) ? AV_CODEC_ID_PNG : AV_CODEC_ID_MJPEG;
    stream->codecpar->width = stream->codecpar->height = 600;
    stream->disposition = AV_DISPOSITION_ATTACHED_PIC;
    stream->time_base = (AVRational){1, 90000};
    av_dict_set(&stream->metadata, "comment", "Cover (front)", 0);
    return ERR_OK;
}

static err_t write_cover(AVFormatContext *muxer, str_t cover)
{
    AVPacket *packet = av_packet_alloc();
    if (packet == NULL || av_new_packet(packet, (int)cover.size) < 0) {
        av_packet_free(&packet);
        return ERR_NO_MEMORY;
    }
    memcpy(packet->data, cover.data, cover.size);
    packet->stream_index = 1;
    packet->flags |= AV_PKT_FLAG_KEY;
    packet->pts = packet->dts = 0;
    int code = av_interleaved_write_frame(muxer, packet);
    av_packet_free(&packet);
    return code < 0 ? ERR_IO : ERR_OK;
}

/* FLAC frames carry their number: a part of a stream counts from 0 again. */
static err_t renumber(AVPacket *packet, uint64_t number)
{
    buf_t frame BUF_SCOPED = BUF_INIT;
    TRY(flac_frame_renumber(str_of(packet->data, (size_t)packet->size), number, &frame));
    int64_t pts = packet->pts, duration = packet->duration;
    av_packet_unref(packet);
    if (av_new_packet(packet, (int)frame.size) < 0)
        return ERR_NO_MEMORY;
    memcpy(packet->data, frame.data, frame.size);
    packet->pts = packet->dts = pts;
    packet->duration = duration;
    return ERR_OK;
}

static err_t write_packets(const demo_sound_t *sound, AVFormatContext *muxer, size_t first,
                           size_t count)
{
    int64_t start = first == 0 ? 0 : sound->packets[first]->pts;
    for (size_t i = 0; i < count; i++) {
        AVPacket *packet = av_packet_clone(sound->packets[first + i]);
        if (packet == NULL)
            return ERR_NO_MEMORY;
        packet->stream_index = 0;
        packet->pts -= start;
        packet->dts = packet->pts;
        err_t err = sound->format == DEMO_FLAC && first > 0 && packet->size > 0
                        ? renumber(packet, i)
                        : ERR_OK;
        av_packet_rescale_ts(packet, sound->time_base, muxer->streams[0]->time_base);
        if (err == ERR_OK && av_interleaved_write_frame(muxer, packet) < 0)
            err = ERR_IO;
        av_packet_free(&packet);
        TRY(err);
    }
    return ERR_OK;
}

static err_t open_muxer(const demo_sound_t *sound, const demo_file_t *file, AVFormatContext **out)
{
    AVFormatContext *muxer SCOPED(free_muxer) = NULL;
    if (avformat_alloc_output_context2(&muxer, NULL, formats[sound->format].muxer, file->path) < 0)
        return ERR_UNSUPPORTED;
    AVStream *stream = avformat_new_stream(muxer, NULL);
    if (stream == NULL || avcodec_parameters_copy(stream->codecpar, sound->parameters) < 0)
        return ERR_NO_MEMORY;
    stream->codecpar->codec_tag = 0;
    stream->time_base = sound->time_base;
    muxer->flags |= AVFMT_FLAG_BITEXACT;
    bool is_ogg = sound->format == DEMO_OGG || sound->format == DEMO_OPUS;
    AVDictionary **tags = is_ogg ? &stream->metadata : &muxer->metadata;
    for (size_t i = 0; i < file->tag_count; i++)
        av_dict_set(tags, file->tags[i].key, file->tags[i].value,
                    is_ogg || sound->format == DEMO_FLAC ? AV_DICT_MULTIKEY : 0);
    if (file->cover.size > 0 && is_ogg)
        TRY(set_ogg_cover(tags, file->cover));
    else if (file->cover.size > 0 && sound->format < DEMO_WAV)
        TRY(add_cover_stream(muxer, file->cover));
    if (avio_open(&muxer->pb, file->path, AVIO_FLAG_WRITE) < 0)
        return ERR_IO;
    *out = STEAL(muxer);
    return ERR_OK;
}

err_t demo_write(const demo_sound_t *sound, const demo_file_t *file)
{
    AVFormatContext *muxer SCOPED(free_muxer) = NULL;
    size_t first = MIN(file->first, sound->packet_count);
    size_t count = file->count == 0 ? sound->packet_count - first
                                    : MIN(file->count, sound->packet_count - first);
    TRY(open_muxer(sound, file, &muxer));
    AVDictionary *options = NULL;
    av_dict_set(&options, "id3v2_version", "4", 0);
    if (sound->format == DEMO_AIFF)
        av_dict_set(&options, "write_id3v2", "1", 0);
    int code = avformat_write_header(muxer, &options);
    av_dict_free(&options);
    if (code < 0)
        return ERR_IO;
    if (muxer->nb_streams > 1)
        TRY(write_cover(muxer, file->cover));
    TRY(write_packets(sound, muxer, first, count));
    return av_write_trailer(muxer) < 0 ? ERR_IO : ERR_OK;
}

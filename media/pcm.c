#include "media/pcm.h"

#include "runtime/base/assert.h"

#include <libavutil/opt.h>

enum { RESAMPLER_HISTORY = 1024 /* source samples that its filter reaches back */ };

static uint64_t greatest_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int64_t sample_of(const pcm_t *self, int64_t pts)
{
    return av_rescale_q(pts - self->origin, self->stream->time_base,
                        (AVRational){1, self->decoder->sample_rate});
}

static err_t open_decoder(pcm_t *self)
{
    const AVCodecParameters *parameters = self->stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    if (codec == NULL || codec->type != AVMEDIA_TYPE_AUDIO)
        return ERR_UNSUPPORTED;
    self->decoder = avcodec_alloc_context3(codec);
    if (self->decoder == NULL || avcodec_parameters_to_context(self->decoder, parameters) < 0)
        return ERR_NO_MEMORY;
    self->decoder->pkt_timebase = self->stream->time_base;
    self->decoder->thread_count = 1;
    return avcodec_open2(self->decoder, codec, NULL) < 0 ? ERR_UNSUPPORTED : ERR_OK;
}

/* The next decoded frame in self->frame. False: the end. */
static bool decode(pcm_t *self)
{
    while (!self->is_ended) {
        av_frame_unref(self->frame);
        int code = avcodec_receive_frame(self->decoder, self->frame);
        if (code == 0)
            return true;
        if (code == AVERROR_EOF || self->bad_packets > PCM_PACKETS_BAD_MAX)
            break;
        if (code != AVERROR(EAGAIN))
            self->bad_packets++;
        av_packet_unref(self->packet);
        if (av_read_frame(self->input.format, self->packet) < 0) {
            IGNORE_ERR(
                (err_t)avcodec_send_packet(self->decoder, NULL)); /* what is left comes out */
            continue;
        }
        if (self->packet->stream_index != self->stream->index)
            continue;
        if (avcodec_send_packet(self->decoder, self->packet) < 0)
            self->bad_packets++;
    }
    self->is_ended = true;
    return false;
}

static err_t open_converter(pcm_t *self)
{
    const AVFrame *frame = self->frame;
    AVChannelLayout from = {0}, to = {0};
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(&from, frame->ch_layout.nb_channels);
    else if (av_channel_layout_copy(&from, &frame->ch_layout) < 0)
        return ERR_NO_MEMORY;
    if ((int)self->form.channels == from.nb_channels)
        IGNORE_ERR((err_t)av_channel_layout_copy(&to, &from));
    else
        av_channel_layout_default(&to, (int)self->form.channels);
    int code =
        swr_alloc_set_opts2(&self->converter, &to, self->form.format, (int)self->form.sample_rate,
                            &from, frame->format, frame->sample_rate, 0, NULL);
    if (code >= 0)
        code = swr_init(self->converter);
    av_channel_layout_uninit(&from);
    av_channel_layout_uninit(&to);
    return code < 0 ? ERR_UNSUPPORTED : ERR_OK;
}

/* Source and output meet at multiples of (rate / divisor): from there the resampler's phase is the
 * same as from 0. */
static void plan_start(pcm_t *self, uint64_t start)
{
    uint64_t in_rate = (uint64_t)self->decoder->sample_rate, out_rate = self->form.sample_rate;
    uint64_t divisor = greatest_divisor(in_rate, out_rate);
    uint64_t in_step = in_rate / divisor, out_step = out_rate / divisor;
    ASSERT(in_step > 0 && out_step > 0); /* open_parts refuses a rate of 0 */
    uint64_t block = start / out_step;
    if (in_rate != out_rate) {
        uint64_t back = RESAMPLER_HISTORY * (in_rate / out_rate + 1) / in_step + 1;
        block = block > back ? block - back : 0;
    }
    self->skip_in = block * in_step;
    self->skip_out = start - block * out_step;
}

static bool has_exact_clock(const pcm_t *self)
{
    AVRational base = self->stream->time_base;
    return base.num > 0 &&
           (int64_t)base.den % ((int64_t)self->decoder->sample_rate * base.num) == 0;
}

/* Goes near to where the sound is wanted, or stays at the beginning. CONFLICT: it got lost on the
 * way; start anew and read through all of it. */
static err_t seek_to_start(pcm_t *self)
{
    int rate = self->decoder->sample_rate;
    uint64_t preroll = (uint64_t)PCM_PREROLL_MS * (uint64_t)rate / 1000;
    if (!self->may_seek || self->skip_in <= 2 * preroll || !has_exact_clock(self))
        return ERR_OK;
    int64_t target = av_rescale_q((int64_t)(self->skip_in - preroll), (AVRational){1, rate},
                                  self->stream->time_base);
    if (av_seek_frame(self->input.format, self->stream->index, target + self->origin,
                      AVSEEK_FLAG_BACKWARD) < 0)
        return ERR_CONFLICT;
    avcodec_flush_buffers(self->decoder);
    if (!decode(self) || self->frame->pts == AV_NOPTS_VALUE)
        return ERR_CONFLICT;
    self->position = sample_of(self, self->frame->pts);
    return self->position <= (int64_t)self->skip_in ? ERR_OK : ERR_CONFLICT;
}

static err_t open_parts(pcm_t *self, uint64_t start)
{
    self->stream = av_input_audio(&self->input, true);
    if (self->stream == NULL)
        return ERR_UNSUPPORTED;
    av_input_unbind(&self->input);
    TRY(open_decoder(self));
    self->packet = av_packet_alloc();
    self->frame = av_frame_alloc();
    if (self->packet == NULL || self->frame == NULL)
        return ERR_NO_MEMORY;
    if (!decode(self) || self->frame->sample_rate <= 0)
        return ERR_INVALID;
    self->decoder->sample_rate = self->frame->sample_rate;
    self->origin = self->frame->pts == AV_NOPTS_VALUE ? 0 : self->frame->pts;
    if (self->form.sample_rate == 0)
        self->form.sample_rate = (uint32_t)self->frame->sample_rate;
    if (self->form.channels == 0)
        self->form.channels = (uint32_t)self->frame->ch_layout.nb_channels;
    TRY(open_converter(self));
    self->fifo = av_audio_fifo_alloc(self->form.format, (int)self->form.channels, 16384);
    if (self->fifo == NULL)
        return ERR_NO_MEMORY;
    plan_start(self, start);
    return seek_to_start(self);
}

static err_t open_at(pcm_t *self, int fd, const char *name, const pcm_form_t *form, uint64_t start,
                     bool may_seek)
{
    *self = (pcm_t){.form = *form, .may_seek = may_seek};
    err_t err = av_input_open(&self->input, fd, name);
    if (err == ERR_OK)
        err = open_parts(self, start);
    if (err != ERR_OK)
        pcm_close(self);
    return err;
}

err_t pcm_open(pcm_t *self, int fd, const char *name, const pcm_form_t *form, uint64_t start)
{
    err_t err = open_at(self, fd, name, form, start, true);
    return err == ERR_CONFLICT ? open_at(self, fd, name, form, start, false) : err;
}

bool pcm_is_exact(const pcm_t *self)
{
    const AVCodecDescriptor *codec = avcodec_descriptor_get(self->stream->codecpar->codec_id);
    bool is_lossy = codec == NULL || (codec->props & AV_CODEC_PROP_LOSSLESS) == 0;
    enum AVCodecID id = self->stream->codecpar->codec_id;
    return !is_lossy || id == AV_CODEC_ID_MP3 || id == AV_CODEC_ID_VORBIS;
}

void pcm_close(pcm_t *self)
{
    av_audio_fifo_free(self->fifo);
    self->fifo = NULL;
    swr_free(&self->converter);
    av_frame_free(&self->frame);
    av_packet_free(&self->packet);
    avcodec_free_context(&self->decoder);
    av_input_close(&self->input);
}

/* Converts `count` source samples at `data` (NULL: what the resampler still holds) into the fifo.
 */
static err_t convert(pcm_t *self, const uint8_t **data, int count)
{
    int room = swr_get_out_samples(self->converter, count);
    if (room <= 0)
        return ERR_OK;
    uint8_t **out = NULL;
    if (av_samples_alloc_array_and_samples(&out, NULL, (int)self->form.channels, room,
                                           self->form.format, 0) < 0)
        return ERR_NO_MEMORY;
    int made = swr_convert(self->converter, out, room, data, count);
    int dropped = made > 0 ? (int)MIN((uint64_t)made, self->skip_out) : 0;
    err_t err = made < 0 ? ERR_INVALID : ERR_OK;
    if (made > dropped) {
        bool is_planar = av_sample_fmt_is_planar(self->form.format) != 0;
        int step =
            av_get_bytes_per_sample(self->form.format) * (is_planar ? 1 : (int)self->form.channels);
        void *planes[64];
        for (uint32_t i = 0; i < (is_planar ? self->form.channels : 1); i++)
            planes[i] = out[i] + (ptrdiff_t)dropped * step;
        err = av_audio_fifo_write(self->fifo, planes, made - dropped) < 0 ? ERR_NO_MEMORY : ERR_OK;
    }
    self->skip_out -= (uint64_t)dropped;
    av_freep(&out[0]);
    av_freep((void *)&out);
    return err;
}

/* Hands on the part of the frame that is wanted. */
static err_t take_frame(pcm_t *self)
{
    AVFrame *frame = self->frame;
    int64_t begin = self->position;
    uint64_t count = (uint64_t)frame->nb_samples;
    self->position += frame->nb_samples;
    if (frame->nb_samples <= 0 || frame->ch_layout.nb_channels > 64)
        return ERR_OK;
    uint64_t skip =
        (int64_t)self->skip_in > begin ? MIN(self->skip_in - (uint64_t)begin, count) : 0;
    if (skip == count)
        return ERR_OK;
    bool is_planar = av_sample_fmt_is_planar(frame->format) != 0;
    int channels = frame->ch_layout.nb_channels;
    ptrdiff_t step = (ptrdiff_t)av_get_bytes_per_sample(frame->format) * (is_planar ? 1 : channels);
    const uint8_t *planes[64];
    for (int i = 0; i < (is_planar ? channels : 1); i++)
        planes[i] = frame->extended_data[i] + (ptrdiff_t)skip * step;
    return convert(self, planes, (int)(count - skip));
}

static err_t fill(pcm_t *self, int wanted)
{
    while (av_audio_fifo_size(self->fifo) < wanted) {
        if (self->frame->nb_samples > 0) {
            err_t err = take_frame(self);
            if (err == ERR_NO_MEMORY)
                return err;
            av_frame_unref(self->frame);
        }
        if (self->is_ended)
            return ERR_OK;
        if (!decode(self))
            TRY(convert(self, NULL, 0));
    }
    return ERR_OK;
}

err_t pcm_read_some(pcm_t *self, void *const *planes, uint32_t count, uint32_t *out_count)
{
    TRY(fill(self, (int)count));
    void *copy[64];
    uint32_t plane_count =
        av_sample_fmt_is_planar(self->form.format) != 0 ? self->form.channels : 1;
    memcpy(copy, planes, plane_count * sizeof *copy);
    int got = av_audio_fifo_read(self->fifo, copy, (int)count);
    if (got < 0)
        return ERR_NO_MEMORY;
    *out_count = (uint32_t)got;
    return ERR_OK;
}

err_t pcm_read(pcm_t *self, void *const *planes, uint32_t count)
{
    uint32_t got;
    TRY(pcm_read_some(self, planes, count, &got));
    bool is_planar = av_sample_fmt_is_planar(self->form.format) != 0;
    uint32_t step = (uint32_t)av_get_bytes_per_sample(self->form.format) *
                    (is_planar ? 1 : self->form.channels);
    for (uint32_t i = 0; i < (is_planar ? self->form.channels : 1) && got < count; i++)
        memset((char *)planes[i] + (size_t)got * step, 0, (size_t)(count - got) * step);
    return ERR_OK;
}

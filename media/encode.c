#include "media/encode.h"

#include "media/flac_frame.h"
#include "media/pcm.h"
#include "media/protocol/fmp4.h"
#include "runtime/base/memory.h"

#include <errno.h>
#include <libavutil/opt.h>
#include <unistd.h>

enum { BLOCKS_KEPT = 16, LOOKAHEAD_MAX = 6 };
_Static_assert(BLOCKS_KEPT >= ENCODE_PREROLL_FRAMES + LOOKAHEAD_MAX + 2,
               "the pre-roll is read again");

/* A run: the sound around the join at hand, in blocks of one frame's samples. */
typedef struct run {
    segment_plan_t plan;
    int source;
    str_t name;
    pcm_t pcm;
    AVFrame *blocks[BLOCKS_KEPT]; /* block b lies at b % BLOCKS_KEPT */
    uint64_t next_block;
    AVPacket *packet;
    buf_t data;      /* the coded frames of one segment */
    buf_t segment;   /* with its boxes */
    uint32_t *sizes; /* of the frames */
} run_t;

static void run_deinit(run_t *self)
{
    for (size_t i = 0; i < BLOCKS_KEPT; i++)
        av_frame_free(&self->blocks[i]);
    av_packet_free(&self->packet);
    pcm_close(&self->pcm);
    buf_deinit(&self->data);
    buf_deinit(&self->segment);
    memory_free(self->sizes);
}

static bool is_flac(const run_t *self)
{
    return self->plan.rendition == RENDITION_FLAC;
}

static enum AVSampleFormat sample_format(const segment_plan_t *plan)
{
    if (plan->rendition != RENDITION_FLAC)
        return AV_SAMPLE_FMT_FLTP;
    return plan->bits == 16 ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_S32;
}

static AVFrame *new_block(const segment_plan_t *plan)
{
    AVFrame *frame = av_frame_alloc();
    if (frame == NULL)
        return NULL;
    frame->format = sample_format(plan);
    frame->nb_samples = (int)plan->frame_samples;
    frame->sample_rate = (int)plan->sample_rate;
    av_channel_layout_default(&frame->ch_layout, (int)plan->channels);
    if (av_frame_get_buffer(frame, 0) < 0)
        av_frame_free(&frame);
    return frame;
}

/* Frame f needs the sound of blocks up to f and, for the pre-roll, some before. */
static uint64_t first_block(const run_t *self, const segment_t *segment)
{
    uint64_t preroll = is_flac(self) ? 0 : ENCODE_PREROLL_FRAMES;
    return segment->frame_begin > preroll ? segment->frame_begin - preroll : 0;
}

static err_t block_at(run_t *self, uint64_t index, AVFrame **out_block)
{
    while (self->next_block <= index) {
        AVFrame *block = self->blocks[self->next_block % BLOCKS_KEPT];
        /* The encoder may still hold the old samples. */
        if (av_frame_make_writable(block) < 0)
            return ERR_NO_MEMORY;
        block->nb_samples = (int)self->plan.frame_samples;
        TRY(pcm_read(&self->pcm, (void *const *)block->extended_data, self->plan.frame_samples));
        block->pts = (int64_t)(self->next_block * self->plan.frame_samples);
        self->next_block++;
    }
    *out_block = self->blocks[index % BLOCKS_KEPT];
    return ERR_OK;
}

static void free_encoder(AVCodecContext **encoder)
{
    avcodec_free_context(encoder);
}

/* Somebody waits for the first segment: its coder searches less, which takes a third of the time,
 * and where a track begins in full sound (a gapless album) does not dip in its first 14 ms, as the
 * other one does at 256 kbit/s. */
static AVCodecContext *new_encoder(const segment_plan_t *plan, bool is_first)
{
    bool flac = plan->rendition == RENDITION_FLAC;
    const AVCodec *codec = avcodec_find_encoder(flac ? AV_CODEC_ID_FLAC : AV_CODEC_ID_AAC);
    AVCodecContext *encoder SCOPED(free_encoder) =
        codec == NULL ? NULL : avcodec_alloc_context3(codec);
    if (encoder == NULL)
        return NULL;
    encoder->sample_fmt = sample_format(plan);
    encoder->sample_rate = (int)plan->sample_rate;
    encoder->time_base = (AVRational){1, (int)plan->sample_rate};
    encoder->thread_count = 1;
    av_channel_layout_default(&encoder->ch_layout, (int)plan->channels);
    if (flac) {
        encoder->bits_per_raw_sample = (int)plan->bits;
        encoder->frame_size = (int)plan->frame_samples;
        encoder->strict_std_compliance = FF_COMPLIANCE_NORMAL;
    } else {
        encoder->bit_rate = plan->bit_rate;
        if (is_first && av_opt_set(encoder->priv_data, "aac_coder", "fast", 0) < 0)
            return NULL;
    }
    return avcodec_open2(encoder, codec, NULL) < 0 ? NULL : STEAL(encoder);
}

/* Which frame of the rendition a packet is; frames of the pre-roll too. */
static uint64_t frame_of(const run_t *self, const AVPacket *packet)
{
    int64_t start = packet->pts + (int64_t)self->plan.priming_samples;
    return start < 0 ? UINT64_MAX : (uint64_t)start / self->plan.frame_samples;
}

static err_t keep_packet(run_t *self, const segment_t *segment, uint64_t *frames)
{
    uint64_t frame = frame_of(self, self->packet);
    str_t bytes = str_of(self->packet->data, (size_t)self->packet->size);
    if (frame != segment->frame_begin + *frames) /* pre-roll */
        return frame < segment->frame_begin ? ERR_OK : ERR_INTERNAL;
    size_t before = self->data.size;
    if (is_flac(self))
        TRY(flac_frame_renumber(bytes, frame, &self->data));
    else
        buf_append(&self->data, bytes);
    TRY(buf_status(&self->data));
    self->sizes[(*frames)++] = (uint32_t)(self->data.size - before);
    return ERR_OK;
}

/* Of the last block of FLAC only what belongs to the track. */
static void cut_block(const run_t *self, AVFrame *block)
{
    uint64_t begin = (uint64_t)block->pts;
    if (is_flac(self) && self->plan.total_samples - begin < self->plan.frame_samples)
        block->nb_samples = (int)(self->plan.total_samples - begin);
}

static err_t encode_segment(run_t *self, const segment_t *segment)
{
    AVCodecContext *encoder SCOPED(free_encoder) =
        new_encoder(&self->plan, segment->frame_begin == 0);
    if (encoder == NULL)
        return ERR_UNSUPPORTED;
    buf_reset(&self->data);
    uint64_t frames = 0, wanted = segment->frame_end - segment->frame_begin;
    uint64_t block_index = first_block(self, segment),
             block_end = segment->frame_end + LOOKAHEAD_MAX;
    while (frames < wanted) {
        int code = avcodec_receive_packet(encoder, self->packet);
        if (code == 0) {
            err_t err = keep_packet(self, segment, &frames);
            av_packet_unref(self->packet);
            TRY(err);
        } else if (code != AVERROR(EAGAIN)) {
            return ERR_INTERNAL;
        } else {
            AVFrame *block;
            if (block_index == block_end) /* the encoder swallows more than it can look ahead */
                return ERR_INTERNAL;
            if (is_flac(self) &&
                block_index == segment->frame_end) { /* no frame depends on the next */
                code = avcodec_send_frame(encoder, NULL);
            } else {
                TRY(block_at(self, block_index, &block));
                cut_block(self, block);
                code = avcodec_send_frame(encoder, block);
            }
            block_index++;
            if (code < 0)
                return ERR_INTERNAL;
        }
    }
    return ERR_OK;
}

static err_t write_out(int fd, str_t bytes)
{
    for (size_t at = 0; at < bytes.size;) {
        ssize_t written = pwrite(fd, bytes.data + at, bytes.size - at, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? err_from_errno(errno) : ERR_IO;
        at += (size_t)written;
    }
    return ERR_OK;
}

/* Reads from where the segment's pre-roll begins. */
static err_t open_sound(run_t *self, const segment_t *segment)
{
    pcm_form_t form = {sample_format(&self->plan), self->plan.sample_rate, self->plan.channels};
    char name[256] = {0};
    memcpy(name, self->name.size == 0 ? "" : self->name.data,
           MIN(self->name.size, sizeof name - 1));
    self->next_block = first_block(self, segment);
    pcm_close(&self->pcm);
    return pcm_open(&self->pcm, self->source, name, &form,
                    self->next_block * self->plan.frame_samples);
}

static err_t run_init(run_t *self, const media_encode_t *request, int source)
{
    segment_source_t format = {request->sample_rate, request->channels, request->bits,
                               request->total_samples};
    TRY(segment_plan((rendition_t)request->rendition, &format, &self->plan));
    self->source = source;
    self->name = request->name;
    if (request->count == 0 || request->count > MEDIA_RUN_MAX ||
        request->first >= self->plan.segment_count ||
        request->count > self->plan.segment_count - request->first)
        return ERR_INVALID;
    self->data.size_max = self->segment.size_max = ENCODE_SEGMENT_SIZE_MAX;
    uint32_t frames_max = self->plan.first_frames + self->plan.next_frames * 2;
    self->sizes = memory_new_array(frames_max, sizeof *self->sizes);
    self->packet = av_packet_alloc();
    if (self->sizes == NULL || self->packet == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < BLOCKS_KEPT; i++)
        if ((self->blocks[i] = new_block(&self->plan)) == NULL)
            return ERR_NO_MEMORY;
    segment_t segment = segment_at(&self->plan, request->first);
    return open_sound(self, &segment);
}

err_t encode_run(const media_encode_t *request, int source, const int *outputs, encode_done_fn done,
                 void *context)
{
    run_t run SCOPED(run_deinit) = {0};
    TRY(run_init(&run, request, source));
    for (uint32_t i = 0; i < request->count; i++) {
        uint32_t index = request->first + i;
        segment_t segment = segment_at(&run.plan, index);
        if (i > 0 && !pcm_is_exact(&run.pcm)) /* as if it were asked for alone */
            TRY(open_sound(&run, &segment));
        TRY(encode_segment(&run, &segment));
        buf_reset(&run.segment);
        fmp4_segment(&run.plan, index, run.sizes, buf_str(&run.data), &run.segment);
        TRY(buf_status(&run.segment));
        TRY(write_out(outputs[i], buf_str(&run.segment)));
        TRY(done(context, index, run.segment.size));
    }
    return ERR_OK;
}

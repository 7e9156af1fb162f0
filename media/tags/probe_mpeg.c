/* MPEG audio (ISO/IEC 11172-3, 13818-3), with the Xing, Info, LAME and VBRI headers of MP3. */
#include "media/tags/probe.h"

enum {
    SEARCH_MAX = 64 * 1024, /* for the first frame, behind the tags */
    PLAIN_FRAMES_LOOKED_AT = 16,
    WALK_MAX = 64 * 1024 * 1024
};

typedef struct mpeg_frame {
    unsigned version, layer; /* 0: MPEG 1, 1: 2, 2: 2.5; layer 1 to 3 */
    uint32_t bit_rate, sample_rate, channels, samples, size;
} mpeg_frame_t;

static const uint16_t bit_rates[5][15] = {
    {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
    {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
    {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
    {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
    {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
};

static bool read_header(str_t s, mpeg_frame_t *out)
{
    static const uint32_t rates[3] = {44100, 48000, 32000};
    if (s.size < 4)
        return false;
    uint32_t word = be32(s.data);
    unsigned version = word >> 19 & 3, layer = word >> 17 & 3, rate = word >> 12 & 15,
             frequency = word >> 10 & 3;
    if (word >> 21 != 0x7ff || version == 1 || layer == 0 || rate == 0 || rate == 15 ||
        frequency == 3)
        return false;
    mpeg_frame_t frame = {.version = version == 3 ? 0 : version == 2 ? 1 : 2, .layer = 4 - layer};
    unsigned row = frame.version == 0 ? frame.layer - 1 : frame.layer == 1 ? 3 : 4;
    frame.bit_rate = bit_rates[row][rate] * 1000U;
    frame.sample_rate = rates[frequency] >> frame.version;
    frame.channels = (word >> 6 & 3) == 3 ? 1 : 2;
    frame.samples = frame.layer == 1 ? 384 : frame.layer == 3 && frame.version > 0 ? 576 : 1152;
    uint32_t padding = word >> 9 & 1;
    if (frame.layer == 1)
        frame.size = (12 * frame.bit_rate / frame.sample_rate + padding) * 4;
    else
        frame.size = frame.samples / 8 * frame.bit_rate / frame.sample_rate + padding;
    *out = frame;
    return frame.size > 4;
}

static bool are_alike(const mpeg_frame_t *a, const mpeg_frame_t *b)
{
    return a->version == b->version && a->layer == b->layer && a->sample_rate == b->sample_rate;
}

/* A frame that another of its kind, or the end of the file, follows. */
static bool frame_at(probe_t *self, uint64_t at, mpeg_frame_t *out)
{
    mpeg_frame_t next;
    if (!read_header(source_at(&self->source, at, 4), out))
        return false;
    uint64_t after = at + out->size;
    if (after + 4 > self->source.size)
        return after <= self->source.size;
    str_t s = source_at(&self->source, after, 4);
    return (read_header(s, &next) && are_alike(out, &next)) ||
           (s.size >= 3 && memcmp(s.data, "TAG", 3) == 0) ||
           (s.size == 4 && memcmp(s.data, "APET", 4) == 0);
}

static bool find_frame(probe_t *self, uint64_t *at, mpeg_frame_t *out)
{
    uint64_t end = MIN(*at + SEARCH_MAX, self->source.size);
    while (*at < end) {
        str_t s = source_at(&self->source, *at, (size_t)MIN(end - *at, 4096ULL));
        const char *sync = s.size == 0 ? NULL : memchr(s.data, 0xff, s.size);
        if (s.size == 0)
            return false;
        *at += sync == NULL ? s.size : (uint64_t)(sync - s.data);
        if (sync == NULL)
            continue;
        if (frame_at(self, *at, out))
            return true;
        (*at)++;
    }
    return false;
}

/* What a header frame says; zeros: it does not. */
typedef struct mpeg_info {
    bool is_there, has_gaps;
    uint32_t frames, bytes, delay, padding;
} mpeg_info_t;

static void read_xing(str_t s, mpeg_info_t *out)
{
    uint32_t flags = be32(s.data + 4);
    size_t at = 8;
    out->is_there = true;
    if ((flags & 1) != 0 && s.size >= at + 4)
        out->frames = be32(s.data + at);
    at += (flags & 1) != 0 ? 4 : 0;
    if ((flags & 2) != 0 && s.size >= at + 4)
        out->bytes = be32(s.data + at);
    at += ((flags & 2) != 0 ? 4 : 0) + ((flags & 4) != 0 ? 100U : 0U) + ((flags & 8) != 0 ? 4 : 0);
    if (s.size < at + 24 ||
        (memcmp(s.data + at, "LAME", 4) != 0 && memcmp(s.data + at, "Lav", 3) != 0))
        return;
    uint32_t gaps = be24(s.data + at + 21);
    out->has_gaps = true;
    out->delay = gaps >> 12;
    out->padding = gaps & 0xfff;
}

static mpeg_info_t read_info(probe_t *self, uint64_t at, const mpeg_frame_t *frame)
{
    mpeg_info_t info = {0};
    str_t s = source_at(&self->source, at, frame->size);
    size_t side =
        frame->version == 0 ? (frame->channels == 1 ? 17 : 32) : (frame->channels == 1 ? 9 : 17);
    str_t xing = str_slice(s, 4 + side, s.size), vbri = str_slice(s, 36, s.size);
    if (xing.size >= 8 &&
        (memcmp(xing.data, "Xing", 4) == 0 || memcmp(xing.data, "Info", 4) == 0)) {
        read_xing(xing, &info);
    } else if (vbri.size >= 18 && memcmp(vbri.data, "VBRI", 4) == 0) {
        info.is_there = true;
        info.bytes = be32(vbri.data + 10);
        info.frames = be32(vbri.data + 14);
    }
    return info;
}

/* No header frame: a constant rate says the number of frames; a changing one is walked. */
static uint64_t count_frames(probe_t *self, uint64_t at, uint64_t end, const mpeg_frame_t *first)
{
    uint64_t count = 0, begin = at;
    bool is_constant = true;
    mpeg_frame_t frame;
    while (at < end && at - begin < WALK_MAX) {
        if (!read_header(source_at(&self->source, at, 4), &frame) || !are_alike(&frame, first))
            break;
        is_constant = is_constant && frame.bit_rate == first->bit_rate;
        if (is_constant && count == PLAIN_FRAMES_LOOKED_AT) {
            /* The same size for all, but for the padding bit that keeps the rate. */
            double size = first->samples / 8.0 * first->bit_rate / first->sample_rate;
            self->audio->is_estimated = true;
            return (uint64_t)((double)(end - begin) / size + 0.5);
        }
        at += frame.size;
        count += at <= end ? 1 : 0;
    }
    self->audio->is_estimated = at < end;
    return count;
}

static void fill_audio(probe_t *self, const mpeg_frame_t *frame, const mpeg_info_t *info,
                       uint64_t frames, uint64_t audio_size)
{
    static const char *const codecs[] = {"mp1", "mp2", "mp3"};
    media_audio_t *audio = self->audio;
    audio->codec = str_from(codecs[frame->layer - 1]);
    audio->container = STR("mp3");
    audio->sample_rate = frame->sample_rate;
    audio->channels = frame->channels;
    audio->total_samples = frames * frame->samples;
    if (info->has_gaps && info->delay + info->padding < audio->total_samples) {
        audio->encoder_delay = info->delay;
        audio->encoder_padding = info->padding;
        audio->total_samples -= info->delay + info->padding;
    }
    if (audio->total_samples > 0)
        audio->bit_rate = (uint32_t)((double)audio_size * 8.0 * frame->sample_rate /
                                     (double)audio->total_samples);
    if (!info->is_there)
        audio->bit_rate = audio->is_estimated ? frame->bit_rate : audio->bit_rate;
}

err_t probe_mpeg(probe_t *self, uint64_t at, bool may_search)
{
    mpeg_frame_t frame;
    if (!(may_search ? find_frame(self, &at, &frame) : frame_at(self, at, &frame)))
        return ERR_UNSUPPORTED;
    mpeg_info_t info = frame.layer == 3 ? read_info(self, at, &frame) : (mpeg_info_t){0};
    uint64_t audio_at = info.is_there ? at + frame.size : at, end;
    probe_id3v1(self, &end);
    if (audio_at >= end)
        return ERR_UNSUPPORTED;
    uint64_t audio_size = end - audio_at, frames = info.frames;
    if (frames == 0)
        frames = count_frames(self, audio_at, end, &frame);
    else if (info.bytes > frame.size && audio_size + frame.size < info.bytes - info.bytes / 50) {
        frames = (uint64_t)((double)frames * (double)audio_size / info.bytes);
        info.padding = 0;
        self->audio->is_truncated = self->audio->is_estimated = true;
        self->file->reason = STR("the file ends before its header says");
    }
    if (frames == 0)
        return ERR_UNSUPPORTED;
    fill_audio(self, &frame, &info, frames, audio_size);
    probe_hash(self, source_at(&self->source, audio_at,
                               (size_t)MIN((uint64_t)PROBE_HASH_SIZE, audio_size)));
    return ERR_OK;
}

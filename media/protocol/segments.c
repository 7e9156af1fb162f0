#include "media/protocol/segments.h"

enum {
    SAMPLE_RATE_MIN = 4000,
    FLAC_SAMPLE_RATE_MAX = 655350,
    AAC_SAMPLE_RATE_MAX = 768000,
    CHANNELS_MAX = 8
};

static const struct {
    const char *name, *codecs;
    uint32_t bit_rate; /* of two channels */
} renditions[RENDITION_COUNT] = {
    [RENDITION_AAC_64] = {"aac64", "mp4a.40.2", 64000},
    [RENDITION_AAC_128] = {"aac128", "mp4a.40.2", 128000},
    [RENDITION_AAC_256] = {"aac256", "mp4a.40.2", 256000},
    [RENDITION_FLAC] = {"flac", "fLaC", 0},
};

const char *rendition_name(rendition_t rendition)
{
    return renditions[rendition].name;
}

err_t rendition_from_name(str_t name, rendition_t *out_rendition)
{
    for (uint32_t i = 0; i < RENDITION_COUNT; i++) {
        if (str_equal(name, str_from(renditions[i].name))) {
            *out_rendition = (rendition_t)i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

const char *rendition_codecs(rendition_t rendition)
{
    return renditions[rendition].codecs;
}

/* One channel needs a little more than half of what two need. */
static uint32_t aac_bit_rate(rendition_t rendition, uint32_t channels)
{
    uint32_t stereo = renditions[rendition].bit_rate;
    return channels == 1 ? stereo * 5 / 8 : stereo;
}

/* Boxes cost about 4 bytes a frame; the encoder strays by a few percent. */
uint32_t rendition_bandwidth(rendition_t rendition, uint32_t sample_rate, uint32_t channels,
                             uint32_t bits)
{
    if (rendition == RENDITION_FLAC) {
        uint64_t pcm = (uint64_t)sample_rate * channels * (bits > 16 ? 24 : 16);
        return (uint32_t)MIN(pcm, (uint64_t)UINT32_MAX);
    }
    uint32_t bit_rate = aac_bit_rate(rendition, channels);
    return bit_rate + bit_rate / 20 + 4000;
}

/* Every rate goes to the nearer family, so that 88.2 and 22.05 kHz resample by a whole number. */
static uint32_t aac_sample_rate(uint32_t source_rate)
{
    return source_rate % 11025 == 0 ? 44100 : 48000;
}

static uint64_t scale_up(uint64_t samples, uint32_t to_rate, uint32_t from_rate)
{
    __extension__ typedef unsigned __int128 u128_t;
    return (uint64_t)(((u128_t)samples * to_rate + from_rate - 1) / from_rate);
}

static uint32_t frames_near(uint32_t ms, uint32_t sample_rate, uint32_t frame_samples)
{
    uint64_t samples = (uint64_t)ms * sample_rate / 1000;
    uint64_t frames = (samples + frame_samples / 2) / frame_samples;
    return (uint32_t)MAX(frames, (uint64_t)1);
}

static err_t plan_segments(segment_plan_t *plan)
{
    plan->first_frames = frames_near(SEGMENT_FIRST_MS, plan->sample_rate, plan->frame_samples);
    plan->next_frames = frames_near(SEGMENT_MS, plan->sample_rate, plan->frame_samples);
    uint32_t tail_min = frames_near(SEGMENT_TAIL_MS, plan->sample_rate, plan->frame_samples);
    if (plan->frame_count <= (uint64_t)plan->first_frames + tail_min - 1) {
        plan->segment_count = 1;
        return ERR_OK;
    }
    uint64_t rest = plan->frame_count - plan->first_frames;
    uint64_t whole = rest / plan->next_frames, tail = rest % plan->next_frames;
    uint64_t count = 1 + whole + (tail >= tail_min || (whole == 0 && tail > 0) ? 1 : 0);
    if (count > SEGMENTS_MAX)
        return ERR_LIMIT;
    plan->segment_count = (uint32_t)count;
    return ERR_OK;
}

static err_t plan_aac(segment_plan_t *plan, const segment_source_t *source)
{
    if (source->sample_rate > AAC_SAMPLE_RATE_MAX)
        return ERR_UNSUPPORTED;
    plan->sample_rate = aac_sample_rate(source->sample_rate);
    plan->channels = MIN(source->channels, 2U);
    plan->bit_rate = aac_bit_rate(plan->rendition, plan->channels);
    plan->frame_samples = AAC_FRAME_SAMPLES;
    plan->priming_samples = AAC_PRIMING_SAMPLES;
    plan->total_samples = scale_up(source->total_samples, plan->sample_rate, source->sample_rate);
    uint64_t coded = plan->total_samples + AAC_PRIMING_SAMPLES;
    plan->frame_count = (coded + AAC_FRAME_SAMPLES - 1) / AAC_FRAME_SAMPLES;
    plan->padding_samples = (uint32_t)(plan->frame_count * AAC_FRAME_SAMPLES - coded);
    return ERR_OK;
}

static err_t plan_flac(segment_plan_t *plan, const segment_source_t *source)
{
    if (source->bits == 0 || source->sample_rate > FLAC_SAMPLE_RATE_MAX)
        return ERR_UNSUPPORTED;
    plan->sample_rate = source->sample_rate;
    plan->channels = source->channels;
    plan->bits = source->bits > 16 ? 24 : 16;
    plan->frame_samples = FLAC_FRAME_SAMPLES;
    plan->total_samples = source->total_samples;
    plan->frame_count = (source->total_samples + FLAC_FRAME_SAMPLES - 1) / FLAC_FRAME_SAMPLES;
    return ERR_OK;
}

err_t segment_plan(rendition_t rendition, const segment_source_t *source, segment_plan_t *out_plan)
{
    if ((uint32_t)rendition >= RENDITION_COUNT || source->total_samples == 0)
        return ERR_INVALID;
    if (source->sample_rate < SAMPLE_RATE_MIN || source->channels == 0 ||
        source->channels > CHANNELS_MAX)
        return ERR_UNSUPPORTED;
    if (source->total_samples > (uint64_t)UINT32_MAX * source->sample_rate)
        return ERR_LIMIT;
    segment_plan_t plan = {.rendition = rendition};
    TRY(rendition == RENDITION_FLAC ? plan_flac(&plan, source) : plan_aac(&plan, source));
    TRY(plan_segments(&plan));
    *out_plan = plan;
    return ERR_OK;
}

segment_t segment_at(const segment_plan_t *plan, uint32_t index)
{
    segment_t s = {0};
    if (index > 0)
        s.frame_begin = plan->first_frames + (uint64_t)(index - 1) * plan->next_frames;
    s.frame_end = index + 1 >= plan->segment_count
                      ? plan->frame_count
                      : plan->first_frames + (uint64_t)index * plan->next_frames;
    s.start_samples = s.frame_begin * plan->frame_samples;
    uint64_t end = s.frame_end * plan->frame_samples;
    if (plan->rendition == RENDITION_FLAC)
        end = MIN(end, plan->total_samples);
    s.duration_samples = end - s.start_samples;
    return s;
}

uint32_t segment_find(const segment_plan_t *plan, uint64_t sample)
{
    uint64_t frame = (sample + plan->priming_samples) / plan->frame_samples;
    if (frame < plan->first_frames)
        return 0;
    uint64_t index = 1 + (frame - plan->first_frames) / plan->next_frames;
    return (uint32_t)MIN(index, (uint64_t)plan->segment_count - 1);
}

double segment_seconds(const segment_plan_t *plan, uint32_t index)
{
    return (double)segment_at(plan, index).duration_samples / plan->sample_rate;
}

uint32_t segment_target_seconds(const segment_plan_t *plan)
{
    uint64_t longest = segment_at(plan, 0).duration_samples;
    if (plan->segment_count > 1)
        longest = MAX(longest, segment_at(plan, 1).duration_samples);
    longest = MAX(longest, segment_at(plan, plan->segment_count - 1).duration_samples);
    return (uint32_t)((longest + plan->sample_rate - 1) / plan->sample_rate);
}

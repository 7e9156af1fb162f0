/* What a listener hears of renditions whose segments were made in any order. */
#include "media/protocol/fmp4.h"
#include "runtime/base/random.h"
#include "tests/media/media_fixture.h"
#include "tests/support/check.h"

#include <math.h>
#include <unistd.h>

enum { SEGMENTS = 8 };

static void make_sine(demo_wave_t *wave, uint32_t sample_rate, double seconds)
{
    check_ok(demo_wave_init(wave, sample_rate, 2, (uint64_t)(seconds * sample_rate)));
    demo_sine(wave, 441.7, 0.5, 0);
}

/* One request a segment, in an order of its own: every seam is between two cold runs. */
static void encode_shuffled(int source, const char *name, const segment_source_t *format,
                            const segment_plan_t *plan, buf_t *out)
{
    int fds[SEGMENTS];
    uint32_t order[SEGMENTS];
    random_seed_t seed = {plan->sample_rate + (uint32_t)plan->rendition};
    ms_random_t random = random_seeded(&seed);
    cr_assert(plan->segment_count <= SEGMENTS);
    for (uint32_t i = 0; i < plan->segment_count; i++) {
        uint32_t other = (uint32_t)random_below(&random, i + 1);
        order[i] = order[other];
        order[other] = i;
    }
    for (uint32_t i = 0; i < plan->segment_count; i++)
        fixture_encode(source, name, format, plan->rendition, order[i], 1, &fds[order[i]]);
    fmp4_init(plan, out);
    for (uint32_t i = 0; i < plan->segment_count; i++) {
        fixture_read(fds[i], out);
        close(fds[i]);
    }
}

/* The greatest difference to the sine in a range of the track's samples. */
static double worst_error(const demo_wave_t *heard, uint64_t priming, double hertz, double gain,
                          uint64_t begin, uint64_t end)
{
    double worst = 0;
    for (uint64_t i = begin; i < end; i++) {
        double want = gain * sin(2 * M_PI * hertz * (double)i / heard->sample_rate);
        worst = fmax(worst, fabs((double)heard->samples[priming + i] - want));
    }
    return worst;
}

typedef struct listen_case {
    const char *what, *name;
    demo_format_t format;
    uint32_t sample_rate;
    rendition_t rendition;
    double tolerance; /* of what the two codecs do to a sine anyway */
} listen_case_t;

static const listen_case_t listen_cases[] = {
    {"flac to 64k", "a.flac", DEMO_FLAC, 44100, RENDITION_AAC_64, 0.04},
    {"flac to 128k", "a.flac", DEMO_FLAC, 44100, RENDITION_AAC_128, 0.025},
    {"flac to 256k", "a.flac", DEMO_FLAC, 44100, RENDITION_AAC_256, 0.02},
    {"flac to flac", "a.flac", DEMO_FLAC, 44100, RENDITION_FLAC, 0.0001},
    {"96 kHz flac to 128k", "a.flac", DEMO_FLAC, 96000, RENDITION_AAC_128, 0.025},
    {"88.2 kHz flac to 128k", "a.flac", DEMO_FLAC, 88200, RENDITION_AAC_128, 0.025},
    {"32 kHz flac to 128k", "a.flac", DEMO_FLAC, 32000, RENDITION_AAC_128, 0.025},
    {"wav to flac", "a.wav", DEMO_WAV, 44100, RENDITION_FLAC, 0.0001},
    {"wav to 128k", "a.wav", DEMO_WAV, 48000, RENDITION_AAC_128, 0.025},
    {"mp3 to 128k", "a.mp3", DEMO_MP3, 44100, RENDITION_AAC_128, 0.04},
    {"m4a to 128k", "a.m4a", DEMO_M4A, 44100, RENDITION_AAC_128, 0.04},
    {"ogg to 128k", "a.ogg", DEMO_OGG, 44100, RENDITION_AAC_128, 0.04},
    {"opus to 128k", "a.opus", DEMO_OPUS, 48000, RENDITION_AAC_128, 0.04},
};

Test(encode, no_seam_clicks_and_no_sample_is_lost)
{
    for (size_t i = 0; i < COUNT_OF(listen_cases); i++) {
        const listen_case_t *c = &listen_cases[i];
        arena_t arena ARENA_SCOPED = {0};
        demo_wave_t wave DEMO_WAVE_SCOPED = {0}, heard DEMO_WAVE_SCOPED = {0};
        buf_t mp4 BUF_SCOPED = BUF_INIT;
        segment_plan_t plan;
        make_sine(&wave, c->sample_rate, 18.37);
        int source = fixture_audio(&wave, c->format, NULL, 0, (str_t){0});
        media_file_t file = fixture_probe(source, c->name, &arena);
        segment_source_t format = fixture_source(&file);
        cr_expect(format.total_samples == wave.count, "%s: probed %llu samples of %llu", c->what,
                  (unsigned long long)format.total_samples, (unsigned long long)wave.count);
        check_ok(segment_plan(c->rendition, &format, &plan));

        encode_shuffled(source, c->name, &format, &plan, &mp4);
        fixture_decode(buf_str(&mp4), &heard);

        cr_expect(heard.count == plan.priming_samples + plan.total_samples + plan.padding_samples,
                  "%s: %llu samples heard", c->what, (unsigned long long)heard.count);
        uint64_t edge = 2048; /* the sine starts and stops hard: codecs ring there */
        /* The first segment has the quick coder: noisier, but without a click at its end. */
        uint64_t second = segment_at(&plan, 1).start_samples - plan.priming_samples;
        double quick = worst_error(&heard, plan.priming_samples, 441.7, 0.5, edge, second);
        cr_expect(quick < 0.08, "%s: off by %f in the first segment", c->what, quick);
        double steady = worst_error(&heard, plan.priming_samples, 441.7, 0.5, second,
                                    plan.total_samples - edge);
        cr_expect(steady < c->tolerance, "%s: off by %f", c->what, steady);
        for (uint32_t k = 1; k < plan.segment_count; k++) {
            uint64_t seam = segment_at(&plan, k).start_samples - plan.priming_samples;
            double at_seam =
                worst_error(&heard, plan.priming_samples, 441.7, 0.5, seam - 1500, seam + 1500);
            cr_expect(at_seam < c->tolerance, "%s: a click of %f before segment %u", c->what,
                      at_seam, k);
        }
        close(source);
    }
}

Test(encode, a_segment_is_the_same_bytes_whoever_asks)
{
    static const demo_format_t formats[] = {DEMO_FLAC, DEMO_MP3,  DEMO_OGG,
                                            DEMO_M4A,  DEMO_OPUS, DEMO_WAV};
    demo_wave_t wave DEMO_WAVE_SCOPED = {0};
    demo_piece_t piece = {
        .seed = 5, .bpm = 112, .root = 57, .seconds = 14, .has_drums = true, .has_arpeggio = true};
    check_ok(demo_compose(&piece, 44100, &wave));
    for (size_t f = 0; f < COUNT_OF(formats); f++) {
        for (rendition_t r = RENDITION_AAC_128; r <= RENDITION_FLAC; r += 2) {
            arena_t arena ARENA_SCOPED = {0};
            int source = fixture_audio(&wave, formats[f], NULL, 0, (str_t){0}), together[SEGMENTS],
                alone;
            media_file_t file = fixture_probe(source, "a", &arena);
            segment_source_t format = fixture_source(&file);
            segment_plan_t plan;
            if (segment_plan(r, &format, &plan) != ERR_OK) {
                close(source);
                continue; /* no lossless form of a lossy file */
            }

            fixture_encode(source, "a", &format, r, 0, plan.segment_count, together);

            for (uint32_t k = plan.segment_count; k-- > 0;) {
                buf_t a BUF_SCOPED = BUF_INIT, b BUF_SCOPED = BUF_INIT;
                fixture_encode(source, "a", &format, r, k, 1, &alone);
                fixture_read(together[k], &a);
                fixture_read(alone, &b);
                cr_expect(str_equal(buf_str(&a), buf_str(&b)), "%s, %s: segment %u of %u differs",
                          demo_format_name(formats[f]), rendition_name(r), k, plan.segment_count);
                close(alone);
                close(together[k]);
            }
            close(source);
        }
    }
}

Test(encode, flac_of_flac_is_lossless_to_the_last_sample)
{
    arena_t arena ARENA_SCOPED = {0};
    demo_wave_t wave DEMO_WAVE_SCOPED = {0}, heard DEMO_WAVE_SCOPED = {0};
    demo_piece_t piece = {.seed = 8, .bpm = 90, .root = 55, .seconds = 9, .has_drums = true};
    buf_t mp4 BUF_SCOPED = BUF_INIT;
    segment_plan_t plan;
    check_ok(demo_compose(&piece, 44100, &wave));
    int source = fixture_audio(&wave, DEMO_FLAC, NULL, 0, (str_t){0});
    media_file_t file = fixture_probe(source, "a.flac", &arena);
    segment_source_t format = fixture_source(&file);
    check_ok(segment_plan(RENDITION_FLAC, &format, &plan));

    encode_shuffled(source, "a.flac", &format, &plan, &mp4);
    fixture_decode(buf_str(&mp4), &heard);

    cr_assert(heard.count == wave.count);
    for (uint64_t i = 0; i < wave.count; i++) {
        long want = lrintf(wave.samples[2 * i] * 32768);
        cr_assert(labs(lrintf(heard.samples[i] * 32768) - want) <= 1, "sample %llu",
                  (unsigned long long)i);
    }
    close(source);
}

Test(encode, the_delay_that_is_published_is_the_encoder_s)
{
    arena_t arena ARENA_SCOPED = {0};
    demo_wave_t wave DEMO_WAVE_SCOPED = {0}, heard DEMO_WAVE_SCOPED = {0};
    buf_t mp4 BUF_SCOPED = BUF_INIT;
    segment_plan_t plan;
    check_ok(demo_wave_init(&wave, 44100, 2, 5 * 44100));
    for (uint32_t i = 0; i < 64; i++) /* a tick at one second */
        wave.samples[2 * (44100 + i)] = wave.samples[2 * (44100 + i) + 1] =
            sinf((float)i / 10) * 0.9F;
    int source = fixture_audio(&wave, DEMO_WAV, NULL, 0, (str_t){0});
    media_file_t file = fixture_probe(source, "a.wav", &arena);
    segment_source_t format = fixture_source(&file);
    check_ok(segment_plan(RENDITION_AAC_256, &format, &plan));

    encode_shuffled(source, "a.wav", &format, &plan, &mp4);
    fixture_decode(buf_str(&mp4), &heard);

    double best = -1;
    int64_t best_shift = 0;
    for (int64_t shift = -600; shift <= 600; shift++) { /* where it correlates best */
        double sum = 0;
        for (int64_t i = 0; i < 64; i++)
            sum += (double)heard.samples[44100 + plan.priming_samples + shift + i] *
                   (double)wave.samples[2 * (44100 + i)];
        best_shift = sum > best ? shift : best_shift;
        best = fmax(best, sum);
    }
    cr_assert(best_shift == 0, "it is %lld samples off", (long long)best_shift);
    close(source);
}

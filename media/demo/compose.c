#include "media/demo/compose.h"

#include "runtime/base/random.h"

#include <math.h>

enum { BEATS_A_BAR = 4, STEPS_A_BAR = 16, CHORDS = 4, ECHO_MS = 330 };

typedef struct band {
    const demo_piece_t *piece;
    demo_wave_t *wave;
    random_seed_t seed;
    ms_random_t random;
    uint32_t bars, progression[CHORDS];
    double beat; /* samples */
} band_t;

/* Degrees of the scale that follow each other well. */
static const uint32_t progressions[][CHORDS] = {
    {0, 4, 5, 3}, {0, 5, 3, 4}, {5, 3, 0, 4}, {0, 2, 3, 4}, {0, 3, 1, 4}};
static const uint32_t major[7] = {0, 2, 4, 5, 7, 9, 11}, minor[7] = {0, 2, 3, 5, 7, 8, 10};

static double note_hertz(const band_t *band, uint32_t degree, int octave)
{
    const uint32_t *scale = band->piece->is_minor ? minor : major;
    int note = (int)(band->piece->root + scale[degree % 7] + 12 * (degree / 7)) + 12 * octave;
    return 440.0 * exp2((note - 69) / 12.0);
}

typedef struct voice {
    double hertz, level, pan; /* pan 0: left, 1: right */
    double attack_s, decay_s; /* exponential after the attack */
    double second, third;     /* harmonics */
} voice_t;

static void add(demo_wave_t *wave, uint64_t at, double value, double pan)
{
    if (at >= wave->count)
        return;
    wave->samples[2 * at] += (float)(value * (1 - pan));
    wave->samples[2 * at + 1] += (float)(value * pan);
}

static void play(band_t *band, double begin, double samples, const voice_t *voice)
{
    double rate = band->wave->sample_rate, step = 2 * M_PI * voice->hertz / rate;
    double release = 0.04 * rate, phase = 0;
    for (double i = 0; i < samples + release; i++, phase += step) {
        double t = i / rate;
        double envelope = t < voice->attack_s ? t / voice->attack_s
                                              : exp(-(t - voice->attack_s) / voice->decay_s);
        if (i > samples)
            envelope *= 1 - (i - samples) / release;
        double tone =
            sin(phase) + voice->second * sin(2 * phase + 0.3) + voice->third * sin(3 * phase + 0.7);
        add(band->wave, (uint64_t)(begin + i), voice->level * envelope * tone, voice->pan);
    }
}

static double noise(band_t *band)
{
    return (double)(random_u64(&band->random) >> 11) / (double)(1ULL << 52) - 1;
}

static void kick(band_t *band, double begin)
{
    double rate = band->wave->sample_rate, phase = 0;
    for (double i = 0; i < 0.25 * rate; i++) {
        double t = i / rate;
        phase += 2 * M_PI * (48 + 110 * exp(-t * 38)) / rate;
        add(band->wave, (uint64_t)(begin + i), 0.42 * exp(-t * 13) * sin(phase), 0.5);
    }
}

static void brush(band_t *band, double begin, double level, double decay_s, double pan)
{
    double rate = band->wave->sample_rate, before = 0;
    for (double i = 0; i < 4 * decay_s * rate; i++) {
        double now = noise(band);
        add(band->wave, (uint64_t)(begin + i), level * exp(-i / rate / decay_s) * (now - before),
            pan);
        before = now;
    }
}

static void play_chord(band_t *band, double begin, uint32_t chord)
{
    for (uint32_t i = 0; i < 3; i++) {
        voice_t pad = {
            note_hertz(band, chord + 2 * i, 0), 0.055, 0.3 + 0.2 * i, 0.35, 3.5, 0.35, 0.12};
        play(band, begin, band->beat * BEATS_A_BAR * 0.98, &pad);
        pad.hertz *= 1.004; /* a second one, slightly off, makes it wide */
        pad.pan = 1 - pad.pan;
        play(band, begin, band->beat * BEATS_A_BAR * 0.98, &pad);
    }
}

static void play_bass(band_t *band, double begin, uint32_t chord)
{
    for (uint32_t beat = 0; beat < BEATS_A_BAR; beat++) {
        if (beat == 1 && random_below(&band->random, 2) == 0)
            continue;
        uint32_t degree = beat == 3 && random_below(&band->random, 3) == 0 ? chord + 4 : chord;
        voice_t bass = {note_hertz(band, degree, -2), 0.2, 0.5, 0.01, 0.5, 0.3, 0.1};
        play(band, begin + beat * band->beat, band->beat * 0.85, &bass);
    }
}

static void play_arpeggio(band_t *band, double begin, uint32_t chord)
{
    static const uint32_t steps[8] = {0, 2, 4, 7, 4, 9, 7, 2};
    for (uint32_t i = 0; i < STEPS_A_BAR; i += 2) {
        if (random_below(&band->random, 6) == 0)
            continue;
        voice_t pluck = {note_hertz(band, chord + steps[(i / 2 + chord) % 8], 1),
                         0.09,
                         i % 4 == 0 ? 0.25 : 0.75,
                         0.004,
                         0.22,
                         0.4,
                         0.2};
        play(band, begin + i * band->beat / 4, band->beat * 0.9, &pluck);
    }
}

static void play_drums(band_t *band, double begin)
{
    for (uint32_t beat = 0; beat < BEATS_A_BAR; beat++) {
        double at = begin + beat * band->beat;
        if (beat % 2 == 0)
            kick(band, at);
        else
            brush(band, at, 0.09, 0.07, 0.5);
        brush(band, at + band->beat / 2, 0.035, 0.025, 0.62);
    }
}

static void play_bar(band_t *band, uint32_t bar)
{
    double begin = bar * BEATS_A_BAR * band->beat;
    uint32_t chord = band->progression[bar % CHORDS];
    bool is_last = bar + 1 == band->bars;
    play_chord(band, begin, is_last ? 0 : chord);
    if (is_last)
        return;
    if (bar >= 1)
        play_bass(band, begin, chord);
    if (band->piece->has_arpeggio && bar >= 2)
        play_arpeggio(band, begin, chord);
    if (band->piece->has_drums && bar >= 2 && bar + 2 < band->bars)
        play_drums(band, begin);
}

/* An echo from side to side, gentle limits, and a fade at both ends. */
static void finish(demo_wave_t *wave)
{
    uint64_t echo = (uint64_t)wave->sample_rate * ECHO_MS / 1000, fade = wave->sample_rate / 50;
    for (uint64_t i = echo; i < wave->count; i++) {
        wave->samples[2 * i] += 0.22F * wave->samples[2 * (i - echo) + 1];
        wave->samples[2 * i + 1] += 0.22F * wave->samples[2 * (i - echo)];
    }
    for (uint64_t i = 0; i < wave->count; i++) {
        uint64_t edge = MIN(i, (wave->count - 1 - i) / 40);
        float level = edge < fade ? (float)edge / (float)fade : 1;
        wave->samples[2 * i] = 0.9F * tanhf(1.1F * wave->samples[2 * i]) * level;
        wave->samples[2 * i + 1] = 0.9F * tanhf(1.1F * wave->samples[2 * i + 1]) * level;
    }
}

err_t demo_compose(const demo_piece_t *piece, uint32_t sample_rate, demo_wave_t *out_wave)
{
    demo_wave_t wave DEMO_WAVE_SCOPED = {0};
    band_t band = {.piece = piece, .wave = &wave, .seed = {piece->seed}};
    band.random = random_seeded(&band.seed);
    band.beat = 60.0 / piece->bpm * sample_rate;
    band.bars =
        (uint32_t)MAX(3.0, piece->seconds * (double)sample_rate / (band.beat * BEATS_A_BAR) + 0.5);
    uint64_t tail = sample_rate; /* for the last chord to ring out */
    TRY(demo_wave_init(&wave, sample_rate, 2,
                       (uint64_t)(band.bars * BEATS_A_BAR * band.beat) + tail));
    memcpy(band.progression, progressions[random_below(&band.random, COUNT_OF(progressions))],
           sizeof band.progression);
    for (uint32_t bar = 0; bar < band.bars; bar++)
        play_bar(&band, bar);
    finish(&wave);
    *out_wave = STEAL(wave);
    return ERR_OK;
}

void demo_sine(demo_wave_t *wave, double hertz, double level, uint64_t start)
{
    for (uint64_t i = 0; i < wave->count; i++) {
        float value =
            (float)(level * sin(2 * M_PI * hertz * (double)(start + i) / wave->sample_rate));
        for (uint32_t c = 0; c < wave->channels; c++)
            wave->samples[i * wave->channels + c] = value;
    }
}

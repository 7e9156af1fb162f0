#pragma once
/* sound.h -- made sound, coded once and written to any number of files with tags: for the demo
 * library, tests and benchmarks.
 *
 * Ownership  demo_wave_t and demo_sound_t own what they hold. Threads    None.
 * Errors     UNSUPPORTED the format or its encoder is not there; IO; NO_MEMORY. */

#include "runtime/base/buf.h"

#include <libavcodec/avcodec.h>

/* Stereo or mono samples, interleaved, in -1 to 1. */
typedef struct demo_wave {
    float *samples;
    uint32_t sample_rate, channels;
    uint64_t count; /* per channel */
} demo_wave_t;
err_t demo_wave_init(demo_wave_t *self, uint32_t sample_rate, uint32_t channels, uint64_t count);
void demo_wave_deinit(demo_wave_t *self);
#define DEMO_WAVE_SCOPED SCOPED(demo_wave_deinit)

typedef enum demo_format {
    DEMO_FLAC,
    DEMO_MP3,
    DEMO_OGG,
    DEMO_OPUS,
    DEMO_M4A,
    DEMO_WAV,
    DEMO_AIFF, /* with an ID3 tag, which WAV has no place for */
    DEMO_FORMATS
} demo_format_t;
/* "flac", "mp3", "ogg", "opus", "m4a", "wav", "aiff": also the files' endings. */
const char *demo_format_name(demo_format_t format);
err_t demo_format_from_name(str_t name, demo_format_t *out_format);

/* Coded packets of a wave. */
typedef struct demo_sound {
    demo_format_t format;
    AVCodecParameters *parameters;
    AVRational time_base;
    AVPacket **packets;
    size_t packet_count, packet_capacity;
} demo_sound_t;
err_t demo_encode(const demo_wave_t *wave, demo_format_t format, demo_sound_t *out_sound);
void demo_sound_deinit(demo_sound_t *self);
#define DEMO_SOUND_SCOPED SCOPED(demo_sound_deinit)

typedef struct demo_tag {
    const char *key, *value; /* repeated keys are several values, where the format has them */
} demo_tag_t;

typedef struct demo_file {
    const char *path;
    const demo_tag_t *tags;
    size_t tag_count;
    str_t cover;         /* JPEG or PNG, inside the file; empty: none */
    size_t first, count; /* packets; count 0: all */
} demo_file_t;
err_t demo_write(const demo_sound_t *sound, const demo_file_t *file);

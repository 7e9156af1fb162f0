#pragma once
/* music_file.h -- small music files for tests: a FLAC that holds tags and bytes for sound, and a
 * WAV that can really be played. */

#include "runtime/base/buf.h"

typedef struct music_file {
    const char *title, *artist, *album_artist, *album; /* NULL: no such tag */
    const char *recording, *release;                   /* MusicBrainz ids */
    const char *lyrics;
    uint32_t disc, number;
    uint32_t sound;       /* another number is another sound */
    uint32_t duration_ms; /* 0: 10 s */
} music_file_t;

/* FOLDER/NAME; folders are made. Ends the test when it can't. */
void music_file_write(const char *folder, const char *name, const music_file_t *file);
/* Any content. */
void music_file_write_bytes(const char *folder, const char *name, str_t content);
/* 16 bit stereo PCM: a sine of `hertz`. */
void music_file_write_wav(const char *folder, const char *name, uint32_t sample_rate,
                          double seconds, double hertz);
/* A PNG of one colour, side * side pixels. */
void music_file_write_png(const char *folder, const char *name, uint32_t side, uint32_t colour);

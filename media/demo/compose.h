#pragma once
/* compose.h -- short pieces of synthesised music, different for every seed, the same for the same
 * one.
 *
 * Threads  None: pure. Errors   NO_MEMORY. */

#include "media/demo/sound.h"

typedef struct demo_piece {
    uint32_t seed;
    uint32_t bpm;
    uint32_t root;    /* MIDI note */
    uint32_t seconds; /* about: whole bars are made of it */
    bool is_minor, has_drums, has_arpeggio;
} demo_piece_t;

err_t demo_compose(const demo_piece_t *piece, uint32_t sample_rate, demo_wave_t *out_wave);
/* A sine from phase `start` samples on: two calls join without a seam. */
void demo_sine(demo_wave_t *wave, double hertz, double level, uint64_t start);

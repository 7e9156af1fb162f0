#pragma once
/* made.h -- a temporary folder with what make_catalog makes, for a bench program that lies beside
 * it.
 *
 * Ownership  made_remove removes it. Threads  One. What fails ends the program. */

#include "runtime/base/str.h"

typedef struct made {
    char folder[256];           /* in $MS_BENCH_DIR or /var/tmp */
    char data[300], music[300]; /* in it */
} made_t;

made_t made_new(uint64_t tracks, bool has_files);
void made_remove(const made_t *self);
/* $MS_TRACKS, or `otherwise`. */
uint64_t made_tracks(uint64_t otherwise);

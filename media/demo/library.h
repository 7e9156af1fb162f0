#pragma once
/* library.h -- writes whole folders of made music: the demo library, many small files, a gapless
 * pair.
 *
 * Threads  None: each call works alone. Errors   IO; UNSUPPORTED an encoder is not there;
 * NO_MEMORY. */

#include "media/demo/sound.h"

/* The demo library of albums.h; files that are there already are kept. */
err_t demo_make_library(const char *folder);

typedef struct demo_bulk {
    uint32_t count, seconds;
    demo_format_t formats[DEMO_FORMATS];
    size_t format_count;
    bool has_covers; /* embedded, small */
} demo_bulk_t;
/* `count` tagged files with sound of their own each, formats taking turns: 12 tracks an album, 5
 * albums an artist. */
err_t demo_make_bulk(const char *folder, const demo_bulk_t *bulk);

/* One sine cut into 01.flac and 02.flac, not at a frame's end. seconds: of each, about; 0: a few.
 */
err_t demo_make_gapless(const char *folder, uint32_t seconds);

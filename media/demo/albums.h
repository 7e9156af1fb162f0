#pragma once
/* albums.h -- what is in the demo library: made-up artists, made-up songs.
 *
 * Threads  Constant data. */

#include "media/demo/compose.h"

typedef struct demo_song {
    demo_format_t format;
    const char *title, *artist;
    const char *artists[3]; /* one by one, when several */
    const char *composer, *mood, *genres[3];
    const char *const *lyrics; /* lines, NULL-terminated; NULL: instrumental */
    demo_piece_t piece;
    uint32_t disc, track;
} demo_song_t;

typedef struct demo_album {
    const char *title, *artist, *date, *original_date, *folder, *label;
    bool is_compilation;
    bool has_cover_inside; /* else cover.jpg beside */
    bool has_png_cover;
    uint32_t discs;
    const demo_song_t *songs;
    size_t song_count;
} demo_album_t;

const demo_album_t *demo_albums(size_t *out_count);

#pragma once
/* songs.h -- the team's lists: real songs, and what people type for them (tests/fixtures/search).
 *
 * Ownership  The lists own their text. Threads  Reading: any.
 * Errors     Ends the program: a list that is not there, or not as its README says. */

#include "runtime/base/buf.h"

enum { SONGS_MAX = 512, SONGS_TYPED_MAX = 512 };

typedef struct song {
    str_t title, artist, album, genre;
    uint32_t year;
} song_t;

typedef struct songs_typed {
    str_t text;
    uint32_t song; /* which one they mean */
} songs_typed_t;

typedef struct songs {
    buf_t text;
    song_t items[SONGS_MAX];
    size_t count;
} songs_t;

typedef struct songs_misspellings {
    buf_t text;
    songs_typed_t items[SONGS_TYPED_MAX];
    size_t count;
} songs_misspellings_t;

/* $MS_SOURCE/tests/fixtures/search/songs.txt */
void songs_load(songs_t *self);
void songs_deinit(songs_t *self);
#define SONGS_SCOPED SCOPED(songs_deinit)

/* A list of the same folder: "misspellings.txt", "misspellings_more.txt". */
void songs_load_misspellings(const songs_t *songs, const char *name, songs_misspellings_t *out);
void songs_misspellings_deinit(songs_misspellings_t *self);
#define SONGS_MISSPELLINGS_SCOPED SCOPED(songs_misspellings_deinit)

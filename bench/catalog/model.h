#pragma once
/* model.h -- a made-up music library of any size, an album at a time.
 *
 * What a large library is like: artists with one to a dozen albums; singles, albums, double albums
 * and boxes; one album in twelve a compilation; guests, composers, conductors and producers; one to
 * three of 400 genres, some far more common than others; years, MusicBrainz ids and covers for a
 * part; lyrics for a sixth; names in eleven scripts (words.h). Album after album follows from the
 * seed alone, so the memory is that of one album, and the same seed is the same library.
 *
 * Ownership  An album lies in the arena it was made in. Threads  One at a time.
 * Errors     NO_MEMORY */

#include "actors/protocol/library.h"
#include "bench/catalog/words.h"
#include "runtime/base/arena.h"

enum { MODEL_ALBUM_TRACKS_MAX = 128 };

typedef struct model {
    uint64_t seed, tracks; /* given */
    uint64_t made;         /* tracks, so far */
    uint64_t album, artist;
    uint32_t albums_left; /* of the artist */
} model_t;

typedef struct model_album {
    uint64_t number;
    str_t folder; /* "ARTIST/ALBUM", no other album's */
    bool has_cover;
    library_track_t tracks[MODEL_ALBUM_TRACKS_MAX];
    uint32_t track_count;
} model_album_t;

/* {.seed = , .tracks = } is the start. False: that was all; else *out_album is the next one. */
bool model_next(model_t *self, arena_t *arena, model_album_t *out_album);

/* The track that has rank `rank` in how often it is played: 0-based, each once. */
uint64_t model_popular(const model_t *self, uint64_t rank);

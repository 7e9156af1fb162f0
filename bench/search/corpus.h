#pragma once
/* corpus.h -- a made-up catalog as search sees it: artists, albums and tracks in twelve languages,
 * each document from its number alone, and the team's real songs among them.
 *
 * As large libraries are: three artists in two albums each or fewer, albums of 1 to 16 tracks,
 * titles of one to five words by Zipf's law (tongue.h), guests ("feat."), "(Live)" and its like,
 * plays by Zipf's law. A real song lies among the most played thousandth, and has two to six
 * covers, karaoke and tribute versions that are played 8 to 200 times less. Numbers of a kind:
 * first the made-up ones, then the real ones, then the versions; ids are numbers + 1.
 *
 * Ownership  A document lies in the arena it was made in. Threads  Reading: any.
 * Errors     Ends the program when there is no memory. */

#include "bench/search/songs.h"
#include "bench/search/tongue.h"
#include "storage/search/search_index.h"

enum {
    CORPUS_VERSIONS_MAX = 6,
    CORPUS_LYRIC_LINES = 24,
    CORPUS_LYRIC_WORDS = 6,
    CORPUS_DAY_MS = 86400000,
    CORPUS_ADDED_DAYS = 1800, /* evenly, up to CORPUS_ADDED_LAST_MS */
};
#define CORPUS_ADDED_LAST_MS ((int64_t)1755520000000)

typedef struct corpus {
    uint64_t seed;
    uint64_t made[SEARCH_KIND_COUNT]; /* documents that are not the songs' */
    const songs_t *songs;
    uint64_t version_count;
    uint32_t real[SEARCH_KIND_COUNT][SONGS_MAX]; /* whose document it is */
    uint64_t real_count[SEARCH_KIND_COUNT];
    uint64_t stride, stride_inverse; /* track = rank * stride, rank = track * stride_inverse */
    uint32_t lyrics_every;           /* one track in so many has lyrics; 0: none */
    uint64_t at;                     /* of corpus_source */
    arena_t arena;
} corpus_t;

/* About `tracks` tracks, the songs' among them; NULL: without songs. */
void corpus_init(corpus_t *self, uint64_t seed, uint64_t tracks, const songs_t *songs);
void corpus_deinit(corpus_t *self);
#define CORPUS_SCOPED SCOPED(corpus_deinit)

uint64_t corpus_count(const corpus_t *self, search_kind_t kind);
uint64_t corpus_all(const corpus_t *self);
search_document_t corpus_document(const corpus_t *self, search_kind_t kind, uint64_t number,
                                  arena_t *arena);
/* All of it, kind after kind, from the start. One at a time. */
search_source_t corpus_source(corpus_t *self);

/* A track that people play, drawn by the square root of how often. */
uint64_t corpus_draw(const corpus_t *self, uint64_t luck);
tongue_t corpus_tongue(const corpus_t *self, uint64_t track);
/* The title without "(Live)" and its like. */
str_t corpus_plain_title(str_t title);
/* The artist without guests. */
str_t corpus_main_artist(str_t artist);
uint64_t corpus_song(const corpus_t *self, uint32_t song); /* the number of its original */
/* The line of a track's lyrics: words alone. Empty: it has none. */
str_t corpus_lyric_line(const corpus_t *self, uint64_t track, uint32_t line, arena_t *arena);

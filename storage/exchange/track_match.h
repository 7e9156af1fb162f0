#pragma once
/* track_match.h -- which track of the catalog an entry of somebody else's means.
 *
 * First by its path: an absolute one under a music folder, or one that is relative to a music
 * folder, where only one folder has it and the names do not speak against it. Else by artist and
 * title, folded as the catalog folds them, and album and length where they are said; exactly one
 * track must fit. What does not is left to the user, with the reason: nothing is guessed.
 *
 * Ownership  The answers hold no pointers.
 * Threads    Any; it reads the catalog, so not for long on a scheduler's thread: offload.
 * Errors     As the catalog's. An entry without a track is no error. */

#include "storage/catalog/catalog.h"
#include "storage/search/feed/search_feed.h"

enum {
    TRACK_MATCH_ROOTS_MAX = 64,
    TRACK_MATCH_LENGTH_MS = 3000,     /* by which two lengths of one recording may differ */
    TRACK_MATCH_CANDIDATES_MAX = 2000 /* tracks of one title that are looked at */
};

typedef struct track_root {
    str_t name, path;
} track_root_t;

typedef struct track_wanted {
    str_t path;                 /* absolute, or relative to a music folder; empty: not known */
    str_t relative;             /* a second one, where the first is absolute; may be empty */
    str_t artist, title, album; /* without an artist, "Artist - Title" is one for both */
    uint64_t duration_ms;       /* 0: not known */
} track_wanted_t;

#define TRACK_MATCH_LIST(X)                                                                        \
    X(FOUND, "found")                                                                              \
    X(UNKNOWN, "there is no track with this path or these names")                                  \
    X(UNNAMED, "there is no track with this path, and it names no artist and title")               \
    X(STREAM, "an address, not a file, and no track has these names")                              \
    X(ALBUM, "a track with these names is only on another album")                                  \
    X(LENGTH, "a track with these names has another length")                                       \
    X(SEVERAL, "several tracks fit")                                                               \
    X(OTHER, "another track lies at this path")

typedef enum track_match {
#define TRACK_MATCH_ENUM(name, text) TRACK_MATCH_##name,
    TRACK_MATCH_LIST(TRACK_MATCH_ENUM)
#undef TRACK_MATCH_ENUM
} track_match_t;

typedef struct track_found {
    track_match_t match;
    uint64_t track_id, duration_ms; /* of FOUND */
} track_found_t;

/* A sentence for people. */
const char *track_match_text(track_match_t match);

/* Where they are looked for. `search` finds titles that sort otherwise than they read. */
typedef struct track_shelves {
    catalog_t *catalog;
    search_feed_t *search;
    const track_root_t *roots;
    size_t root_count;
} track_shelves_t;

/* INVALID: more than TRACK_MATCH_ROOTS_MAX roots; UNAVAILABLE: there is no search index yet. */
err_t track_match_all(const track_shelves_t *shelves, const track_wanted_t *wanted, size_t count,
                      track_found_t *out_found);

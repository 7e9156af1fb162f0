#pragma once
/* shelf.h -- a few documents written as rows, an index of them, and questions to it.
 *
 * Ownership  The shelf owns its index and folder. Threads  One. Errors  End the test. */

#include "storage/search/search_request.h"
#include "tests/support/temporary.h"

typedef struct shelf_row {
    search_kind_t kind;
    uint64_t id;
    const char *title, *artist, *album;
    uint64_t plays;
    const char *genre;    /* NULL: none */
    uint32_t year;        /* 0: unknown */
    const char *root;     /* NULL: "home" */
    const char *lyrics;   /* NULL: none */
    const char *other;    /* another name; NULL: none */
    const char *language; /* NULL: none */
    int64_t added_at_ms;
} shelf_row_t;

/* More fields may follow: .year = 1975. */
#define SHELF_TRACK(id_, title_, artist_, album_, plays_, ...)                                     \
    {                                                                                              \
        .kind = SEARCH_TRACK, .id = (id_), .title = (title_), .artist = (artist_),                 \
        .album = (album_), .plays = (plays_)__VA_OPT__(, ) __VA_ARGS__                             \
    }
#define SHELF_ALBUM(id_, title_, artist_, plays_)                                                  \
    {                                                                                              \
        .kind = SEARCH_ALBUM, .id = (id_), .title = (title_), .artist = (artist_),                 \
        .plays = (plays_)                                                                          \
    }
#define SHELF_ARTIST(id_, name_, plays_)                                                           \
    {                                                                                              \
        .kind = SEARCH_ARTIST, .id = (id_), .title = (name_), .plays = (plays_)                    \
    }
#define SHELF_END                                                                                  \
    {                                                                                              \
        .title = NULL                                                                              \
    }

typedef struct shelf {
    temporary_t folder;
    search_index_t *index;
    arena_t arena;
} shelf_t;

/* An index of the rows up to one without a title. */
void shelf_init(shelf_t *self, const shelf_row_t *rows);
void shelf_deinit(shelf_t *self);
#define SHELF_SCOPED SCOPED(shelf_deinit)

/* Into the delta. */
void shelf_put(shelf_t *self, const shelf_row_t *row);
void shelf_remove(shelf_t *self, search_kind_t kind, uint64_t id);

/* Ten of each kind. */
search_request_t shelf_question(const char *text);
search_found_t shelf_ask(shelf_t *self, const search_request_t *request);
/* "3 1 7": ids of a kind in the order of the answer, in the shelf's arena. */
const char *shelf_ids(shelf_t *self, const search_found_t *found, search_kind_t kind);
/* The same of a question's tracks. */
const char *shelf_tracks(shelf_t *self, const char *text);

#pragma once
/* search_documents.h -- what of the catalog the search index is given.
 *
 * A track that can be played is a document, and so are albums and artists with such a track (an
 * artist also through an album of its own). What a document says:
 *   title     of a track or album; an artist's name
 *   artist    the line that listeners read; of tracks and albums
 *   others    sort titles and sort names (which is where taggers put romanised ones), composers,
 *             performers and who else is credited, album artists
 *   facets    of an album or artist: those of its tracks that can be played, together; of more
 *             than SEARCH_FACETS_TRACKS_MAX the first ones by title, and on until one can be played
 *   added_at  of an album or artist: when the first of these came
 *   lyrics    as the catalog has them, long ones from their blob
 *
 * A record that is damaged is left out, and counted: the track itself, and what an artist or album
 * has of it. Only the next catalog has it again.
 *
 * Ownership  Strings lie in the arena of the reading or borrow its map.
 * Threads    As catalog.h; it blocks where lyrics do: offload lane.
 * Errors     NOT_FOUND: there is no such document (any more), or it is damaged; IO, NO_MEMORY;
 *            CORRUPT: what leads to the documents. Lyrics that can't be had are left out, and
 *            counted. */

#include "storage/blob/blob_folder.h"
#include "storage/catalog/catalog_changes.h"
#include "storage/search/search_index.h"

enum {
    SEARCH_DOCUMENTS_PAGE = 256, /* of one read transaction */
    SEARCH_FACETS_TRACKS_MAX = 2048,
    SEARCH_LYRICS_FAILURES_MAX = 8, /* in a row: then no further ones are asked for */
};

/* Where long lyrics are, and how it went. */
typedef struct search_reading {
    blob_folder_t *blobs;       /* NULL: none are read */
    uint32_t failures;          /* in a row */
    uint64_t missed;            /* tracks without the lyrics that they have */
    uint64_t damaged;           /* records that can't be read, each as often as it was met */
    search_kind_t damaged_kind; /* the last one */
    uint64_t damaged_id;
} search_reading_t;

err_t search_document_of(catalog_read_t *read, search_reading_t *reading, search_kind_t kind,
                         uint64_t id, search_document_t *out_document);

/* ---- all of them ---- */

/* Goes through the catalog in many short read transactions: what changes meanwhile is noted behind
 * the mark that was taken before. STALE: it is another catalog now. */
typedef struct search_documents {
    catalog_t *catalog;
    search_reading_t reading;
    uint64_t generation;
    search_kind_t kind;
    uint64_t after;
    uint32_t in_page;
    arena_t arena;
    catalog_read_t read;
    bool is_reading, is_damaged; /* is_damaged: no way on, next was CORRUPT */
} search_documents_t;

/* It begins to be followed, if it was not. *out_mark: where the notes of later go on. */
err_t search_documents_begin(search_documents_t *self, catalog_t *catalog, blob_folder_t *lyrics,
                             catalog_mark_t *out_mark);
void search_documents_end(search_documents_t *self);
#define SEARCH_DOCUMENTS_SCOPED SCOPED(search_documents_end)
/* The next one: as search_source_t. Its strings live until the next call. */
err_t search_documents_next(void *self, search_document_t *out_document, bool *out_is_there);
/* About so many. */
err_t search_documents_count(search_documents_t *self, uint64_t *out_count);

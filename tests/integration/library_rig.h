#pragma once
/* library_rig.h -- a node's library and streaming without the rest: real journal, catalog, media
 * workers, and a music folder to play with. */

#include "actors/library/library.h"
#include "actors/protocol/library.h"
#include "actors/protocol/roots.h"
#include "actors/protocol/scan.h"
#include "actors/streaming/streaming.h"
#include "runtime/router.h"
#include "storage/blob/segment_cache.h"
#include "storage/journal/journal_lmdb.h"
#include "storage/search/feed/search_feed.h"
#include "tests/integration/music_file.h"
#include "tests/support/asking.h"
#include "tests/support/temporary.h"

typedef struct library_rig {
    temporary_t folder;
    char music[256];
    journal_lmdb_t *journal;
    catalog_t *catalog;
    search_feed_t *search;
    library_projection_t *library_projection;
    projection_t *projection;
    blob_folder_t *lyrics, *artwork;
    segment_cache_t *segments;
    worker_pool_t *workers;
    media_client_t media;
    library_service_t library;
    streaming_service_t streaming;
    runtime_t *runtime;
    asking_t asking;
    arena_t arena;
    bool is_watching, has_loudness;
    bool is_deaf; /* has not heard of what was written last: the library is on another node */
    root_places_t *places; /* of the test, before the start; or NULL */
    piece_client_t *pieces;
    root_peers_t *peers;
    uint64_t node; /* not 0: one of several, on which all actors are */
} library_rig_t;

/* In the caller's storage. The music folder is made; the rig is not started. */
void library_rig_init(library_rig_t *self);
void library_rig_start(library_rig_t *self);
/* As a node does at SIGTERM; what is on the disk stays. */
void library_rig_stop(library_rig_t *self);
void library_rig_deinit(library_rig_t *self);
#define LIBRARY_RIG_SCOPED SCOPED(library_rig_deinit)

/* Adds the music folder as "music" and waits until its scan is done. */
void library_rig_add_root(library_rig_t *self);
/* Scans and waits until all is read and finished. */
scan_status_t library_rig_scan(library_rig_t *self, bool is_full);
/* Waits until no scan runs. */
scan_status_t library_rig_settle(library_rig_t *self);

/* The track at a path; NOT_FOUND. Its strings live until the rig ends. */
err_t library_rig_track(library_rig_t *self, const char *path, catalog_track_t *out_track);
err_t library_rig_track_by_id(library_rig_t *self, uint64_t id, catalog_track_t *out_track);
uint64_t library_rig_id(library_rig_t *self, const char *path);
const library_problems_t *library_rig_problems(library_rig_t *self);
/* The first hit's id, of tracks; 0: none. */
uint64_t library_rig_search(library_rig_t *self, const char *words);

void library_rig_remove(library_rig_t *self, const char *name);
void library_rig_rename(library_rig_t *self, const char *from, const char *to);

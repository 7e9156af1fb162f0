#pragma once
/* library.h -- the music folders: the actors `roots`, `library` and `scan`, and what they are
 * given; and `root_keeper`.
 *
 * roots/all lists the folders and tells how their scans do. scan/ROOT walks a folder, has its files
 * read and hands them to library/ROOT, which decides what is which and is the only writer.
 * root_keeper/here looks, on each node, which folders can be read there. Of several nodes there is
 * one roots/all and one library/ROOT; scan/ROOT and root_keeper are each node's own. */

#include "actors/library/library_projection.h"
#include "actors/media_client.h"
#include "runtime/runtime.h"
#include "storage/blob/blob_folder.h"
#include "storage/roots/root_peers.h"

/* A folder that this node was started with. */
typedef struct own_root {
    str_t name, path;
} own_root_t;

typedef struct library_service {
    catalog_t *catalog;
    projection_t *projection; /* of library_projection_options */
    journal_t *journal;
    const media_client_t *media;
    blob_folder_t *blobs;   /* long lyrics */
    blob_folder_t *artwork; /* covers: the largest JPEG, and "SIZE.jpg", "SIZE.webp" beside it */
    root_places_t *places;  /* what root_keeper finds out; NULL: nobody asks */
    root_peers_t *peers;    /* of several nodes, what it is told of the others; or NULL */
    str_t piece_address;    /* where they reach this one's listener */
    const own_root_t *own_roots;
    size_t own_root_count;
    bool reads_no_music; /* others do: no folder counts as readable here */
    bool is_watching;    /* follow changes with inotify */
    bool has_loudness;   /* measure what has no ReplayGain tags, in the background */
} library_service_t;

/* Before runtime_start. The service and what it points to outlive the runtime. */
err_t library_register(runtime_t *runtime, const library_service_t *service);

/* Sizes of covers: the largest is the blob itself. */
enum { ARTWORK_SIZE_COUNT = 4 };
extern const uint64_t ARTWORK_SIZES[ARTWORK_SIZE_COUNT];

extern const actor_kind_t roots_kind, library_kind, scan_kind, root_keeper_kind;

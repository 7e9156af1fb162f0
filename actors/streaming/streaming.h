#pragma once
/* streaming.h -- the kind `transcode`, and what it is given. */

#include "actors/media_client.h"
#include "runtime/runtime.h"
#include "storage/blob/segment_cache.h"
#include "storage/catalog/catalog.h"
#include "storage/roots/piece_client.h"

typedef struct streaming_service {
    catalog_t *catalog;
    segment_cache_t *segments;
    const media_client_t *media;
    root_places_t *places;  /* NULL: roots/all says where a folder is */
    piece_client_t *pieces; /* NULL: there are no other nodes */
} streaming_service_t;

/* Before runtime_start. The service and what it points to outlive the runtime. */
err_t streaming_register(runtime_t *runtime, const streaming_service_t *service);

extern const actor_kind_t transcode_kind;

#pragma once
/* streaming.h -- the kind `transcode`, and what it is given. */

#include "actors/media_client.h"
#include "runtime/runtime.h"
#include "storage/blob/segment_cache.h"
#include "storage/catalog/catalog.h"

typedef struct streaming_service {
    catalog_t *catalog;
    segment_cache_t *segments;
    const media_client_t *media;
} streaming_service_t;

/* Before runtime_start. The service and what it points to outlive the runtime. */
err_t streaming_register(runtime_t *runtime, const streaming_service_t *service);

extern const actor_kind_t transcode_kind;

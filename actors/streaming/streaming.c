#include "actors/streaming/streaming.h"

err_t streaming_register(runtime_t *runtime, const streaming_service_t *service)
{
    return runtime_register(runtime, &transcode_kind, (void *)(uintptr_t)service); /* only read */
}

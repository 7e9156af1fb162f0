#include "actors/library/library.h"

err_t library_register(runtime_t *runtime, const library_service_t *service)
{
    void *shared = (void *)(uintptr_t)service; /* only read */
    TRY(runtime_register(runtime, &roots_kind, shared));
    TRY(runtime_register(runtime, &library_kind, shared));
    TRY(runtime_register(runtime, &root_keeper_kind, shared));
    return runtime_register(runtime, &scan_kind, shared);
}

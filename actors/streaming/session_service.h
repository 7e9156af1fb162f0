#pragma once
/* session_service.h -- the kind `session`: a listener's playback over all devices. */

#include "runtime/runtime.h"

/* Before runtime_start. CONFLICT: registered already. */
err_t session_register(runtime_t *runtime);

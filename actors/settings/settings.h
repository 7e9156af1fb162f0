#pragma once
/* settings.h -- the service of what administrators choose for everybody. Kind: `server`, durable.
 */

#include "runtime/runtime.h"

/* Before runtime_start. CONFLICT: registered already. */
err_t settings_register(runtime_t *runtime);

#pragma once
/* spoken.h -- what nodes say to each other beyond what actors hear and answer by their `.def`:
 * messages that are published, or are an answer and published, too (MESSAGE lines).
 *
 * Threads  One, before the runtime starts. */

#include "runtime/router.h"

err_t spoken_add(runtime_t *runtime);

#pragma once
/* social.h -- the service of what people do with music: playlists, favourites, history, presence.
 *
 * Kinds: `playlist` and `user` (durable), `presence` (not). */

#include "runtime/runtime.h"

/* Before runtime_start. CONFLICT: registered already. */
err_t social_register(runtime_t *runtime);

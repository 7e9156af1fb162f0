#pragma once
/* cover.h -- a made cover: a gradient with shapes, different for every seed.
 *
 * Threads  None: pure. Errors   NO_MEMORY. */

#include "media/picture.h"

err_t demo_cover(uint32_t seed, int side, picture_type_t type, buf_t *out);

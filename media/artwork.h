#pragma once
/* artwork.h -- a cover in the sizes asked for, each as WebP and as JPEG.
 *
 * Ownership  Results lie in the arena. Threads    None. Errors   INVALID the request; else
 * picture.h's; NOT_FOUND no cover inside. *out_reason is set on errors. */

#include "media/protocol/media.h"

err_t artwork_make(const media_artwork_t *request, int fd, arena_t *arena,
                   media_artwork_made_t *out_made, str_t *out_reason);

#pragma once
/* routes.h -- sound and pictures over HTTP.
 *
 *     GET /hls/{token}/{track}/{rendition}/{file}   playlists, init, segments
 *     GET /audio/{token}/{track}/original           the file itself, by ranges
 *     GET /artwork/{hash}/{size}                    WebP or JPEG, by Accept
 *
 * A token is EXPIRES.SIGNATURE (storage/url_signature.h), for the track and the rendition in the
 * path and nothing else; one for "all" opens the multivariant playlist, which brings tokens for the
 * renditions with the same expiry. A wrong, altered or expired one gives 403; the player then asks
 * for new addresses and goes on at its position. Segments and originals may be cached by anybody
 * for as long as their token is good; playlists by nobody; pictures for ever, since their name is
 * their hash. Any origin may read sound: the token is what counts. */

#include "gateway/route.h"

err_t hls_routes(routes_t *routes);

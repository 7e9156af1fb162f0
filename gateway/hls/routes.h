#pragma once
/* routes.h -- sound and pictures over HTTP.
 *
 *     GET /hls/EXPIRES.SIGNATURE/TRACK/all/index.m3u8          the renditions
 *     GET /hls/EXPIRES.SIGNATURE/TRACK/RENDITION/index.m3u8    its segments
 *     GET /hls/EXPIRES.SIGNATURE/TRACK/RENDITION/init.mp4, N.m4s
 *     GET /audio/EXPIRES.SIGNATURE/TRACK/original              the file itself, by ranges
 *     GET /artwork/HASH/SIZE                                   WebP or JPEG, by Accept
 *
 * The signature names track and rendition, not the listener (ARCHITECTURE §7): whoever has the
 * address may fetch it until it expires; a wrong, altered or expired one is 403. Segments may be
 * kept by any cache for as long as their address is good, playlists by none. Pictures are named by
 * their content. */

#include "gateway/route.h"

err_t hls_routes(routes_t *routes);

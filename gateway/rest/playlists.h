#pragma once
/* playlists.h -- playlists as files, for their owner.
 *
 *   GET  /api/v1/playlists/{id}/export?format=m3u8   m3u, m3u8 or xspf; paths below the music
 * folder POST /api/v1/playlists/import?format=&name=&dryRun=&commandId= the body is the file, at
 * most PLAYLIST_FILE_SIZE_MAX; 201 with
 *        {"playlist": {"id", "name", "entryCount"}, "matched", "unmatched": [{"index", "location",
 *        "artist", "title", "reason"}]}; 200 with "playlist": null when it is a dry run or nothing
 * matched. The format is the Content-Type's where the query has none.
 *
 * Errors  UNAUTHENTICATED, FORBIDDEN (api.h); NOT_FOUND, also for somebody else's; INVALID; LIMIT;
 *         UNSUPPORTED: no such format; BUSY: it changes all the time. */

#include "gateway/route.h"

err_t playlists_routes(routes_t *routes);

#pragma once
/* pieces.h -- what other nodes of the cluster may fetch from this one: a listener of its own, never
 * the one that players use (storage/roots/piece.h says who may ask and how it is answered).
 *
 *     GET  /pieces/segment/TRACK/VERSION/RENDITION/INDEX[?only=cached]
 *     GET  /pieces/original/TRACK
 *     GET  /pieces/blob/artwork|lyrics/HASH/VARIANT        VARIANT "-": the blob itself
 *     POST /pieces/keep/TRACK/RENDITION?first=N&count=N    202: copies of these segments
 *
 * GET takes from=OFFSET and version=V: a piece of PIECE_SIZE_MAX bytes at most from there on; 409
 * when V is not 0 and not the file's. A segment is made if the track's folder can be read here; an
 * original is read from there; nothing is fetched from a third node. All that is not signed with
 * the cluster's key is 403. */

#include "gateway/route.h"

err_t pieces_routes(routes_t *routes);

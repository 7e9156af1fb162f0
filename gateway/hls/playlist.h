#pragma once
/* playlist.h -- HLS playlists (RFC 8216 and draft-pantos-hls-rfc8216bis) as text, from numbers
 * alone: nothing is encoded to write them.
 *
 * A multivariant playlist names the renditions of a track, best for most listeners first; a media
 * playlist its segments. All addresses are relative, so a proxy may put a path in front.
 *
 * Threads  None: pure functions. Errors  Through the buffer; those of segment_plan. */

#include "media/protocol/segments.h"

/* What the catalog says of a track; FLAC is offered when the source is lossless. */
typedef struct hls_track {
    segment_source_t source;
    bool is_lossless;
} hls_track_t;

bool hls_has_rendition(const hls_track_t *track, rendition_t rendition);

/* The address of a rendition's media playlist, appended to *out by the caller's knowledge of
 * signatures. */
typedef err_t (*hls_address_fn)(void *context, rendition_t rendition, buf_t *out);

err_t hls_multivariant(const hls_track_t *track, hls_address_fn address, void *context, buf_t *out);
err_t hls_media(const hls_track_t *track, rendition_t rendition, buf_t *out);

/* "init.mp4" gives HLS_INIT, "17.m4s" 17. NOT_FOUND: another name. */
#define HLS_INIT UINT32_MAX
err_t hls_file_index(str_t file, uint32_t *out_index);

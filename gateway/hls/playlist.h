#pragma once
/* playlist.h -- HLS playlists (RFC 8216) of a track, from numbers alone.
 *
 * Two levels: a multivariant playlist that names the renditions, and a media playlist each. All
 * addresses are relative. A token is good for one rendition, so the multivariant playlist brings
 * one for each; within a rendition the token in the path holds for its files:
 *
 *     /hls/TOKEN/TRACK/all/index.m3u8      ../../../TOKEN2/TRACK/aac128/index.m3u8, ...
 *     /hls/TOKEN2/TRACK/aac128/index.m3u8  init.mp4, 0.m4s, 1.m4s, ...
 *
 * Durations are of whole frames, as they are in the segments, to the microsecond.
 *
 * Threads  None: pure functions.
 * Errors   As segment_plan; NOT_FOUND: FLAC of a lossy file. */

#include "media/protocol/segments.h"

/* AAC in three rates, the middle one first, and FLAC where the source is lossless; `tokens` are
 * those of the renditions, `track` as it stands in the path. UNSUPPORTED when not one of them can
 * be made. */
err_t hls_multivariant(const segment_source_t *source, str_t track,
                       const str_t tokens[RENDITION_COUNT], buf_t *out);
err_t hls_media(rendition_t rendition, const segment_source_t *source, buf_t *out);
/* The plan of a rendition; NOT_FOUND for FLAC of a lossy file. */
err_t hls_plan(rendition_t rendition, const segment_source_t *source, segment_plan_t *out_plan);

typedef enum hls_file_kind { HLS_INDEX, HLS_INIT, HLS_SEGMENT } hls_file_kind_t;
/* "index.m3u8", "init.mp4", "12.m4s". NOT_FOUND: anything else, "012.m4s" included. */
err_t hls_parse_file(str_t name, hls_file_kind_t *out_kind, uint32_t *out_index);

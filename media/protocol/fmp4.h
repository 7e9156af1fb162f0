#pragma once
/* fmp4.h -- writes CMAF tracks (ISO/IEC 23000-19) in fragmented MP4 (ISO/IEC 14496-12): the node
 * makes init segments by itself, the media worker the others.
 *
 * Init: ftyp, moov with mvex and an edit list that skips the encoder's delay. Segment: styp, moof,
 * mdat; one run; every frame lasts frame_samples, tfdt is exact. Timescale is the sample rate.
 *
 * Threads  None: pure functions. Errors   Through the buffer; NO_MEMORY. */

#include "media/protocol/segments.h"

void fmp4_init(const segment_plan_t *plan, buf_t *out);
/* frame_sizes: one a frame of the segment; data: their bytes, one after the other. */
void fmp4_segment(const segment_plan_t *plan, uint32_t index, const uint32_t *frame_sizes,
                  str_t data, buf_t *out);

/* AudioSpecificConfig (ISO/IEC 14496-3) of AAC-LC, and STREAMINFO (RFC 9639) of FLAC. */
void fmp4_aac_config(const segment_plan_t *plan, buf_t *out);
void fmp4_flac_streaminfo(const segment_plan_t *plan, buf_t *out);

#pragma once
/* flac_frame.h -- gives a coded FLAC frame (RFC 9639, section 9) its place in the whole stream.
 *
 * An encoder that was started in the middle numbers its frames from 0; so that segments do not
 * depend on where a run started, the number and both checksums are written anew. Threads  None:
 * pure. */

#include "runtime/base/buf.h"

/* Appends the frame with this number. INVALID: not a frame with a fixed block size. */
err_t flac_frame_renumber(str_t frame, uint64_t number, buf_t *out);

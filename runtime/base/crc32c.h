#pragma once
/* crc32c.h -- the Castagnoli checksum (RFC 3720, appendix B.4): finds torn and rotten records, not
 * forgeries.
 *
 * Threads  None: pure functions. Hardware does it where the processor can (SSE 4.2). */

#include "runtime/base/str.h"

/* The checksum of what gave `crc` followed by `bytes`; start with 0. */
uint32_t crc32c(uint32_t crc, str_t bytes);
/* The same without the processor's help: the fallback, and the twin that tests compare with. */
uint32_t crc32c_portable(uint32_t crc, str_t bytes);

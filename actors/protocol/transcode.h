#pragma once
/* transcode.h -- messages of `transcode/TRACK/RENDITION` (transcode.def). */

#define DEF_FILE "actors/protocol/transcode.def"
#include "runtime/base/schema_declare.h"

/* The index of the initialisation segment. */
#define TRANSCODE_INIT UINT32_MAX
enum { TRANSCODE_PREFETCH_MAX = 8 };

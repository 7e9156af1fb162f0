#pragma once
/* transcode.h -- messages of `transcode/TRACK/RENDITION` (transcode.def). */

#define DEF_FILE "actors/protocol/transcode.def"
#include "runtime/base/schema_declare.h"

#define TRANSCODE_KIND "transcode"
enum {
    TRANSCODE_PREFETCH_MAX = 8,  /* segments */
    TRANSCODE_WAITING_MAX = 256, /* askers of one rendition */
};

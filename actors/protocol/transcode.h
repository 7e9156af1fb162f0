#pragma once
/* transcode.h -- messages of `transcode/TRACK/RENDITION` (transcode.def). */

#define DEF_FILE "actors/protocol/transcode.def"
#include "runtime/base/schema_declare.h"

#define TRANSCODE_KIND "transcode"
enum {
    TRANSCODE_PREFETCH_MAX = 8,  /* segments */
    TRANSCODE_WAITING_MAX = 256, /* askers of one rendition */
    TRANSCODE_KEEP_MAX = 16,     /* segments that another node asks to be kept at once */
};

/* How far an answer may be fetched from. */
typedef enum transcode_reach {
    TRANSCODE_ANYHOW,    /* also from another node */
    TRANSCODE_MADE_HERE, /* what is here, or can be made here */
    TRANSCODE_CACHED     /* what is here */
} transcode_reach_t;

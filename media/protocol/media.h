#pragma once
/* media.h -- the messages between a node and its media workers, and their bounds.
 *
 * A request is a frame whose kind is one of media_kind_t and whose payload is the wire form of the
 * matching COMMAND of media.def; the answer carries the kind of its REPLY. The worker answers one
 * request at a time; media_segment_done are parts (CHANNEL_FLAG_PART).
 *
 * The node side is free of GPL code: this folder is under the licence of the node (../README.md).
 */

#define DEF_FILE "media/protocol/media.def"
#include "runtime/base/schema_declare.h"

enum {
    MEDIA_BATCH_MAX = 64, /* descriptors in a probe or loudness request */
    MEDIA_RUN_MAX = 16,   /* segments in an encode request */
    MEDIA_TEXT_MAX = 4096,
    MEDIA_LYRICS_MAX = 256 * 1024,
    MEDIA_VALUES_MAX = 64, /* of a field with several */
    MEDIA_CREDITS_MAX = 128,
    MEDIA_COVER_MAX = 32 * 1024 * 1024,  /* bytes of a compressed picture */
    MEDIA_PIXELS_MAX = 64 * 1000 * 1000, /* of a picture to be decoded */
    MEDIA_ARTWORK_SIZES_MAX = 8,
    MEDIA_ARTWORK_SIDE_MAX = 2048,
    MEDIA_CHANNELS_MAX = 8,
    MEDIA_SAMPLE_RATE_MAX = 768000
};

typedef enum media_kind {
    MEDIA_PING = 1,
    MEDIA_PROBE,
    MEDIA_ENCODE,
    MEDIA_LOUDNESS,
    MEDIA_ARTWORK,
    MEDIA_PONG = 101,
    MEDIA_PROBED,
    MEDIA_ENCODED,
    MEDIA_LOUDNESS_MEASURED,
    MEDIA_ARTWORK_MADE,
    MEDIA_SEGMENT_DONE,
    MEDIA_REFUSED
} media_kind_t;

/* Roles of media_credit_t: "composer" "lyricist" "conductor" "arranger" "producer" "engineer"
 * "mixer" "dj-mixer" "remixer" "director" "performer" "ensemble". A performer's instrument stays in
 * the name: "Miles Davis (trumpet)". */

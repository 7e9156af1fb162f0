#pragma once
/* search_kind.h -- what search finds in the catalog. */

typedef enum search_kind {
    SEARCH_TRACK,
    SEARCH_ALBUM,
    SEARCH_ARTIST,
    SEARCH_KIND_COUNT
} search_kind_t;

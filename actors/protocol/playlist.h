#pragma once
/* playlist.h -- the messages of `playlist`: see playlist.def. */

#define DEF_FILE "actors/protocol/playlist.def"
#include "runtime/base/schema_declare.h"

#define PLAYLIST_KIND "playlist"

enum {
    PLAYLIST_TRACKS_MAX = 10000,
    PLAYLIST_PAGE_MAX = 500,
    PLAYLIST_NAME_SIZE_MAX = 400 /* bytes */
};

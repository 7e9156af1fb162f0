#pragma once
/* user.h -- the messages of `user`: see user.def. */

#include "actors/protocol/playlist.h"

#define DEF_FILE "actors/protocol/user.def"
#include "runtime/base/schema_declare.h"

#define USER_KIND "user"

enum {
    USER_TRACKS_MAX = 200000, /* tracks that anything is known of */
    USER_FAVOURITES_MAX = 50000,
    USER_HISTORY_MAX = 10000,
    USER_PLAYLISTS_MAX = 1000,
    USER_PAGE_MAX = 500,
    USER_RATING_MAX = 5,
    USER_IMPORT_MAX = 500,      /* tracks of one user_import */
    USER_SETTINGS_MAX = 16,     /* of one user_set_settings */
    USER_SEARCHES_MAX = 20,     /* recent ones */
    USER_SEARCH_SIZE_MAX = 200, /* bytes of one */
    USER_FOLLOWING_MAX = 10000,
    USER_FOLLOWERS_MAX = 20000,
    USER_PART_MAX = 256, /* follows, or rooms, that one user_part ends */
    USER_ROOMS_MAX = 1000,
    USER_ACTIVITIES_MAX = 200 /* kept */
};

typedef enum activity_kind {
    ACTIVITY_FAVOURITE = 1,
    ACTIVITY_RATING,
    ACTIVITY_PLAYLIST, /* made public */
    ACTIVITY_FOLLOW
} activity_kind_t;

#pragma once
/* room.h -- the messages of `room`: see room.def. */

#include "actors/protocol/user.h"

#define DEF_FILE "actors/protocol/room.def"
#include "runtime/base/schema_declare.h"

#define ROOM_KIND "room"

enum {
    /* All members, and all who are none any more but have said what is kept, fit into one outbox.
     */
    ROOM_MEMBERS_MAX = 400,
    ROOM_MESSAGES_MAX = 500, /* kept */
    ROOM_PAGE_MAX = 100,
    ROOM_NAME_SIZE_MAX = 400,  /* bytes */
    ROOM_TEXT_SIZE_MAX = 2000, /* bytes */
    ROOM_USER_ID_SIZE_MAX = 32
};

/* What `user` keeps of a room: how the listener stands to it. */
typedef enum room_standing {
    ROOM_STANDING_NONE,
    ROOM_STANDING_MEMBER,
    ROOM_STANDING_LEFT /* what they said is still kept there */
} room_standing_t;

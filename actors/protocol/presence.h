#pragma once
/* presence.h -- the messages of `presence`: see presence.def. */

#define DEF_FILE "actors/protocol/presence.def"
#include "runtime/base/schema_declare.h"

#define PRESENCE_KIND "presence"
#define PRESENCE_KEY STR("node")
#define TOPIC_PRESENCE STR("presence/node")

enum {
    PRESENCE_MAX = 1000, /* listeners; who comes after that is not shown */
    PRESENCE_REFRESH_MS = 30000,
    PRESENCE_LOST_MS = 90000
};

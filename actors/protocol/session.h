#pragma once
/* session.h -- the messages of `session`, a listener's playback: see session.def. */

#define DEF_FILE "actors/protocol/session.def"
#include "runtime/base/schema_declare.h"

#define SESSION_KIND "session"

typedef enum session_repeat {
    SESSION_REPEAT_OFF,
    SESSION_REPEAT_ALL,
    SESSION_REPEAT_ONE
} session_repeat_t;

enum {
    SESSION_QUEUE_MAX = 10000,
    SESSION_DEVICES_MAX = 50,
    SESSION_DEVICE_ID_SIZE_MAX = 64,
    SESSION_DEVICE_NAME_SIZE_MAX = 200,
    SESSION_CONNECTIONS_MAX = 8, /* a device; the oldest one gives way */
    SESSION_VOLUME_MAX = 100,
    SESSION_ATTACH_EVERY_MS = 30000,
    SESSION_ATTACH_LOST_MS = 90000,
    SESSION_OFFLINE_GRACE_MS = 15000, /* more than lies between two reports */
    SESSION_PROGRESS_EVERY_MS = 10000 /* progress is appended no more often */
};

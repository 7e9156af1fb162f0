#pragma once
/* server.h -- the messages of `server`: see server.def. */

#define DEF_FILE "actors/protocol/server.def"
#include "runtime/base/schema_declare.h"

#define SERVER_KIND "server"
#define SERVER_KEY STR("node")
#define TOPIC_SERVER STR("server/node")

enum { SERVER_NOTICE_SIZE_MAX = 500 };

/* Settings. */
#define SERVER_NOTICE "notice" /* what every listener is shown; empty: nothing */

/* Features; all are on until somebody says otherwise. */
#define SERVER_FEATURE_LISTENING_NOW "listening_now" /* listeners see what others listen to */
#define SERVER_FEATURE_PLAYLIST_FILES                                                              \
    "playlist_files" /* playlists in and out as files, over HTTP */

/* Whether a feature is on, in what server_get was answered. */
bool server_has(const server_settings_t *settings, const char *feature);

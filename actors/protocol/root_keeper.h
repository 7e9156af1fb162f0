#pragma once
/* root_keeper.h -- messages of `root_keeper/here` (root_keeper.def). */

#define DEF_FILE "actors/protocol/root_keeper.def"
#include "runtime/base/schema_declare.h"

enum {
    ROOT_LOOK_LOST_MS = 5000, /* a folder that does not answer for so long can't be read */
    ROOT_REPORT_TIMEOUT_MS = 2000
};

#define ROOT_KEEPER_KIND "root_keeper"
#define ROOT_KEEPER_KEY STR("here")

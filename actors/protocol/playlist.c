#include "actors/protocol/playlist.h"

#define DEF_FILE "actors/protocol/playlist.def"
#include "runtime/base/schema_define.h"

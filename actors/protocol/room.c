#include "actors/protocol/room.h"

#define DEF_FILE "actors/protocol/room.def"
#include "runtime/base/schema_define.h"

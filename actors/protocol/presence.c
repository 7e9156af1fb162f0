#include "actors/protocol/presence.h"

#define DEF_FILE "actors/protocol/presence.def"
#include "runtime/base/schema_define.h"

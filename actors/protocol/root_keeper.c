#include "actors/protocol/root_keeper.h"

#define DEF_FILE "actors/protocol/root_keeper.def"
#include "runtime/base/schema_define.h"

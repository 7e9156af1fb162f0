#include "actors/protocol/user.h"

#define DEF_FILE "actors/protocol/user.def"
#include "runtime/base/schema_define.h"

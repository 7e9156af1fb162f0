#include "actors/protocol/session.h"

#define DEF_FILE "actors/protocol/session.def"
#include "runtime/base/schema_define.h"

#include "actors/protocol/audit.h"

#define DEF_FILE "actors/protocol/audit.def"
#include "runtime/base/schema_define.h"

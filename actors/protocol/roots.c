#include "actors/protocol/roots.h"

#define DEF_FILE "actors/protocol/roots.def"
#include "runtime/base/schema_define.h"

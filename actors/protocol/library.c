#include "actors/protocol/library.h"

#define DEF_FILE "actors/protocol/library.def"
#include "runtime/base/schema_define.h"

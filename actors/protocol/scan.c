#include "actors/protocol/scan.h"

#define DEF_FILE "actors/protocol/scan.def"
#include "runtime/base/schema_define.h"

#include "actors/protocol/account.h"

#define DEF_FILE "actors/protocol/account.def"
#include "runtime/base/schema_define.h"

#include "actors/protocol/accounts.h"

#define DEF_FILE "actors/protocol/accounts.def"
#include "runtime/base/schema_define.h"

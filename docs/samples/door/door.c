#include "docs/samples/door/door.h"

#define DEF_FILE "docs/samples/door/door.def"
#include "runtime/base/schema_define.h"

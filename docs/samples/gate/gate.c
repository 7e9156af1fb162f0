#include "docs/samples/gate/gate.h"

#define DEF_FILE "docs/samples/gate/gate.def"
#include "runtime/base/schema_define.h"

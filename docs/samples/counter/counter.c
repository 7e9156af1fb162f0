#include "docs/samples/counter/counter.h"

#define DEF_FILE "docs/samples/counter/counter.def"
#include "runtime/base/schema_define.h"

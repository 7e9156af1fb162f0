#include "greeter.h"

#define DEF_FILE "greeter.def"
#include "runtime/base/schema_define.h"

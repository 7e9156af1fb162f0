#include "runtime/durable_forms.h"

#define DEF_FILE "runtime/durable.def"
#include "runtime/base/schema_define.h"

#include "runtime/outbox.h" /* some of them are its */

#include "runtime/durable/durable_forms.h"

#define DEF_FILE "runtime/durable/durable.def"
#include "runtime/base/schema_define.h"

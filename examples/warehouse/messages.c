#include "warehouse.h"

#define DEF_FILE "stock.def"
#include <runtime/base/schema_define.h>
#define DEF_FILE "order.def"
#include <runtime/base/schema_define.h>
#define DEF_FILE "dock.def"
#include <runtime/base/schema_define.h>
#define DEF_FILE "picker.def"
#include <runtime/base/schema_define.h>
#define DEF_FILE "clerk.def"
#include <runtime/base/schema_define.h>

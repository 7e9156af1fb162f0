#include "docs/samples/bakery/bakery.h"

#define DEF_FILE "docs/samples/bakery/baker.def"
#include "runtime/base/schema_define.h"
#define DEF_FILE "docs/samples/bakery/shop.def"
#include "runtime/base/schema_define.h"

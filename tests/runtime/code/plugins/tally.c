#include "tests/runtime/code/plugins/tally.h"

#define DEF_FILE "tests/runtime/code/plugins/tally.def"
#include "runtime/base/schema_define.h"
#define DEF_FILE "tests/runtime/code/plugins/ledger.def"
#include "runtime/base/schema_define.h"
#define DEF_FILE "tests/runtime/code/plugins/shelf.def"
#include "runtime/base/schema_define.h"

#include "media/protocol/media.h"

#define DEF_FILE "media/protocol/media.def"
#include "runtime/base/schema_define.h"

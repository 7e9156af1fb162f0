#include "actors/protocol/transcode.h"

#define DEF_FILE "actors/protocol/transcode.def"
#include "runtime/base/schema_define.h"

#pragma once
/* scan.h -- messages of `scan/ROOT` (scan.def). Its phases: roots.h. */

#define DEF_FILE "actors/protocol/scan.def"
#include "runtime/base/schema_declare.h"

enum { SCAN_PATHS_MAX = 256 }; /* folders in one command; more: scan everything */

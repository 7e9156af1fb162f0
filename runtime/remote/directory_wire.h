#pragma once
/* directory_wire.h -- the frames of the directory. */

#include "runtime/remote/directory.h"

#define DEF_FILE "runtime/remote/directory.def"
#include "runtime/base/schema_declare.h"

#pragma once
/* durable_forms.h -- the structs of durable.def. */

#define DEF_FILE "runtime/durable/durable.def"
#include "runtime/base/schema_declare.h"

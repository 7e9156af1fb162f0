#pragma once
/* greeter.h -- the messages of the greeter, and its kind. */

#include "runtime/plugin.h"

#define DEF_FILE "greeter.def"
#include "runtime/base/schema_declare.h"

extern const actor_kind_t greeter_kind;

#pragma once
/* keeper.h -- a durable actor on the stage (puppet.h): what it says is held until its journal has
 * kept it. */

#include "runtime/actor.h"

#define DEF_FILE "tests/runtime/life/keeper.def"
#include "runtime/base/schema_declare.h"

extern const actor_kind_t keeper_kind; /* "keeper" */

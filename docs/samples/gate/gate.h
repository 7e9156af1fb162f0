#pragma once
/* gate.h -- the sample of docs/writing-an-actor.md that sends durably. */

#include "runtime/actor.h"

#define DEF_FILE "docs/samples/gate/gate.def"
#include "runtime/base/schema_declare.h"

extern const actor_kind_t gate_kind;

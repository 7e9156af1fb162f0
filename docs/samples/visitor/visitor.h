#pragma once
/* visitor.h -- the sample of docs/writing-an-actor.md that holds memory, and sleeps. */

#include "runtime/actor.h"

#define DEF_FILE "docs/samples/visitor/visitor.def"
#include "runtime/base/schema_declare.h"

extern const actor_kind_t visitor_kind;

#pragma once
/* door.h -- the sample of docs/writing-an-actor.md that behaves in two ways. */

#include "runtime/actor.h"

#define DEF_FILE "docs/samples/door/door.def"
#include "runtime/base/schema_declare.h"

extern const actor_kind_t door_kind;

#pragma once
/* counter.h -- the messages of the sample actor, and its kind. */

#include "runtime/actor.h"

#define DEF_FILE "docs/samples/counter/counter.def"
#include "runtime/base/schema_declare.h"

extern const actor_kind_t counter_kind;

#pragma once
/* purse.h -- a durable actor for tests of gating, recovery and simulation. Every change is
 * published to the topic "purses" as an purse_changed. */

#include "runtime/actor.h"

#define DEF_FILE "tests/support/actors/purse.def"
#include "runtime/base/schema_declare.h"

extern const actor_kind_t purse_kind;

#pragma once
/* account.h -- a durable actor for tests of gating, recovery and simulation. Every change is
 * published to the topic "accounts" as an account_changed. */

#include "runtime/actor.h"

#define DEF_FILE "tests/support/actors/account.def"
#include "runtime/base/schema_declare.h"

extern const actor_kind_t account_kind;

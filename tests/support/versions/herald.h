#pragma once
/* herald.h -- a plugin that is built twice, for nodes of two versions side by side.
 *
 * A `caller` is on each node. Ten times a second it asks heralds, which are placed by key, so on
 * nodes of either version, and counts what it is told; `musicstream actor caller here` shows it.
 * said_by_1, said_by_2: the version that answered; kept, skipped: what became of version 2's field;
 * sung, danced: its message, its kind; unsung, undanced: refused as another version's; away:
 * refused otherwise, as while a node joins; wrong: anything else, with the last error. */

#include "runtime/plugin.h"
#include "runtime/runtime.h"

#ifndef VERSION
#define VERSION 1
#endif

#define DEF_FILE "tests/support/versions/herald.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/support/versions/dancer.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/support/versions/caller.def"
#include "runtime/base/schema_declare.h"

extern const actor_kind_t herald_kind, dancer_kind, caller_kind;

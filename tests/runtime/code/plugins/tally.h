#pragma once
/* tally.h -- the messages of the plugin of tests; version 1 where nobody says otherwise. */

#ifndef VERSION
#define VERSION 1
#endif

#include "runtime/plugin.h"

#define DEF_FILE "tests/runtime/code/plugins/tally.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/runtime/code/plugins/ledger.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/runtime/code/plugins/shelf.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/runtime/code/plugins/waiter.def"
#include "runtime/base/schema_declare.h"

extern const actor_kind_t tally_kind, ledger_kind, shelf_kind, waiter_kind;

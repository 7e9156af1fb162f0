#pragma once
/* accounts.h -- the messages of `accounts`, the directory of users: see accounts.def. */

#define DEF_FILE "actors/protocol/accounts.def"
#include "runtime/base/schema_declare.h"

#define ACCOUNTS_KIND "accounts"
#define ACCOUNTS_KEY STR("node")

enum { ACCOUNTS_MAX = 10000 };

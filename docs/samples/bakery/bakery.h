#pragma once
/* bakery.h -- the sample of docs/writing-an-actor.md on streams: a baker bakes for a shop, and
 * never more than fits on its shelf. */

#include "runtime/stream.h"

#define DEF_FILE "docs/samples/bakery/baker.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "docs/samples/bakery/shop.def"
#include "runtime/base/schema_declare.h"

enum { BAKERY_SHELF = 8 };

extern const actor_kind_t baker_kind, shop_kind;

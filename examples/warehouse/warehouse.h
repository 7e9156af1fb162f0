#pragma once
/* warehouse.h -- the messages and kinds of the example: a shelf per thing (`stock`, durable), a
 * virtual actor per order, a dock that supervises its pickers, and a clerk who tells the story. */

#include <runtime/runtime.h>

#define DEF_FILE "stock.def"
#include <runtime/base/schema_declare.h>
#define DEF_FILE "order.def"
#include <runtime/base/schema_declare.h>
#define DEF_FILE "dock.def"
#include <runtime/base/schema_declare.h>
#define DEF_FILE "picker.def"
#include <runtime/base/schema_declare.h>
#define DEF_FILE "clerk.def"
#include <runtime/base/schema_declare.h>

extern const actor_kind_t stock_kind, order_kind, dock_kind, picker_kind, clerk_kind;

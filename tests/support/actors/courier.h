#pragma once
/* courier.h -- a durable actor for tests of the outbox. */

#include "runtime/outbox.h"

#define DEF_FILE "tests/support/actors/courier.def"
#include "runtime/base/schema_declare.h"

/* How a thing is taken. */
typedef enum courier_how {
    COURIER_TAKES,
    COURIER_TAKES_SILENTLY, /* no event of its own */
    COURIER_REFUSES,        /* each time: INVALID */
    COURIER_FAILS,          /* each time */
    COURIER_HESITATES,      /* BUSY, every other time */
    COURIER_DOUBTS,         /* emits, then refuses, every other time: INVALID */
    COURIER_STASHES,        /* puts it aside once */
    COURIER_HOWS
} courier_how_t;

extern const actor_kind_t courier_kind;

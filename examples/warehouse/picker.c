#include "warehouse.h"

#include <string.h>

typedef struct picker {
    uint32_t fetched;
} picker_t;

#define ACTOR_DEF "picker.def"
#define ACTOR_STATE picker_t
#include <runtime/actor_kind.h>

ON(picker_fetch)
{
    if (command->attempt == 1 && str_equal(command->item, STR("vase")))
        actor_fail(ctx, "dropped a vase");
    self->fetched++;
    return actor_reply(ctx, picker_fetched);
}

ACTOR_KIND(picker);

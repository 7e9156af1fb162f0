#include "tests/support/versions/herald.h"

#define DEF_FILE "tests/support/versions/dancer.def"
#include "runtime/base/schema_define.h"

#define ACTOR_DEF "tests/support/versions/dancer.def"
#define ACTOR_STATE dancer_t
#include "runtime/actor_kind.h"

ON(dancer_dance)
{
    (void)ctx;
    (void)command;
    self->dances++;
    return ERR_OK;
}

ACTOR_KIND(dancer, .placement = PLACED_BY_KEY, .state_schema = &dancer_schema);

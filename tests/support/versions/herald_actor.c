#include "tests/support/versions/herald.h"

#define DEF_FILE "tests/support/versions/herald.def"
#include "runtime/base/schema_define.h"

#define ACTOR_DEF "tests/support/versions/herald.def"
#define ACTOR_STATE herald_t
#include "runtime/actor_kind.h"

ON(herald_say)
{
    self->said++;
    herald_said_t told = {.version = VERSION, .size = command->text.size};
#if VERSION >= 2
    told.loudness = command->loudness;
#endif
    return actor_reply_message(ctx, &herald_said_schema, &told);
}

#if VERSION >= 2
ON(herald_sing)
{
    (void)command;
    self->said++;
    return actor_reply(ctx, herald_said, .version = VERSION);
}
#endif

ACTOR_KIND(herald, .placement = PLACED_BY_KEY, .state_schema = &herald_schema);

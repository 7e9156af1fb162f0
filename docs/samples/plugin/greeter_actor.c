#include "greeter.h"

#define ACTOR_DEF "greeter.def"
#define ACTOR_STATE greeter_t
#include "runtime/actor_kind.h"

#if GREETER_VERSION >= 2
static const char words[] = "Good evening";
#else
static const char words[] = "Hello";
#endif

ON(greeter_hello)
{
    if (str_is_empty(command->name))
        return actor_refuse(ctx, ERR_INVALID, "whom shall I greet?");
    self->greetings++;
    str_t text = arena_printf(context_arena(ctx), "%s, %.*s!", words, STR_ARG(command->name));
    return actor_reply(ctx, greeter_answer, .text = text, .greetings = self->greetings);
}

ACTOR_KIND(greeter, .state_schema = &greeter_schema, .mailbox_max = 100);

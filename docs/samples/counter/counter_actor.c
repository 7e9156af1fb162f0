#include "docs/samples/counter/counter.h"

#define ACTOR_DEF "docs/samples/counter/counter.def"
#define ACTOR_STATE counter_t
#include "runtime/actor_kind.h"

ON(counter_add)
{
    if (command->amount == 0)
        return actor_refuse(ctx, ERR_INVALID, "a counter is not moved by nothing");
    emit(ctx, counter_added, .amount = command->amount);
    return actor_reply(ctx, counter_value, .value = self->value);
}

ON(counter_read)
{
    return actor_reply(ctx, counter_value, .value = self->value);
}

APPLY(counter_added)
{
    self->value += event->amount;
}

ACTOR_KIND(counter, .state_schema = &counter_schema, .mailbox_max = 1024, .idle_ms = 120000,
           .snapshot_every = 500);

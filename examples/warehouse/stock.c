#include "warehouse.h"

#define ACTOR_DEF "stock.def"
#define ACTOR_STATE stock_t
#include <runtime/actor_kind.h>

ON(stock_put)
{
    emit(ctx, stock_changed, .by = command->count);
    return actor_reply(ctx, stock_level, .count = self->count);
}

ON(stock_take)
{
    if (command->count > self->count)
        return actor_refuse(ctx, ERR_LIMIT, "only %lld left", (long long)self->count);
    emit(ctx, stock_changed, .by = -(int64_t)command->count);
    return actor_reply(ctx, stock_level, .count = self->count);
}

/* A bug: whatever it had in hand is gone, what it had decided is not. */
ON(stock_spill)
{
    self->count = 1000000;
    actor_fail(ctx, "a shelf fell over");
}

APPLY(stock_changed)
{
    self->count += event->by;
}

ACTOR_KIND(stock, .state_schema = &stock_schema);

#include "gateway/graphql/resolve/state_order.h"

void state_order_asked(state_order_t *self)
{
    self->is_overtaken = false;
}

state_verdict_t state_order_published(state_order_t *self, uint64_t version)
{
    if (version < self->told)
        return STATE_ASK;
    self->told = version;
    self->is_overtaken = true;
    return STATE_TELL;
}

state_verdict_t state_order_answered(state_order_t *self, uint64_t version)
{
    if (version < self->told && self->is_overtaken)
        return STATE_ASK;
    self->told = version;
    return STATE_TELL;
}

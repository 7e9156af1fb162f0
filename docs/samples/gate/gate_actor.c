#include "docs/samples/counter/counter.h"
#include "docs/samples/gate/gate.h"

#define ACTOR_DEF "docs/samples/gate/gate.def"
#define ACTOR_STATE gate_t
#include "runtime/actor_kind.h"

ON(gate_enter)
{
    TRY(actor_send_durably(ctx, address_of("counter", STR("visits")), counter_add, .amount = 1));
    emit(ctx, gate_entered);
    return actor_reply(ctx, gate_seen, .entered = self->entered);
}

APPLY(gate_entered)
{
    self->entered++;
}

ACTOR_KIND(gate, .state_schema = &gate_schema, .idle_ms = 120000, .snapshot_every = 500);

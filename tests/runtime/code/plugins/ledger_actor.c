#include "tests/runtime/code/plugins/tally.h"

typedef struct ledger {
#if VERSION >= 2
    uint64_t entries;
#endif
    uint64_t total;
} ledger_t;

#define ACTOR_DEF "tests/runtime/code/plugins/ledger.def"
#define ACTOR_STATE ledger_t
#include "runtime/actor_kind.h"

ON(ledger_add)
{
    emit(ctx, ledger_added, .amount = command->amount);
    return actor_reply(ctx, ledger_status, .total = self->total, .version = VERSION);
}

ON(ledger_read)
{
    return actor_reply(ctx, ledger_status, .total = self->total, .version = VERSION);
}

APPLY(ledger_added)
{
#if VERSION >= 2
    self->entries++;
#endif
    self->total += event->amount;
}

ACTOR_KIND(ledger, .mailbox_max = 65535);

#include "docs/samples/door/door.h"

typedef struct door {
    uint64_t entered;
} door_t;

#define ACTOR_DEF "docs/samples/door/door.def"
#define ACTOR_STATE door_t
#define ACTOR_BEHAVIOURS(X) X(locked, STASH, door_unlock, door_look)
#include "runtime/actor_kind.h"

ON(door_enter)
{
    self->entered++;
    return actor_reply(ctx, door_seen, .entered = self->entered);
}

ON(door_lock)
{
    actor_become(ctx, locked);
    return ERR_OK;
}

ON(door_unlock)
{
    return actor_refuse(ctx, ERR_CONFLICT, "the door is open");
}

ON(door_look)
{
    return actor_reply(ctx, door_seen, .entered = self->entered);
}

ON_IN(locked, door_unlock)
{
    actor_unbecome(ctx);
    actor_unstash_all(ctx);
    return ERR_OK;
}

ON_IN(locked, door_look)
{
    return actor_refuse(ctx, ERR_UNAVAILABLE, "the door is locked");
}

ACTOR_KIND(door, .mailbox_max = 8);

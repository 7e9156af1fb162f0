#include "tests/runtime/life/clan.h"

#define DEF_FILE "tests/runtime/life/clan.def"
#include "runtime/base/schema_define.h"

typedef struct clan {
    clan_world_t *world;
} clan_t;

#define ACTOR_DEF "tests/runtime/life/clan.def"
#define ACTOR_STATE clan_t
#define ACTOR_ALSO(X) X(group_changed)
#include "runtime/actor_kind.h"

ON(clan_register)
{
    return actor_register(ctx, command->name);
}

ON(clan_unregister)
{
    return actor_unregister(ctx, command->name);
}

ON(clan_join)
{
    return actor_join(ctx, command->group);
}

ON(clan_leave)
{
    return actor_leave(ctx, command->group);
}

ON(clan_watch)
{
    actor_ref_t members[CLAN_SEEN_MAX];
    uint32_t count = 0;
    TRY(actor_watch_group(ctx, command->group, members, CLAN_SEEN_MAX, &count));
    for (uint32_t i = 0; i < count; i++)
        self->world->seen[i] = members[i].bits;
    self->world->seen_count = count;
    return ERR_OK;
}

ON(clan_unwatch)
{
    return actor_unwatch_group(ctx, command->group);
}

ON(group_changed)
{
    clan_world_t *world = self->world;
    uint32_t at = 0;
    while (at < world->seen_count && world->seen[at] != command->ref_bits)
        at++;
    bool is_there = at < world->seen_count;
    world->wrong += is_there == command->has_joined;
    if (command->has_joined && !is_there && at < CLAN_SEEN_MAX)
        world->seen[world->seen_count++] = command->ref_bits;
    else if (!command->has_joined && is_there)
        world->seen[at] = world->seen[--world->seen_count];
    return ERR_OK;
}

ON(clan_send_named)
{
    return actor_send(ctx, address_named(command->name), clan_note, .value = command->value);
}

ON(clan_send_one)
{
    return actor_send_one(ctx, command->group, command->is_random ? GROUP_RANDOM : GROUP_NEXT,
                          clan_note, .value = command->value);
}

ON(clan_send_all)
{
    uint32_t count = 0;
    TRY(actor_send_all(ctx, command->group, &count, clan_note, .value = command->value));
    return actor_reply(ctx, clan_number, .number = count);
}

ON(clan_note)
{
    if (self->world->note_count < CLAN_NOTES_MAX)
        self->world->noted_by[self->world->note_count++] = context_key(ctx).data[0];
    return ERR_OK;
}

ON(clan_break)
{
    actor_fail(ctx, "told to");
}

ON(clan_stop)
{
    actor_stop(ctx);
    return ERR_OK;
}

ON(clan_who)
{
    return actor_reply(ctx, clan_number, .number = context_self(ctx).bits);
}

static err_t start(void *state, context_t *ctx)
{
    clan_t *self = state;
    self->world = context_service(ctx);
    return ERR_OK;
}

ACTOR_KIND(clan, .start = start, .restarts_max = 100000, .restart_period_ms = 60000);
ACTOR_KIND(resting, .start = start, .idle_ms = 20);

/* What authors and nodes do with groups (groups.h). */
#include "runtime/context.h"
#include "runtime/life/groups.h"

err_t actor_join(context_t *ctx, str_t group)
{
    return groups_join(ctx->runtime->groups, ctx->actor, group);
}

err_t actor_leave(context_t *ctx, str_t group)
{
    return groups_leave(ctx->runtime->groups, ctx->actor, group);
}

err_t actor_watch_group(context_t *ctx, str_t group, actor_ref_t *out_members, uint32_t max,
                        uint32_t *out_count)
{
    return groups_watch(ctx->runtime->groups, ctx->actor, group, out_members, max, out_count);
}

err_t actor_unwatch_group(context_t *ctx, str_t group)
{
    return groups_unwatch(ctx->runtime->groups, ctx->actor, group);
}

uint32_t runtime_group_members(runtime_t *self, str_t group, actor_ref_t *out, uint32_t max)
{
    return groups_members(self->groups, group, out, max);
}

actor_ref_t runtime_group_pick(runtime_t *self, str_t group, group_pick_t pick)
{
    return (actor_ref_t){groups_pick(self->groups, group, pick)};
}

err_t actor_send_one_message(context_t *ctx, str_t group, group_pick_t pick, const schema_t *schema,
                             const void *message)
{
    uint64_t ref = groups_pick(ctx->runtime->groups, group, pick);
    if (ref == 0)
        return ERR_NOT_FOUND;
    return actor_send_message(ctx, address_of_ref((actor_ref_t){ref}), schema, message);
}

err_t actor_send_all_message(context_t *ctx, str_t group, const schema_t *schema,
                             const void *message, uint32_t *out_count)
{
    groups_t *groups = ctx->runtime->groups;
    uint32_t max = groups_members(groups, group, NULL, 0);
    actor_ref_t *refs = arena_new(context_arena(ctx), MAX(max, 1U) * sizeof *refs);
    if (refs == NULL)
        return ERR_NO_MEMORY;
    uint32_t count = MIN(groups_members(groups, group, refs, max), max);
    uint32_t sent = 0;
    for (uint32_t i = 0; i < count; i++)
        sent += actor_send_message(ctx, address_of_ref(refs[i]), schema, message) == ERR_OK;
    if (out_count != NULL)
        *out_count = sent;
    return count == 0 ? ERR_NOT_FOUND : ERR_OK;
}

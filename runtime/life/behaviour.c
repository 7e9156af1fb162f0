#include "runtime/life/behaviour.h"

#include "runtime/context.h"
#include "runtime/life/bonds.h"
#include "runtime/mail/backlog.h"

#include <string.h>

heard_t behaviour_hear_slowly(const actor_t *actor, const schema_t *schema, bool is_signal)
{
    const actor_kind_t *kind = actor->kind;
    const actor_handler_t *own = handler_in(kind->handlers, kind->handler_count, schema);
    uint32_t index = actor_peek(actor)->backlog->behaviour;
    if (index == 0 || index > kind->behaviour_count)
        return (heard_t){own, false};
    const actor_behaviour_t *behaviour = kind->behaviours[index - 1];
    const actor_handler_t *handler =
        handler_in(behaviour->handlers, behaviour->handler_count, schema);
    if (handler != NULL)
        return (heard_t){handler, false};
    /* What became of others is never put aside, nor refused. */
    if (is_signal || behaviour->otherwise == BEHAVIOUR_INHERIT)
        return (heard_t){own, false};
    return (heard_t){NULL, behaviour->otherwise == BEHAVIOUR_STASH};
}

void actor_become_behaviour(context_t *ctx, const actor_behaviour_t *behaviour)
{
    const actor_kind_t *kind = ctx->actor->kind;
    uint32_t index = 0;
    while (index < kind->behaviour_count &&
           strcmp(kind->behaviours[index]->name, behaviour->name) != 0)
        index++;
    if (index == kind->behaviour_count)
        actor_fail(ctx, "not a behaviour of this kind");
    backlog_t *backlog = backlog_of(ctx->actor);
    if (backlog == NULL)
        actor_fail(ctx, "no memory for a behaviour");
    backlog->behaviour = index + 1;
}

void actor_unbecome(context_t *ctx)
{
    actor_extra_t *extra = actor_extra_or_null(ctx->actor);
    if (extra != NULL && extra->backlog != NULL)
        extra->backlog->behaviour = 0;
}

const char *actor_behaviour_name(const actor_t *actor)
{
    const backlog_t *backlog = actor_peek(actor)->backlog;
    uint32_t index = backlog == NULL ? 0 : backlog->behaviour;
    bool is_own = index == 0 || index > actor->kind->behaviour_count;
    return is_own ? "" : actor->kind->behaviours[index - 1]->name;
}

err_t actor_stash(context_t *ctx)
{
    if (ctx->command == NULL || message_is_signal(ctx->command) || ctx->reply != NULL ||
        ctx->is_later || ctx->emitted.count > 0)
        actor_fail(ctx, "nothing to stash, or it was answered, or events were emitted for it");
    TRY(backlog_make_room(ctx->actor, ctx->command));
    ctx->is_stashed = true;
    ctx->may_emit = false;
    return ERR_OK;
}

void actor_unstash_all(context_t *ctx)
{
    backlog_unstash(ctx->actor);
}

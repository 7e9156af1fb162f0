#include "tests/runtime/life/keeper.h"

#include "tests/runtime/life/puppet.h"

#define DEF_FILE "tests/runtime/life/keeper.def"
#include "runtime/base/schema_define.h"

#define ACTOR_DEF "tests/runtime/life/keeper.def"
#define ACTOR_STATE keeper_t
#define ACTOR_ALSO(X) X(actor_down)
#include "runtime/actor_kind.h"

static err_t say(context_t *ctx, uint64_t ref_bits, uint64_t number)
{
    emit(ctx, keeper_noted, .number = number);
    return actor_send(ctx, at(ref_bits), puppet_hear, .number = number);
}

ON(keeper_note)
{
    (void)self;
    IGNORE_ERR(say(ctx, command->ref_bits, command->number)); /* to nobody, in some tests */
    if (command->is_last)
        actor_stop(ctx);
    return ERR_OK;
}

/* Links and watches, behind something that is held. */
ON(keeper_bind)
{
    (void)self;
    IGNORE_ERR(say(ctx, command->ref_bits, 1)); /* as above */
    if (command->is_linked)
        actor_link(ctx, (actor_ref_t){command->ref_bits});
    actor_monitor(ctx, (actor_ref_t){command->ref_bits});
    return command->is_refused ? ERR_FORBIDDEN : ERR_OK;
}

ON(keeper_fail)
{
    (void)self;
    (void)command;
    actor_fail(ctx, "told to");
}

ON(keeper_who)
{
    (void)self;
    (void)command;
    return actor_reply(ctx, puppet_number, .number = context_self(ctx).bits);
}

ON(actor_down)
{
    stage_t *stage = context_service(ctx);
    (void)self;
    buf_printf(&stage->log, "%.*s down %.*s\n", STR_ARG(context_key(ctx)),
               STR_ARG(command->reason));
    return ERR_OK;
}

APPLY(keeper_noted)
{
    self->count += event->number > 0;
}

ACTOR_KIND(keeper, .state_schema = &keeper_schema, .restarts_max = 1000000);

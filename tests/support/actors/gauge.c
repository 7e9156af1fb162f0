#include "tests/support/actors/gauge.h"

#define DEF_FILE "tests/support/actors/gauge.def"
#include "runtime/base/schema_define.h"

typedef struct gauge {
    gauge_world_t *world;
    bool was_kept;
} gauge_t;

#define ACTOR_DEF "tests/support/actors/gauge.def"
#define ACTOR_STATE gauge_t
#define ACTOR_ALSO(X) X(actor_down)
#define ACTOR_BEHAVIOURS(X)                                                                        \
    X(deaf, REFUSE, gauge_become)                                                                  \
    X(patient, STASH, gauge_become, gauge_open, gauge_break, gauge_stop)                           \
    X(odd, INHERIT, gauge_plain)
#include "runtime/actor_kind.h"

static err_t note(gauge_t *self, context_t *ctx, uint64_t value)
{
    if (self->world->count < GAUGE_LOG_MAX)
        self->world->log[self->world->count++] = value;
    return actor_reply(ctx, gauge_value, .value = value);
}

ON(gauge_set)
{
    return note(self, ctx, command->value);
}

ON(gauge_name)
{
    return note(self, ctx, command->value);
}

ON(gauge_plain)
{
    return note(self, ctx, command->value);
}

ON(gauge_keep)
{
    if (self->world->is_open)
        return note(self, ctx, command->value);
    err_t err = actor_stash(ctx);
    self->world->kept += err == ERR_BUSY;
    return err;
}

/* The second time it lets all the others come. */
ON(gauge_keep_once)
{
    if (!self->was_kept) {
        self->was_kept = true;
        return actor_stash(ctx);
    }
    self->world->is_open = true;
    actor_unstash_all(ctx);
    return note(self, ctx, command->value);
}

ON(gauge_keep_badly)
{
    if (command->how == 0)
        TRY(actor_reply(ctx, gauge_value, .value = 1));
    TRY(actor_stash(ctx));
    if (command->how == 1)
        actor_fail(ctx, "with a message put aside");
    return actor_reply(ctx, gauge_value, .value = 2); /* too late: it is put aside */
}

ON(gauge_open)
{
    self->world->is_open = true;
    actor_unstash_all(ctx);
    return ERR_OK;
}

ON(gauge_break)
{
    actor_fail(ctx, "told to");
}

ON(gauge_stop)
{
    actor_stop(ctx);
    return ERR_OK;
}

ON(gauge_watch)
{
    actor_monitor(ctx, (actor_ref_t){command->ref_bits});
    return ERR_OK;
}

ON(actor_down)
{
    if (self->world->stashes_downs)
        return actor_stash(ctx);
    return note(self, ctx, 1000);
}

static err_t become(context_t *ctx, uint32_t which)
{
    if (which == 1)
        actor_become(ctx, deaf);
    else if (which == 2)
        actor_become(ctx, patient);
    else if (which == 3)
        actor_become(ctx, odd);
    else
        actor_unbecome(ctx);
    actor_unstash_all(ctx);
    return ERR_OK;
}

ON(gauge_become)
{
    return become(ctx, command->which);
}

ON_IN(deaf, gauge_become)
{
    return become(ctx, command->which);
}

ON_IN(patient, gauge_become)
{
    return become(ctx, command->which);
}

ON_IN(patient, gauge_open)
{
    actor_unstash_all(ctx); /* and puts all of it aside again */
    return ERR_OK;
}

ON_IN(patient, gauge_break)
{
    actor_fail(ctx, "told to");
}

ON_IN(patient, gauge_stop)
{
    actor_stop(ctx);
    return ERR_OK;
}

ON_IN(odd, gauge_plain)
{
    return note(self, ctx, command->value * 2 + 1);
}

static err_t start(void *state, context_t *ctx)
{
    gauge_t *self = state;
    self->world = context_service(ctx);
    return ERR_OK;
}

static str_t key_of(const schema_t *schema, const void *message)
{
    static const char digits[] = "0123456789";
    if (schema != &gauge_plain_schema)
        return (str_t){NULL, 0};
    const gauge_plain_t *plain = message;
    return str_of(digits + plain->value % 10, 1);
}

ACTOR_KIND(gauge, .mailbox_max = 4, .overflow = OVERFLOW_COALESCE, .start = start,
           .restarts_max = 100, .restart_period_ms = 60000);
ACTOR_KIND(modulo, .mailbox_max = 4, .overflow = OVERFLOW_COALESCE, .coalesce_key = key_of,
           .start = start);

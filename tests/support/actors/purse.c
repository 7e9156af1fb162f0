#include "tests/support/actors/purse.h"

#define DEF_FILE "tests/support/actors/purse.def"
#include "runtime/base/schema_define.h"

#define ACTOR_DEF "tests/support/actors/purse.def"
#define ACTOR_STATE purse_t
#include "runtime/actor_kind.h"

static void tell(const purse_t *self, context_t *ctx)
{
    actor_publish(ctx, STR("purses"), purse_changed, .key = context_key(ctx),
                  .balance = self->balance, .version = context_version(ctx));
}

static err_t answer(const purse_t *self, context_t *ctx)
{
    return actor_reply(ctx, purse_balance, .value = self->balance, .version = context_version(ctx));
}

ON(purse_put)
{
    emit(ctx, purse_was_put, .amount = command->amount, .transfer = command->transfer,
         .note = command->note);
    tell(self, ctx);
    return answer(self, ctx);
}

ON(purse_send)
{
    if (command->amount > self->balance)
        return actor_refuse(ctx, ERR_CONFLICT, "there is only %llu",
                            (unsigned long long)self->balance);
    emit(ctx, purse_was_taken, .amount = command->amount, .transfer = command->transfer);
    tell(self, ctx);
    IGNORE_ERR(actor_send(ctx, address_of("purse", command->to), purse_put, /* held: no answer */
                          .amount = command->amount, .transfer = command->transfer));
    return answer(self, ctx);
}

ON(purse_read)
{
    return answer(self, ctx);
}

ON(purse_refuse_late)
{
    emit(ctx, purse_was_put, .amount = command->amount);
    tell(self, ctx);
    return actor_refuse(ctx, ERR_FORBIDDEN, "on second thought");
}

ON(purse_fail_late)
{
    emit(ctx, purse_was_put, .amount = command->amount);
    tell(self, ctx);
    actor_fail(ctx, "after it emitted");
}

ON(purse_put_and_stop)
{
    emit(ctx, purse_was_put, .amount = command->amount);
    actor_stop(ctx);
    return answer(self, ctx);
}

static void on_balance(void *state, context_t *ctx, const answer_t *balance, void *data,
                       UNUSED size_t data_size)
{
    const purse_t *self = state;
    const reply_token_t *token = data;
    if (balance->err != ERR_OK) {
        actor_refuse_to(ctx, *token, balance->err);
        return;
    }
    const purse_balance_t *other = balance->message;
    emit(ctx, purse_was_put, .amount = other->value);
    actor_reply_to(ctx, *token, purse_balance, .value = self->balance,
                   .version = context_version(ctx));
}

/* Puts something, and then what another purse holds. */
ON(purse_ask)
{
    reply_token_t token = actor_reply_later(ctx);
    emit(ctx, purse_was_put, .amount = command->amount);
    actor_ask(ctx, address_of("purse", command->of), 5000, on_balance, &token, sizeof token,
              purse_read);
    return ERR_OK;
}

APPLY(purse_was_put)
{
    self->balance += event->amount;
}

APPLY(purse_was_taken)
{
    self->balance -= event->amount;
}

ACTOR_KIND(purse, .state_schema = &purse_schema, .mailbox_max = 256, .idle_ms = 60000,
           .snapshot_every = 10, .restarts_max = 1000000);

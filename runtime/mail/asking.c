#include "runtime/mail/asking.h"

#include "runtime/mail/gather.h"

#include <string.h>

static const str_t nothing = {NULL, 0};

enum { REF_SIZE = sizeof(uint64_t) };

/* ---- call chains ---- */

bool call_chain_has_slowly(const message_t *message, uint64_t actor)
{
    str_t chain = message_text(message);
    for (size_t at = 0; at + REF_SIZE <= chain.size; at += REF_SIZE) {
        if (memcmp(chain.data + at, &actor, REF_SIZE) == 0)
            return true;
    }
    return false;
}

/* The chain of what this actor asks now, in `room`. */
static str_t chain_of(const context_t *ctx, char room[REF_SIZE * (ACTOR_CALL_DEPTH_MAX + 1)])
{
    if (LIKELY(!ctx->actor->kind->awaits))
        return ctx->chain;
    size_t size = MIN(ctx->chain.size, (size_t)REF_SIZE * ACTOR_CALL_DEPTH_MAX);
    if (size > 0)
        memcpy(room, ctx->chain.data, size);
    uint64_t self = actor_bits(ctx->actor);
    memcpy(room + size, &self, REF_SIZE);
    return str_of(room, size + REF_SIZE);
}

/* ---- asking ---- */

void asking_answer(context_t *ctx, uint64_t correlation, err_t err)
{
    reply_token_t token = {actor_bits(ctx->actor), correlation};
    deliver_reply(ctx->runtime, reply_new(token, err, NULL, NULL, nothing));
}

answer_t answer_of(const message_t *reply)
{
    return (answer_t){.err = reply->err,
                      .schema = reply->schema,
                      .message = message_body(reply),
                      .text = message_text(reply),
                      .position = reply->position};
}

bool asking_is_too_deep(const context_t *ctx)
{
    return ctx->depth + 1 > ACTOR_CALL_DEPTH_MAX;
}

err_t asking_try_open(context_t *ctx, asking_t *self, ask_t *ask, uint64_t timeout_ms, str_t data)
{
    actor_t *actor = ctx->actor;
    if (timeout_ms == 0)
        timeout_ms = ASK_TIMEOUT_DEFAULT_MS;
    ask->depth = ctx->depth;
    ask->deadline_ns = self->deadline_ns = ctx->now_ns + timeout_ms * 1000000;
    actor_extra_t *extra = actor_extra(actor);
    err_t err = extra == NULL ? ERR_NO_MEMORY : ask_keep_data(ask, data, ctx->chain);
    if (err == ERR_OK)
        err = ask_open(&extra->asks, ask, &self->correlation);
    if (err == ERR_OK) {
        err = ask_table_arm(&extra->asks, ctx->scheduler, actor_bits(actor));
        if (err != ERR_OK)
            (void)ask_take(&extra->asks, self->correlation, ask);
    }
    if (err != ERR_OK)
        ask_free_data(ask);
    return err;
}

void asking_open(context_t *ctx, asking_t *self, ask_t *ask, uint64_t timeout_ms, str_t data)
{
    err_t err = asking_try_open(ctx, self, ask, timeout_ms, data);
    if (err != ERR_OK)
        actor_fail(ctx, err == ERR_LIMIT ? "too many asks are open" : "no memory for an ask");
}

message_t *asking_message(context_t *ctx, const asking_t *self)
{
    char room[REF_SIZE * (ACTOR_CALL_DEPTH_MAX + 1)];
    message_t *message = context_command_new(ctx, self->schema, self->body, chain_of(ctx, room));
    if (message == NULL)
        return NULL;
    message->depth = (uint8_t)(ctx->depth + 1);
    message->reply_to = (reply_token_t){actor_bits(ctx->actor), self->correlation};
    message->deadline_ns = self->deadline_ns;
    return message;
}

void asking_send(context_t *ctx, address_t to, message_t *message)
{
    effect_t effect = context_send_effect(ctx, to, message);
    context_perform(ctx, &effect);
}

void actor_ask_message(context_t *ctx, address_t to, uint64_t timeout_ms, actor_then_fn then,
                       const void *data, size_t data_size, const schema_t *schema, const void *body)
{
    asking_t asking = {.schema = schema, .body = body};
    ask_t ask = {.actor_then = then};
    asking_open(ctx, &asking, &ask, timeout_ms, str_of(data, data_size));
    err_t err = asking_is_too_deep(ctx) ? ERR_LIMIT : ERR_OK;
    message_t *message = err != ERR_OK ? NULL : asking_message(ctx, &asking);
    if (message == NULL)
        asking_answer(ctx, asking.correlation, err != ERR_OK ? err : ERR_NO_MEMORY);
    else
        asking_send(ctx, to, message);
}

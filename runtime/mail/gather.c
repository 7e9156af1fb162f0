#include "runtime/mail/gather.h"

#include "runtime/base/memory.h"
#include "runtime/context.h"
#include "runtime/mail/asking.h"

gather_t *gather_new(uint32_t count, uint32_t needed, actor_then_many_fn then)
{
    size_t replies_size = count * sizeof(message_t *);
    gather_t *self = memory_new(sizeof *self + replies_size + count * sizeof(answer_t));
    if (self == NULL)
        return NULL;
    self->count = count;
    self->needed = needed == 0 || needed > count ? count : needed;
    self->then = then;
    self->answers = (answer_t *)(void *)((char *)self->replies + replies_size);
    return self;
}

void gather_free(gather_t *self)
{
    for (uint32_t i = 0; self != NULL && i < self->count; i++)
        message_free(self->replies[i]);
    memory_free(self);
}

bool gather_take(gather_t *self, message_t *reply)
{
    uint32_t member = (uint32_t)reply->reply_to.correlation >> GATHER_MEMBER_SHIFT;
    if (member >= self->count || self->replies[member] != NULL)
        return false;
    self->replies[member] = reply;
    self->answered++;
    self->good += reply->err == ERR_OK;
    return true;
}

bool gather_is_done(const gather_t *self)
{
    uint32_t bad = self->answered - self->good;
    return self->good >= self->needed || self->answered == self->count ||
           (self->needed < self->count && bad > self->count - self->needed);
}

void gather_end(gather_t *self, err_t missing)
{
    for (uint32_t i = 0; i < self->count; i++) {
        const message_t *reply = self->replies[i];
        self->answers[i] = reply != NULL ? answer_of(reply) : (answer_t){.err = missing};
    }
}

/* ---- asking ---- */

static err_t send_one(context_t *ctx, const asking_t *asking, address_t to, uint32_t member)
{
    message_t *message = asking_message(ctx, asking);
    if (message == NULL)
        return ERR_NO_MEMORY;
    message->reply_to.correlation = gather_correlation(asking->correlation, member);
    asking_send(ctx, to, message);
    return ERR_OK;
}

void actor_ask_many_message(context_t *ctx, const ask_many_t *many, const schema_t *schema,
                            const void *body)
{
    if (many->count > ASK_MANY_MAX)
        actor_fail(ctx, "asked too many at once");
    gather_t *gather = gather_new(many->count, many->needed, many->then);
    if (gather == NULL)
        actor_fail(ctx, "no memory for an ask");
    asking_t asking = {.schema = schema, .body = body};
    ask_t ask = {.gather = gather};
    asking_open(ctx, &asking, &ask, many->timeout_ms, str_of(many->data, many->data_size));
    err_t err = asking_is_too_deep(ctx) ? ERR_LIMIT : ERR_OK;
    if (many->count == 0)
        asking_answer(ctx, asking.correlation, ERR_OK);
    for (uint32_t i = 0; i < many->count; i++) {
        err_t sent = err != ERR_OK ? err : send_one(ctx, &asking, many->to[i], i);
        if (sent != ERR_OK)
            asking_answer(ctx, gather_correlation(asking.correlation, i), sent);
    }
}

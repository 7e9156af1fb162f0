#include "runtime/base/memory.h"
#include "runtime/inside/inside.h"
#include "runtime/kernel.h"

edge_t *runtime_edge(runtime_t *self, uint32_t scheduler)
{
    return scheduler < self->scheduler_count ? &self->schedulers[scheduler].edge : NULL;
}

runtime_t *edge_runtime(edge_t *self)
{
    return self->scheduler->runtime;
}

uint32_t edge_scheduler(const edge_t *self)
{
    return self->scheduler->index;
}

err_t edge_post(edge_t *self, void (*fn)(void *context), void *context)
{
    message_t *message = message_new_post((message_post_t){fn, context});
    if (message == NULL)
        return ERR_NO_MEMORY;
    scheduler_post(self->scheduler, message);
    return ERR_OK;
}

static message_t *ask_message(edge_t *self, uint64_t deadline_ns, str_t command_id,
                              uint64_t correlation, const schema_t *schema, const void *body)
{
    message_t *message = message_new(MESSAGE_COMMAND, schema, body, command_id, (str_t){NULL, 0});
    if (message == NULL)
        return NULL;
    message->reply_to = (reply_token_t){EDGE_TAG | self->scheduler->index, correlation};
    message->deadline_ns = deadline_ns;
    return message;
}

/* Answers an ask of this edge in a turn of its own. */
static void answer_soon(edge_t *self, uint64_t correlation, err_t err)
{
    reply_token_t token = {EDGE_TAG | self->scheduler->index, correlation};
    deliver_reply(self->scheduler->runtime, reply_new(token, err, NULL, NULL, (str_t){NULL, 0}));
}

uint64_t edge_ask_message(edge_t *self, address_t to, uint64_t timeout_ms, str_t command_id,
                          edge_then_fn then, void *context, const schema_t *schema,
                          const void *message)
{
    runtime_t *runtime = self->scheduler->runtime;
    if (timeout_ms == 0)
        timeout_ms = ASK_TIMEOUT_DEFAULT_MS;
    uint64_t correlation = 0;
    uint64_t now_ns = clock_mono_ns(&runtime->clock);
    uint64_t deadline_ns = now_ns + timeout_ms * 1000000;
    ask_t ask = {.edge_then = then,
                 .data = context,
                 .deadline_ns = deadline_ns,
                 .trace = inside_trace(runtime)};
    err_t err = ask_open(&self->asks, &ask, &correlation);
    if (err == ERR_OK) {
        err = ask_table_arm(&self->asks, self->scheduler, 0);
        if (err != ERR_OK)
            (void)ask_take(&self->asks, correlation, &ask);
    }
    if (err != ERR_OK) {
        then(context,
             &(answer_t){.err = err}); /* no place to remember it: the one answer at once */
        return 0;
    }
    message_t *command = ask_message(self, deadline_ns, command_id, correlation, schema, message);
    if (command == NULL) {
        answer_soon(self, correlation, ERR_NO_MEMORY);
    } else if (atomic_load(&runtime->is_draining)) {
        count_sent(runtime);
        reject(runtime, command, ERR_UNAVAILABLE, DEAD_DRAINING,
               &(dead_receiver_t){to.kind, to.key, to.ref.bits});
    } else {
        command->queued = inside_stamp(now_ns);
        command->trace = ask.trace;
        to = address_resolve(runtime, to);
        const actor_kind_t *kind = to.kind == NULL ? NULL : runtime_kind(runtime, to.kind);
        IGNORE_ERR(deliver(runtime, kind, to.key, to.ref.bits, command)); /* `then` is told */
    }
    return correlation;
}

void edge_cancel(edge_t *self, uint64_t ticket)
{
    ask_t ask;
    (void)ask_take(&self->asks, ticket, &ask);
}

/* False: it is not open any more. */
static bool finish(edge_t *self, uint64_t correlation, const answer_t *answer)
{
    ask_t ask;
    if (!ask_take(&self->asks, correlation, &ask))
        return false;
    uint32_t before = inside_swap_trace(self->scheduler->runtime, ask.trace);
    ask.edge_then(ask.data, answer);
    inside_swap_trace(self->scheduler->runtime, before);
    return true;
}

void edge_take(scheduler_t *scheduler, message_t *reply)
{
    answer_t answer = {.err = reply->err,
                       .schema = reply->schema,
                       .message = message_body(reply),
                       .text = message_text(reply),
                       .position = reply->position};
    if (!finish(&scheduler->edge, reply->reply_to.correlation, &answer))
        dead_letter(scheduler->runtime, reply, DEAD_LATE_REPLY,
                    &(dead_receiver_t){.kind = "(edge)"});
    message_free(reply);
}

void edge_expire(scheduler_t *scheduler)
{
    edge_t *self = &scheduler->edge;
    uint64_t now_ns = clock_mono_ns(&scheduler->runtime->clock), correlation;
    ask_table_fired(&self->asks);
    while (ask_table_due(&self->asks, now_ns, &correlation))
        (void)finish(self, correlation, &(answer_t){.err = ERR_TIMEOUT});
    IGNORE_ERR(ask_table_arm(&self->asks, scheduler, 0)); /* with the alarm that came */
}

#include "runtime/stream.h"

#define U32(name, tag, type, field)                                                                \
    {                                                                                              \
#name, tag, FIELD_TYPE_U32, NULL, offsetof(type, field), 0                                 \
    }
#define U64(name, tag, type, field)                                                                \
    {                                                                                              \
#name, tag, FIELD_TYPE_U64, NULL, offsetof(type, field), 0                                 \
    }
#define SCHEMA(name)                                                                               \
    {                                                                                              \
#name, SCHEMA_MESSAGE, sizeof(name##_t), name##_fields, COUNT_OF(name##_fields), 0, false  \
    }

static const schema_field_t stream_begin_fields[] = {
    U64(stream, 1, stream_begin_t, stream),
    U64(producer, 2, stream_begin_t, producer),
    U32(window, 3, stream_begin_t, window),
};
static const schema_field_t stream_credit_fields[] = {
    U64(stream, 1, stream_credit_t, stream),
    U64(consumer, 2, stream_credit_t, consumer),
    U32(count, 3, stream_credit_t, count),
};
static const schema_field_t stream_end_fields[] = {
    U64(stream, 1, stream_end_t, stream),
    U32(err, 2, stream_end_t, err),
};
const schema_t stream_begin_schema = SCHEMA(stream_begin);
const schema_t stream_credit_schema = SCHEMA(stream_credit);
const schema_t stream_end_schema = SCHEMA(stream_end);

/* It is over: nobody is watched for it any more. */
static void out_forget(context_t *ctx, stream_out_t *self)
{
    if (self->monitor.bits != 0)
        actor_demonitor(ctx, self->monitor);
    *self = (stream_out_t){0};
}

static void in_forget(context_t *ctx, stream_in_t *self)
{
    if (self->monitor.bits != 0)
        actor_demonitor(ctx, self->monitor);
    *self = (stream_in_t){0};
}

/* ---- the producer's end ---- */

err_t stream_out_open(context_t *ctx, stream_out_t *self, address_t to, uint32_t window)
{
    if (window == 0 || window > STREAM_WINDOW_MAX)
        return ERR_INVALID;
    uint64_t id = context_random_u64(ctx) | 1;
    TRY(actor_send(ctx, to, stream_begin, .stream = id, .producer = context_self(ctx).bits,
                   .window = window));
    *self = (stream_out_t){.id = id, .window = window};
    return ERR_OK;
}

bool stream_out_credited(context_t *ctx, stream_out_t *self, const stream_credit_t *credit)
{
    if (self->id == 0 || credit->stream != self->id)
        return false;
    if (self->consumer.bits == 0) {
        self->consumer = (actor_ref_t){credit->consumer};
        self->monitor = actor_monitor(ctx, self->consumer);
    }
    /* Never more than the window, whatever the other side says. */
    self->credit = MIN(self->credit + MIN(credit->count, self->window), self->window);
    return self->credit > 0;
}

err_t stream_out_send_message(context_t *ctx, stream_out_t *self, const schema_t *schema,
                              const void *item)
{
    if (self->id == 0)
        return ERR_UNAVAILABLE;
    if (self->credit == 0)
        return ERR_BUSY;
    TRY(actor_send_message(ctx, address_of_ref(self->consumer), schema, item));
    self->credit--;
    return ERR_OK;
}

void stream_out_close(context_t *ctx, stream_out_t *self, err_t err)
{
    if (self->id != 0 && self->consumer.bits != 0)
        IGNORE_ERR(actor_send(ctx, address_of_ref(self->consumer), stream_end, .stream = self->id,
                              .err = (uint32_t)err)); /* gone: it has nothing to hear */
    out_forget(ctx, self);
}

bool stream_out_ended(context_t *ctx, stream_out_t *self, const stream_end_t *end)
{
    bool is_it = self->id != 0 && end->stream == self->id;
    if (is_it)
        out_forget(ctx, self);
    return is_it;
}

bool stream_out_down(stream_out_t *self, const actor_down_t *down)
{
    bool is_it = self->id != 0 && self->consumer.bits == down->ref_bits;
    if (is_it)
        *self = (stream_out_t){0};
    return is_it;
}

/* ---- the consumer's end ---- */

void stream_in_refuse(context_t *ctx, const stream_begin_t *begin, err_t err)
{
    IGNORE_ERR(actor_send(ctx, address_of_ref((actor_ref_t){begin->producer}), stream_end,
                          .stream = begin->stream, .err = (uint32_t)err)); /* a dead letter */
}

static err_t give(context_t *ctx, stream_in_t *self, uint32_t count)
{
    return actor_send(ctx, address_of_ref(self->producer), stream_credit, .stream = self->id,
                      .consumer = context_self(ctx).bits, .count = count);
}

err_t stream_in_accept(context_t *ctx, stream_in_t *self, const stream_begin_t *begin)
{
    bool is_window = begin->window > 0 && begin->window <= STREAM_WINDOW_MAX && begin->stream != 0;
    err_t err = !is_window ? ERR_INVALID : self->id != 0 ? ERR_CONFLICT : ERR_OK;
    if (err != ERR_OK) {
        stream_in_refuse(ctx, begin, err);
        return err;
    }
    /* All of the window is "done with": what can't be said now is said by the next flush. */
    *self = (stream_in_t){.id = begin->stream,
                          .producer = {begin->producer},
                          .window = begin->window,
                          .done = begin->window};
    self->monitor = actor_monitor(ctx, self->producer);
    stream_in_flush(ctx, self);
    return ERR_OK;
}

void stream_in_flush(context_t *ctx, stream_in_t *self)
{
    if (self->id != 0 && self->done > 0 && give(ctx, self, self->done) == ERR_OK)
        self->done = 0;
}

void stream_in_done(context_t *ctx, stream_in_t *self, uint32_t count)
{
    if (self->id == 0)
        return;
    self->done = MIN(self->done + MIN(count, self->window), self->window);
    if (self->done >= MAX(self->window / 2, 1U))
        stream_in_flush(ctx, self);
}

void stream_in_stop(context_t *ctx, stream_in_t *self, err_t err)
{
    if (self->id != 0)
        stream_in_refuse(ctx, &(stream_begin_t){self->id, self->producer.bits, 0},
                         err == ERR_OK ? ERR_CANCELLED : err);
    in_forget(ctx, self);
}

bool stream_in_ended(context_t *ctx, stream_in_t *self, const stream_end_t *end)
{
    bool is_it = self->id != 0 && end->stream == self->id;
    if (is_it)
        in_forget(ctx, self);
    return is_it;
}

bool stream_in_down(stream_in_t *self, const actor_down_t *down)
{
    bool is_it = self->id != 0 && self->producer.bits == down->ref_bits;
    if (is_it)
        *self = (stream_in_t){0};
    return is_it;
}

#include "runtime/mail/streaming.h"

#include "runtime/base/assert.h"
#include "runtime/kernel.h"
#include "runtime/life/bonds.h"
#include "runtime/remote/remote.h"

#define U32(name, tag, type, field)                                                                \
    {                                                                                              \
#name, tag, FIELD_TYPE_U32, NULL, offsetof(type, field), 0                                 \
    }
#define U64(name, tag, type, field)                                                                \
    {                                                                                              \
#name, tag, FIELD_TYPE_U64, NULL, offsetof(type, field), 0                                 \
    }
#define REF(name, tag, type, field)                                                                \
    {                                                                                              \
#name, tag, FIELD_TYPE_U64, NULL, offsetof(type, field), FIELD_REF                         \
    }
#define SCHEMA(name, marks)                                                                        \
    {                                                                                              \
#name, SCHEMA_MESSAGE, sizeof(name##_t), name##_fields, COUNT_OF(name##_fields), marks,    \
            false                                                                                  \
    }

static const schema_field_t stream_begin_fields[] = {
    U64(stream, 1, stream_begin_t, stream), REF(producer, 2, stream_begin_t, producer),
    U32(window, 3, stream_begin_t, window), U32(life, 4, stream_begin_t, life),
    U32(losses, 5, stream_begin_t, losses),
};
static const schema_field_t stream_credit_fields[] = {
    U64(stream, 1, stream_credit_t, stream),
    REF(consumer, 2, stream_credit_t, consumer),
    U32(count, 3, stream_credit_t, count),
    U32(life, 4, stream_credit_t, life),
};
static const schema_field_t stream_end_fields[] = {
    U64(stream, 1, stream_end_t, stream),
    U32(err, 2, stream_end_t, err),
    {"is_from_runtime", 3, FIELD_TYPE_BOOL, NULL, offsetof(stream_end_t, is_from_runtime), 0},
};
const schema_t stream_begin_schema = SCHEMA(stream_begin, FIELD_REF);
const schema_t stream_credit_schema = SCHEMA(stream_credit, FIELD_REF);
const schema_t stream_end_schema = SCHEMA(stream_end, 0);

/* ---- under way ---- */

/* The number of this actor's state, so that nothing of a stream comes to another one. 0: no memory.
 */
static uint32_t life_of(context_t *ctx)
{
    actor_extra_t *extra = actor_extra(ctx->actor);
    if (extra == NULL)
        return 0;
    extra->subscriber = MAX(extra->subscriber, UINT32_C(1)); /* as for topics */
    return extra->subscriber;
}

typedef struct way {
    actor_ref_t to;
    uint32_t life; /* of its state; 0: any */
    uint64_t stream;
} way_t;

static message_t *streamed(message_t *message, const way_t *way)
{
    if (message == NULL)
        return NULL;
    message->is_streamed = true;
    message->incarnation = way->life;
    message->reply_to.correlation = way->stream; /* nobody is asked */
    return message;
}

message_t *stream_lost(const message_t *begin)
{
    const stream_begin_t *of = message_body(begin);
    if (of == NULL)
        return NULL; /* a begin has a body */
    const way_t way = {{0}, of->life, of->stream};
    stream_end_t end = {of->stream, ERR_UNAVAILABLE, true};
    return streamed(message_new_plain(MESSAGE_COMMAND, &stream_end_schema, &end), &way);
}

static err_t send_streamed(context_t *ctx, const way_t *way, const schema_t *schema,
                           const void *body)
{
    message_t *message = streamed(context_command_new(ctx, schema, body, (str_t){NULL, 0}), way);
    if (message == NULL)
        return ERR_NO_MEMORY;
    effect_t effect = context_send_effect(ctx, address_of_ref(way->to), message);
    return context_perform_send(ctx, &effect);
}

static void send_end(context_t *ctx, const way_t *way, err_t err)
{
    stream_end_t end = {.stream = way->stream, .err = (uint32_t)err};
    if (send_streamed(ctx, way, &stream_end_schema, &end) == ERR_NO_MEMORY)
        actor_fail(ctx, "no memory to end a stream");
    /* Else it is told, or nobody is there any more. */
}

uint64_t stream_of(const message_t *message)
{
    if (message->is_streamed)
        return message->reply_to.correlation;
    const stream_begin_t *begin = message_body(message);
    ASSERT(begin != NULL); /* its schema has fields */
    return begin->stream;
}

/* What can't be delivered, made over to its own answer where there is room: then nobody waits in
 * vain for want of memory. */
static message_t *end_made_of(message_t *message, const stream_end_t *end)
{
    if (message->schema->size < sizeof *end || message->has_tail) {
        message_free(message);
        return message_new_plain(MESSAGE_COMMAND, &stream_end_schema, end);
    }
    message_wipe(message);
    message->schema = &stream_end_schema;
    message->sender = 0;
    message->deadline_ns = 0;
    memcpy(message + 1, end, sizeof *end);
    return message;
}

void stream_bounce(runtime_t *runtime, message_t *message, err_t err)
{
    if (message->schema == &stream_end_schema || message->sender == 0) {
        message_free(message);
        return;
    }
    const way_t way = {{message->sender}, 0, stream_of(message)};
    stream_end_t end = {way.stream, (uint32_t)err, true};
    message_t *told = streamed(end_made_of(message, &end), &way);
    if (told != NULL)
        IGNORE_ERR(deliver(runtime, NULL, (str_t){NULL, 0}, way.to.bits, told)); /* gone too */
}

message_t *stream_undone(message_t *message, err_t err)
{
    const way_t way = {{0}, message->incarnation, message->reply_to.correlation};
    stream_end_t end = {.stream = way.stream, .err = (uint32_t)err};
    uint64_t sender = message->sender;
    message_t *told = streamed(end_made_of(message, &end), &way);
    if (told != NULL)
        told->sender = sender;
    return told;
}

/* It is over: nobody is watched for it any more. */
static void out_forget(context_t *ctx, stream_out_t *self)
{
    if (self->monitor.bits != 0)
        actor_demonitor(ctx, self->monitor);
    *self = (stream_out_t){0};
}

/* Over before anybody took it: who does is told when it says so. */
static void out_retire(context_t *ctx, stream_out_t *self, err_t err)
{
    uint64_t id = self->id;
    out_forget(ctx, self);
    self->retired = id;
    self->retired_err = (uint32_t)err;
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
    if (self->retired != 0)
        return ERR_BUSY;
    uint32_t life = life_of(ctx);
    if (life == 0)
        return ERR_NO_MEMORY;
    uint64_t id = context_random_u64(ctx) | 1;
    TRY(actor_send(ctx, to, stream_begin, .stream = id, .producer = context_self(ctx).bits,
                   .window = window, .life = life));
    *self = (stream_out_t){.id = id, .window = window};
    return ERR_OK;
}

bool stream_out_credited(context_t *ctx, stream_out_t *self, const stream_credit_t *credit)
{
    if (self->retired != 0 && credit->stream == self->retired) {
        err_t err = (err_t)self->retired_err;
        self->retired = 0;
        send_end(ctx, &(way_t){{credit->consumer}, credit->life, credit->stream}, err);
    }
    if (self->id == 0 || credit->stream != self->id)
        return false;
    if (self->consumer.bits == 0) {
        self->consumer = (actor_ref_t){credit->consumer};
        self->life = credit->life;
        self->monitor = bonds_monitor_stream(ctx, self->consumer, self->id);
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
    TRY(send_streamed(ctx, &(way_t){self->consumer, self->life, self->id}, schema, item));
    self->credit--;
    return ERR_OK;
}

void stream_out_close(context_t *ctx, stream_out_t *self, err_t err)
{
    if (self->id == 0)
        return;
    if (self->consumer.bits == 0) {
        out_retire(ctx, self, err);
        return;
    }
    send_end(ctx, &(way_t){self->consumer, self->life, self->id}, err);
    out_forget(ctx, self);
}

bool stream_out_ended(context_t *ctx, stream_out_t *self, const stream_end_t *end)
{
    if (self->retired != 0 && end->stream == self->retired)
        self->retired = 0; /* nobody took it */
    bool is_it = self->id != 0 && end->stream == self->id;
    /* Of a stream that nobody took the runtime says that nobody will. */
    if (is_it && end->is_from_runtime && self->consumer.bits != 0)
        stream_out_close(ctx, self, (err_t)end->err);
    else if (is_it)
        out_forget(ctx, self);
    return is_it;
}

/* It is there, but had no room for who watches it: it must be told. */
static bool is_alive(const actor_down_t *down)
{
    return str_equal(down->reason, str_from(bonds_too_many)) ||
           str_equal(down->reason, str_from(bonds_no_way));
}

bool stream_out_down(context_t *ctx, stream_out_t *self, const actor_down_t *down)
{
    bool is_it = self->id != 0 && self->consumer.bits == down->ref_bits;
    if (is_it && is_alive(down))
        stream_out_close(ctx, self, ERR_LIMIT);
    else if (is_it)
        out_forget(ctx, self);
    return is_it;
}

/* ---- the consumer's end ---- */

void stream_in_refuse(context_t *ctx, const stream_begin_t *begin, err_t err)
{
    send_end(ctx, &(way_t){{begin->producer}, begin->life, begin->stream}, err);
}

err_t stream_in_accept(context_t *ctx, stream_in_t *self, const stream_begin_t *begin)
{
    bool is_window = begin->window > 0 && begin->window <= STREAM_WINDOW_MAX && begin->stream != 0;
    err_t err = !is_window ? ERR_INVALID : self->id != 0 ? ERR_CONFLICT : ERR_OK;
    if (err != ERR_OK) {
        stream_in_refuse(ctx, begin, err);
        return err;
    }
    /* All of the window is "done with". */
    *self = (stream_in_t){.id = begin->stream,
                          .producer = {begin->producer},
                          .life = begin->life,
                          .window = begin->window,
                          .done = begin->window};
    self->monitor = bonds_monitor_stream(ctx, self->producer, self->id);
    if (remote_has_lost(ctx->runtime, begin)) { /* the producer was told that nobody takes it */
        stream_in_stop(ctx, self, ERR_UNAVAILABLE);
        return ERR_UNAVAILABLE;
    }
    stream_in_flush(ctx, self);
    return ERR_OK;
}

void stream_in_flush(context_t *ctx, stream_in_t *self)
{
    if (self->id == 0 || self->done == 0)
        return;
    stream_credit_t credit = {.stream = self->id,
                              .consumer = context_self(ctx).bits,
                              .count = self->done,
                              .life = life_of(ctx)};
    const way_t way = {self->producer, self->life, self->id};
    if (credit.life == 0 ||
        send_streamed(ctx, &way, &stream_credit_schema, &credit) == ERR_NO_MEMORY)
        actor_fail(ctx, "no memory to give credit");
    self->done = 0; /* it is told, or nobody is there any more */
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
        send_end(ctx, &(way_t){self->producer, self->life, self->id},
                 err == ERR_OK ? ERR_CANCELLED : err);
    in_forget(ctx, self);
}

bool stream_in_ended(context_t *ctx, stream_in_t *self, const stream_end_t *end)
{
    bool is_it = self->id != 0 && end->stream == self->id;
    if (is_it && end->is_from_runtime)
        stream_in_stop(ctx, self, (err_t)end->err);
    else if (is_it)
        in_forget(ctx, self);
    return is_it;
}

bool stream_in_down(context_t *ctx, stream_in_t *self, const actor_down_t *down)
{
    bool is_it = self->id != 0 && self->producer.bits == down->ref_bits;
    if (is_it && is_alive(down))
        stream_in_stop(ctx, self, ERR_LIMIT);
    else if (is_it)
        in_forget(ctx, self);
    return is_it;
}

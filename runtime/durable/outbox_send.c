/* outbox_send.c -- the sender's side in an actor: putting in, sending, what the answers come to. */

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/base/schema_seal.h"
#include "runtime/context.h"
#include "runtime/durable/away.h"
#include "runtime/durable/outbox.h"
#include "runtime/inside/inside.h"
#include "runtime/mail/asking.h"

#include <string.h>

enum { BEGIN_WITHIN_MS = 100 };

/* What the continuation of an attempt knows. */
typedef struct attempt {
    uint64_t number, attempt;
} attempt_t;

static outbox_t *outbox_in(const context_t *ctx)
{
    const durable_t *durable = actor_peek(ctx->actor)->durable;
    return durable == NULL ? NULL : durable->outbox;
}

static err_t note(context_t *ctx, const schema_t *schema, const void *event)
{
    return durable_note(ctx->actor, &ctx->emitted, schema, event);
}

/* What the call writes is kept, as far as one can know. */
static bool may_note(const context_t *ctx)
{
    return ctx->may_emit && !ctx->has_kept && !journal_is_away(ctx->runtime);
}

outbox_t *outbox_of(actor_t *actor)
{
    durable_t *durable = actor_extra_there(actor)->durable;
    if (durable->outbox == NULL)
        durable->outbox = memory_new(sizeof(outbox_t));
    return durable->outbox;
}

/* ---- putting in ---- */

static const schema_t *command_of(const actor_kind_t *kind, str_t name)
{
    for (size_t i = 0; i < kind->handler_count; i++)
        if (str_equal(str_from(kind->handlers[i].schema->name), name))
            return kind->handlers[i].schema;
    return NULL;
}

static err_t check(const context_t *ctx, address_t to, const schema_t *schema)
{
    if (to.kind == NULL || to.kind == address_named_kind || to.key.size > ACTOR_KEY_SIZE_MAX)
        return ERR_INVALID;
    const actor_kind_t *kind = runtime_kind(ctx->runtime, to.kind);
    if (kind == NULL)
        return ERR_NOT_FOUND;
    /* A handler that fails would take the count of its refusals with it. */
    if (strcmp(to.kind, ctx->actor->kind->name) == 0 && str_equal(to.key, actor_key(ctx->actor)))
        return ERR_INVALID;
    bool is_heard = kind->applier_count > 0 && command_of(kind, str_from(schema->name)) != NULL;
    return is_heard ? ERR_OK : ERR_UNSUPPORTED;
}

/* Its wire form, where it belongs: what has personal fields may be read by nobody else. */
static void fill(outbox_sent_t *sent, const schema_t *schema, str_t wire)
{
    if ((schema->marks & (FIELD_PERSONAL | FIELD_SECRET)) == 0) {
        sent->body = wire;
        return;
    }
    sent->personal = wire;
    if (schema_find_marked_str(schema, wire, FIELD_SUBJECT, &sent->subject) != ERR_OK)
        sent->subject = (str_t){NULL, 0};
}

/* A call whose events are dropped leaves the outbox as it is. */
static err_t put_in(context_t *ctx, const outbox_sent_t *sent)
{
    outbox_t *outbox = outbox_of(ctx->actor);
    if (outbox == NULL)
        return ERR_NO_MEMORY;
    TRY(outbox_room(outbox, sent));
    TRY(note(ctx, &outbox_sent_schema, sent));
    count_one(&ctx->runtime->counters.outbox.sent);
    if (ctx->has_kept)
        return ERR_OK;
    uint64_t number = actor_peek(ctx->actor)->durable->version;
    if (outbox_add(outbox, number, number, sent) != ERR_OK)
        actor_fail(ctx, "no memory for a message that is to be sent durably");
    outbox_pump(ctx);
    return ERR_OK;
}

err_t actor_send_durably_message(context_t *ctx, address_t to, const schema_t *schema,
                                 const void *body)
{
    buf_t wire BUF_SCOPED = BUF_INIT;
    if (UNLIKELY(ctx->runtime->probe != NULL)) /* the test kit: one actor alone */
        return actor_send_to(ctx, to, schema, body);
    if (!actor_is_durable(ctx->actor))
        return ERR_UNSUPPORTED;
    TRY(check(ctx, to, schema));
    if (!ctx->may_emit)
        actor_fail(ctx, "a durable message where nothing may be decided");
    if (ctx->emitted.count == 0 && ctx->may_withdraw && journal_is_away(ctx->runtime))
        context_withdraw(ctx, ERR_UNAVAILABLE, STR("nothing can be stored at the moment"));
    schema_encode(schema, body, &wire);
    TRY(buf_status(&wire));
    outbox_sent_t sent = {.kind = str_from(to.kind), .key = to.key, .name = str_from(schema->name)};
    if (inside_is_watching(ctx->runtime))
        sent.trace = inside_trace(ctx->runtime);
    fill(&sent, schema, buf_str(&wire));
    return put_in(ctx, &sent);
}

/* ---- sending ---- */

/* Doubling, half of it chance, as all that is tried again here. */
static uint64_t backoff_ms(const context_t *ctx, uint32_t exponent)
{
    uint64_t full_ms =
        MIN((uint64_t)OUTBOX_RETRY_FIRST_MS << MIN(exponent, 16U), (uint64_t)OUTBOX_RETRY_MAX_MS);
    return full_ms / 2 + random_below(&ctx->runtime->random, full_ms / 2 + 1);
}

static void try_later(const context_t *ctx, letter_lane_t *lane)
{
    lane->attempt = 0;
    lane->due_ms = context_mono_ms(ctx) + backoff_ms(ctx, lane->tries);
    lane->tries = MIN(lane->tries + 1, 32U);
}

static bool is_passing(err_t err)
{
    return err == ERR_BUSY || err == ERR_UNAVAILABLE || err == ERR_TIMEOUT || err == ERR_FULL ||
           err == ERR_NO_MEMORY || err == ERR_CANCELLED || err == ERR_STALE || err == ERR_IO;
}

static void refused(context_t *ctx, outbox_t *outbox, letter_lane_t *lane, err_t err)
{
    count_one(&ctx->runtime->counters.outbox.refused);
    lane->refusals += is_passing(err) ? 0 : 1;
    outbox_died_t death = {.number = lane->first->number, .err = (uint32_t)err};
    if (lane->refusals < OUTBOX_REFUSALS_MAX || !may_note(ctx) ||
        note(ctx, &outbox_died_schema, &death) != ERR_OK) {
        try_later(ctx, lane);
        return;
    }
    log_warning(ctx->runtime->log, "outbox", "a message from %s to %.*s is dead: %s",
                ctx->actor->kind->name, STR_ARG(lane->first->kind), err_text(err));
    count_one(&ctx->runtime->counters.outbox.died);
    outbox_die(outbox, death.number, err); /* the lane may be gone */
}

/* The letter as a command, numbered. NULL: as *out_err says. */
static message_t *command_from(context_t *ctx, const letter_t *letter, err_t *out_err)
{
    char room[sizeof(uint64_t) + JOURNAL_STREAM_SIZE_MAX + 1];
    const actor_kind_t *kind = runtime_kind_named(ctx->runtime, letter->kind);
    const schema_t *schema = kind == NULL ? NULL : command_of(kind, letter->name);
    *out_err = kind == NULL ? ERR_NOT_FOUND : ERR_UNSUPPORTED;
    if (schema == NULL)
        return NULL;
    arena_t arena ARENA_SCOPED = {0};
    void *body = arena_new(&arena, MAX(schema->size, (size_t)1));
    *out_err = body == NULL ? ERR_NO_MEMORY : schema_decode(schema, letter->body, &arena, body);
    if (*out_err != ERR_OK)
        return NULL;
    memcpy(room, &letter->number, sizeof letter->number);
    str_t stream =
        durable_stream(ctx->actor->kind, actor_key(ctx->actor), room + sizeof letter->number);
    message_t *message =
        message_new_tailed(MESSAGE_COMMAND, schema, body,
                           str_of(room, sizeof letter->number + stream.size), (str_t){NULL, 0});
    *out_err = message == NULL ? ERR_NO_MEMORY : ERR_OK;
    if (message != NULL)
        message->is_numbered = true;
    return message;
}

/* Not before its outbox_sent is durable. */
static void perform(context_t *ctx, const letter_t *letter, message_t *message)
{
    const durable_t *durable = actor_peek(ctx->actor)->durable;
    effect_t effect = {.kind = EFFECT_SEND,
                       .message = message,
                       .to_kind = runtime_kind_named(ctx->runtime, letter->kind),
                       .to_key = letter->key};
    if (letter->number <= durable->durable_version)
        IGNORE_ERR(effect_run(ctx->actor, &effect, durable->position)); /* the ask is told */
    else
        context_perform(ctx, &effect);
}

/* Then it is under way, or waits, or is dead. */
static void send_first(context_t *ctx, outbox_t *outbox, letter_lane_t *lane)
{
    err_t err = ERR_OK;
    message_t *message = command_from(ctx, lane->first, &err);
    if (message == NULL) {
        refused(ctx, outbox, lane, err);
        return;
    }
    asking_t asking = {.schema = message->schema};
    ask_t ask = {.actor_then = outbox_answered};
    attempt_t attempt = {lane->first->number, random_u64(&ctx->runtime->random) | 1};
    err = asking_try_open(ctx, &asking, &ask, OUTBOX_ANSWER_MS, str_of(&attempt, sizeof attempt));
    if (err != ERR_OK) {
        message_free(message);
        try_later(ctx, lane);
        return;
    }
    message->sender = ctx->bits;
    message->queued = inside_stamp(ctx->now_ns);
    message->trace = lane->first->trace;
    message->depth = 1; /* nobody waits for the end of it: a chain of its own */
    message->reply_to = (reply_token_t){ctx->bits, asking.correlation};
    message->deadline_ns = asking.deadline_ns;
    lane->attempt = attempt.attempt;
    count_one(&ctx->runtime->counters.outbox.attempts);
    perform(ctx, lane->first, message);
}

static void arm(context_t *ctx, outbox_t *outbox)
{
    uint64_t due_ms = UINT64_MAX;
    for (const letter_lane_t *lane = outbox->lanes; lane != NULL; lane = lane->next)
        if (lane->attempt == 0)
            due_ms = MIN(due_ms, lane->due_ms);
    if (actor_peek(ctx->actor)->timers.count == ACTOR_TIMERS_MAX)
        return; /* the author's own: an answer, or the next start, goes on */
    if (due_ms == UINT64_MAX || (outbox->timer_due_ms != 0 && outbox->timer_due_ms <= due_ms))
        return;
    if (outbox->timer_due_ms != 0)
        actor_timer_cancel(ctx, outbox->timer);
    uint64_t now_ms = context_mono_ms(ctx);
    outbox->timer_due_ms = MAX(due_ms, now_ms + 1);
    outbox->timer = actor_timer_start(ctx, outbox->timer_due_ms - now_ms, 0, outbox_wake);
}

static letter_lane_t *due_lane(const outbox_t *outbox, uint64_t now_ms)
{
    letter_lane_t *lane = outbox->lanes;
    while (lane != NULL && (lane->attempt != 0 || lane->due_ms > now_ms))
        lane = lane->next;
    return lane;
}

void outbox_pump(context_t *ctx)
{
    outbox_t *outbox = outbox_in(ctx);
    letter_lane_t *lane;
    if (outbox == NULL)
        return;
    while ((lane = due_lane(outbox, context_mono_ms(ctx))) != NULL)
        send_first(ctx, outbox, lane);
    arm(ctx, outbox);
}

bool outbox_is_to_begin(const actor_t *actor)
{
    const durable_t *durable = actor_peek(actor)->durable;
    return durable != NULL && durable->outbox != NULL && durable->outbox->waiting_count > 0;
}

/* Not at once: two that fail by each other's messages, and so forget, take turns then; and after
 * the start of a node not all send together. */
static void begin_lane(const context_t *ctx, letter_lane_t *lane)
{
    if (STEAL(lane->is_rebuilt))
        return;
    if (STEAL(lane->is_lost))
        try_later(ctx, lane); /* it may be what made us fail */
    uint64_t soon_ms = context_mono_ms(ctx) + random_below(&ctx->runtime->random, BEGIN_WITHIN_MS);
    lane->due_ms = MAX(lane->due_ms, soon_ms);
}

void outbox_begin(context_t *ctx)
{
    outbox_t *outbox = outbox_in(ctx);
    ASSERT(outbox != NULL);   /* outbox_is_to_begin */
    outbox->timer_due_ms = 0; /* it went with the state before */
    for (letter_lane_t *lane = outbox->lanes; lane != NULL; lane = lane->next)
        begin_lane(ctx, lane);
    outbox_pump(ctx);
}

/* ---- answers ---- */

/* It needs not be sent again. False: that could not be written. */
static bool gone(context_t *ctx, outbox_t *outbox, uint64_t number)
{
    const outbox_acked_t ack = {.number = number};
    const outbox_emptied_t last = {.number = number};
    bool is_last = outbox_count(outbox) == 1;
    err_t err = !may_note(ctx) ? ERR_UNAVAILABLE
                : is_last      ? note(ctx, &outbox_emptied_schema, &last)
                               : note(ctx, &outbox_acked_schema, &ack);
    return err == ERR_OK && outbox_remove(outbox, number);
}

static void delivered(context_t *ctx, outbox_t *outbox, uint64_t number)
{
    letter_lane_t *lane = outbox_lane_of(outbox, number);
    if (lane == NULL && outbox_dead_letter(outbox, number) == NULL)
        return; /* of a state before: known already, or it was never durable */
    if (gone(ctx, outbox, number))
        count_one(&ctx->runtime->counters.outbox.delivered);
    else if (lane != NULL)
        try_later(ctx, lane);
}

void outbox_answered(UNUSED void *state, context_t *ctx, const answer_t *answer, void *data,
                     UNUSED size_t data_size)
{
    attempt_t attempt;
    outbox_t *outbox = outbox_in(ctx);
    memcpy(&attempt, data, sizeof attempt);
    if (outbox == NULL)
        return;
    letter_lane_t *lane = outbox_lane_of(outbox, attempt.number);
    if (answer->err == ERR_OK)
        delivered(ctx, outbox, attempt.number);
    else if (lane != NULL && lane->attempt == attempt.attempt)
        refused(ctx, outbox, lane, answer->err);
    outbox_pump(ctx);
}

uint32_t outbox_open_asks(const actor_t *actor)
{
    const ask_table_t *asks = &actor_peek(actor)->asks;
    uint32_t count = 0;
    for (uint32_t i = 0; i < asks->capacity; i++)
        count += asks->asks[i].is_open && asks->asks[i].actor_then == outbox_answered;
    return count;
}

/* ---- what every durable actor hears ---- */

/* The journal's index sent it: with nothing to send, the index is put right. */
static err_t on_wake(UNUSED void *self, context_t *ctx, UNUSED const void *message)
{
    const durable_t *durable = actor_peek(ctx->actor)->durable;
    const outbox_emptied_t nothing_waits = {.number = 0};
    if (durable->outbox != NULL)
        durable->outbox->timer_due_ms = 0;
    if (outbox_count(durable->outbox) == 0 && durable->append_count == 0 && may_note(ctx))
        return note(ctx, &outbox_emptied_schema, &nothing_waits);
    outbox_pump(ctx);
    return ERR_OK;
}

static err_t on_retry(UNUSED void *self, context_t *ctx, const void *message)
{
    outbox_t *outbox = outbox_in(ctx);
    const outbox_revived_t event = {.number = ((const outbox_retry_t *)message)->number};
    if (outbox == NULL || outbox_dead_letter(outbox, event.number) == NULL)
        return ERR_NOT_FOUND;
    if (!may_note(ctx))
        return ERR_UNAVAILABLE;
    TRY(note(ctx, &outbox_revived_schema, &event));
    TRY(outbox_revive(outbox, event.number, actor_peek(ctx->actor)->durable->version));
    outbox_pump(ctx);
    return ERR_OK;
}

static err_t on_drop(UNUSED void *self, context_t *ctx, const void *message)
{
    outbox_t *outbox = outbox_in(ctx);
    uint64_t number = ((const outbox_drop_t *)message)->number;
    if (outbox == NULL || outbox_dead_letter(outbox, number) == NULL)
        return ERR_NOT_FOUND;
    return gone(ctx, outbox, number) ? ERR_OK : ERR_UNAVAILABLE;
}

const actor_handler_t *outbox_handler(const actor_t *actor, const schema_t *schema)
{
    static const actor_handler_t handlers[] = {{&outbox_wake_schema, on_wake},
                                               {&outbox_retry_schema, on_retry},
                                               {&outbox_drop_schema, on_drop}};
    if (!actor_is_durable(actor))
        return NULL;
    for (size_t i = 0; i < COUNT_OF(handlers); i++)
        if (handlers[i].schema == schema)
            return &handlers[i];
    return NULL;
}

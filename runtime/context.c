#include "runtime/context.h"

#include "runtime/base/memory.h"
#include "runtime/durable/away.h"
#include "runtime/inside/inside.h"
#include "runtime/kit/probe.h"
#include "runtime/life/bonds.h"
#include "runtime/life/lifecycle.h"
#include "runtime/life/relations.h"
#include "runtime/remote/remote.h"

#include <stdarg.h>

static const str_t nothing = {NULL, 0};

/* ---- looking ---- */

actor_ref_t context_self(const context_t *ctx)
{
    return (actor_ref_t){ctx->bits};
}

str_t context_key(const context_t *ctx)
{
    return actor_key(ctx->actor);
}

void *context_service(const context_t *ctx)
{
    return ctx->actor->kind->service;
}

runtime_t *context_runtime(const context_t *ctx)
{
    return ctx->runtime;
}

arena_t *context_arena(context_t *ctx)
{
    return &ctx->scheduler->arena;
}

int64_t context_wall_ms(const context_t *ctx)
{
    if (ctx->wall_ms == 0) {
        /* Read once a call: what is emitted and what is recorded carry the same time. */
        context_t *mutable = (context_t *)(uintptr_t)ctx;
        mutable->wall_ms = clock_wall_ms(&ctx->runtime->clock);
    }
    return ctx->wall_ms;
}

uint64_t context_mono_ms(const context_t *ctx)
{
    return clock_mono_ms(&ctx->runtime->clock);
}

uint64_t context_random_u64(context_t *ctx)
{
    return random_u64(&ctx->runtime->random);
}

uint64_t context_version(const context_t *ctx)
{
    const durable_t *durable = actor_peek(ctx->actor)->durable;
    return durable == NULL ? 0 : durable->version;
}

str_t context_command_id(const context_t *ctx)
{
    return ctx->command == NULL || ctx->command->is_numbered ? nothing
                                                             : message_command_id(ctx->command);
}

bool context_is_replay(const context_t *ctx)
{
    return ctx->is_replay;
}

/* ---- effects ---- */

/* Whether it follows from what is not durable yet, and from which append. */
static bool is_to_be_held(const context_t *ctx, effect_t *effect)
{
    if (!durable_must_hold(ctx->actor, &ctx->emitted))
        return false;
    effect->seq = actor_peek(ctx->actor)->durable->seq + (ctx->emitted.count > 0 ? 1 : 0);
    return true;
}

/* For who looks: whose it is, and of which trace; it may go out much later. */
static void sign(const context_t *ctx, const effect_t *effect)
{
    if (!inside_is_watching(ctx->runtime) || effect->message == NULL)
        return;
    if (effect->kind == EFFECT_REPLY)
        effect->message->sender = ctx->bits;
    inside_belongs(ctx->runtime, effect->message);
}

static err_t run_now(context_t *ctx, effect_t *effect)
{
    const durable_t *durable = actor_peek(ctx->actor)->durable;
    return effect_run(ctx->actor, effect, durable == NULL ? 0 : durable->position);
}

err_t context_perform_send(context_t *ctx, effect_t *effect)
{
    sign(ctx, effect);
    if (!is_to_be_held(ctx, effect))
        return run_now(ctx, effect);
    err_t err = effect_queue_push(&actor_peek(ctx->actor)->durable->held, effect);
    if (err != ERR_OK)
        message_free(STEAL(effect->message)); /* nobody was to hear of it */
    return err;
}

void context_perform(context_t *ctx, effect_t *effect)
{
    sign(ctx, effect);
    if (is_to_be_held(ctx, effect))
        durable_hold(ctx->actor, effect);
    else
        IGNORE_ERR(run_now(ctx, effect)); /* who asked hears of it */
}

void actor_emit(context_t *ctx, const schema_t *schema, const void *event)
{
    if (!ctx->may_emit)
        actor_fail(ctx, "emit where nothing may be decided");
    if (ctx->emitted.count == 0 && ctx->may_withdraw && journal_is_away(ctx->runtime))
        context_withdraw(ctx, ERR_UNAVAILABLE, STR("nothing can be stored at the moment"));
    err_t err = durable_emit(ctx->actor, &ctx->emitted, schema, event, context_wall_ms(ctx));
    if (err != ERR_OK)
        actor_fail(ctx, err == ERR_LIMIT         ? "too many events in one call"
                        : err == ERR_UNSUPPORTED ? "emit of an event that the kind does not apply"
                                                 : "no memory for an event");
}

static void second_reply(context_t *ctx, const schema_t *schema)
{
    const actor_t *actor = ctx->actor;
    message_t reply = {.kind = MESSAGE_REPLY, .schema = schema, .sender = actor_bits(actor)};
    dead_letter_by(actor, &reply, DEAD_SECOND_REPLY);
}

err_t actor_reply_message(context_t *ctx, const schema_t *schema, const void *reply)
{
    bool is_first =
        ctx->command != NULL && ctx->reply == NULL && !ctx->is_later && !ctx->is_stashed;
    if (is_first && ctx->asker.asker != 0) {
        ctx->reply = reply_new(ctx->asker, ERR_OK, schema, reply, nothing);
        return ctx->reply == NULL ? ERR_NO_MEMORY : ERR_OK;
    }
    if (!is_first)
        second_reply(ctx, schema);
    return ERR_OK;
}

err_t actor_refuse(context_t *ctx, err_t err, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    /* clang-tidy 14 is wrong here: it takes what va_start has just set for uninitialized.
     * NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size > 0)
        ctx->refusal =
            arena_str(context_arena(ctx), str_of(text, MIN((size_t)size, sizeof text - 1)));
    return err;
}

reply_token_t actor_reply_later(context_t *ctx)
{
    ctx->is_later = true;
    if (ctx->command == NULL || ctx->asker.asker == 0)
        return ctx->asker;
    actor_extra_t *extra = actor_extra(ctx->actor);
    if (extra == NULL)
        actor_fail(ctx, "no memory for a later answer");
    extra->tokens_until_ns = MAX(extra->tokens_until_ns, ctx->command->deadline_ns);
    if (extra->durable != NULL && !str_is_empty(context_command_id(ctx))) {
        uint64_t until_ns = ctx->command->deadline_ns + DURABLE_LATER_KEPT_MS * UINT64_C(1000000);
        const later_command_t later = {.token = ctx->asker, .until_ns = until_ns};
        /* One too many is answered like the others; only a retry of it is carried out again. */
        IGNORE_ERR(later_commands_put(&extra->durable->later, context_command_id(ctx), &later));
    }
    return ctx->asker;
}

/* What this call emits is of that command, and a retry gets this answer. Of a refusal, and of an
 * answer that is too large to be kept, nothing is remembered: a retry is carried out. */
static void answered_now(context_t *ctx, reply_token_t token, err_t err, const schema_t *schema,
                         const void *reply)
{
    emitted_t *emitted = &ctx->emitted;
    durable_t *durable = actor_extra_there(ctx->actor)->durable;
    buf_t id BUF_SCOPED = BUF_INIT;
    bool is_later = later_commands_take(&durable->later, token, &id);
    if (!is_later || err != ERR_OK || emitted->count == 0 || emitted->answered_id.size > 0)
        return;
    durable_result_encode(ERR_OK, nothing, schema, reply, &emitted->answer);
    if (emitted->answer.size <= DURABLE_LATER_ANSWER_MAX)
        buf_append(&emitted->answered_id, buf_str(&id));
}

void actor_reply_to_message(context_t *ctx, reply_token_t token, err_t err, const schema_t *schema,
                            const void *reply)
{
    if (actor_is_durable(ctx->actor))
        answered_now(ctx, token, err, schema, reply);
    message_t *message = reply_new(token, err, schema, reply, nothing);
    if (message == NULL)
        return;
    effect_t effect = {.kind = EFFECT_REPLY, .message = message};
    context_perform(ctx, &effect);
}

message_t *context_command_new(context_t *ctx, const schema_t *schema, const void *body,
                               str_t chain)
{
    message_t *message = message_new(MESSAGE_COMMAND, schema, body, nothing, chain);
    if (message != NULL) {
        message->sender = ctx->bits;
        message->queued = inside_stamp(ctx->now_ns);
    }
    return message;
}

effect_t context_send_effect(const context_t *ctx, address_t to, message_t *message)
{
    to = address_resolve(ctx->runtime, to);
    return (effect_t){.kind = EFFECT_SEND,
                      .message = message,
                      .to_kind = to.kind == NULL ? NULL : runtime_kind(ctx->runtime, to.kind),
                      .to_key = to.key,
                      .to_ref = to.kind == NULL ? to.ref.bits : 0};
}

/* To one activation, from an actor that holds nothing back, while nobody looks: the shortest way.
 */
static err_t send_here(context_t *ctx, uint64_t ref, const schema_t *schema, const void *body)
{
    scheduler_t *scheduler = ctx->scheduler;
    message_t *message = message_new_here(&scheduler->pool, schema, body);
    if (UNLIKELY(message == NULL))
        return ERR_NO_MEMORY;
    message->sender = ctx->bits;
    message->queued = inside_stamp(ctx->now_ns);
    message->is_by_ref = true;
    count_own(&scheduler->counters.sent);
    actor_t *actor = actor_at(ctx->runtime->chunks, ref);
    if (UNLIKELY(actor == NULL))
        return ref_seat(ref) != 0
                   ? remote_deliver_to_ref(ctx->runtime, ref, message)
                   : undelivered(ctx->runtime, NULL, nothing, ref, message, ERR_NOT_FOUND);
    uint32_t max = atomic_load_explicit(&actor->mailbox_max, memory_order_relaxed);
    push_result_t result =
        mailbox_push(&actor->mailbox, &actor->mailbox_end, (uint32_t)(ref >> 32), max, message);
    if ((result & PUSH_READY) != 0)
        scheduler_ready_here(scheduler, actor);
    if (LIKELY(push_outcome(result) == PUSH_DONE))
        return ERR_OK;
    return undelivered(ctx->runtime, NULL, nothing, ref, message, err_of_push(result));
}

err_t actor_send_to_ref(context_t *ctx, actor_ref_t to, const schema_t *schema, const void *body)
{
    bool is_simple = schema->is_flat && !actor_is_durable(ctx->actor) &&
                     !inside_is_watching(ctx->runtime) && ctx->runtime->probe == NULL;
    return LIKELY(is_simple) ? send_here(ctx, to.bits, schema, body)
                             : actor_send_to(ctx, address_of_ref(to), schema, body);
}

err_t actor_send_to(context_t *ctx, address_t to, const schema_t *schema, const void *body)
{
    message_t *message = context_command_new(ctx, schema, body, nothing);
    if (message == NULL)
        return ERR_NO_MEMORY;
    effect_t effect = context_send_effect(ctx, to, message);
    return context_perform_send(ctx, &effect);
}

void actor_publish_message(context_t *ctx, str_t topic, const schema_t *schema, const void *body)
{
    message_t *message = message_new(MESSAGE_PUBLISH, schema, body, nothing, topic);
    if (message == NULL) {
        topic_missed(ctx->runtime, topic);
        return;
    }
    message->sender = ctx->bits;
    effect_t effect = {.kind = EFFECT_PUBLISH, .message = message};
    context_perform(ctx, &effect);
}

err_t actor_subscribe(context_t *ctx, str_t topic)
{
    return topic_subscribe_actor(ctx->scheduler, ctx->actor, topic);
}

/* ---- timers ---- */

actor_timer_t actor_timer_start_message(context_t *ctx, uint64_t delay_ms, uint64_t period_ms,
                                        const schema_t *schema, const void *body)
{
    actor_t *actor = ctx->actor;
    actor_extra_t *extra = actor_extra(actor);
    if (extra != NULL && extra->timers.count == ACTOR_TIMERS_MAX)
        actor_fail(ctx, "too many timers");
    alarm_t *alarm = extra == NULL ? NULL : alarm_new(ALARM_TIMER, ctx->bits, schema, body);
    uint64_t id = 0;
    if (alarm == NULL || timer_table_add(&extra->timers, alarm, &id) != ERR_OK) {
        alarm_cancel(&alarm);
        actor_fail(ctx, "no memory for a timer");
    }
    alarm->period_ms = period_ms;
    if (UNLIKELY(ctx->runtime->probe != NULL))
        ctx->runtime->probe->timer(ctx->runtime->probe->context, actor, alarm, delay_ms);
    alarm_arm(alarm, ctx->scheduler, delay_ms);
    return (actor_timer_t){id};
}

void actor_timer_cancel(context_t *ctx, actor_timer_t timer)
{
    actor_extra_t *extra = actor_extra_or_null(ctx->actor);
    if (extra != NULL)
        timer_table_drop(&extra->timers, timer.bits, ctx->scheduler);
}

/* ---- others ---- */

/* A child that does not run yet. */
static err_t child_new(context_t *ctx, const actor_kind_t *kind, str_t key, actor_t **out_child)
{
    actor_t *actor = ctx->actor;
    if (children_count(actor) == ACTOR_CHILDREN_MAX)
        children_forget_gone(actor);
    if (children_count(actor) == ACTOR_CHILDREN_MAX)
        return ERR_LIMIT;
    TRY(registry_spawn(ctx->runtime->registry, kind, key, actor_bits(actor), out_child));
    return children_add(actor, actor_bits(*out_child));
}

static err_t child_begin(context_t *ctx, actor_t *child, err_t err, actor_ref_t *out_ref)
{
    if (child == NULL)
        return err;
    effect_t effect = {.kind = EFFECT_SPAWN, .to_ref = actor_bits(child)};
    if (err != ERR_OK) {
        effect_drop(ctx->actor, &effect, err);
        return err;
    }
    *out_ref = (actor_ref_t){actor_bits(child)};
    if (LIKELY(!actor_is_durable(ctx->actor) && ctx->runtime->probe == NULL))
        run_queue_put_newborn(&ctx->scheduler->queue, child); /* nobody else could schedule it */
    else
        context_perform(ctx, &effect);
    return ERR_OK;
}

err_t actor_spawn(context_t *ctx, const actor_kind_t *kind, str_t key, actor_ref_t *out_ref)
{
    actor_t *child = NULL;
    err_t err = child_new(ctx, kind, key, &child);
    return child_begin(ctx, child, err, out_ref);
}

err_t actor_spawn_linked(context_t *ctx, const actor_kind_t *kind, str_t key, actor_ref_t *out_ref)
{
    actor_t *child = NULL;
    err_t err = child_new(ctx, kind, key, &child);
    if (err == ERR_OK)
        err = bonds_link_child(ctx->actor, child);
    if (child != NULL)
        child->is_linked = true;
    return child_begin(ctx, child, err, out_ref);
}

void actor_stop(context_t *ctx)
{
    ctx->is_stop_wanted = true;
}

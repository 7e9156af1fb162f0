#include "runtime/code/hold.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/context.h"
#include "runtime/durable/outbox.h"
#include "runtime/life/behaviour.h"
#include "runtime/life/lifecycle.h"
#include "runtime/mail/backlog.h"

/* ---- the replacement and its holds ---- */

replacement_t *replacement_new(runtime_t *runtime)
{
    replacement_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->runtime = runtime;
    atomic_init(&self->refs, 1);
    ASSERT(uv_mutex_init(&self->lock) == 0);
    return self;
}

void hold_forget_fresh(hold_t *hold)
{
    if (hold->fresh != NULL && hold->kind->deinit != NULL)
        hold->kind->deinit(hold->fresh);
    memory_free(STEAL(hold->fresh));
    arena_deinit(&hold->arena);
}

void replacement_unref(replacement_t *self)
{
    if (self == NULL || atomic_fetch_sub(&self->refs, 1) != 1)
        return;
    while (self->holds != NULL) {
        hold_t *hold = self->holds;
        self->holds = hold->next;
        hold_forget_fresh(hold);
        memory_free(hold);
    }
    uv_mutex_destroy(&self->lock);
    memory_free(self);
}

const kind_pair_t *replacement_pair(const replacement_t *self, const actor_kind_t *kind)
{
    for (uint32_t i = 0; i < self->pair_count; i++) {
        /* A child has its author's table, of whatever version: the name is what counts. */
        const actor_kind_t *old = self->pairs[i].old;
        if (kind_is(old, kind) || strcmp(old->name, kind->name) == 0)
            return &self->pairs[i];
    }
    return NULL;
}

hold_t *replacement_add(replacement_t *self, uint64_t actor)
{
    hold_t *hold = memory_new(sizeof *hold);
    if (hold == NULL)
        return NULL;
    hold->asked.kind = MESSAGE_HOLD;
    hold->resumed.kind = MESSAGE_RESUME;
    hold->replacement = self;
    hold->actor = actor;
    hold->state = HOLD_ASKED;
    atomic_fetch_add(&self->refs, 1);
    uv_mutex_lock(&self->lock);
    hold->next = self->holds;
    self->holds = hold;
    self->asked_count++;
    uv_mutex_unlock(&self->lock);
    return hold;
}

static void report(hold_t *hold, hold_state_t state, actor_t *held)
{
    replacement_t *replacement = hold->replacement;
    uv_mutex_lock(&replacement->lock);
    if (hold->state == HOLD_ASKED && state != HOLD_ASKED)
        replacement->asked_count--;
    hold->state = state;
    hold->held = held;
    uv_mutex_unlock(&replacement->lock);
}

static void say_what_it_waits_for(hold_t *hold, const char *what)
{
    if (hold->waits_for == what)
        return; /* only this thread writes it */
    uv_mutex_lock(&hold->replacement->lock);
    hold->waits_for = what;
    uv_mutex_unlock(&hold->replacement->lock);
}

void hold_message_free(message_t *message)
{
    bool is_asked = message->kind == MESSAGE_HOLD;
    hold_t *hold =
        is_asked ? CONTAINER_OF(message, hold_t, asked) : CONTAINER_OF(message, hold_t, resumed);
    if (is_asked)
        report(hold, HOLD_GONE, NULL);
    replacement_unref(hold->replacement);
}

void hold_drop(hold_t **pointer)
{
    hold_t *hold = STEAL(*pointer);
    if (hold == NULL)
        return;
    report(hold, HOLD_GONE, NULL);
    replacement_unref(hold->replacement);
}

/* ---- coming to rest ---- */

void hold_begin(context_t *ctx, message_t *message)
{
    actor_t *actor = ctx->actor;
    hold_t *hold = CONTAINER_OF(message, hold_t, asked);
    actor_extra_t *extra = actor_extra(actor);
    if (extra == NULL) {
        /* It stays in HOLD_ASKED, so nothing is replaced. */
        say_what_it_waits_for(hold, "memory");
        replacement_unref(hold->replacement);
        return;
    }
    if (extra->hold != NULL) {
        hold_message_free(message); /* it was started in the meantime, and has one of its own */
        return;
    }
    extra->hold = hold; /* with the message's reference */
    if (actor->phase == ACTOR_RUNNING)
        actor->phase = ACTOR_HOLDING;
}

static const actor_continuation_t *continuation_of(const actor_kind_t *kind, actor_then_fn then)
{
    for (size_t i = 0; i < kind->continuation_count; i++) {
        if (kind->continuations[i].then == then)
            return &kind->continuations[i];
    }
    return NULL;
}

/* Where an ask of the old version goes on in the new one; NULL: nowhere. */
static actor_then_fn then_in(const kind_pair_t *pair, actor_then_fn then)
{
    if (then == outbox_answered)
        return then; /* the runtime's own */
    const actor_continuation_t *old = continuation_of(pair->old, then);
    for (size_t i = 0; old != NULL && i < pair->fresh->continuation_count; i++) {
        const actor_continuation_t *fresh = &pair->fresh->continuations[i];
        bool is_it = strcmp(fresh->name, old->name) == 0;
        if (is_it && (fresh->data_size == old->data_size || old->data_size == 0))
            return fresh->then;
    }
    return NULL;
}

static bool asks_can_move(const ask_table_t *asks, const kind_pair_t *pair)
{
    for (uint32_t i = 0; i < asks->capacity; i++) {
        if (asks->asks[i].is_open && then_in(pair, asks->asks[i].actor_then) == NULL)
            return false;
    }
    return true;
}

/* The place of the behaviour it is in among those of the new version; 0: its kind's own handlers.
 */
static bool behaviour_in(const actor_t *actor, const actor_kind_t *fresh, uint32_t *out_behaviour)
{
    const char *name = actor_behaviour_name(actor);
    *out_behaviour = 0;
    if (name[0] == '\0')
        return true;
    for (uint32_t i = 0; i < fresh->behaviour_count; i++) {
        if (strcmp(fresh->behaviours[i]->name, name) == 0)
            *out_behaviour = i + 1;
    }
    return *out_behaviour != 0;
}

static const char *what_it_waits_for(const actor_t *actor, const kind_pair_t *pair)
{
    const actor_extra_t *extra = actor_peek(actor);
    if (extra->durable != NULL && extra->durable->append_count > 0)
        return "an append to the journal";
    if (extra->durable != NULL && durable_is_tainted(extra->durable))
        return "its state to be read again";
    if (extra->jobs_open > 0)
        return "a job on the offload pool";
    if (!asks_can_move(&extra->asks, pair))
        return "the answer to an ask whose continuation the new version does not list";
    uint32_t behaviour;
    if (!behaviour_in(actor, pair->fresh, &behaviour))
        return "the end of a behaviour that the new version does not have";
    return NULL;
}

void hold_progress(context_t *ctx)
{
    actor_t *actor = ctx->actor;
    hold_t *hold = actor_peek(actor)->hold;
    if (actor->phase == ACTOR_DORMANT || actor->phase == ACTOR_PARKED ||
        actor->phase == ACTOR_BACKOFF || actor->phase == ACTOR_WAITING) {
        report(hold, HOLD_PASSIVE, NULL);
    } else if (actor->phase == ACTOR_HOLDING) {
        const kind_pair_t *pair = replacement_pair(hold->replacement, actor->kind);
        ASSERT(pair != NULL); /* only actors of its kinds are asked to hold */
        const char *what = what_it_waits_for(actor, pair);
        say_what_it_waits_for(hold, what);
        if (what != NULL)
            return;
        actor->phase = ACTOR_HELD;
        report(hold, HOLD_HELD, actor);
    }
}

/* An actor that is started while its kind is replaced. False: no memory. */
static bool hold_late(context_t *ctx, replacement_t *replacement)
{
    actor_extra_t *extra = actor_extra(ctx->actor);
    hold_t *hold = extra == NULL ? NULL : extra->hold;
    if (extra != NULL && hold == NULL)
        hold = replacement_add(replacement, actor_bits(ctx->actor));
    if (hold == NULL)
        return false;
    extra->hold = hold;
    ctx->actor->phase = ACTOR_HELD;
    report(hold, HOLD_PASSIVE, NULL);
    return true;
}

static bool hold_if_replaced(context_t *ctx)
{
    plugins_t *plugins = ctx->runtime->plugins;
    bool is_held = false;
    uv_mutex_lock(&plugins->lock);
    replacement_t *replacement = plugins->replacement;
    if (replacement != NULL && replacement_pair(replacement, ctx->actor->kind) != NULL)
        is_held = hold_late(ctx, replacement);
    uv_mutex_unlock(&plugins->lock);
    return is_held;
}

bool hold_start(context_t *ctx)
{
    if (atomic_load(&ctx->runtime->plugins->is_holding) && hold_if_replaced(ctx))
        return true;
    const actor_kind_t *current = runtime_newest(ctx->runtime, ctx->actor->kind);
    if (current != ctx->actor->kind)
        registry_set_kind(ctx->runtime->registry, ctx->actor, current);
    return false;
}

/* ---- going on ---- */

bool hold_keeps_kill(context_t *ctx)
{
    if (ctx->actor->phase != ACTOR_HELD)
        return false;
    actor_extra_there(ctx->actor)->hold->is_killed = true;
    return true;
}

static void move_asks(ask_table_t *asks, const kind_pair_t *pair)
{
    for (uint32_t i = 0; i < asks->capacity; i++) {
        ask_t *ask = &asks->asks[i];
        if (ask->is_open)
            ask->actor_then = then_in(pair, ask->actor_then);
    }
}

/* What was made of the state, in the place of the state. */
static void take_over(context_t *ctx, hold_t *hold)
{
    actor_t *actor = ctx->actor;
    kind_pair_t pair = {actor->kind, hold->kind};
    actor_extra_t *extra = actor_extra_there(actor);
    move_asks(&extra->asks, &pair);
    uint32_t behaviour;
    if (behaviour_in(actor, hold->kind, &behaviour) && extra->backlog != NULL)
        extra->backlog->behaviour = behaviour;
    actor_free_state(actor);
    registry_set_kind(ctx->runtime->registry, actor, hold->kind);
    actor_take_state(actor, STEAL(hold->fresh));
    extra->state_arena = STEAL(hold->arena);
}

void hold_resume(context_t *ctx, message_t *message)
{
    actor_t *actor = ctx->actor;
    hold_t *hold = CONTAINER_OF(message, hold_t, resumed);
    actor_extra_t *extra = actor_extra_or_null(actor);
    replacement_t *replacement = hold->replacement;
    if (extra == NULL || extra->hold != hold) { /* it never got so far */
        replacement_unref(replacement);
        return;
    }
    extra->hold = NULL;
    bool has_fresh = replacement->is_committed && hold->fresh != NULL;
    if (has_fresh)
        take_over(ctx, hold);
    if (actor->phase == ACTOR_HELD || actor->phase == ACTOR_HOLDING)
        actor->phase = actor->state == NULL ? ACTOR_STARTING : ACTOR_RUNNING;
    bool is_killed = hold->is_killed;
    replacement_unref(replacement); /* the actor's */
    replacement_unref(replacement); /* the message's */
    if (is_killed)
        lifecycle_kill(ctx);
    else if (has_fresh)
        lifecycle_replaced(ctx);
}

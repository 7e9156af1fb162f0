#include "runtime/life/tie.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/life/bonds.h"
#include "runtime/life/lifecycle.h"
#include "runtime/life/supervision.h"

#include <stdio.h>

tie_t *tie_new(runtime_t *runtime, const char *id, const supervisor_spec_t *spec)
{
    tie_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    message_init(&self->order, MESSAGE_ORDER, NULL);
    message_init(&self->notice, MESSAGE_NOTICE, NULL);
    atomic_init(&self->refs, 1);
    self->runtime = runtime;
    self->number = atomic_fetch_add_explicit(&runtime->bond_ids, 1, memory_order_relaxed);
    self->spec = spec;
    snprintf(self->id, sizeof self->id, "%s", id);
    return self;
}

void tie_ref(tie_t *self)
{
    atomic_fetch_add(&self->refs, 1);
}

void tie_unref(tie_t *self)
{
    if (self != NULL && atomic_fetch_sub(&self->refs, 1) == 1)
        memory_free(self);
}

bool tie_is_up(const tie_t *self)
{
    return atomic_load(&self->is_up);
}

/* False: nobody is there to hear it. */
static bool ring(tie_t *self, _Atomic bool *is_rung, message_t *bell, uint64_t to)
{
    if (atomic_exchange(is_rung, true))
        return true; /* who answers looks at everything */
    tie_ref(self);
    if (deliver_system(self->runtime, to, bell))
        return true;
    atomic_store(is_rung, false);
    tie_unref(self);
    return false;
}

void tie_wish(tie_t *self, tie_wish_t wish)
{
    uint64_t number = (atomic_load(&self->wish) >> TIE_WISH_BITS) + 1;
    atomic_store(&self->wish, number << TIE_WISH_BITS | (uint64_t)wish);
    (void)ring(self, &self->is_order_rung, &self->order, self->child); /* gone: it said so */
}

static tie_wish_t wish_of(uint64_t wish)
{
    return (tie_wish_t)(wish & ((1U << TIE_WISH_BITS) - 1));
}

bool tie_has_heard(const tie_t *self)
{
    uint64_t wish = atomic_load(&self->wish);
    return wish_of(wish) != TIE_RUN || atomic_load(&self->heard_at_down) >= wish >> TIE_WISH_BITS;
}

/* ---- the child's side ---- */

uint64_t actor_parent(const actor_t *actor)
{
    const tie_t *tie = actor_tie(actor);
    return tie != NULL ? tie->supervisor : actor_entry(actor)->parent;
}

bool tie_has_supervisor(const actor_t *actor)
{
    const tie_t *tie = actor_tie(actor);
    return tie != NULL && tie->supervisor != 0;
}

void tie_let_end(tie_t *self)
{
    atomic_store(&self->wish, (uint64_t)TIE_END);
}

static bool tell(tie_t *self)
{
    return self->supervisor != 0 &&
           ring(self, &self->is_notice_rung, &self->notice, self->supervisor);
}

static void count_down(tie_t *self)
{
    atomic_store(&self->is_up, false);
    atomic_store(&self->heard_at_down, self->heard);
    atomic_fetch_add(&self->downs, 1); /* from here on the reason is the supervisor's to read */
}

void tie_started(actor_t *actor)
{
    tie_t *self = actor_tie(actor);
    if (self == NULL)
        return;
    atomic_fetch_add(&self->starts, 1);
    atomic_store(&self->is_up, true);
    if (atomic_load(&self->is_awaited))
        (void)tell(self);
}

bool tie_down(actor_t *actor)
{
    tie_t *self = actor_tie(actor);
    ASSERT(self != NULL);
    char room[BONDS_REASON_SIZE];
    str_t reason = bonds_reason(actor, room);
    (void)str_to_array(reason, self->reason, sizeof self->reason);
    self->crash_number = actor->is_failed ? actor_peek(actor)->crash_number : 0;
    self->is_abnormal = actor->is_failed && !str_starts_with(reason, STR("shutdown"));
    count_down(self);
    if (tell(self))
        return true;
    tie_let_end(self); /* nobody is left who could wish otherwise */
    return false;
}

void tie_ended(actor_t *actor)
{
    tie_t *self = actor_tie(actor);
    if (self == NULL)
        return;
    atomic_store(&self->is_ended, true);
    (void)tell(self); /* its own reference goes with the slot: who walks over the slots may look */
}

bool tie_may_end(const actor_t *actor)
{
    const tie_t *self = actor_tie(actor);
    if (self == NULL || self->supervisor == 0)
        return true;
    tie_wish_t wish = wish_of(atomic_load(&self->wish));
    return wish == TIE_END || wish == TIE_END_NOW;
}

/* It is down already: the supervisor may not know, or may have wished it to run before this. */
static void rest_on(context_t *ctx, tie_t *self)
{
    actor_extra_t *extra = actor_extra_or_null(ctx->actor);
    if (extra != NULL)
        alarm_cancel(&extra->restart_alarm);
    ctx->actor->phase = ACTOR_WAITING;
    count_down(self);
    (void)tell(self);
}

static void obey(context_t *ctx, tie_t *self, tie_wish_t wish)
{
    actor_t *actor = ctx->actor;
    bool is_down = actor->phase == ACTOR_WAITING || actor->phase == ACTOR_BACKOFF;
    if (wish == TIE_RUN) {
        if (actor->phase == ACTOR_WAITING)
            lifecycle_restart_after(ctx, atomic_load(&self->delay_ms));
        return;
    }
    if (is_down && (wish == TIE_REST || wish == TIE_REST_NOW)) {
        rest_on(ctx, self);
        return;
    }
    actor->is_stopping = true;
    if (wish == TIE_REST_NOW || wish == TIE_END_NOW)
        lifecycle_kill(ctx);
    else
        supervision_interrupt(ctx);
}

void tie_ordered(context_t *ctx, message_t *order)
{
    tie_t *self = CONTAINER_OF(order, tie_t, order);
    atomic_store(&self->is_order_rung, false); /* before the wish is read: pairs with tie_wish */
    if (ctx->actor->phase != ACTOR_ENDED && actor_tie(ctx->actor) == self) {
        uint64_t wish = atomic_load(&self->wish);
        self->heard = wish >> TIE_WISH_BITS;
        obey(ctx, self, wish_of(wish));
    }
    tie_unref(self);
}

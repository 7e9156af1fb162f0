#include "runtime/remote/vacate.h"

#include "runtime/context.h"
#include "runtime/durable/outbox.h"
#include "runtime/remote/remote.h"
#include "runtime/remote/vacating.h"

/* ---- the walk ---- */

typedef struct walk {
    runtime_t *runtime;
    const partition_set_t *set;
    bool is_asking, is_forced;
    uint64_t count;
} walk_t;

static void ask_to_go(const walk_t *walk, actor_t *actor)
{
    message_t *message = message_new_plain(MESSAGE_VACATE, NULL, NULL);
    if (message == NULL)
        return; /* the next time */
    message->sender = walk->is_forced;
    if (!deliver_system(walk->runtime, actor_bits(actor), message))
        message_free(message);
}

static void visit(void *context, actor_t *actor)
{
    walk_t *walk = context;
    const actor_kind_t *kind = actor_kind(actor);
    if (!actor->is_virtual || !kind_is_placed(kind) ||
        !partition_set_has(walk->set, remote_partition(kind, actor_key(actor))))
        return;
    walk->count++;
    if (walk->is_asking)
        ask_to_go(walk, actor);
}

static bool is_over(const vacate_t *self, uint64_t now_ms)
{
    return self->asks > 0 && now_ms - self->began_ms >= VACATE_PATIENCE_MS;
}

/* Also one that cannot go yet has its message: not one more each time that somebody looks. */
static bool is_time_to_ask(const vacate_t *self, uint64_t now_ms)
{
    uint64_t pause_ms = VACATE_LAST_MS;
    if (self->asks == 0 || (is_over(self, now_ms) && !self->is_forced))
        return true;
    if (self->asks < 8)
        pause_ms = (uint64_t)VACATE_FIRST_MS << (self->asks - 1);
    return self->asks < VACATE_ASKS_MAX && now_ms - self->asked_ms >= pause_ms;
}

uint64_t vacate_step(runtime_t *runtime, vacate_t *self, uint64_t now_ms)
{
    walk_t walk = {.runtime = runtime, .set = &self->set};
    if (self->asks == 0)
        self->began_ms = now_ms;
    walk.is_asking = is_time_to_ask(self, now_ms);
    walk.is_forced = self->is_forced = is_over(self, now_ms);
    if (walk.is_asking) {
        self->asks++;
        self->asked_ms = now_ms;
    }
    registry_each(runtime->registry, visit, &walk);
    if (walk.count == 0)
        registry_pass(runtime->registry); /* whose end the walk saw has counted its leftovers */
    return walk.count + atomic_load(&runtime->remote->leaving);
}

/* ---- the actor's side ---- */

void vacating_begin(context_t *ctx, bool is_forced)
{
    actor_t *actor = ctx->actor;
    actor_extra_t *extra = actor_extra(actor);
    if (!actor->is_virtual || extra == NULL)
        return; /* it is asked again */
    extra->is_vacating = true;
    extra->is_vacating_now |= is_forced;
    extra->is_answer_owed = ctx->now_ns < extra->tokens_until_ns;
}

bool vacating_is_due(const actor_t *actor)
{
    const actor_extra_t *extra = actor_peek(actor);
    if (!extra->is_vacating)
        return false;
    /* Who owes an answer, and has nothing that could wake it, will not give it any more. */
    bool may_answer = extra->is_answer_owed && extra->timers.count > 0;
    bool waits = extra->asks.open_count > outbox_open_asks(actor) || extra->jobs_open > 0 ||
                 extra->deferred_count > 0 || may_answer;
    return extra->is_vacating_now || !waits;
}

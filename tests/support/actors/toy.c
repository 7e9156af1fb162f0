#include "tests/support/actors/toy.h"

#define DEF_FILE "tests/support/actors/toy.def"
#include "runtime/base/schema_define.h"

typedef struct toy {
    toy_world_t *world;
    uint64_t count;
    actor_ref_t child;
    reply_token_t waiting;
} toy_t;

#define ACTOR_DEF "tests/support/actors/toy.def"
#define ACTOR_STATE toy_t
#define ACTOR_ALSO(X) X(actor_down)
#include "runtime/actor_kind.h"

ON(toy_echo)
{
    self->count++;
    atomic_fetch_add(&self->world->echoed, 1);
    return actor_reply(ctx, toy_number, .number = command->number);
}

ON(toy_count)
{
    return actor_reply(ctx, toy_number, .number = self->count);
}

static void count_cleanup(toy_world_t **world)
{
    atomic_fetch_add(&(*world)->cleaned, 1);
}

static uint64_t fail_below(toy_world_t *world, context_t *ctx, uint32_t depth)
{
    toy_world_t *cleaned SCOPED(count_cleanup) = world;
    if (depth > 0)
        return fail_below(cleaned, ctx, depth - 1) + depth;
    if (ctx != NULL) /* always: without it gcc sees a recursion that never returns */
        actor_fail(ctx, "told to");
    return 0;
}

ON(toy_fail)
{
    if (!command->is_deep)
        actor_fail(ctx, "told to");
    return fail_below(self->world, ctx, 9) == 0 ? ERR_OK : ERR_INTERNAL;
}

typedef struct forwarded {
    reply_token_t token;
} forwarded_t;

static void on_forwarded(UNUSED void *self, context_t *ctx, const answer_t *answer, void *data,
                         UNUSED size_t data_size)
{
    const forwarded_t *forwarded = data;
    actor_reply_to_message(ctx, forwarded->token, answer->err, answer->schema, answer->message);
}

ON(toy_forward)
{
    forwarded_t forwarded = {actor_reply_later(ctx)};
    actor_ask(ctx, address_of("toy", command->to), command->timeout_ms, on_forwarded, &forwarded,
              sizeof forwarded, toy_echo, .number = 7);
    return ERR_OK;
}

ON(toy_silence)
{
    self->waiting = actor_reply_later(ctx);
    return ERR_OK;
}

/* Answers by a timer. */
ON(toy_late_answer)
{
    self->waiting = actor_reply_later(ctx);
    actor_timer_start(ctx, command->delay_ms, 0, toy_answer_now);
    return ERR_OK;
}

ON(toy_answer_now)
{
    actor_reply_to(ctx, self->waiting, toy_number, .number = 3);
    return ERR_OK;
}

ON(toy_reply_twice)
{
    TRY(actor_reply(ctx, toy_number, .number = 1));
    return actor_reply(ctx, toy_number, .number = 2);
}

ON(toy_late_refusal)
{
    self->waiting = actor_reply_later(ctx);
    if (command->is_failure)
        actor_fail(ctx, "with a token in hand");
    return actor_refuse(ctx, ERR_FORBIDDEN, "after all");
}

/* Never idle until the test says so. */
ON(toy_spin)
{
    atomic_fetch_add(&self->world->ticks, 1);
    if (atomic_load(&self->world->may_pass))
        return ERR_OK;
    return actor_send(ctx, address_of("toy", context_key(ctx)), toy_spin);
}

/* Asks so many times around the circle, then answers. */
ON(toy_circle)
{
    if (command->rounds == 0)
        return actor_reply(ctx, toy_number, .number = 1);
    forwarded_t forwarded = {actor_reply_later(ctx)};
    actor_ask(ctx, address_of("toy", command->to), 5000, on_forwarded, &forwarded, sizeof forwarded,
              toy_circle, .to = context_key(ctx), .rounds = command->rounds - 1);
    return ERR_OK;
}

/* Stays in its handler until the test says so: the scheduler is busy with it. */
ON(toy_block)
{
    uv_sem_post(&self->world->blocked);
    while (!atomic_load(&self->world->may_pass))
        __builtin_ia32_pause();
    return actor_reply(ctx, toy_number, .number = command->number);
}

ON(toy_timer)
{
    actor_timer_t timer =
        actor_timer_start(ctx, command->delay_ms, command->period_ms, toy_tick, .number = 1);
    if (command->is_cancelled)
        actor_timer_cancel(ctx, timer);
    return ERR_OK;
}

ON(toy_tick)
{
    atomic_fetch_add(&self->world->ticks, 1);
    atomic_store(&self->world->last_tick, command->number);
    return ERR_OK;
}

typedef struct doubling {
    reply_token_t token;
    uint64_t number;
} doubling_t;

static err_t double_it(void *data, UNUSED size_t data_size)
{
    doubling_t *doubling = data;
    doubling->number *= 2;
    return ERR_OK;
}

static void on_doubled(UNUSED void *self, context_t *ctx, err_t err, void *data,
                       UNUSED size_t data_size)
{
    const doubling_t *doubling = data;
    if (err != ERR_OK)
        actor_refuse_to(ctx, doubling->token, err);
    else
        actor_reply_to(ctx, doubling->token, toy_number, .number = doubling->number);
}

ON(toy_offload)
{
    doubling_t doubling = {actor_reply_later(ctx), command->number};
    actor_offload(ctx, OFFLOAD_COMPUTE, double_it, on_doubled, &doubling, sizeof doubling);
    return ERR_OK;
}

ON(toy_publish)
{
    actor_publish(ctx, command->topic, toy_tick, .number = command->number);
    return ERR_OK;
}

ON(toy_subscribe)
{
    return actor_subscribe(ctx, command->topic);
}

ON(toy_spawn)
{
    TRY(actor_spawn(ctx, &child_kind, STR("child"), &self->child));
    if (command->is_watched)
        actor_monitor(ctx, self->child);
    return actor_reply(ctx, toy_number, .number = self->child.bits);
}

ON(toy_break_child)
{
    return actor_send(ctx, address_of_ref(self->child), toy_fail);
}

ON(toy_watch)
{
    actor_monitor(ctx, (actor_ref_t){command->ref_bits});
    return ERR_OK;
}

ON(toy_who)
{
    return actor_reply(ctx, toy_number, .number = context_self(ctx).bits);
}

ON(toy_stop)
{
    actor_stop(ctx);
    return ERR_OK;
}

ON(actor_down)
{
    atomic_fetch_add(&self->world->downs, 1);
    if (str_starts_with(command->reason, STR("failed")))
        atomic_fetch_add(&self->world->down_failures, 1);
    return ERR_OK;
}

static err_t start(void *state, context_t *ctx)
{
    toy_t *self = state;
    self->world = context_service(ctx);
    if (self->world == NULL) /* a child: its kind is not registered */
        return ERR_OK;
    if (atomic_load(&self->world->is_start_failing))
        return ERR_FORBIDDEN;
    atomic_fetch_add(&self->world->started, 1);
    return ERR_OK;
}

static void stop(void *state, UNUSED context_t *ctx)
{
    const toy_t *self = state;
    if (self->world != NULL)
        atomic_fetch_add(&self->world->stopped, 1);
}

static void deinit(void *state)
{
    const toy_t *self = state;
    if (self->world != NULL)
        atomic_fetch_add(&self->world->deinited, 1);
}

ACTOR_KIND(toy, .mailbox_max = 16, .start = start, .stop = stop, .deinit = deinit,
           .restarts_max = 3, .restart_period_ms = 60000);
ACTOR_KIND(child, .start = start, .restarts_max = 2, .restart_period_ms = 60000);
ACTOR_KIND(idle, .start = start, .stop = stop, .deinit = deinit, .idle_ms = 20);
ACTOR_KIND(first, .mailbox_max = 4, .overflow = OVERFLOW_DROP_NEWEST, .start = start);
ACTOR_KIND(last, .mailbox_max = 4, .overflow = OVERFLOW_DROP_OLDEST, .start = start);

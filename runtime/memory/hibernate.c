#include "runtime/memory/hibernate.h"

#include "runtime/base/memory.h"
#include "runtime/life/lifecycle.h"

#include <stdio.h>

typedef enum hibernation_step { STEP_PUT, STEP_TAKE, STEP_REMOVE } hibernation_step_t;

/* One call of a store that is not quick. */
struct hibernation {
    state_store_t *store;
    hibernation_step_t step;
    buf_t value;
    str_t name; /* behind it */
};

void hibernation_free(hibernation_t *self)
{
    if (self == NULL)
        return;
    buf_deinit(&self->value);
    memory_free(self);
}

err_t hibernation_run(hibernation_t *self)
{
    switch (self->step) {
    case STEP_PUT:
        return self->store->table->put(self->store, self->name, buf_str(&self->value));
    case STEP_TAKE:
        return self->store->table->take(self->store, self->name, &self->value);
    case STEP_REMOVE:
        return self->store->table->remove(self->store, self->name);
    }
    return ERR_INTERNAL;
}

/* ---- names and states ---- */

static str_t name_of(const actor_t *actor, char room[STATE_STORE_KEY_MAX + 1])
{
    str_t key = actor_key(actor);
    int size = snprintf(room, STATE_STORE_KEY_MAX + 1, "%s/", actor->kind->name);
    size_t begin = MIN((size_t)size, (size_t)STATE_STORE_KEY_MAX);
    size_t rest = MIN(key.size, STATE_STORE_KEY_MAX - begin);
    if (rest > 0)
        memcpy(room + begin, key.data, rest); /* a key may hold any byte */
    return str_of(room, begin + rest);
}

static void encode(const actor_t *actor, buf_t *out)
{
    if (actor->kind->snapshot != NULL)
        actor->kind->snapshot(actor->state, out);
    else
        schema_encode(actor->kind->state_schema, actor->state, out);
}

static err_t restore(actor_t *actor, str_t value)
{
    if (actor->kind->restore != NULL)
        return actor->kind->restore(actor->state, value);
    /* Its strings borrow what they were read from: that lives as long as the state. */
    actor_extra_t *extra = actor_extra(actor);
    if (extra == NULL)
        return ERR_NO_MEMORY;
    arena_t *arena = &extra->memory.arena;
    arena->size_max = 0;
    const char *copy = arena_dup(arena, value.data, value.size);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    return schema_decode(actor->kind->state_schema, str_of(copy, value.size), arena, actor->state);
}

/* What the store said of it, into the state. Nothing, or something that can't be read: a new one.
 */
static err_t take_over(context_t *ctx, err_t err, str_t value)
{
    actor_t *actor = ctx->actor;
    if (err == ERR_NOT_FOUND)
        return ERR_OK;
    if (err == ERR_OK)
        err = restore(actor, value);
    if (err == ERR_OK) {
        actor_extra_t *extra = actor_extra_or_null(actor);
        if (extra != NULL)
            extra->is_woken = true;
        count_one(&ctx->runtime->counters.wakes);
        return ERR_OK;
    }
    if (err == ERR_NO_MEMORY || err == ERR_IO)
        return err; /* of the machine, not of what was stored */
    count_one(&ctx->runtime->counters.sleeps_lost);
    if (ctx->runtime->log != NULL)
        log_error(ctx->runtime->log, "runtime", "an actor of kind %s slept and is lost: %s",
                  actor->kind->name, err_name(err));
    actor_free_state(actor);
    return actor_new_state(actor);
}

/* ---- a store that is not quick ---- */

static hibernation_t *hibernation_new(const context_t *ctx, hibernation_step_t step, buf_t *value)
{
    char room[STATE_STORE_KEY_MAX + 1];
    str_t name = name_of(ctx->actor, room);
    hibernation_t *self = memory_new(sizeof *self + name.size);
    if (self == NULL)
        return NULL;
    self->store = ctx->runtime->state_store;
    self->step = step;
    memcpy(self + 1, name.data, name.size);
    self->name = str_of(self + 1, name.size);
    if (value != NULL)
        self->value = STEAL(*value);
    return self;
}

/* BUSY: the lane is full; NO_MEMORY. */
static err_t submit(context_t *ctx, hibernation_step_t step, buf_t *value)
{
    actor_t *actor = ctx->actor;
    actor_extra_t *extra = actor_extra(actor);
    job_t *job = extra == NULL ? NULL : memory_new(sizeof *job);
    if (job == NULL)
        return ERR_NO_MEMORY;
    job->runtime = ctx->runtime;
    job->lane = OFFLOAD_FILE;
    job->actor = actor_bits(actor);
    job->message.incarnation = actor->incarnation;
    job->hibernation = hibernation_new(ctx, step, value);
    err_t err =
        job->hibernation == NULL ? ERR_NO_MEMORY : offload_submit(ctx->runtime->offload, job);
    if (err != ERR_OK) {
        job_free(job);
        return err;
    }
    extra->is_storing = true;
    actor->phase = ACTOR_RECOVERING;
    return ERR_OK;
}

/* ---- falling asleep ---- */

static bool refused(context_t *ctx)
{
    count_one(&ctx->runtime->counters.sleeps_refused);
    return false;
}

/* What was stored is forgotten: the actor goes on. */
static void forget_stored(context_t *ctx)
{
    char room[STATE_STORE_KEY_MAX + 1];
    state_store_t *store = ctx->runtime->state_store;
    /* A full lane must not leave a state that is outdated from now on. */
    if (!store->table->is_quick && submit(ctx, STEP_REMOVE, NULL) == ERR_OK)
        return;
    if (store->table->remove(store, name_of(ctx->actor, room)) != ERR_OK)
        (void)refused(ctx);
}

/* It is stored. False: something has come, and it is forgotten again. */
static bool leave(context_t *ctx)
{
    if (lifecycle_may_leave(ctx) && lifecycle_leave(ctx, &ctx->runtime->counters.sleeps))
        return true;
    forget_stored(ctx);
    return false;
}

bool hibernate(context_t *ctx)
{
    char room[STATE_STORE_KEY_MAX + 1];
    buf_t value BUF_SCOPED = {.size_max = STATE_STORE_VALUE_MAX};
    encode(ctx->actor, &value);
    if (buf_status(&value) != ERR_OK)
        return refused(ctx);
    state_store_t *store = ctx->runtime->state_store;
    if (!store->table->is_quick)
        return submit(ctx, STEP_PUT, &value) == ERR_OK || refused(ctx);
    if (store->table->put(store, name_of(ctx->actor, room), buf_str(&value)) != ERR_OK)
        return refused(ctx);
    return leave(ctx) || ctx->actor->phase != ACTOR_RUNNING;
}

/* ---- waking ---- */

bool hibernate_may_sleep(const actor_t *actor)
{
    state_store_t *store = actor_runtime(actor)->state_store;
    if (!actor->kind->hibernates || !actor->is_virtual || actor->has_run || store == NULL)
        return false;
    char room[STATE_STORE_KEY_MAX + 1];
    return store->table->has(store, name_of(actor, room));
}

err_t hibernate_wake(context_t *ctx)
{
    char room[STATE_STORE_KEY_MAX + 1];
    buf_t value BUF_SCOPED = BUF_INIT;
    state_store_t *store = ctx->runtime->state_store;
    if (!store->table->is_quick)
        return submit(ctx, STEP_TAKE, NULL);
    err_t err = store->table->take(store, name_of(ctx->actor, room), &value);
    return take_over(ctx, err, buf_str(&value));
}

/* ---- coming back from the pool ---- */

static void taken(context_t *ctx, err_t err, str_t value)
{
    err = take_over(ctx, err, value);
    if (err != ERR_OK)
        lifecycle_start_failed(ctx, err);
    else
        lifecycle_run(ctx);
}

static void put(context_t *ctx, err_t err)
{
    ctx->actor->phase = ACTOR_RUNNING;
    if (err != ERR_OK)
        (void)refused(ctx);
    else if (leave(ctx))
        return;
    if (ctx->actor->phase == ACTOR_RUNNING)
        lifecycle_stay(ctx);
}

static void removed(context_t *ctx, err_t err)
{
    ctx->actor->phase = ACTOR_RUNNING;
    if (err != ERR_OK)
        (void)refused(ctx);
    lifecycle_stay(ctx);
}

void hibernate_returned(context_t *ctx, job_t *job)
{
    actor_t *actor = ctx->actor;
    hibernation_t *self = STEAL(job->hibernation);
    err_t err = job->err;
    bool is_wanted =
        actor->phase == ACTOR_RECOVERING && job->message.incarnation == actor->incarnation;
    job_free(job);
    actor_extra_there(actor)->is_storing = false;
    if (!is_wanted) { /* killed meanwhile: it waits for this to end */
        uint8_t phase = actor->phase;
        if (self->step == STEP_PUT && err == ERR_OK)
            forget_stored(ctx);
        actor->phase = phase; /* a removal that is under way is waited for in this one */
        lifecycle_settle(ctx);
    } else if (self->step == STEP_TAKE) {
        taken(ctx, err, buf_str(&self->value));
    } else if (self->step == STEP_PUT) {
        put(ctx, err);
    } else {
        removed(ctx, err);
    }
    hibernation_free(self);
}

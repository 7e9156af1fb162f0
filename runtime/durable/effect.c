#include "runtime/durable/effect.h"

#include "runtime/base/memory.h"
#include "runtime/kernel.h"
#include "runtime/kit/probe.h"
#include "runtime/mail/streaming.h"

void effect_queue_init(effect_queue_t *self)
{
    self->first = NULL;
    self->end = &self->first;
}

err_t effect_queue_push(effect_queue_t *self, const effect_t *effect)
{
    /* The key lies behind the effect, in one block. */
    effect_t *held = memory_new(sizeof *held + effect->to_key.size);
    if (held == NULL)
        return ERR_NO_MEMORY;
    *held = *effect;
    held->next = NULL;
    if (effect->to_key.size > 0)
        memcpy(held + 1, effect->to_key.data, effect->to_key.size);
    held->to_key.data = (const char *)(held + 1);
    *self->end = held;
    self->end = &held->next;
    return ERR_OK;
}

static effect_t *take_first(effect_queue_t *self)
{
    effect_t *effect = self->first;
    self->first = effect->next;
    if (self->first == NULL)
        self->end = &self->first;
    return effect;
}

static void job_refused(actor_t *actor, job_t *job, err_t err)
{
    job->err = err;
    job->runtime = actor_runtime(actor);
    offload_return(job); /* `then` runs exactly once, in a turn of its own */
}

static void spawn_run(actor_t *actor, uint64_t child)
{
    actor_t *slot = registry_slot(actor_runtime(actor)->registry, child);
    scheduler_ready(slot); /* nobody else could schedule it so far */
}

static void spawn_drop(actor_t *actor, uint64_t child)
{
    actor_t *slot = registry_slot(actor_runtime(actor)->registry, child);
    slot->is_stopping = true; /* its first turn ends it before it has a state */
    scheduler_ready(slot);
}

err_t effect_run(actor_t *actor, effect_t *effect, uint64_t position)
{
    runtime_t *runtime = actor_runtime(actor);
    if (UNLIKELY(runtime->probe != NULL) && effect->kind != EFFECT_REPLY &&
        effect->kind != EFFECT_STOP)
        return runtime->probe->effect(runtime->probe->context, actor, effect);
    switch (effect->kind) {
    case EFFECT_SEND:
        return deliver(runtime, effect->to_kind, effect->to_key, effect->to_ref,
                       STEAL(effect->message));
    case EFFECT_REPLY:
        if (effect->message->position == 0)
            effect->message->position = position;
        deliver_reply(runtime, STEAL(effect->message));
        break;
    case EFFECT_PUBLISH:
        topic_publish(runtime, STEAL(effect->message));
        break;
    case EFFECT_SPAWN:
        spawn_run(actor, effect->to_ref);
        break;
    case EFFECT_OFFLOAD: {
        job_t *job = STEAL(effect->job);
        err_t err = offload_submit(runtime->offload, job);
        if (err != ERR_OK)
            job_refused(actor, job, err);
        break;
    }
    case EFFECT_STOP:
        actor->is_stopping = true;
        break;
    }
    return ERR_OK;
}

/* The answer becomes the error, also where it was a refusal: it was decided on a state that is
 * undone. */
static void reply_drop(runtime_t *runtime, message_t *reply, err_t err)
{
    message_t *refusal = reply_new(reply->reply_to, err, NULL, NULL, (str_t){NULL, 0});
    message_free(reply);
    deliver_reply(runtime, refusal);
}

static void send_drop(actor_t *actor, effect_t *effect, err_t err)
{
    runtime_t *runtime = actor_runtime(actor);
    const dead_receiver_t receiver = {effect->to_kind == NULL ? NULL : effect->to_kind->name,
                                      effect->to_key, effect->to_ref};
    message_t *message = STEAL(effect->message);
    if (message->schema != &stream_end_schema)
        count_sent(runtime); /* it would have been, now */
    if (!message->is_streamed) {
        reject(runtime, message, err, DEAD_UNDONE, &receiver);
        return;
    }
    if (message->schema != &stream_end_schema)
        dead_letter(runtime, message, DEAD_UNDONE, &receiver);
    effect->message = stream_undone(message, err);
    if (effect->message != NULL)
        IGNORE_ERR(effect_run(actor, effect, 0));
}

void effect_drop(actor_t *actor, effect_t *effect, err_t err)
{
    switch (effect->kind) {
    case EFFECT_SEND:
        send_drop(actor, effect, err);
        break;
    case EFFECT_REPLY:
        reply_drop(actor_runtime(actor), STEAL(effect->message), err);
        break;
    case EFFECT_PUBLISH:
        message_free(STEAL(effect->message));
        break;
    case EFFECT_SPAWN:
        spawn_drop(actor, effect->to_ref);
        break;
    case EFFECT_OFFLOAD:
        job_refused(actor, STEAL(effect->job), err);
        break;
    case EFFECT_STOP:
        break;
    }
}

void effect_queue_run(effect_queue_t *self, actor_t *actor, uint64_t seq_max, uint64_t position)
{
    while (self->first != NULL && self->first->seq <= seq_max) {
        effect_t *effect = take_first(self);
        IGNORE_ERR(effect_run(actor, effect, position)); /* who asked was told by deliver */
        memory_free(effect);
    }
}

void effect_queue_drop(effect_queue_t *self, actor_t *actor, uint64_t seq_min, err_t err)
{
    effect_t **at = &self->first;
    while (*at != NULL && (*at)->seq < seq_min)
        at = &(*at)->next;
    effect_t *dropped = *at;
    *at = NULL;
    self->end = at;
    while (dropped != NULL) {
        effect_t *effect = dropped;
        dropped = effect->next;
        effect_drop(actor, effect, err);
        memory_free(effect);
    }
}

void effect_queue_deinit(effect_queue_t *self)
{
    while (self->first != NULL) {
        effect_t *effect = take_first(self);
        message_free(effect->message);
        job_free(effect->job);
        memory_free(effect);
    }
}

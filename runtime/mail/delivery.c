#include "runtime/base/assert.h"
#include "runtime/inside/inside.h"
#include "runtime/kernel.h"
#include "runtime/life/bonds.h"
#include "runtime/mail/asking.h"
#include "runtime/mail/streaming.h"
#include "runtime/remote/remote.h"

#include <string.h>

/* ---- answers ---- */

message_t *reply_new(reply_token_t token, err_t err, const schema_t *schema, const void *body,
                     str_t text)
{
    if (token.asker == 0)
        return NULL;
    message_t *reply =
        message_new(MESSAGE_REPLY, err == ERR_OK ? schema : NULL, body, (str_t){NULL, 0}, text);
    if (reply == NULL)
        return NULL; /* the asker's deadline tells it */
    reply->err = err;
    reply->reply_to = token;
    return reply;
}

void deliver_reply(runtime_t *self, message_t *reply)
{
    if (reply == NULL)
        return;
    uint64_t asker = reply->reply_to.asker;
    if (inside_is_watching(self))
        inside_sent(self, NULL, (asker & EDGE_TAG) != 0 ? 0 : asker, reply);
    if (UNLIKELY(ref_seat(asker) != 0)) {
        remote_deliver_reply(self, reply);
    } else if ((asker & EDGE_TAG) != 0) {
        uint64_t index = asker & ~EDGE_TAG;
        ASSERT(index < self->scheduler_count);
        scheduler_post(&self->schedulers[index], reply);
    } else if (!deliver_system(self, asker, reply)) {
        dead_letter(self, reply, DEAD_LATE_REPLY, &(dead_receiver_t){.ref = asker});
        message_free(reply);
    }
}

void reject_saying(runtime_t *self, message_t *message, err_t err, dead_reason_t reason,
                   const dead_receiver_t *receiver, str_t text)
{
    if (message_is_signal(message)) {
        count_handled(self);
        bonds_bounce(self, message);
        return;
    }
    dead_letter(self, message, reason, receiver);
    if (UNLIKELY(stream_is_of(message))) {
        stream_bounce(self, message, err);
        return;
    }
    deliver_reply(self, reply_new(message->reply_to, err, NULL, NULL, text));
    message_free(message);
}

void reject(runtime_t *self, message_t *message, err_t err, dead_reason_t reason,
            const dead_receiver_t *receiver)
{
    str_t text = reason == DEAD_CALL_CYCLE ? STR("a call cycle: who is asked awaits the end of it")
                                           : (str_t){NULL, 0};
    reject_saying(self, message, err, reason, receiver, text);
}

void dead_letter_by(const actor_t *actor, const message_t *message, dead_reason_t reason)
{
    dead_receiver_t receiver = {actor->kind->name, actor_key(actor), actor_bits(actor)};
    dead_letter(actor_runtime(actor), message, reason, &receiver);
}

void reject_by(const actor_t *actor, message_t *message, err_t err, dead_reason_t reason)
{
    dead_receiver_t receiver = {actor->kind->name, actor_key(actor), actor_bits(actor)};
    reject(actor_runtime(actor), message, err, reason, &receiver);
}

/* ---- messages ---- */

bool deliver_system(runtime_t *self, uint64_t ref, message_t *message)
{
    actor_t *actor = registry_slot(self->registry, ref);
    if (actor == NULL)
        return false;
    push_result_t result =
        mailbox_push_system(&actor->mailbox, &actor->mailbox_end, (uint32_t)(ref >> 32), message);
    scheduler_notify(actor, result);
    return push_outcome(result) == PUSH_DONE;
}

static push_result_t push(actor_t *actor, uint32_t generation, message_t *message)
{
    /* A signal's place is reserved, and a stream's. */
    uint32_t max = UINT32_MAX;
    if (LIKELY(!message_is_signal(message) && !message->is_streamed))
        max = atomic_load_explicit(&actor->mailbox_max, memory_order_relaxed);
    return mailbox_push(&actor->mailbox, &actor->mailbox_end, generation, max, message);
}

static err_t deliver_to_ref(runtime_t *self, uint64_t ref, message_t *message)
{
    actor_t *actor = registry_slot(self->registry, ref);
    if (actor == NULL)
        return ERR_NOT_FOUND;
    if (call_chain_has(message, ref))
        return ERR_CONFLICT;
    message->is_by_ref = true;
    push_result_t result = push(actor, (uint32_t)(ref >> 32), message);
    scheduler_notify(actor, result);
    return err_of_push(result);
}

dead_reason_t dead_reason_of(err_t err, bool is_addressed)
{
    switch ((int)err) {
    case ERR_NOT_FOUND:
        return is_addressed ? DEAD_GONE : DEAD_NO_KIND;
    case ERR_BUSY:
        return DEAD_FULL;
    case ERR_CONFLICT:
        return DEAD_CALL_CYCLE;
    case ERR_UNAVAILABLE:
        return DEAD_DRAINING;
    case ERR_NO_MEMORY:
        return DEAD_NO_MEMORY;
    default:
        return DEAD_LIMIT;
    }
}

/* Past what waits, and so none of the user lanes' messages that are counted. */
static err_t deliver_kill(runtime_t *self, uint64_t ref, message_t *message)
{
    if (deliver_system(self, ref, message))
        return ERR_OK;
    message_free(message);
    return ERR_NOT_FOUND;
}

err_t deliver(runtime_t *self, const actor_kind_t *kind, str_t key, uint64_t ref,
              message_t *message)
{
    bool is_elsewhere = kind == NULL && ref_seat(ref) != 0;
    if (UNLIKELY(message->kind == MESSAGE_KILL && !is_elsewhere))
        return deliver_kill(self, ref, message);
    if (LIKELY(message->kind != MESSAGE_KILL))
        count_sent(self);
    if (inside_is_watching(self))
        inside_sent(self, kind, ref, message);
    if (UNLIKELY(is_elsewhere))
        return remote_deliver_to_ref(self, ref, message);
    if (UNLIKELY(self->remote != NULL && kind != NULL))
        return ref_seat(ref) != 0 ? remote_deliver_at(self, ref_seat(ref), kind, key, message)
                                  : remote_deliver(self, kind, key, message);
    err_t err = kind != NULL ? registry_send(self->registry, kind, key, message)
                             : deliver_to_ref(self, ref, message);
    return LIKELY(err == ERR_OK) ? ERR_OK : undelivered(self, kind, key, ref, message, err);
}

err_t undelivered(runtime_t *self, const actor_kind_t *kind, str_t key, uint64_t ref,
                  message_t *message, err_t err)
{
    bool is_asked = message->reply_to.asker != 0;
    dead_receiver_t receiver = {kind == NULL ? NULL : kind->name, key, ref};
    reject(self, message, err, dead_reason_of(err, kind != NULL || ref != 0), &receiver);
    /* To drop the newest without a word is what such a kind asks for; who asked is told. */
    bool is_silent = err == ERR_BUSY && kind != NULL && kind->overflow == OVERFLOW_DROP_NEWEST;
    return is_silent && !is_asked ? ERR_OK : err;
}

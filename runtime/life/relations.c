#include "runtime/life/relations.h"

#include "runtime/base/memory.h"
#include "runtime/code/hold.h"
#include "runtime/kernel.h"
#include "runtime/life/tie.h"

static const str_t nothing = {NULL, 0};

/* ---- children ---- */

err_t children_add(actor_t *actor, uint64_t child)
{
    actor_extra_t *extra = actor_extra(actor);
    if (extra == NULL)
        return ERR_NO_MEMORY;
    uint64_t *children = memory_resize(extra->children, extra->child_count + 1, sizeof *children);
    if (children == NULL)
        return ERR_NO_MEMORY;
    children[extra->child_count++] = child;
    extra->children = children;
    return ERR_OK;
}

void children_remove(actor_t *actor, uint64_t child)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    for (uint32_t i = 0; extra != NULL && i < extra->child_count; i++) {
        if (extra->children[i] == child) {
            extra->children[i] = extra->children[--extra->child_count];
            return;
        }
    }
}

bool system_send(runtime_t *runtime, uint64_t to, message_kind_t kind, uint64_t sender)
{
    message_t *message = message_new(kind, NULL, NULL, nothing, nothing);
    if (message == NULL)
        return false;
    message->sender = sender;
    if (deliver_system(runtime, to, message))
        return true;
    message_free(message);
    return false;
}

void children_stop(actor_t *actor)
{
    const actor_extra_t *extra = actor_peek(actor);
    for (uint32_t i = 0; i < extra->child_count; i++)
        (void)system_send(actor_runtime(actor), extra->children[i], MESSAGE_STOP, 0);
}

/* ---- timers ---- */

void timers_cancel_all(actor_t *actor)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (extra != NULL)
        timer_table_clear(&extra->timers);
}

/* ---- subscriptions, messages ---- */

void unsubscribe_all(actor_t *actor)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    uint64_t schedulers = extra == NULL ? 0 : STEAL(extra->subscribed_on);
    while (schedulers != 0) {
        uint32_t index = (uint32_t)__builtin_ctzll(schedulers);
        schedulers &= schedulers - 1;
        message_t *message = message_new(MESSAGE_UNSUBSCRIBE, NULL, NULL, nothing, nothing);
        if (message == NULL)
            continue; /* what is still delivered finds nobody */
        message->sender = actor_bits(actor);
        message->incarnation = extra->subscriber;
        scheduler_post(&actor_runtime(actor)->schedulers[index], message);
    }
    if (extra != NULL)
        extra->subscriber++; /* what is under way is for the state before */
}

void system_message_free(message_t *message)
{
    switch ((int)message->kind) {
    case MESSAGE_ALARM:
        alarm_unref(CONTAINER_OF(message, alarm_t, message));
        break;
    case MESSAGE_JOB:
    case MESSAGE_RECOVERED:
        job_free(CONTAINER_OF(message, job_t, message));
        break;
    case MESSAGE_HOLD:
    case MESSAGE_RESUME:
        hold_message_free(message);
        break;
    case MESSAGE_ORDER:
        tie_unref(CONTAINER_OF(message, tie_t, order));
        break;
    case MESSAGE_NOTICE:
        tie_unref(CONTAINER_OF(message, tie_t, notice));
        break;
    case MESSAGE_APPENDED:
        break; /* its append is in the actor's list */
    default:
        message_free(message);
    }
}

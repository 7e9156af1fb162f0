#include "runtime/life/relations.h"

#include "runtime/base/memory.h"
#include "runtime/code/hold.h"
#include "runtime/kernel.h"
#include "runtime/life/tie.h"

static const str_t nothing = {NULL, 0};

/* ---- children ---- */

/* More room, where those that are gone do not make enough: they are looked for at most once for as
 * many new ones as half of the list. */
static err_t children_grow(actor_t *actor, actor_extra_t *extra)
{
    enum { FIRST = 8 };
    children_forget_gone(actor);
    children_t *before = extra->children;
    if (before != NULL && before->count <= before->capacity / 2)
        return ERR_OK;
    uint32_t capacity = before == NULL ? (uint32_t)FIRST : before->capacity * 2;
    children_t *children = memory_resize(before, 1, children_size(capacity));
    if (children == NULL)
        return ERR_NO_MEMORY;
    if (before == NULL)
        children->count = 0;
    children->capacity = capacity;
    extra->children = children;
    return ERR_OK;
}

err_t children_add(actor_t *actor, uint64_t child)
{
    actor_extra_t *extra = actor_extra(actor);
    if (extra == NULL)
        return ERR_NO_MEMORY;
    children_t *children = extra->children;
    if (UNLIKELY(children == NULL || children->count == children->capacity)) {
        TRY(children_grow(actor, extra));
        children = extra->children;
    }
    children->refs[children->count++] = child;
    return ERR_OK;
}

static bool is_gone(const runtime_t *runtime, uint64_t ref)
{
    const actor_t *actor = registry_slot(runtime->registry, ref);
    return actor == NULL || mailbox_generation(&actor->mailbox) != (uint32_t)(ref >> 32);
}

void children_forget_gone(actor_t *actor)
{
    children_t *children = actor_peek(actor)->children;
    for (uint32_t i = 0; children != NULL && i < children->count;) {
        if (is_gone(actor_runtime(actor), children->refs[i]))
            children->refs[i] = children->refs[--children->count];
        else
            i++;
    }
}

static bool deliver_bare(runtime_t *runtime, uint64_t to, message_t *message)
{
    if (deliver_system(runtime, to, message))
        return true;
    message_free(message);
    return false;
}

bool system_send(runtime_t *runtime, uint64_t to, message_kind_t kind, uint64_t sender)
{
    message_t *message = message_new(kind, NULL, NULL, nothing, nothing);
    if (message == NULL)
        return false;
    message->sender = sender;
    return deliver_bare(runtime, to, message);
}

void children_stop_next(runtime_t *runtime, message_t *message)
{
    children_t *self = CONTAINER_OF(message, children_t, stop);
    while (self->count > 0) {
        uint64_t next = self->refs[--self->count];
        if (deliver_system(runtime, next, message))
            return; /* it is the next one's now */
    }
    memory_free(self);
}

void children_stop(actor_t *actor)
{
    runtime_t *runtime = actor_runtime(actor);
    children_forget_gone(actor);
    children_t *children = actor_peek(actor)->children;
    uint32_t left = 0;
    for (uint32_t i = 0; children != NULL && i < children->count; i++) {
        message_t *message = message_new(MESSAGE_STOP, NULL, NULL, nothing, nothing);
        if (message == NULL) {
            children->refs[left++] = children->refs[i];
        } else {
            message->sender = actor_bits(actor);
            (void)deliver_bare(runtime, children->refs[i], message);
        }
    }
    if (left == 0)
        return;
    actor_extra_there(actor)->children = NULL;
    children->count = left;
    message_init(&children->stop, MESSAGE_STOP_ALL, NULL);
    children->stop.sender = actor_bits(actor);
    children_stop_next(runtime, &children->stop);
}

/* ---- timers ---- */

void timers_cancel_all(actor_t *actor)
{
    actor_extra_t *extra = actor_extra_or_null(actor);
    if (extra != NULL)
        timer_table_clear(&extra->timers);
}

/* ---- messages ---- */

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
    case MESSAGE_STOP_ALL:
        memory_free(CONTAINER_OF(message, children_t, stop));
        break;
    case MESSAGE_STOP_REST:
        break; /* a part of the runtime */
    case MESSAGE_APPENDED:
        break; /* its append is in the actor's list */
    default:
        message_free(message);
    }
}

void system_message_drop(runtime_t *runtime, message_t *message)
{
    if (message->kind == MESSAGE_STOP_ALL)
        children_stop_next(runtime, message);
    else if (message->kind == MESSAGE_STOP_REST)
        runtime_stop_next(runtime);
    else
        system_message_free(message);
}

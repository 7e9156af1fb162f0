#include "runtime/life/relations.h"

#include "runtime/base/memory.h"
#include "runtime/kernel.h"

#include <stdio.h>

static const str_t nothing = {NULL, 0};

/* ---- watchers and children ---- */

void down_send(runtime_t *runtime, actor_watcher_t watcher, uint64_t ref, str_t reason)
{
    actor_down_t down = {ref, reason};
    message_t *message = message_new(MESSAGE_DOWN, &actor_down_schema, &down, nothing, nothing);
    if (message == NULL) {
        count_one(&runtime->counters.refused);
        return;
    }
    message->incarnation = watcher.incarnation;
    IGNORE_ERR(
        deliver(runtime, NULL, nothing, watcher.ref_bits, message)); /* gone: a dead letter */
}

void tell_watchers(actor_t *actor)
{
    char text[ACTOR_REASON_SIZE + 16];
    int size = actor->reason[0] == '\0' ? snprintf(text, sizeof text, "normal")
                                        : snprintf(text, sizeof text, "failed: %s", actor->reason);
    for (uint32_t i = 0; i < actor->watcher_count; i++)
        down_send(actor->runtime, actor->watchers[i], actor_bits(actor),
                  str_of(text, (size_t)size));
    memory_free(actor->watchers);
    actor->watchers = NULL;
    actor->watcher_count = 0;
}

void watchers_add(actor_t *actor, const message_t *monitor)
{
    actor_watcher_t watcher = {monitor->sender, monitor->incarnation};
    actor_watcher_t *watchers = NULL;
    if (actor->watcher_count < ACTOR_WATCHERS_MAX)
        watchers = memory_resize(actor->watchers, actor->watcher_count + 1, sizeof watcher);
    if (watchers == NULL) {
        down_send(actor->runtime, watcher, actor_bits(actor), STR("failed: too many monitors"));
        return;
    }
    watchers[actor->watcher_count++] = watcher;
    actor->watchers = watchers;
}

err_t children_add(actor_t *actor, uint64_t child)
{
    uint64_t *children = memory_resize(actor->children, actor->child_count + 1, sizeof *children);
    if (children == NULL)
        return ERR_NO_MEMORY;
    children[actor->child_count++] = child;
    actor->children = children;
    return ERR_OK;
}

void children_remove(actor_t *actor, uint64_t child)
{
    for (uint32_t i = 0; i < actor->child_count; i++) {
        if (actor->children[i] == child) {
            actor->children[i] = actor->children[--actor->child_count];
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
    for (uint32_t i = 0; i < actor->child_count; i++)
        (void)system_send(actor->runtime, actor->children[i], MESSAGE_STOP, 0);
}

/* ---- timers ---- */

void timer_drop(actor_t *actor, uint64_t id)
{
    for (alarm_t **at = &actor->timers; *at != NULL; at = &(*at)->next) {
        if ((*at)->id != id)
            continue;
        alarm_t *alarm = *at;
        *at = alarm->next;
        actor->timer_count--;
        alarm_cancel(&alarm);
        return;
    }
}

void timers_cancel_all(actor_t *actor)
{
    while (actor->timers != NULL)
        timer_drop(actor, actor->timers->id);
}

/* ---- subscriptions, messages ---- */

void unsubscribe_all(actor_t *actor)
{
    uint64_t schedulers = actor->subscribed_on;
    actor->subscribed_on = 0;
    while (schedulers != 0) {
        uint32_t index = (uint32_t)__builtin_ctzll(schedulers);
        schedulers &= schedulers - 1;
        message_t *message = message_new(MESSAGE_UNSUBSCRIBE, NULL, NULL, nothing, nothing);
        if (message == NULL)
            continue; /* what is still delivered finds nobody */
        message->sender = actor_bits(actor);
        message->incarnation = actor->incarnation;
        scheduler_post(&actor->runtime->schedulers[index], message);
    }
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
    case MESSAGE_APPENDED:
        break; /* its append is in the actor's list */
    default:
        message_free(message);
    }
}

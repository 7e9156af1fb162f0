#include "runtime/schedule/alarm.h"

#include "runtime/base/memory.h"
#include "runtime/schedule/scheduler.h"

alarm_t *alarm_new(alarm_purpose_t purpose, uint64_t receiver, uint64_t id)
{
    alarm_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    atomic_init(&self->refs, 1);
    atomic_init(&self->is_cancelled, false);
    self->message.kind = MESSAGE_ALARM;
    self->purpose = purpose;
    self->receiver = receiver;
    self->id = id;
    return self;
}

void alarm_arm(alarm_t *self, scheduler_t *scheduler, uint64_t delay_ms)
{
    atomic_fetch_add(&self->refs, 1);
    self->scheduler = scheduler;
    scheduler_arm(scheduler, &self->entry, delay_ms);
}

void alarm_cancel(alarm_t **pointer)
{
    alarm_t *self = STEAL(*pointer);
    if (self == NULL)
        return;
    atomic_store(&self->is_cancelled, true);
    if (self->scheduler != NULL && self->scheduler == scheduler_current() &&
        wheel_has(&self->entry)) {
        wheel_remove(&self->scheduler->wheel, &self->entry);
        alarm_unref(self);
    }
    alarm_unref(self);
}

void alarm_unref(alarm_t *self)
{
    if (atomic_fetch_sub(&self->refs, 1) != 1)
        return;
    message_free(self->command);
    memory_free(self);
}

#include "runtime/schedule/alarm.h"

#include "runtime/schedule/scheduler.h"

alarm_t *alarm_new(alarm_purpose_t purpose, uint64_t receiver, const schema_t *schema,
                   const void *body)
{
    block_class_t block = 0;
    size_t body_size = schema == NULL ? 0 : schema_deep_size(schema, body);
    alarm_t *self = pool_new(pool_current(), sizeof *self + body_size, &block);
    if (self == NULL)
        return NULL;
    self->entry.next = self->entry.previous = NULL;
    self->scheduler = NULL;
    self->receiver = receiver;
    self->id = 0;
    atomic_init(&self->refs, 1);
    atomic_init(&self->is_cancelled, false);
    self->purpose = purpose;
    self->period_ms = 0;
    message_init(&self->message, MESSAGE_ALARM, schema);
    self->message.block = block;
    if (schema != NULL)
        schema_copy(schema, body, &self->message + 1);
    return self;
}

message_t *alarm_command(const alarm_t *self)
{
    message_t *command =
        message_new_plain(MESSAGE_COMMAND, self->message.schema, message_body(&self->message));
    if (command != NULL)
        command->sender = self->receiver; /* who armed it */
    return command;
}

static void hold_for_wheel(alarm_t *self, scheduler_t *scheduler)
{
    /* Nobody else has it in hand: no need for an atomic addition. */
    uint16_t refs = atomic_load_explicit(&self->refs, memory_order_relaxed);
    atomic_store_explicit(&self->refs, (uint16_t)(refs + 1), memory_order_relaxed);
    self->scheduler = scheduler;
}

void alarm_arm(alarm_t *self, scheduler_t *scheduler, uint64_t delay_ms)
{
    hold_for_wheel(self, scheduler);
    scheduler_arm(scheduler, &self->entry, delay_ms);
}

void alarm_arm_at(alarm_t *self, scheduler_t *scheduler, uint64_t due_ns)
{
    hold_for_wheel(self, scheduler);
    scheduler_arm_at(scheduler, &self->entry, due_ns);
}

static void alarm_free(alarm_t *self)
{
    message_wipe(&self->message);
    pool_free(pool_current(), self, self->message.block);
}

void alarm_cancel(alarm_t **pointer)
{
    alarm_t *self = STEAL(*pointer);
    if (self == NULL)
        return;
    /* In the wheel of this thread nobody else can have it in hand. */
    if (self->scheduler != NULL && self->scheduler == scheduler_current() &&
        wheel_has(&self->entry)) {
        wheel_remove(&self->scheduler->wheel, &self->entry);
        if (atomic_fetch_sub_explicit(&self->refs, 2, memory_order_relaxed) == 2)
            alarm_free(self); /* else it fired before, was armed again, and is being handled */
        return;
    }
    atomic_store(&self->is_cancelled, true);
    alarm_unref(self);
}

void alarm_unref(alarm_t *self)
{
    if (atomic_fetch_sub(&self->refs, 1) == 1)
        alarm_free(self);
}

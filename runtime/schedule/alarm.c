#include "runtime/schedule/alarm.h"

#include "runtime/schedule/scheduler.h"

#include <stddef.h>

#define SAME_PLACE(field, of_message)                                                              \
    _Static_assert(offsetof(alarm_t, field) == offsetof(alarm_t, message.of_message), #field)
SAME_PLACE(period_ms, link);
SAME_PLACE(schema, schema);
SAME_PLACE(receiver, sender);
SAME_PLACE(entry.link.next, reply_to.asker);
SAME_PLACE(entry.link.previous, reply_to.correlation);
SAME_PLACE(entry.due, deadline_ns);
SAME_PLACE(not_used, trace);
SAME_PLACE(place, incarnation);
SAME_PLACE(kind, kind);
SAME_PLACE(purpose, depth);

alarm_t *alarm_new(alarm_purpose_t purpose, uint64_t receiver, const schema_t *schema,
                   const void *body)
{
    message_t *message = message_new_plain(MESSAGE_ALARM, schema, body);
    alarm_t *self = (alarm_t *)(void *)message;
    if (self == NULL)
        return NULL;
    self->period_ms = 0;
    self->receiver = receiver;
    self->entry.link.next = NULL;
    self->place = 0;
    atomic_init(&self->holds, 1);
    self->scheduler = 0;
    self->purpose = purpose;
    return self;
}

message_t *alarm_command(const alarm_t *self)
{
    return message_new_plain(MESSAGE_COMMAND, self->message.schema, message_body(&self->message));
}

message_t *alarm_become_command(alarm_t *self)
{
    block_class_t block = self->message.block;
    message_init(&self->message, MESSAGE_COMMAND, self->message.schema);
    self->message.block = block;
    return &self->message;
}

static void hold_for_wheel(alarm_t *self, scheduler_t *scheduler)
{
    /* Nobody else has it in hand: no need for an atomic addition. */
    uint8_t holds = atomic_load_explicit(&self->holds, memory_order_relaxed);
    atomic_store_explicit(&self->holds, (uint8_t)(holds + 1), memory_order_relaxed);
    self->scheduler = (uint8_t)(scheduler->index + 1);
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

uint64_t alarm_fire(alarm_t *self)
{
    uint64_t receiver = self->receiver;
    self->message.sender = 0;
    self->message.reply_to = (reply_token_t){.correlation = self->period_ms};
    return receiver;
}

void alarm_renew(alarm_t *self, uint64_t receiver)
{
    self->period_ms = self->message.reply_to.correlation;
    self->receiver = receiver;
}

static void alarm_free(alarm_t *self)
{
    message_free(&self->message);
}

/* Out of the wheel of this thread: nobody else can have it in hand. */
static void take_back(alarm_t *self, scheduler_t *here)
{
    wheel_remove(&here->wheel, &self->entry);
    uint8_t holds = atomic_load_explicit(&self->holds, memory_order_relaxed);
    if (LIKELY(holds == 2))
        message_free_here(&here->pool, &self->message);
    else /* it fired before, was armed again, and is being handled */
        atomic_store_explicit(&self->holds, (uint8_t)(holds - 2), memory_order_relaxed);
}

void alarm_cancel_from(alarm_t *self, scheduler_t *here)
{
    bool is_here = here != NULL && self->scheduler == here->index + 1;
    if (LIKELY(is_here && wheel_has(&self->entry)))
        take_back(self, here);
    else if (atomic_fetch_add(&self->holds, ALARM_CANCELLED - 1) == 1)
        alarm_free(self);
}

void alarm_cancel(alarm_t **pointer)
{
    alarm_t *self = STEAL(*pointer);
    if (self != NULL)
        alarm_cancel_from(self, scheduler_current());
}

void alarm_unref(alarm_t *self)
{
    if ((atomic_fetch_sub(&self->holds, 1) & ~ALARM_CANCELLED) == 1)
        alarm_free(self);
}

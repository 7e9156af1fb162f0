#pragma once
/* alarm.h -- one entry in a scheduler's wheel that turns into a message to an actor, or to the
 * scheduler itself.
 *
 * An alarm stays with the wheel that armed it. It is held twice: by the wheel (or the message that
 * it became) and by its owner. The owner cancels from any scheduler: the mark is one addition, and
 * where owner and wheel are on one thread the entry leaves the wheel, and the alarm its memory, at
 * once.
 *
 * There may be a million of them: an alarm is as large as a message and lies in the place of the
 * one that it becomes, so that it needs no memory then. In the lane the message needs the place of
 * the period, which waits where the entry was (alarm_fire, alarm_renew).
 *
 * Threads  alarm_cancel and alarm_unref any scheduler; the rest the scheduler that arms it. */

#include "runtime/mail/message.h"
#include "runtime/schedule/wheel.h"

#include <stdatomic.h>

typedef struct scheduler scheduler_t;
typedef union alarm alarm_t;

typedef enum __attribute__((packed)) alarm_purpose {
    ALARM_TIMER,    /* actor_timer_start: place is the one in the table of timers */
    ALARM_ASK,      /* the first deadline of a table of asks */
    ALARM_IDLE,     /* time to look whether the actor may be passivated */
    ALARM_RESTART,  /* the end of a back-off */
    ALARM_SHUTDOWN, /* a supervisor's patience */
    ALARM_PRESSURE  /* of a scheduler: time to walk over the slots again */
} alarm_purpose_t;

/* Of `holds`: how many hold it, and: */
enum { ALARM_CANCELLED = 0x80 };

union alarm {
    message_t message; /* MESSAGE_ALARM, once it fired. A timer's command lies behind it */
    struct {
        uint64_t period_ms; /* 0: it fires once */
        const schema_t *schema;
        uint64_t receiver; /* actor_ref bits; 0: the scheduler's edge */
        wheel_entry_t entry;
        uint64_t not_used;
        uint16_t place;
        _Atomic uint8_t holds;
        uint8_t scheduler; /* whose wheel: index + 1; 0: none's so far */
        message_kind_t kind;
        alarm_purpose_t purpose;
    };
};

_Static_assert(sizeof(alarm_t) == sizeof(message_t), "an alarm is the message that it becomes");

/* With the owner's reference only; a copy of body (NULL where schema is NULL) for what it shall
 * send. NULL: no memory. */
[[nodiscard]] alarm_t *alarm_new(alarm_purpose_t purpose, uint64_t receiver, const schema_t *schema,
                                 const void *body);
/* The command of a timer, to be handled. NULL: no memory. */
[[nodiscard]] message_t *alarm_command(const alarm_t *self);
/* The same from one that fired and that nobody will arm again: takes both references. */
message_t *alarm_become_command(alarm_t *self);
/* Into the wheel of this thread's scheduler; takes a reference for the wheel. Nobody else knows of
 * it yet, or it has fired and is being handled. */
void alarm_arm(alarm_t *self, scheduler_t *scheduler, uint64_t delay_ms);
/* Not before the monotonic clock shows this. */
void alarm_arm_at(alarm_t *self, scheduler_t *scheduler, uint64_t due_ns);
/* The wheel gave it back: it is a message now, to the one who is returned. */
uint64_t alarm_fire(alarm_t *self);
/* One that fired is to be armed once more. */
void alarm_renew(alarm_t *self, uint64_t receiver);
static inline bool alarm_is_cancelled(const alarm_t *self)
{
    return (atomic_load(&self->holds) & ALARM_CANCELLED) != 0;
}
/* Gives up the owner's reference; it will not be acted upon any more. */
void alarm_cancel(alarm_t **self);
/* The same on the thread of this scheduler (NULL: of none). */
void alarm_cancel_from(alarm_t *self, scheduler_t *here);
void alarm_unref(alarm_t *self);

#pragma once
/* alarm.h -- one entry in a scheduler's wheel that turns into a message to an actor, or to the
 * scheduler itself.
 *
 * An alarm stays with the wheel that armed it. It is held twice: by the wheel (or the message that
 * it became, which lies in the alarm itself, so that it needs no memory) and by its owner. The
 * owner cancels from any scheduler: the mark is one store, and where owner and wheel are on one
 * thread the entry leaves the wheel, and the alarm its memory, at once.
 *
 * Threads  alarm_cancel and alarm_unref any scheduler; the rest the scheduler that arms it. */

#include "runtime/mail/message.h"
#include "runtime/schedule/wheel.h"

#include <stdatomic.h>

typedef struct scheduler scheduler_t;
typedef struct alarm alarm_t;

typedef enum __attribute__((packed)) alarm_purpose {
    ALARM_TIMER,    /* actor_timer_start: id is its place in the table of timers */
    ALARM_ASK,      /* the first deadline of a table of asks */
    ALARM_IDLE,     /* time to look whether the actor may be passivated */
    ALARM_RESTART,  /* the end of a back-off */
    ALARM_SHUTDOWN, /* a supervisor's patience */
    ALARM_PRESSURE  /* of a scheduler: time to walk over the slots again */
} alarm_purpose_t;

struct alarm {
    wheel_entry_t entry;
    scheduler_t *scheduler; /* whose wheel */
    uint64_t receiver;      /* actor_ref bits; 0: the scheduler's edge */
    uint64_t id;
    _Atomic uint16_t refs;
    _Atomic bool is_cancelled;
    alarm_purpose_t purpose;
    uint64_t period_ms;
    message_t message; /* MESSAGE_ALARM, once it fired. Last: a timer's command lies behind it */
};

/* With the owner's reference only; a copy of body (NULL where schema is NULL) for what it shall
 * send. NULL: no memory. */
[[nodiscard]] alarm_t *alarm_new(alarm_purpose_t purpose, uint64_t receiver, const schema_t *schema,
                                 const void *body);
/* The command of a timer, to be handled. NULL: no memory. */
[[nodiscard]] message_t *alarm_command(const alarm_t *self);
/* Into the wheel of this thread's scheduler; takes a reference for the wheel. Nobody else knows of
 * it yet, or it has fired and is being handled. */
void alarm_arm(alarm_t *self, scheduler_t *scheduler, uint64_t delay_ms);
/* Not before the monotonic clock shows this. */
void alarm_arm_at(alarm_t *self, scheduler_t *scheduler, uint64_t due_ns);
/* Gives up the owner's reference; it will not be acted upon any more. */
void alarm_cancel(alarm_t **self);
void alarm_unref(alarm_t *self);

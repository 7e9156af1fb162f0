#pragma once
/* alarm.h -- one entry in a scheduler's wheel that turns into a message to an actor, or to the
 * scheduler itself.
 *
 * An alarm stays with the wheel that armed it. It is held twice: by the wheel (or the message that
 * it became, which lies in the alarm itself, so that it needs no memory) and by its owner. The
 * owner cancels from any scheduler: the mark is one store, and where owner and wheel are on one
 * thread the entry leaves the wheel at once.
 *
 * Threads  alarm_cancel and alarm_unref any scheduler; the rest the scheduler that arms it. */

#include "runtime/mail/message.h"
#include "runtime/schedule/wheel.h"

#include <stdatomic.h>

typedef struct scheduler scheduler_t;
typedef struct alarm alarm_t;

typedef enum alarm_purpose {
    ALARM_TIMER,  /* actor_timer_start */
    ALARM_ASK,    /* the deadline of an ask: id is its correlation */
    ALARM_IDLE,   /* time to look whether the actor may be passivated */
    ALARM_RESTART /* the end of a back-off */
} alarm_purpose_t;

struct alarm {
    message_t message; /* MESSAGE_ALARM, once it fired */
    wheel_entry_t entry;
    _Atomic uint32_t refs;
    _Atomic bool is_cancelled;
    scheduler_t *scheduler; /* whose wheel */
    uint64_t receiver;      /* actor_ref bits; 0: the scheduler's edge */
    alarm_purpose_t purpose;
    uint64_t id;
    uint64_t period_ms;
    message_t *command; /* of a timer: what it sends; owned */
    alarm_t *next;      /* in its owner's list */
};

/* With the owner's reference only. NULL: no memory. */
[[nodiscard]] alarm_t *alarm_new(alarm_purpose_t purpose, uint64_t receiver, uint64_t id);
/* Into the wheel of this thread's scheduler; takes a reference for the wheel. */
void alarm_arm(alarm_t *self, scheduler_t *scheduler, uint64_t delay_ms);
/* Gives up the owner's reference; it will not be acted upon any more. */
void alarm_cancel(alarm_t **self);
void alarm_unref(alarm_t *self);

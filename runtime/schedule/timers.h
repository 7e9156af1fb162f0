#pragma once
/* timers.h -- the timers of one actor: a table, so that one is found by its number at once.
 *
 * A number is a place and its generation: one that is spent or cancelled is not found again.
 *
 * Ownership  The table holds the owner's reference of its alarms. Threads  The actor's owner. */

#include "runtime/base/error.h"
#include "runtime/schedule/alarm.h"

typedef struct timer_place {
    alarm_t *alarm; /* NULL: free */
    uint32_t generation, next_free;
} timer_place_t;

typedef struct timer_table {
    timer_place_t *places;
    uint32_t capacity, first_free; /* index + 1; 0: none */
    uint32_t count;
} timer_table_t;

void timer_table_deinit(timer_table_t *self);
/* Takes the alarm on ERR_OK, and tells it its place. NO_MEMORY. */
err_t timer_table_add(timer_table_t *self, alarm_t *alarm, uint64_t *out_id);
/* Whether this one, which fired, is still there: not cancelled, nor of an incarnation before. */
bool timer_table_has(const timer_table_t *self, const alarm_t *alarm);
/* Gives the owner's reference away. */
void timer_table_take(timer_table_t *self, const alarm_t *alarm);
/* Cancels it, on the thread of `here`; does nothing where there is none. */
void timer_table_drop(timer_table_t *self, uint64_t id, scheduler_t *here);
/* All of them; their numbers stay spent. */
void timer_table_clear(timer_table_t *self);

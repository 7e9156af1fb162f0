#pragma once
/* alarm_clock.h -- ends a loop's poll at a time, to the nanosecond: libuv's own timers count in
 * milliseconds, and are looked at before it polls.
 *
 * A timerfd that lies in the loop's poll. Set while nothing waits it costs one system call, and one
 * more when it rings; who sets it to what it is set to pays nothing. One that is set too early
 * rings in vain, once.
 *
 * Threads  The loop's. */

#include "runtime/base/error.h"

#include <uv.h>

typedef struct alarm_clock {
    int fd;
    uint64_t rings_ns; /* UINT64_MAX: it is not set */
    uv_poll_t poll;
} alarm_clock_t;

/* INTERNAL, LIMIT, NO_MEMORY: what the system says. */
err_t alarm_clock_init(alarm_clock_t *self, uv_loop_t *loop);
/* The loop has closed its handles, and is closed. */
void alarm_clock_deinit(alarm_clock_t *self);
/* Rings at `due_ns` at the latest. */
void alarm_clock_set(alarm_clock_t *self, uint64_t due_ns, uint64_t now_ns);

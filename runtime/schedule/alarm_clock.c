#include "runtime/schedule/alarm_clock.h"

#include "runtime/base/assert.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void on_ring(uv_poll_t *poll, int status, int events)
{
    alarm_clock_t *self = CONTAINER_OF(poll, alarm_clock_t, poll);
    uint64_t count;
    (void)status;
    (void)events;
    if (read(self->fd, &count, sizeof count) == (ssize_t)sizeof count)
        self->rings_ns = UINT64_MAX;
}

err_t alarm_clock_init(alarm_clock_t *self, uv_loop_t *loop)
{
    self->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (self->fd < 0)
        return err_from_errno(errno);
    self->rings_ns = UINT64_MAX;
    int rc = uv_poll_init(loop, &self->poll, self->fd);
    if (rc == 0)
        rc = uv_poll_start(&self->poll, UV_READABLE, on_ring);
    return rc == 0 ? ERR_OK : err_from_errno(-rc);
}

void alarm_clock_deinit(alarm_clock_t *self)
{
    if (self->fd >= 0)
        close(self->fd);
}

void alarm_clock_set(alarm_clock_t *self, uint64_t due_ns, uint64_t now_ns)
{
    bool has_rung = self->rings_ns <= now_ns; /* nobody polled: the next one would end at once */
    if (due_ns >= self->rings_ns && !has_rung)
        return;
    uint64_t after_ns = due_ns > now_ns ? due_ns - now_ns : 1; /* 0 would be never */
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(after_ns / 1000000000),
                                         .tv_nsec = (long)(after_ns % 1000000000)}};
    ASSERT(timerfd_settime(self->fd, 0, &at, NULL) == 0);
    self->rings_ns = due_ns;
}

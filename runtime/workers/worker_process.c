#include "runtime/workers/worker_process.h"

#include "runtime/base/memory.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void worker_item_free(worker_item_t *item)
{
    if (item == NULL)
        return;
    buf_deinit(&item->frame);
    memory_free(item);
}

void worker_item_end(worker_item_t *item, err_t err, const char *text)
{
    worker_answer_t answer = {.err = err, .text = str_from(text)};
    item->done(item->context, &answer);
    worker_item_free(item);
}

void worker_process_init(worker_process_t *self, worker_pool_t *pool, uv_loop_t *loop)
{
    *self = (worker_process_t){.pool = pool, .loop = loop, .socket = -1};
}

uint64_t worker_backoff_ms(uint32_t failures)
{
    if (failures == 0)
        return 0;
    uint64_t delay = (uint64_t)WORKER_BACKOFF_MIN_MS << MIN(failures - 1, 16U);
    return MIN(delay, (uint64_t)WORKER_BACKOFF_MAX_MS);
}

/* ---- ending ---- */

static void end_item(worker_process_t *self)
{
    worker_item_t *item = STEAL(self->item);
    char text[96];
    if (item == NULL)
        return;
    if (self->cause == CAUSE_TIMEOUT) {
        snprintf(text, sizeof text, "no answer within %u ms", item->timeout_ms);
        worker_pool_note(self->pool, WORKER_EVENT_TIMED_OUT);
        worker_item_end(item, ERR_TIMEOUT, text);
        return;
    }
    if (self->cause == CAUSE_STOPPED) {
        worker_item_end(item, ERR_CANCELLED, "the workers are being stopped");
        return;
    }
    if (self->cause == CAUSE_BROKEN)
        snprintf(text, sizeof text, "the worker answered in a broken form");
    else if (self->exit_signal != 0)
        snprintf(text, sizeof text, "the worker died of it (signal %d)", self->exit_signal);
    else
        snprintf(text, sizeof text, "the worker ended (status %lld)", (long long)self->exit_status);
    worker_pool_note(self->pool, WORKER_EVENT_FAILED);
    worker_item_end(item, ERR_INTERNAL, text);
}

static void on_closed(uv_handle_t *handle)
{
    worker_process_t *self = handle->data;
    if (--self->open > 0)
        return;
    if (self->socket >= 0)
        close(self->socket);
    self->socket = -1;
    channel_reader_deinit(&self->reader);
    end_item(self);
    if (self->answered == 0 && self->cause != CAUSE_STOPPED)
        self->failures++;
    self->state = WORKER_WAITING;
    worker_pool_process_closed(self->pool, self);
}

static void on_exit(uv_process_t *process, int64_t status, int signal_number)
{
    worker_process_t *self = process->data;
    self->has_exited = true;
    self->exit_status = status;
    self->exit_signal = signal_number;
    uv_close((uv_handle_t *)process, on_closed);
    worker_process_end(self, CAUSE_NONE);
}

/* The item ends when the exit is known, so that it can say what it was. */
void worker_process_end(worker_process_t *self, worker_cause_t cause)
{
    if (self->state == WORKER_ENDING || self->open == 0)
        return;
    self->state = WORKER_ENDING;
    self->cause = cause;
    uv_timer_stop(&self->timer);
    if (!self->has_exited)
        IGNORE_ERR((err_t)uv_process_kill(&self->process,
                                          SIGKILL)); /* gone already: its exit is on the way */
    if (!uv_is_closing((uv_handle_t *)&self->poll))
        uv_close((uv_handle_t *)&self->poll, on_closed);
}

/* ---- working ---- */

static void on_timeout(uv_timer_t *timer)
{
    worker_process_t *self = timer->data;
    if (self->state == WORKER_WAITING)
        worker_pool_process_woken(self->pool, self);
    else
        worker_process_end(self, CAUSE_TIMEOUT);
}

static uint64_t resident_bytes_of(int pid)
{
    char path[48], text[96];
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    str_t rest = str_of(text, size > 0 ? (size_t)size : 0), part;
    uint64_t pages = 0;
    if (str_next(&rest, ' ', &part) && str_next(&rest, ' ', &part) &&
        str_to_u64(part, &pages) != ERR_OK)
        pages = 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void finish_item(worker_process_t *self, const channel_frame_t *frame)
{
    worker_item_t *item = STEAL(self->item);
    worker_answer_t answer = {.err = ERR_OK, .kind = frame->kind, .payload = frame->payload};
    uv_timer_stop(&self->timer);
    self->answered++;
    self->failures = 0;
    self->state = WORKER_IDLE;
    worker_pool_note(self->pool, WORKER_EVENT_ANSWERED);
    item->done(item->context, &answer);
    worker_item_free(item);
    self->resident_bytes = resident_bytes_of(self->process.pid);
    if (self->state != WORKER_IDLE) /* stopped in done */
        return;
    if (self->resident_bytes > worker_pool_memory_max(self->pool)) {
        worker_pool_note(self->pool, WORKER_EVENT_OUTGROWN);
        worker_process_end(self, CAUSE_OUTGROWN);
    }
}

static void on_frame(worker_process_t *self, const channel_frame_t *frame)
{
    if (self->item == NULL || frame->fd_count > 0) {
        worker_process_end(self, CAUSE_BROKEN);
        return;
    }
    if ((frame->flags & CHANNEL_FLAG_PART) == 0) {
        finish_item(self, frame);
        return;
    }
    uv_timer_start(&self->timer, on_timeout, self->item->timeout_ms, 0);
    worker_answer_t part = {.err = ERR_OK, .kind = frame->kind, .payload = frame->payload};
    if (self->item->part != NULL)
        self->item->part(self->item->context, &part);
}

static bool is_up(const worker_process_t *self)
{
    return self->state == WORKER_IDLE || self->state == WORKER_BUSY;
}

static void read_frames(worker_process_t *self)
{
    channel_frame_t frame;
    err_t err = channel_receive(&self->reader, self->socket);
    if (err == ERR_BUSY)
        return;
    while (err == ERR_OK && is_up(self) && channel_reader_next(&self->reader, &frame, &err))
        on_frame(self, &frame);
    if (err != ERR_OK && is_up(self))
        worker_process_end(self, err == ERR_UNAVAILABLE ? CAUSE_NONE : CAUSE_BROKEN);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void send_item(worker_process_t *self)
{
    worker_item_t *item = self->item;
    while (self->sent < item->frame.size) {
        size_t sent = 0;
        str_t rest = str_slice(buf_str(&item->frame), self->sent, item->frame.size);
        err_t err = channel_send_some(self->socket, rest, item->fds,
                                      self->sent == 0 ? item->fd_count : 0, &sent);
        if (err == ERR_BUSY) {
            uv_poll_start(&self->poll, UV_READABLE | UV_WRITABLE, on_poll);
            return;
        }
        if (err != ERR_OK) { /* its end is found when its socket is read */
            worker_process_end(self, CAUSE_NONE);
            return;
        }
        self->sent += sent;
    }
    uv_poll_start(&self->poll, UV_READABLE, on_poll);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    worker_process_t *self = poll->data;
    if (status < 0) {
        worker_process_end(self, CAUSE_NONE);
        return;
    }
    if ((events & UV_WRITABLE) != 0 && self->state == WORKER_BUSY && self->item != NULL)
        send_item(self);
    if ((events & UV_READABLE) != 0 && is_up(self))
        read_frames(self);
    if (self->state == WORKER_IDLE)
        worker_pool_process_idle(self->pool, self);
}

void worker_process_give(worker_process_t *self, worker_item_t *item)
{
    self->item = item;
    self->sent = 0;
    self->state = WORKER_BUSY;
    uv_timer_start(&self->timer, on_timeout, item->timeout_ms, 0);
    if (item->began != NULL)
        item->began(item->context);
    send_item(self);
}

/* ---- starting ---- */

static bool spawn(worker_process_t *self, int socket, const char *program, char **arguments)
{
    char *environment[] = {NULL};
    uv_stdio_container_t stdio[WORKER_FD + 1] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
        [WORKER_FD] = {.flags = UV_INHERIT_FD, .data.fd = socket}};
    uv_process_options_t options = {.file = program,
                                    .args = arguments,
                                    .env = environment,
                                    .stdio = stdio,
                                    .stdio_count = WORKER_FD + 1,
                                    .exit_cb = on_exit};
    int code = uv_spawn(self->loop, &self->process, &options);
    if (code != 0)
        log_error(worker_pool_log(self->pool), "worker", "%s can't be started: %s", program,
                  uv_strerror(code));
    return code == 0;
}

void worker_process_start(worker_process_t *self, const char *program, char **arguments)
{
    int pair[2];
    self->cause = CAUSE_NONE;
    self->answered = 0;
    self->has_exited = false;
    self->process.data = self->poll.data = self->timer.data = self;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        self->failures++;
        self->state = WORKER_WAITING;
        worker_pool_process_closed(self->pool, self);
        return;
    }
    self->socket = pair[0];
    bool is_started = spawn(self, pair[1], program, arguments);
    close(pair[1]);
    self->open = 1;
    if (!is_started || fcntl(self->socket, F_SETFL, O_NONBLOCK) != 0 ||
        uv_poll_init(self->loop, &self->poll, self->socket) != 0) {
        self->state = WORKER_ENDING;
        if (is_started)
            IGNORE_ERR(
                (err_t)uv_process_kill(&self->process, SIGKILL)); /* on_exit closes the handle */
        else
            uv_close((uv_handle_t *)&self->process, on_closed);
        return;
    }
    self->open = 2;
    self->state = WORKER_IDLE;
    uv_poll_start(&self->poll, UV_READABLE, on_poll);
}

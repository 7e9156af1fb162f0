#include "gateway/server.h"

#include "gateway/listener.h"
#include "gateway/server_internal.h"
#include "runtime/base/memory.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

enum {
    ACCEPTS_MAX = 64,     /* accepted in one event */
    ACCEPT_PAUSE_MS = 100 /* while there are no descriptors */
};

static void on_acceptable(uv_poll_t *poll, int status, int events);
static void on_deadline(uv_timer_t *timer);
static void on_later(uv_timer_t *timer);

/* ---- building ---- */

static uint32_t limit_of(deadline_t deadline, const gateway_limits_t *limits)
{
    switch (deadline) {
    case DEADLINE_HEADER:
        return limits->header_ms;
    case DEADLINE_BODY:
        return limits->body_ms;
    case DEADLINE_RESPOND:
        return limits->respond_ms;
    case DEADLINE_IDLE:
        return limits->idle_ms;
    case DEADLINE_WRITE:
        return limits->write_ms;
    case DEADLINE_LINGER:
        return limits->linger_ms;
    case DEADLINE_PING:
        return limits->websocket_ping_ms;
    case DEADLINE_PONG:
        return limits->websocket_pong_ms;
    case DEADLINE_COUNT:
        break;
    }
    return 0;
}

static void complete_options(gateway_options_t *options)
{
    if (options->host == NULL)
        options->host = "127.0.0.1";
    if (options->clock.mono_ns == NULL)
        options->clock = clock_system();
    if (options->random.fill == NULL)
        options->random = random_system();
    if (options->transport == NULL)
        options->transport = &transport_plain;
    gateway_limits_complete(&options->limits);
}

err_t gateway_server_new(uv_loop_t *loop, const gateway_options_t *options,
                         gateway_server_t **out_server)
{
    if (options->routes == NULL)
        return ERR_INVALID;
    gateway_server_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->options = *options;
    complete_options(&self->options);
    self->limits = self->options.limits;
    self->transport = self->options.transport;
    self->loop = loop;
    self->listen_fd = -1;
    self->peers = peers_new();
    self->read_buffer = memory_new(HTTP_READ_SIZE);
    if (self->peers == NULL || self->read_buffer == NULL) {
        gateway_server_free(self);
        return ERR_NO_MEMORY;
    }
    *out_server = self;
    return ERR_OK;
}

void gateway_server_free(gateway_server_t *self)
{
    if (self == NULL)
        return;
    while (self->free_exchanges != NULL) {
        exchange_t *next = self->free_exchanges->next;
        exchange_deinit(self->free_exchanges);
        memory_free(self->free_exchanges);
        self->free_exchanges = next;
    }
    /* Handlers still owe these an answer; it will find nobody, and frees them. */
    for (exchange_t *exchange = self->exchanges; exchange != NULL; exchange = exchange->next) {
        exchange->server = NULL;
        exchange->request.edge = NULL;
    }
    peers_free(self->peers);
    buf_deinit(&self->scratch);
    memory_free(self->read_buffer);
    memory_free(self);
}

/* sendfile has no MSG_NOSIGNAL: a client that leaves in the middle of a file would end the process.
 * A program that handles the signal itself keeps its handler. */
static void ignore_broken_pipes(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
        return;
    action = (struct sigaction){.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &action, NULL);
}

err_t gateway_server_start(gateway_server_t *self)
{
    ignore_broken_pipes();
    TRY(listener_open(self->options.host, self->options.port, self->options.is_port_shared,
                      &self->listen_fd, &self->port));
    if (uv_poll_init(self->loop, &self->listener, self->listen_fd) != 0) {
        close(self->listen_fd);
        return ERR_IO;
    }
    uv_timer_init(self->loop, &self->deadline_timer);
    uv_timer_init(self->loop, &self->later_timer);
    uv_timer_init(self->loop, &self->drain_timer);
    self->handles_open = 4;
    self->is_started = true;
    return uv_poll_start(&self->listener, UV_READABLE, on_acceptable) == 0 ? ERR_OK : ERR_IO;
}

uint16_t gateway_server_port(const gateway_server_t *self)
{
    return self->port;
}

void gateway_server_counters(const gateway_server_t *self, gateway_counters_t *out_counters)
{
#define GATEWAY_COUNTER_COPY(name)                                                                 \
    out_counters->name = atomic_load_explicit(&self->counters.name, memory_order_relaxed);
    GATEWAY_COUNTER_LIST(GATEWAY_COUNTER_COPY)
#undef GATEWAY_COUNTER_COPY
}

/* ---- accepting ---- */

static void refuse(gateway_server_t *self, int fd)
{
    server_count(self, connections_refused, 1);
    close(fd);
}

static void accept_one(gateway_server_t *self, int fd, const struct sockaddr *address)
{
    peer_t *peer = NULL;
    if (self->connection_count >= self->limits.connections_max ||
        peers_enter(self->peers, address, self->limits.connections_per_address_max, &peer) !=
            ERR_OK) {
        refuse(self, fd);
        return;
    }
    server_count(self, connections_accepted, 1);
    if (connection_open(self, fd, address, &peer) != ERR_OK) {
        server_count(self, connections_refused, 1);
        peers_leave(self->peers, &peer);
    }
}

static void on_pause_over(uv_timer_t *timer)
{
    gateway_server_t *self = CONTAINER_OF(timer, gateway_server_t, drain_timer);
    if (uv_poll_start(&self->listener, UV_READABLE, on_acceptable) != 0)
        log_error(self->options.log, "gateway", "the listener cannot be polled any more");
}

/* False: nothing is left to accept. */
static bool accept_some(gateway_server_t *self, int count_max)
{
    struct sockaddr_storage address;
    bool is_full = false;
    for (int i = 0; i < count_max; i++) {
        int fd = listener_accept(self->listen_fd, &address, &is_full);
        if (fd < 0)
            break;
        accept_one(self, fd, (const struct sockaddr *)&address);
        if (i + 1 == count_max)
            return true;
    }
    /* The listener stays readable: without a pause this would be a busy loop. */
    if (is_full && !self->is_stopping) {
        uv_poll_stop(&self->listener);
        uv_timer_start(&self->drain_timer, on_pause_over, ACCEPT_PAUSE_MS, 0);
    }
    return false;
}

static void on_acceptable(uv_poll_t *poll, int status, int events UNUSED)
{
    gateway_server_t *self = CONTAINER_OF(poll, gateway_server_t, listener);
    if (status == 0)
        accept_some(self, ACCEPTS_MAX);
}

/* ---- what the loop does later ---- */

void server_later(gateway_server_t *self, connection_t *connection)
{
    if (connection->is_later)
        return;
    connection->is_later = true;
    connection->later_next = self->later;
    self->later = connection;
    uv_timer_start(&self->later_timer, on_later, 0, 0);
}

void server_forget_later(gateway_server_t *self, connection_t *connection)
{
    for (connection_t **link = &self->later; connection->is_later && *link != NULL;
         link = &(*link)->later_next)
        if (*link == connection) {
            *link = connection->later_next;
            connection->is_later = false;
            break;
        }
}

static void on_later(uv_timer_t *timer)
{
    gateway_server_t *self = CONTAINER_OF(timer, gateway_server_t, later_timer);
    connection_t *list = STEAL(self->later);
    while (list != NULL) {
        connection_t *connection = list;
        list = connection->later_next;
        connection->is_later = false;
        if (!connection->is_doomed)
            connection_go_on(connection);
    }
}

/* ---- deadlines: one list a kind, so the oldest of each is the first; one timer for all ---- */

static void unlink_deadline(gateway_server_t *self, connection_t *connection)
{
    deadline_list_t *list = &self->deadlines[connection->deadline];
    if (connection->deadline_previous != NULL)
        connection->deadline_previous->deadline_next = connection->deadline_next;
    else
        list->first = connection->deadline_next;
    if (connection->deadline_next != NULL)
        connection->deadline_next->deadline_previous = connection->deadline_previous;
    else
        list->last = connection->deadline_previous;
}

static void arm_deadlines(gateway_server_t *self)
{
    uint64_t now = uv_now(self->loop), soonest = UINT64_MAX;
    for (deadline_t i = 0; i < DEADLINE_COUNT; i++)
        if (self->deadlines[i].first != NULL)
            soonest = MIN(soonest,
                          self->deadlines[i].first->deadline_since_ms + limit_of(i, &self->limits));
    if (soonest != UINT64_MAX)
        uv_timer_start(&self->deadline_timer, on_deadline, soonest > now ? soonest - now : 1, 0);
}

void server_set_deadline(gateway_server_t *self, connection_t *connection, deadline_t deadline)
{
    bool restarts = connection->restarts_deadline;
    connection->restarts_deadline = false;
    if (connection->deadline == deadline && !restarts)
        return;
    if (connection->deadline != DEADLINE_NONE)
        unlink_deadline(self, connection);
    connection->deadline = deadline;
    if (deadline == DEADLINE_NONE)
        return;
    deadline_list_t *list = &self->deadlines[deadline];
    connection->deadline_since_ms = uv_now(self->loop);
    connection->deadline_next = NULL;
    connection->deadline_previous = list->last;
    if (list->last != NULL)
        list->last->deadline_next = connection;
    else
        list->first = connection;
    list->last = connection;
    /* Later ones of a list are due later: only a new first can be sooner than the timer. */
    uint64_t due = uv_now(self->loop) + limit_of(deadline, &self->limits);
    if (list->first == connection &&
        (!uv_is_active((uv_handle_t *)&self->deadline_timer) ||
         due < uv_now(self->loop) + uv_timer_get_due_in(&self->deadline_timer)))
        arm_deadlines(self);
}

static void on_deadline(uv_timer_t *timer)
{
    gateway_server_t *self = CONTAINER_OF(timer, gateway_server_t, deadline_timer);
    uint64_t now = uv_now(self->loop);
    for (deadline_t i = 0; i < DEADLINE_COUNT; i++) {
        uint64_t limit = limit_of(i, &self->limits);
        while (self->deadlines[i].first != NULL &&
               self->deadlines[i].first->deadline_since_ms + limit <= now)
            connection_expired(self->deadlines[i].first);
    }
    arm_deadlines(self);
}

const char *server_date(gateway_server_t *self)
{
    int64_t now_s = clock_wall_ms(&self->options.clock) / 1000;
    if (self->date_s == now_s && self->date[0] != '\0')
        return self->date;
    time_t time = (time_t)now_s;
    struct tm parts;
    self->date_s = now_s;
    if (gmtime_r(&time, &parts) == NULL ||
        strftime(self->date, sizeof self->date, "%a, %d %b %Y %H:%M:%S GMT", &parts) == 0)
        self->date[0] = '\0';
    return self->date;
}

/* ---- stopping ---- */

static void end_if_empty(gateway_server_t *self);

static void on_handle_closed(uv_handle_t *handle)
{
    gateway_server_t *self = handle->data;
    self->handles_open--;
    end_if_empty(self);
}

static void close_handle(gateway_server_t *self, uv_handle_t *handle)
{
    handle->data = self;
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

/* The timers go when no connection needs them; the last of them reports the end. */
static void end_if_empty(gateway_server_t *self)
{
    if (!self->is_stopping || self->connections != NULL)
        return;
    if (self->handles_open > 0) {
        close_handle(self, (uv_handle_t *)&self->deadline_timer);
        close_handle(self, (uv_handle_t *)&self->later_timer);
        close_handle(self, (uv_handle_t *)&self->drain_timer);
    } else if (!self->is_stopped) {
        self->is_stopped = true;
        if (self->on_stopped != NULL)
            self->on_stopped(self->stop_context);
    }
}

void server_connection_closed(gateway_server_t *self)
{
    end_if_empty(self);
}

static void for_all_connections(gateway_server_t *self, void (*visit)(connection_t *connection))
{
    /* Nothing is freed inside a call, so the next one stays. */
    for (connection_t *connection = self->connections; connection != NULL;
         connection = connection->next)
        visit(connection);
}

static void on_drain_over(uv_timer_t *timer)
{
    gateway_server_t *self = CONTAINER_OF(timer, gateway_server_t, drain_timer);
    log_warning(self->options.log, "gateway",
                "%u connections are cut off: still busy %u ms after the stop",
                self->connection_count, self->limits.drain_ms);
    for_all_connections(self, connection_doom);
}

void gateway_server_stop(gateway_server_t *self, void (*on_stopped)(void *context), void *context)
{
    if (self->is_stopping || !self->is_started)
        return;
    /* What the kernel has already accepted for us would be reset with the listener. */
    while (accept_some(self, ACCEPTS_MAX))
        continue;
    self->is_stopping = true;
    self->on_stopped = on_stopped;
    self->stop_context = context;
    close_handle(self, (uv_handle_t *)&self->listener);
    close(self->listen_fd);
    uv_timer_start(&self->drain_timer, on_drain_over, self->limits.drain_ms, 0);
    for_all_connections(self, connection_drain);
    end_if_empty(self);
}

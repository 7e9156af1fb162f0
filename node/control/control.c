#include "node/control/control.h"

#include "gateway/graphql/value.h"
#include "runtime/base/memory.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A connection and its one request. It leaves the control when its handles are closed, and goes
 * when the handler, if it was called, has answered, too. */
struct control_request {
    uv_pipe_t pipe;
    uv_timer_t silence;
    uv_write_t write;
    control_t *control;              /* NULL: closed; only the answer is still to come */
    control_request_t *next, **link; /* of the control's list */
    buf_t input, output;
    arena_t arena;
    graphql_value_t arguments;
    edge_t *edge;
    void *user;
    uint32_t open_handles;
    bool is_asked, is_answered;
    control_stream_t stream; /* tick NULL: none */
    size_t waiting;          /* bytes of the stream */
    bool is_gone;            /* its handler was told */
};

/* A line of a stream on its way. */
typedef struct stream_write {
    uv_write_t write;
    control_request_t *request;
    size_t size;
} stream_write_t;

struct control {
    uv_pipe_t pipe;
    edge_t *edge;
    const control_command_t *commands;
    size_t command_count;
    void *user;
    char *path;
    control_request_t *clients;
    uint32_t client_count;
    bool is_closing, is_pipe_closed;
    void (*closed)(void *context);
    void *closed_context;
};

static void finish_control(control_t *self)
{
    if (!self->is_closing || !self->is_pipe_closed || self->client_count > 0)
        return;
    void (*closed)(void *context) = self->closed;
    void *context = self->closed_context;
    memory_free(self->path);
    memory_free(self);
    if (closed != NULL)
        closed(context);
}

static void free_request(control_request_t *request)
{
    if (request->open_handles > 0 || (request->is_asked && !request->is_answered))
        return;
    /* Passwords come in here, tokens go out. */
    if (request->input.data != NULL)
        explicit_bzero(request->input.data, request->input.capacity);
    if (request->output.data != NULL)
        explicit_bzero(request->output.data, request->output.capacity);
    buf_deinit(&request->input);
    buf_deinit(&request->output);
    arena_deinit(&request->arena);
    memory_free(request);
}

static void handle_closed(uv_handle_t *handle)
{
    control_request_t *request = handle->data;
    if (--request->open_handles > 0)
        return;
    control_t *control = STEAL(request->control);
    *request->link = request->next;
    if (request->next != NULL)
        request->next->link = request->link;
    free_request(request);
    control->client_count--;
    finish_control(control);
}

/* Once; the handler may end the stream in it, so the request may be gone after. */
static void tell_gone(control_request_t *request)
{
    if (request->stream.tick == NULL || request->is_gone || request->is_answered)
        return;
    request->is_gone = true;
    request->stream.gone(request, request->stream.context);
}

static void close_request(control_request_t *request)
{
    if (uv_is_closing((uv_handle_t *)&request->pipe))
        return;
    uv_close((uv_handle_t *)&request->pipe, handle_closed);
    uv_close((uv_handle_t *)&request->silence, handle_closed);
    tell_gone(request);
}

static void was_silent(uv_timer_t *timer)
{
    close_request(timer->data);
}

static void written(uv_write_t *write, int status)
{
    (void)status; /* the client left: nobody to tell */
    close_request(write->data);
}

static void send_answer(control_request_t *request)
{
    request->is_answered = true;
    if (uv_is_closing((uv_handle_t *)&request->pipe)) {
        free_request(request); /* or the close that is under way does it */
        return;
    }
    buf_append_char(&request->output, '\n');
    if (buf_status(&request->output) != ERR_OK) {
        buf_reset(&request->output);
        buf_append(&request->output,
                   STR("{\"ok\":false,\"code\":\"LIMIT\",\"message\":\"the answer is "
                       "too large\"}\n"));
    }
    uv_buf_t bytes = uv_buf_init(request->output.data, (unsigned)request->output.size);
    request->write.data = request;
    if (uv_write(&request->write, (uv_stream_t *)&request->pipe, &bytes, 1, written) != 0)
        close_request(request);
}

void control_reply(control_request_t *request, str_t result)
{
    json_t json = json_to(&request->output);
    json_object_begin(&json);
    json_key_bool(&json, "ok", true);
    json_key(&json, STR("result"));
    json_raw(&json, result);
    json_object_end(&json);
    send_answer(request);
}

void control_refuse(control_request_t *request, err_t err, str_t message)
{
    json_t json = json_to(&request->output);
    json_object_begin(&json);
    json_key_bool(&json, "ok", false);
    json_key_str(&json, "code", str_from(err_name(err)));
    json_key_str(&json, "message", str_is_empty(message) ? str_from(err_text(err)) : message);
    json_object_end(&json);
    send_answer(request);
}

/* ---- streams ---- */

static void stream_written(uv_write_t *write, int status)
{
    stream_write_t *self = write->data;
    control_request_t *request = self->request;
    request->waiting -= self->size;
    memory_free(self);
    if (status != 0 || (request->is_answered && request->waiting == 0))
        close_request(request);
}

err_t control_stream_write(control_request_t *request, str_t lines)
{
    if (request->is_gone || uv_is_closing((uv_handle_t *)&request->pipe))
        return ERR_CANCELLED;
    if (request->waiting + lines.size + 1 > CONTROL_STREAM_WAITING_MAX && request->waiting > 0)
        return ERR_BUSY;
    stream_write_t *write = memory_new(sizeof *write + lines.size + 1);
    if (write == NULL)
        return ERR_NO_MEMORY;
    char *bytes = (char *)(write + 1);
    if (lines.size > 0)
        memcpy(bytes, lines.data, lines.size);
    bytes[lines.size] = '\n';
    write->request = request;
    write->size = lines.size + 1;
    write->write.data = write;
    uv_buf_t buffer = uv_buf_init(bytes, (unsigned)write->size);
    if (uv_write(&write->write, (uv_stream_t *)&request->pipe, &buffer, 1, stream_written) != 0) {
        memory_free(write);
        close_request(request);
        return ERR_CANCELLED;
    }
    request->waiting += lines.size + 1;
    return ERR_OK;
}

void control_stream_end(control_request_t *request)
{
    request->is_answered = true;
    if (uv_is_closing((uv_handle_t *)&request->pipe))
        free_request(request); /* or the close that is under way does it */
    else if (request->waiting == 0)
        close_request(request);
}

static void stream_tick(uv_timer_t *timer)
{
    control_request_t *request = timer->data;
    if (!request->is_answered && !request->is_gone)
        request->stream.tick(request, request->stream.context);
}

static void dispatch(control_request_t *request, str_t line)
{
    graphql_value_t value;
    control_t *control = request->control;
    request->is_asked = true;
    uv_timer_stop(&request->silence);
    if (graphql_value_from_json(line, &request->arena, &value) != ERR_OK) {
        control_refuse(request, ERR_INVALID, STR("the request is not JSON"));
        return;
    }
    str_t name = graphql_value_str(graphql_value_get(&value, "command"));
    const graphql_value_t *arguments = graphql_value_get(&value, "arguments");
    if (arguments != NULL)
        request->arguments = *arguments;
    for (size_t i = 0; i < control->command_count; i++) {
        if (str_equal(name, str_from(control->commands[i].name))) {
            control->commands[i].handler(request);
            return;
        }
    }
    control_refuse(request, ERR_NOT_FOUND, STR("this node does not know that command"));
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    control_request_t *request = handle->data;
    (void)suggested;
    size_t used = request->input.size;
    err_t err = buf_reserve(&request->input, 4096);
    *out = err == ERR_OK ? uv_buf_init(request->input.data + used, 4096) : uv_buf_init(NULL, 0);
}

static void got(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    control_request_t *request = stream->data;
    (void)buffer;
    if (size == UV_ENOBUFS) {
        uv_read_stop(stream);
        uv_timer_stop(&request->silence);
        request->is_asked = true;
        control_refuse(request, ERR_LIMIT, STR("the request is too long"));
        return;
    }
    if (size < 0) {
        close_request(request);
        return;
    }
    if (request->stream.tick != NULL) { /* it has nothing more to say; it is heard leaving */
        request->input.size = 0;
        return;
    }
    request->input.size += (size_t)size;
    str_t input = buf_str(&request->input);
    size_t end = str_find(input, '\n');
    if (request->is_asked || end == input.size)
        return;
    uv_read_stop(stream);
    dispatch(request, str_slice(input, 0, end));
}

void control_stream(control_request_t *request, const control_stream_t *stream)
{
    request->stream = *stream;
    if (request->control == NULL || uv_is_closing((uv_handle_t *)&request->pipe)) {
        tell_gone(request);
        return;
    }
    request->input.size = 0;
    if (control_stream_write(request, STR("{\"ok\":true,\"stream\":true}")) != ERR_OK ||
        uv_read_start((uv_stream_t *)&request->pipe, give_room, got) != 0) {
        close_request(request);
        return;
    }
    uv_timer_start(&request->silence, stream_tick, 0, stream->interval_ms);
}

static void connected(uv_stream_t *listener, int status)
{
    control_t *self = listener->data;
    if (status < 0 || self->is_closing)
        return;
    control_request_t *request = memory_new(sizeof *request);
    if (request == NULL)
        return;
    request->control = self;
    request->edge = self->edge;
    request->user = self->user;
    request->input.size_max = CONTROL_REQUEST_SIZE_MAX;
    request->output.size_max = CONTROL_ANSWER_SIZE_MAX;
    request->next = self->clients;
    request->link = &self->clients;
    if (self->clients != NULL)
        self->clients->link = &request->next;
    self->clients = request;
    self->client_count++;
    uv_pipe_init(listener->loop, &request->pipe, 0);
    uv_timer_init(listener->loop, &request->silence);
    request->pipe.data = request->silence.data = request;
    request->open_handles = 2;
    uv_timer_start(&request->silence, was_silent, CONTROL_SILENCE_MS, 0);
    if (uv_accept(listener, (uv_stream_t *)&request->pipe) != 0 ||
        self->client_count > CONTROL_CLIENTS_MAX ||
        uv_read_start((uv_stream_t *)&request->pipe, give_room, got) != 0)
        close_request(request);
}

static void pipe_closed(uv_handle_t *handle)
{
    control_t *self = handle->data;
    self->is_pipe_closed = true;
    finish_control(self);
}

static void close_all(control_t *self)
{
    self->is_closing = true;
    if (self->path != NULL)
        unlink(self->path);
    for (control_request_t *request = self->clients; request != NULL; request = request->next)
        close_request(request);
    uv_close((uv_handle_t *)&self->pipe, pipe_closed);
}

void control_close(control_t **self, void (*closed)(void *context), void *context)
{
    control_t *control = STEAL(*self);
    if (control == NULL) {
        if (closed != NULL)
            closed(context);
        return;
    }
    control->closed = closed;
    control->closed_context = context;
    close_all(control);
}

/* libuv cuts a path that is too long, and would make the socket elsewhere. Nobody can connect
 * before the listen, and by then the mode is set; the process's umask is other threads' business.
 */
static int listen_at(control_t *self, const char *path)
{
    if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return UV_ENAMETOOLONG;
    unlink(path);
    int rc = uv_pipe_bind(&self->pipe, path);
    if (rc == 0 && chmod(path, 0600) != 0)
        rc = -errno;
    return rc == 0 ? uv_listen((uv_stream_t *)&self->pipe, 16, connected) : rc;
}

err_t control_new(uv_loop_t *loop, edge_t *edge, const char *path,
                  const control_command_t *commands, size_t command_count, void *user,
                  control_t **out_control)
{
    control_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    *self = (control_t){
        .edge = edge, .commands = commands, .command_count = command_count, .user = user};
    self->path = str_dup_terminated(str_from(path));
    uv_pipe_init(loop, &self->pipe, 0);
    self->pipe.data = self;
    int rc = self->path == NULL ? UV_ENOMEM : listen_at(self, path);
    if (rc != 0) {
        close_all(self);
        return rc == UV_ENAMETOOLONG ? ERR_INVALID : err_from_errno(-rc);
    }
    *out_control = self;
    return ERR_OK;
}

edge_t *control_edge(control_request_t *request)
{
    return request->edge;
}

void *control_user(control_request_t *request)
{
    return request->user;
}

arena_t *control_arena(control_request_t *request)
{
    return &request->arena;
}

str_t control_argument(const control_request_t *request, const char *name)
{
    return graphql_value_str(graphql_value_get(&request->arguments, name));
}

int64_t control_argument_int(const control_request_t *request, const char *name, int64_t otherwise)
{
    return graphql_value_int(graphql_value_get(&request->arguments, name), otherwise);
}

bool control_argument_bool(const control_request_t *request, const char *name)
{
    return graphql_value_bool(graphql_value_get(&request->arguments, name), false);
}

const graphql_value_t *control_argument_value(const control_request_t *request, const char *name)
{
    return graphql_value_get(&request->arguments, name);
}

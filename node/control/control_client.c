#include "node/control/control_client.h"

#include "node/control/control.h"
#include "runtime/base/json.h"
#include "runtime/base/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static void close_scoped(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Passwords go out in a request, tokens come in an answer. */
static void wipe_scoped(buf_t *buf)
{
    if (buf->data != NULL)
        explicit_bzero(buf->data, buf->capacity);
    buf_deinit(buf);
}

static err_t connect_to(const char *data_folder, int *out_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size = snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", data_folder);
    if (size < 0 || (size_t)size >= sizeof address.sun_path)
        return ERR_INVALID;
    int fd SCOPED(close_scoped) = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval limit = {.tv_sec = CONTROL_TIMEOUT_S};
    if (fd < 0)
        return err_from_errno(errno);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return errno == ENOENT || errno == ECONNREFUSED ? ERR_UNAVAILABLE : err_from_errno(errno);
    *out_fd = fd;
    fd = -1;
    return ERR_OK;
}

static err_t send_all(int fd, str_t request)
{
    for (size_t sent = 0; sent < request.size;) {
        ssize_t size = send(fd, request.data + sent, request.size - sent, MSG_NOSIGNAL);
        if (size <= 0)
            return errno == EAGAIN ? ERR_TIMEOUT : ERR_UNAVAILABLE;
        sent += (size_t)size;
    }
    return ERR_OK;
}

static err_t exchange(int fd, str_t request, buf_t *answer)
{
    TRY(send_all(fd, request));
    answer->size_max = CONTROL_ANSWER_SIZE_MAX;
    for (;;) {
        TRY(buf_reserve(answer, 16384));
        ssize_t size = recv(fd, answer->data + answer->size, 16384, 0);
        if (size < 0)
            return errno == EAGAIN ? ERR_TIMEOUT : ERR_UNAVAILABLE;
        if (size == 0)
            return ERR_OK;
        answer->size += (size_t)size;
    }
}

static err_t err_named(str_t name)
{
    for (int i = 1; i < ERR_COUNT; i++)
        if (str_equal(name, str_from(err_name((err_t)i))))
            return (err_t)i;
    return ERR_INTERNAL;
}

static err_t write_request(const char *command, str_t arguments, buf_t *out)
{
    json_t json = json_to(out);
    json_object_begin(&json);
    json_key_str(&json, "command", str_from(command));
    if (!str_is_empty(arguments)) {
        json_key(&json, STR("arguments"));
        json_raw(&json, arguments);
    }
    json_object_end(&json);
    buf_append_char(out, '\n');
    return buf_status(out);
}

static err_t connect_or_say(const char *data_folder, int *out_fd, str_t *out_message)
{
    *out_message = STR("");
    err_t err = connect_to(data_folder, out_fd);
    if (err == ERR_INVALID)
        *out_message = STR("the path of the data folder is too long for a socket in it: reach it "
                           "through a shorter one, like a symbolic link");
    return err;
}

/* The answer's object, or its refusal. */
static err_t read_answer(str_t line, arena_t *arena, const graphql_value_t **out_value,
                         str_t *out_message)
{
    graphql_value_t *value = arena_new(arena, sizeof *value);
    if (value == NULL)
        return ERR_NO_MEMORY;
    if (str_is_empty(line))
        return ERR_UNAVAILABLE;
    TRY(graphql_value_from_json(line, arena, value));
    if (!graphql_value_bool(graphql_value_get(value, "ok"), false)) {
        *out_message = graphql_value_str(graphql_value_get(value, "message"));
        return err_named(graphql_value_str(graphql_value_get(value, "code")));
    }
    *out_value = value;
    return ERR_OK;
}

err_t control_call(const char *data_folder, const char *command, str_t arguments, arena_t *arena,
                   const graphql_value_t **out_result, str_t *out_message)
{
    buf_t request SCOPED(wipe_scoped) = BUF_INIT, answer SCOPED(wipe_scoped) = BUF_INIT;
    TRY(write_request(command, arguments, &request));
    int fd SCOPED(close_scoped) = -1;
    TRY(connect_or_say(data_folder, &fd, out_message));
    TRY(exchange(fd, buf_str(&request), &answer));
    const graphql_value_t *value = NULL;
    TRY(read_answer(buf_str(&answer), arena, &value, out_message));
    *out_result = graphql_value_get(value, "result");
    return ERR_OK;
}

/* ---- streams ---- */

bool control_lines_next(control_lines_t *self, str_t *out_line)
{
    str_t rest = str_slice(buf_str(&self->input), self->taken, self->input.size);
    size_t end = str_find(rest, '\n');
    if (end == rest.size)
        return false;
    *out_line = str_slice(rest, 0, end);
    self->taken += end + 1;
    return true;
}

err_t control_lines_wait(control_lines_t *self, int timeout_ms)
{
    struct pollfd waiting = {self->fd, POLLIN, 0};
    buf_consume(&self->input, STEAL(self->taken));
    int count = poll(&waiting, 1, timeout_ms);
    if (count < 0)
        return errno == EINTR ? ERR_CANCELLED : err_from_errno(errno);
    if (count == 0)
        return ERR_TIMEOUT;
    TRY(buf_reserve(&self->input, 65536));
    ssize_t size = recv(self->fd, self->input.data + self->input.size, 65536, 0);
    if (size <= 0)
        return size < 0 && errno == EINTR ? ERR_CANCELLED : ERR_UNAVAILABLE;
    self->input.size += (size_t)size;
    return ERR_OK;
}

void control_lines_close(control_lines_t *self)
{
    close_scoped(&self->fd);
    self->fd = -1;
    buf_deinit(&self->input);
}

static err_t begin_lines(control_lines_t *self, str_t request, arena_t *arena, str_t *out_message)
{
    str_t line;
    const graphql_value_t *value = NULL;
    TRY(send_all(self->fd, request));
    self->input.size_max = CONTROL_ANSWER_SIZE_MAX;
    while (!control_lines_next(self, &line))
        TRY(control_lines_wait(self, CONTROL_TIMEOUT_S * 1000));
    line = arena_str(arena, line);
    return read_answer(line, arena, &value, out_message);
}

err_t control_lines_open(const char *data_folder, const char *command, str_t arguments,
                         arena_t *arena, control_lines_t *out_lines, str_t *out_message)
{
    buf_t request BUF_SCOPED = BUF_INIT;
    control_lines_t lines = {.fd = -1};
    TRY(write_request(command, arguments, &request));
    TRY(connect_or_say(data_folder, &lines.fd, out_message));
    err_t err = begin_lines(&lines, buf_str(&request), arena, out_message);
    if (err != ERR_OK) {
        control_lines_close(&lines);
        return err;
    }
    *out_lines = lines;
    return ERR_OK;
}

#include "node/control_client.h"

#include "node/control.h"
#include "runtime/base/json.h"
#include "runtime/base/memory.h"

#include <errno.h>
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

static err_t exchange(int fd, str_t request, buf_t *answer)
{
    for (size_t sent = 0; sent < request.size;) {
        ssize_t size = send(fd, request.data + sent, request.size - sent, MSG_NOSIGNAL);
        if (size <= 0)
            return errno == EAGAIN ? ERR_TIMEOUT : ERR_UNAVAILABLE;
        sent += (size_t)size;
    }
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

err_t control_call(const char *data_folder, const char *command, str_t arguments, arena_t *arena,
                   const graphql_value_t **out_result, str_t *out_message)
{
    buf_t request SCOPED(wipe_scoped) = BUF_INIT, answer SCOPED(wipe_scoped) = BUF_INIT;
    json_t json = json_to(&request);
    json_object_begin(&json);
    json_key_str(&json, "command", str_from(command));
    if (!str_is_empty(arguments)) {
        json_key(&json, STR("arguments"));
        json_raw(&json, arguments);
    }
    json_object_end(&json);
    buf_append_char(&request, '\n');
    TRY(buf_status(&request));

    int fd SCOPED(close_scoped) = -1;
    *out_message = STR("");
    err_t err = connect_to(data_folder, &fd);
    if (err == ERR_INVALID)
        *out_message = STR("the path of the data folder is too long for a socket in it: reach it "
                           "through a shorter one, like a symbolic link");
    TRY(err);
    TRY(exchange(fd, buf_str(&request), &answer));

    graphql_value_t *value = arena_new(arena, sizeof *value);
    if (value == NULL)
        return ERR_NO_MEMORY;
    if (answer.size == 0)
        return ERR_UNAVAILABLE;
    TRY(graphql_value_from_json(buf_str(&answer), arena, value));
    if (!graphql_value_bool(graphql_value_get(value, "ok"), false)) {
        *out_message = graphql_value_str(graphql_value_get(value, "message"));
        return err_named(graphql_value_str(graphql_value_get(value, "code")));
    }
    *out_result = graphql_value_get(value, "result");
    return ERR_OK;
}

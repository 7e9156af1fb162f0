/* What comes over the control socket, in pieces. Oracle: a request that has an end is answered
 * once, with a line that begins as answers do, and its connection ends. */
#include "node/control/control.h"
#include "runtime/base/assert.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROUNDS_MAX = 1000 };

static void say(control_request_t *request)
{
    str_t name = control_argument(request, "name");
    int64_t count = control_argument_int(request, "count", 3);
    bool is_on = control_argument_bool(request, "is_on");
    bool is_there = control_argument_value(request, "list") != NULL;
    if (count == 0)
        control_refuse(request, ERR_INVALID, name);
    else
        control_reply(request, is_on || is_there ? STR("true") : STR("null"));
}

static void closed(void *context)
{
    *(bool *)context = true;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

/* True: the other side has ended it. */
static bool read_some(int fd, char *room, size_t room_size, size_t *size)
{
    ssize_t got = recv(fd, room + *size, room_size - *size, MSG_DONTWAIT);
    if (got > 0)
        *size += (size_t)got;
    return got == 0;
}

static void talk(uv_loop_t *loop, int fd, str_t text, size_t piece)
{
    static char answer[1 << 16];
    size_t size = 0;
    bool is_over = false;
    for (size_t at = 0; at < text.size; at += piece) {
        size_t part = MIN(piece, text.size - at);
        (void)!send(fd, text.data + at, part, MSG_NOSIGNAL); /* it may have had enough */
        uv_run(loop, UV_RUN_NOWAIT);
    }
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < ROUNDS_MAX && !is_over; i++) {
        uv_run(loop, UV_RUN_NOWAIT);
        is_over = read_some(fd, answer, sizeof answer, &size);
    }
    ASSERT(is_over);
    bool is_whole = memchr(text.data, '\n', text.size) != NULL;
    ASSERT(!is_whole || (size > 7 && memcmp(answer, "{\"ok\":", 6) == 0));
    ASSERT(size == 0 || memchr(answer, '\n', size) == answer + size - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const control_command_t commands[] = {{"say", say}};
    uv_loop_t loop;
    control_t *control = NULL;
    bool is_closed = false;
    char path[64];
    if (size < 2)
        return 0;
    snprintf(path, sizeof path, "/tmp/fuzz-control-%d", (int)getpid());
    ASSERT(uv_loop_init(&loop) == 0);
    ASSERT(control_new(&loop, NULL, path, commands, COUNT_OF(commands), NULL, &control) == ERR_OK);
    int fd = connect_to(path);
    talk(&loop, fd, str_of(data + 1, size - 1), (size_t)data[0] + 1);
    close(fd);
    control_close(&control, closed, &is_closed);
    while (!is_closed)
        uv_run(&loop, UV_RUN_NOWAIT);
    uv_run(&loop, UV_RUN_DEFAULT);
    ASSERT(uv_loop_close(&loop) == 0);
    return 0;
}

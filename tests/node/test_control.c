/* The control socket with clients that do not behave. */

#include "node/control/control.h"
#include "runtime/base/memory.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"
#include "tests/support/temporary.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_MS = PATIENCE_MS, CLIENTS_TRIED = CONTROL_CLIENTS_MAX + 8 };

/* ---- a server on a plain loop in a thread ---- */

typedef struct rig {
    temporary_t folder;
    temporary_name_t path;
    uv_loop_t loop;
    uv_async_t async;
    pthread_t thread;
    control_t *control;
    control_request_t *held; /* by the command "later" */
    bool is_closed;
    _Atomic uint64_t refused, ended; /* of streams: lines that found no room; how many are over */
} rig_t;

static void echo(control_request_t *request)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_str(&json, control_argument(request, "text"));
    control_reply(request, buf_str(&body));
}

static void refuse(control_request_t *request)
{
    control_refuse(request, ERR_CONFLICT, (str_t){0});
}

static void huge(control_request_t *request)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    buf_append_char(&body, '"');
    for (size_t i = 0; i < CONTROL_ANSWER_SIZE_MAX; i++)
        buf_append_char(&body, 'x');
    buf_append_char(&body, '"');
    control_reply(request, buf_str(&body));
}

static void later(control_request_t *request)
{
    rig_t *rig = control_user(request);
    rig->held = request;
}

/* ---- streams: "count" writes as much as it can, until its reader has left ---- */

typedef struct counting {
    rig_t *rig;
    uint64_t number, refused;
    uint64_t max; /* then it ends; 0: never */
} counting_t;

static void count_tick(control_request_t *request, void *context)
{
    counting_t *self = context;
    char line[1024];
    for (int i = 0; i < 100; i++) {
        memset(line, 'x', sizeof line);
        int size = snprintf(line, sizeof line, "%llu", (unsigned long long)self->number);
        line[size] = ' ';
        err_t err = control_stream_write(request, str_of(line, sizeof line));
        if (err != ERR_OK) {
            atomic_fetch_add(&self->rig->refused, err == ERR_BUSY);
            return;
        }
        if (++self->number == self->max) {
            atomic_fetch_add(&self->rig->ended, 1);
            memory_free(self);
            control_stream_end(request);
            return;
        }
    }
}

static void count_gone(control_request_t *request, void *context)
{
    counting_t *self = context;
    atomic_fetch_add(&self->rig->ended, 1);
    memory_free(self);
    control_stream_end(request);
}

static void count(control_request_t *request)
{
    counting_t *self = memory_new(sizeof *self);
    self->rig = control_user(request);
    self->max = (uint64_t)control_argument_int(request, "max", 0);
    control_stream(request, &(control_stream_t){1, count_tick, count_gone, self});
}

static const control_command_t commands[] = {
    {"echo", echo}, {"refuse", refuse}, {"huge", huge}, {"later", later}, {"count", count}};

static void control_is_closed(void *context)
{
    ((rig_t *)context)->is_closed = true;
}

static void on_async(uv_async_t *async)
{
    rig_t *rig = async->data;
    control_close(&rig->control, control_is_closed, rig);
    uv_close((uv_handle_t *)async, NULL);
}

static void *run(void *context)
{
    rig_t *rig = context;
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void begin(rig_t *self)
{
    *self = (rig_t){.folder = temporary_new()};
    signal(SIGPIPE, SIG_IGN); /* as `serve` does */
    self->path = temporary_in(&self->folder, "control.sock");
    cr_assert(uv_loop_init(&self->loop) == 0);
    cr_assert(uv_async_init(&self->loop, &self->async, on_async) == 0);
    self->async.data = self;
}

static void serve(rig_t *self)
{
    check_ok(control_new(&self->loop, NULL, self->path.path, commands, COUNT_OF(commands), self,
                         &self->control));
    cr_assert(pthread_create(&self->thread, NULL, run, self) == 0);
}

static void stop(rig_t *self)
{
    uv_async_send(&self->async);
    pthread_join(self->thread, NULL);
    cr_expect(self->is_closed, "closed is told");
    if (self->held != NULL)
        control_reply(STEAL(self->held), STR("1")); /* a late answer finds nobody, and frees */
    cr_expect(uv_loop_close(&self->loop) == 0, "nothing is left open");
    cr_expect(access(self->path.path, F_OK) != 0, "the socket is gone");
    temporary_remove(&self->folder);
}

/* ---- clients ---- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define FD_SCOPED SCOPED(close_fd)

static int client(const rig_t *rig)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, rig->path.path,
           MIN(strlen(rig->path.path), sizeof address.sun_path - 1));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static void say(int fd, str_t text)
{
    cr_assert(send(fd, text.data, text.size, MSG_NOSIGNAL) == (ssize_t)text.size);
}

/* Everything until the server closes. */
static void hear(int fd, buf_t *out)
{
    struct pollfd waiting = {fd, POLLIN, 0};
    for (;;) {
        cr_assert(poll(&waiting, 1, WAIT_MS) == 1, "the server says nothing");
        check_ok(buf_reserve(out, 65536));
        ssize_t size = recv(fd, out->data + out->size, 65536, 0);
        if (size <= 0)
            return;
        out->size += (size_t)size;
    }
}

static void ask(const rig_t *rig, str_t line, buf_t *out)
{
    int fd FD_SCOPED = client(rig);
    say(fd, line);
    hear(fd, out);
}

Test(control, every_line_has_its_answer)
{
    static const struct {
        const char *what, *line, *want;
    } cases[] = {
        {"a command", "{\"command\":\"echo\",\"arguments\":{\"text\":\"hi\"}}\n",
         "{\"ok\":true,\"result\":\"hi\"}\n"},
        {"without arguments", "{\"command\":\"echo\"}\n", "{\"ok\":true,\"result\":\"\"}\n"},
        {"an argument of another type", "{\"command\":\"echo\",\"arguments\":{\"text\":[1]}}\n",
         "{\"ok\":true,\"result\":\"\"}\n"},
        {"a refusal", "{\"command\":\"refuse\"}\n", "\"code\":\"CONFLICT\""},
        {"garbage", "\x01\xff\xfe garbage\n", "not JSON"},
        {"an empty line", "\n", "not JSON"},
        {"no object", "[1,2]\n", "does not know that command"},
        {"no command", "{}\n", "does not know that command"},
        {"an unknown command", "{\"command\":\"frobnicate\"}\n", "does not know that command"},
        {"two lines: the first counts", "{\"command\":\"echo\"}\n{\"command\":\"refuse\"}\n",
         "{\"ok\":true,\"result\":\"\"}\n"},
        {"an answer that is too large", "{\"command\":\"huge\"}\n", "\"code\":\"LIMIT\""},
    };
    rig_t rig SCOPED(stop);
    begin(&rig);
    serve(&rig);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t answer BUF_SCOPED = BUF_INIT;
        ask(&rig, str_from(cases[i].line), &answer);
        cr_expect(str_contains(buf_str(&answer), str_from(cases[i].want)), "%s: %s", cases[i].what,
                  buf_terminated(&answer));
    }
}

Test(control, a_line_that_is_too_long_is_refused)
{
    rig_t rig SCOPED(stop);
    buf_t line BUF_SCOPED = BUF_INIT, answer BUF_SCOPED = BUF_INIT;
    begin(&rig);
    serve(&rig);
    for (size_t i = 0; i < CONTROL_REQUEST_SIZE_MAX + 1; i++)
        buf_append_char(&line, 'x');

    ask(&rig, buf_str(&line), &answer);

    cr_assert(str_contains(buf_str(&answer), STR("\"code\":\"LIMIT\"")), "%s",
              buf_terminated(&answer));
}

Test(control, a_client_that_leaves_hurts_nobody)
{
    rig_t rig SCOPED(stop);
    buf_t answer BUF_SCOPED = BUF_INIT;
    begin(&rig);
    serve(&rig);
    for (int i = 0; i < 20; i++) {
        int fd FD_SCOPED = client(&rig);
        if (i % 2 == 0)
            say(fd, i % 4 == 0 ? STR("{\"command\":\"huge\"}\n") : STR("{\"comm"));
    }
    int waiting = client(&rig);
    say(waiting, STR("{\"command\":\"later\"}\n"));
    close(waiting);

    ask(&rig, STR("{\"command\":\"echo\"}\n"), &answer);

    cr_assert(str_contains(buf_str(&answer), STR("\"ok\":true")));
}

Test(control, past_the_most_clients_one_is_closed_and_the_others_are_served)
{
    rig_t rig SCOPED(stop);
    int fds[CLIENTS_TRIED];
    begin(&rig);
    serve(&rig);
    for (int i = 0; i < CLIENTS_TRIED; i++)
        fds[i] = client(&rig);
    for (int i = CONTROL_CLIENTS_MAX; i < CLIENTS_TRIED; i++) {
        buf_t answer BUF_SCOPED = BUF_INIT;
        hear(fds[i], &answer);
        cr_expect(answer.size == 0, "client %d is closed at once", i);
        close(fds[i]);
    }
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        buf_t answer BUF_SCOPED = BUF_INIT;
        say(fds[i], STR("{\"command\":\"echo\"}\n"));
        hear(fds[i], &answer);
        cr_expect(str_contains(buf_str(&answer), STR("\"ok\":true")), "client %d", i);
        close(fds[i]);
    }
}

Test(control, a_stale_socket_is_replaced_and_ours_is_private)
{
    rig_t rig SCOPED(stop);
    struct stat about;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    begin(&rig);
    memcpy(address.sun_path, rig.path.path,
           MIN(strlen(rig.path.path), sizeof address.sun_path - 1));
    int stale FD_SCOPED = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert(bind(stale, (struct sockaddr *)&address, sizeof address) == 0);

    serve(&rig);

    buf_t answer BUF_SCOPED = BUF_INIT;
    ask(&rig, STR("{\"command\":\"echo\"}\n"), &answer);
    cr_assert(str_contains(buf_str(&answer), STR("\"ok\":true")));
    cr_assert(stat(rig.path.path, &about) == 0 && (about.st_mode & 0777) == 0600);
}

Test(control, a_path_that_is_too_long_is_refused_and_nothing_is_made)
{
    rig_t rig = {0};
    char path[160];
    begin(&rig);
    int size = snprintf(path, sizeof path, "%s/", rig.folder.path);
    memset(path + size, 'x', sizeof path - 1 - (size_t)size);
    path[sizeof path - 1] = '\0';

    check_err(control_new(&rig.loop, NULL, path, commands, COUNT_OF(commands), &rig, &rig.control),
              ERR_INVALID);

    uv_close((uv_handle_t *)&rig.async, NULL);
    uv_run(&rig.loop, UV_RUN_DEFAULT);
    cr_expect(uv_loop_close(&rig.loop) == 0);
    cr_expect(rmdir(rig.folder.path) == 0, "the folder is empty");
}

Test(control, an_answer_may_come_after_the_stop)
{
    rig_t rig SCOPED(stop);
    begin(&rig);
    serve(&rig);
    int fd FD_SCOPED = client(&rig);
    say(fd, STR("{\"command\":\"later\"}\n"));
    buf_t answer BUF_SCOPED = BUF_INIT;
    ask(&rig, STR("{\"command\":\"echo\"}\n"), &answer); /* by now the first one was read */
}

Test(control, a_stream_comes_line_by_line_and_ends)
{
    rig_t rig SCOPED(stop);
    buf_t answer BUF_SCOPED = BUF_INIT;
    begin(&rig);
    serve(&rig);

    ask(&rig, STR("{\"command\":\"count\",\"arguments\":{\"max\":500}}\n"), &answer);

    str_t rest = buf_str(&answer), line;
    cr_assert(str_next(&rest, '\n', &line));
    check_str(line, STR("{\"ok\":true,\"stream\":true}"));
    for (uint64_t i = 0; i < 500; i++) {
        char number[32];
        int size = snprintf(number, sizeof number, "%llu ", (unsigned long long)i);
        cr_assert(str_next(&rest, '\n', &line));
        cr_assert(str_starts_with(line, str_of(number, (size_t)size)), "line %s", number);
    }
    cr_assert(str_is_empty(rest), "nothing else");
}

Test(control, a_reader_that_does_not_read_is_refused_lines_and_the_others_are_served)
{
    rig_t rig SCOPED(stop);
    buf_t answer BUF_SCOPED = BUF_INIT;
    begin(&rig);
    serve(&rig);
    int slow = client(&rig);
    say(slow, STR("{\"command\":\"count\"}\n"));

    wait_until(atomic_load(&rig.refused) >= 1);
    ask(&rig, STR("{\"command\":\"echo\"}\n"), &answer);

    cr_assert(str_contains(buf_str(&answer), STR("\"ok\":true")));
    close(slow);
    wait_until(atomic_load(&rig.ended) >= 1); /* it is heard leaving */
}

Test(control, a_stream_ends_with_the_server)
{
    rig_t rig = {0};
    begin(&rig);
    serve(&rig);
    int fd FD_SCOPED = client(&rig);
    say(fd, STR("{\"command\":\"count\"}\n"));
    wait_until(atomic_load(&rig.refused) >= 1);

    stop(&rig);

    cr_assert(eq(u64, atomic_load(&rig.ended), 1));
}

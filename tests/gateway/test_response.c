/* Every way to answer, through real sockets: at once, later, to nobody, a stream;
 * a file: test_response_file.c. */
#include "tests/support/check.h"
#include "tests/support/gateway_thread.h"
#include "tests/support/http_client.h"
#include "tests/support/patience.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUEUE_SIZE_MAX = 20000 };

/* What handlers leave for the test, and the test for them. */
typedef struct state {
    _Atomic(http_request_t *) waiting;
    _Atomic(http_stream_t *) stream;
    atomic_int cancelled, stream_closed, stream_writable, busy, written;
} state_t;

static void wait_later(http_request_t *request)
{
    state_t *state = request->user;
    atomic_store(&state->waiting, request);
}

static void on_cancel(http_request_t *request UNUSED, void *context)
{
    state_t *state = context;
    atomic_fetch_add(&state->cancelled, 1);
}

static void wait_hooked(http_request_t *request)
{
    http_on_cancel(request, on_cancel, request->user);
    wait_later(request);
}

static void on_cancel_abandon(http_request_t *request, void *context)
{
    on_cancel(request, context);
    http_abandon(request);
}

static void wait_abandoning(http_request_t *request)
{
    state_t *state = request->user;
    http_on_cancel(request, on_cancel_abandon, state);
    atomic_store(&state->waiting, request);
}

static void answer(void *context)
{
    http_request_t *request = context;
    http_reply(request, 200, STR("text/plain"), STR("late"));
}

static void headers(http_request_t *request)
{
    http_reply_header(request, "X-Injected", STR("a\r\nX-Evil: b\0c"));
    http_reply(request, 200, STR("text/plain\r\nX-Evil: d"), STR("body"));
}

static void too_many_headers(http_request_t *request)
{
    for (int i = 0; i < 1000; i++)
        http_reply_header(request, "X-Long", STR("01234567890123456789"));
    http_reply(request, 200, STR("text/plain"), STR("body"));
}

static void refuse_with_header(http_request_t *request)
{
    http_reply_header(request, "X-Why", STR("load"));
    http_reply_error(request, ERR_BUSY, "try again");
}

static void peer(http_request_t *request)
{
    http_reply(request, 200, STR("text/plain"), request->peer);
}

static void no_content(http_request_t *request)
{
    http_reply(request, 204, STR(""), STR(""));
}

static void failed_buffer(http_request_t *request)
{
    buf_t body = {.size_max = 3};
    buf_append(&body, STR("too long"));
    http_reply_buf(request, 200, STR("text/plain"), &body);
}

static void unchanged(http_request_t *request)
{
    if (!http_reply_unchanged(request, STR("\"v1\"")))
        http_reply(request, 200, STR("text/plain"), STR("v1"));
}

static void form(http_request_t *request)
{
    str_t value = STR("");
    buf_t body = BUF_INIT;
    err_t err = http_query(request, "q", &value);
    buf_printf(&body, "%s %.*s|", err_name(err), STR_ARG(value));
    str_t rest = request->query;
    http_field_t field;
    while (http_form_next(request, &rest, &field))
        buf_printf(&body, "%.*s=%.*s;", STR_ARG(field.name), STR_ARG(field.value));
    str_t cookie = http_cookie(request, "session");
    buf_printf(&body, "|%.*s|%d%d", STR_ARG(cookie), http_accepts_encoding(request, "br"),
               http_accepts_encoding(request, "gzip"));
    http_reply_buf(request, 200, STR("text/plain"), &body);
}

static void stream_writable(http_stream_t *stream UNUSED, void *context)
{
    state_t *state = context;
    atomic_fetch_add(&state->stream_writable, 1);
}

static void stream_closed(http_stream_t *stream UNUSED, void *context)
{
    state_t *state = context;
    atomic_fetch_add(&state->stream_closed, 1);
}

static const http_stream_events_t stream_events = {stream_writable, stream_closed};

static void stream(http_request_t *request)
{
    state_t *state = request->user;
    atomic_store(&state->stream,
                 http_reply_stream(request, 200, STR("text/event-stream"), &stream_events, state));
}

static void stream_two(void *context)
{
    http_stream_t *opened = context;
    IGNORE_ERR(http_stream_write(opened, STR("one")));
    IGNORE_ERR(http_stream_write(opened, STR("")));
    IGNORE_ERR(http_stream_write(opened, STR("two")));
    http_stream_end(opened);
}

static void stream_at_once(http_request_t *request)
{
    http_stream_t *opened =
        http_reply_stream(request, 200, STR("text/plain"), &stream_events, request->user);
    stream_two(opened);
}

static void stream_sized(http_request_t *request)
{
    bool is_short = str_equal(request->path, STR("/stream-short"));
    http_stream_t *opened = http_reply_stream_sized(
        request, 206, STR("text/plain"), is_short ? 7 : 6, &stream_events, request->user);
    stream_two(opened);
}

static void stream_fill(void *context)
{
    http_stream_t *opened = context;
    state_t *state = http_stream_request(opened)->user;
    char block[1000];
    memset(block, 'x', sizeof block);
    while (http_stream_write(opened, str_of(block, sizeof block)) == ERR_OK)
        atomic_fetch_add(&state->written, 1);
    atomic_fetch_add(&state->busy, 1);
}

static const route_t rows[] = {
    {METHOD_GET, "/later", wait_later, NULL, 0},
    {METHOD_GET, "/hooked", wait_hooked, NULL, 0},
    {METHOD_GET, "/abandoning", wait_abandoning, NULL, 0},
    {METHOD_GET, "/headers", headers, NULL, 0},
    {METHOD_GET, "/too-many", too_many_headers, NULL, 0},
    {METHOD_GET, "/busy", refuse_with_header, NULL, 0},
    {METHOD_GET, "/peer/{secret}", peer, NULL, 0},
    {METHOD_GET, "/no-content", no_content, NULL, 0},
    {METHOD_GET, "/failed", failed_buffer, NULL, 0},
    {METHOD_GET, "/unchanged", unchanged, NULL, 0},
    {METHOD_GET, "/form", form, NULL, 0},
    {METHOD_POST, "/form", form, NULL, 0},
    {METHOD_GET, "/stream", stream, NULL, 0},
    {METHOD_GET, "/stream-at-once", stream_at_once, NULL, 0},
    {METHOD_GET, "/stream-sized", stream_sized, NULL, 0},
    {METHOD_GET, "/stream-short", stream_sized, NULL, 0},
};

typedef struct fixture {
    routes_t *routes;
    state_t state;
    gateway_thread_t thread;
} fixture_t;

static void fixture_end(fixture_t *self)
{
    gateway_thread_join(&self->thread);
    routes_free(self->routes);
}

static void fixture_start(fixture_t *self, gateway_options_t options)
{
    self->routes = routes_new();
    check_ok(routes_add_all(self->routes, rows, COUNT_OF(rows)));
    options.routes = self->routes;
    options.user = &self->state;
    options.limits.queue_size_max = QUEUE_SIZE_MAX;
    options.limits.linger_ms = 100;
    if (options.limits.drain_ms == 0)
        options.limits.drain_ms = 200;
    check_ok(gateway_thread_start(&self->thread, &options));
}

#define FIXTURE(name, ...)                                                                         \
    fixture_t name SCOPED(fixture_end) = {0};                                                      \
    fixture_start(&name, (gateway_options_t){__VA_ARGS__})

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static http_request_t *open_waiting(fixture_t *fixture, http_client_t *client, const char *bytes)
{
    check_ok(http_client_open(client, fixture->thread.port));
    check_ok(http_client_send(client, str_from(bytes)));
    wait_until(atomic_load(&fixture->state.waiting) != NULL);
    return atomic_exchange(&fixture->state.waiting, NULL);
}

Test(response, a_late_answer_arrives_and_pipelined_requests_wait_for_it)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    http_response_t late HTTP_RESPONSE_SCOPED = {0}, next HTTP_RESPONSE_SCOPED = {0};

    http_request_t *request =
        open_waiting(&fixture, &client, GET("/later") GET("/unchanged") GET("/later"));
    gateway_thread_call(&fixture.thread, answer, request);

    check_ok(http_client_read(&client, false, &late));
    check_str(buf_str(&late.body), STR("late"));
    check_ok(http_client_read(&client, false, &next));
    check_str(buf_str(&next.body), STR("v1"));
    wait_until(atomic_load(&fixture.state.waiting) != NULL);
    gateway_thread_call(&fixture.thread, answer, atomic_load(&fixture.state.waiting));
    http_response_t last HTTP_RESPONSE_SCOPED = {0};
    check_ok(http_client_read(&client, false, &last));
}

Test(response, a_client_that_half_closes_is_still_answered)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    http_response_t response HTTP_RESPONSE_SCOPED = {0};

    http_request_t *request = open_waiting(&fixture, &client, GET("/later"));
    http_client_end(&client);
    gateway_thread_call(&fixture.thread, answer, request);

    check_ok(http_client_read(&client, false, &response));
    check_str(buf_str(&response.body), STR("late"));
}

Test(response, a_handler_with_a_hook_is_told_that_the_client_left_and_may_still_answer)
{
    static const char *const requests[] = {GET("/hooked"), GET("/hooked") GET("/hooked")};
    FIXTURE(fixture, 0);

    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        http_client_t client HTTP_CLIENT_SCOPED = {0};
        http_request_t *request = open_waiting(&fixture, &client, requests[i]);
        http_client_close(&client);
        wait_until(atomic_load(&fixture.state.cancelled) == (int)i + 1);
        gateway_thread_call(&fixture.thread, answer, request);
        gateway_counters_t counters;
        do
            gateway_server_counters(fixture.thread.server, &counters);
        while (counters.requests_cancelled != i + 1);
    }
}

Test(response, a_hook_may_abandon_the_request)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    gateway_counters_t counters;

    open_waiting(&fixture, &client, GET("/abandoning"));
    http_client_close(&client);

    do
        gateway_server_counters(fixture.thread.server, &counters);
    while (counters.requests_cancelled != 1);
    cr_assert(eq(int, atomic_load(&fixture.state.cancelled), 1));
}

Test(response, a_reset_connection_cancels_without_a_hook_too)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    gateway_counters_t counters;
    struct linger reset = {1, 0};

    http_request_t *request = open_waiting(&fixture, &client, GET("/later"));
    setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    http_client_close(&client);
    do
        gateway_server_counters(fixture.thread.server, &counters);
    while (counters.connections_open != 0);
    gateway_thread_call(&fixture.thread, answer, request);

    do
        gateway_server_counters(fixture.thread.server, &counters);
    while (counters.requests_cancelled != 1);
}

Test(response, a_handler_that_never_answers_is_answered_for)
{
    FIXTURE(fixture, .limits = {.respond_ms = 50});
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    http_response_t response HTTP_RESPONSE_SCOPED = {0};

    http_request_t *request = open_waiting(&fixture, &client, GET("/hooked"));
    check_ok(http_client_read(&client, false, &response));

    cr_expect(eq(int, response.status, 504));
    wait_until(atomic_load(&fixture.state.cancelled) == 1);
    gateway_thread_call(&fixture.thread, answer, request);
}

Test(response, a_request_may_outlive_its_server)
{
    fixture_t fixture SCOPED(fixture_end) = {0};
    fixture_start(&fixture, (gateway_options_t){.limits = {.drain_ms = 20}});
    http_client_t client HTTP_CLIENT_SCOPED = {0};

    http_request_t *request = open_waiting(&fixture, &client, GET("/hooked"));
    gateway_thread_join(&fixture.thread);

    cr_expect(eq(int, atomic_load(&fixture.state.cancelled), 1));
    http_reply_header(request, "X-A", STR("b"));
    answer(request);
}

Test(response, what_is_said_is_framed_right)
{
    static const struct {
        const char *method, *path, *header;
        int status;
        const char *body, *name, *value; /* a header that must be there */
    } cases[] = {
        {"GET", "/headers", NULL, 200, "body", "X-Injected", "a  X-Evil: b c"},
        {"GET", "/headers", NULL, 200, "body", "X-Content-Type-Options", "nosniff"},
        {"HEAD", "/headers", NULL, 200, "", "Content-Length", "4"},
        {"GET", "/busy", NULL, 429, NULL, "X-Why", "load"},
        {"GET", "/busy", NULL, 429, NULL, "Retry-After", "5"},
        {"GET", "/peer/x", NULL, 200, "127.0.0.1", "Date", ""},
        {"GET", "/no-content", NULL, 204, "", "Content-Length", NULL},
        {"GET", "/unchanged", NULL, 200, "v1", "ETag", "\"v1\""},
        {"GET", "/unchanged", "If-None-Match: \"v1\"\r\n", 304, "", "ETag", "\"v1\""},
        {"OPTIONS", "/form", NULL, 204, "", "Allow", "GET, HEAD, POST, OPTIONS"},
        {"DELETE", "/form", NULL, 405, NULL, "Allow", "GET, HEAD, POST, OPTIONS"},
        {"GET", "/nothing", NULL, 404, NULL, "Content-Type", "application/problem+json"},
        {"GET", "/too-many", NULL, 500, NULL, "X-Long", NULL},
        {"GET", "/failed", NULL, 413, NULL, "Content-Type", "application/problem+json"},
        {"GET", "/form?a=1&q=x%20y+z&b", NULL, 200, "OK x y z|a=1;q=x y z;b=;||00", "Date", ""},
        {"GET", "/form?q=%zz&&c=%zz", NULL, 200, "INVALID |q=%zz;c=%zz;||00", "Date", ""},
        {"GET", "/form", "Cookie: a=b; session=s\r\nAccept-Encoding: gzip;q=0.5, br;q=0\r\n", 200,
         "NOT_FOUND ||s|01", "Date", ""},
        {"GET", "/stream-at-once", NULL, 200, "onetwo", "Transfer-Encoding", "chunked"},
        {"HEAD", "/stream-at-once", NULL, 200, "", "Transfer-Encoding", "chunked"},
    };
    FIXTURE(fixture, 0);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(http_fetch(fixture.thread.port, cases[i].method, cases[i].path, cases[i].header,
                            STR(""), &response));
        str_t value = http_response_header(&response, cases[i].name);
        bool is_value_right =
            cases[i].value == NULL
                ? value.data == NULL
                : value.data != NULL &&
                      (cases[i].value[0] == '\0' || str_equal(value, str_from(cases[i].value)));
        cr_expect(response.status == cases[i].status && is_value_right &&
                      (cases[i].body == NULL ||
                       str_equal(buf_str(&response.body), str_from(cases[i].body))),
                  "%s %s: %d \"%.*s\" %s=%.*s", cases[i].method, cases[i].path, response.status,
                  STR_ARG(buf_str(&response.body)), cases[i].name, STR_ARG(value));
        cr_expect(http_response_header(&response, "X-Evil").data == NULL);
    }
}

Test(response, a_form_in_the_body_is_searched_after_the_query)
{
    FIXTURE(fixture, 0);
    http_response_t response HTTP_RESPONSE_SCOPED = {0};

    check_ok(http_fetch(fixture.thread.port, "POST", "/form?a=1",
                        "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n",
                        STR("q=from+body"), &response));

    check_str(buf_str(&response.body), STR("OK from body|a=1;||00"));
}

Test(response, the_log_names_the_pattern_and_holds_no_secret)
{
    char path[] = "/tmp/test_response_XXXXXX", text[2000] = "";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    unlink(path);
    ms_log_t log = {.fd = fd, .level = LOG_DEBUG};
    {
        FIXTURE(fixture, .log = &log);
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(http_fetch(fixture.thread.port, "GET", "/peer/hidden1?token=hidden2",
                            "Cookie: a=hidden3\r\nX-Request-Id: shown\r\n", STR(""), &response));
    }

    cr_assert(pread(fd, text, sizeof text - 1, 0) > 0);
    cr_expect(strstr(text, "GET /peer/{secret} 200") != NULL, "%s", text);
    cr_expect(strstr(text, "id=shown") != NULL);
    cr_expect(strstr(text, "hidden") == NULL, "%s", text);
    close(fd);
}

/* ---- streams ---- */

static http_stream_t *open_stream(fixture_t *fixture, http_client_t *client, const char *bytes)
{
    check_ok(http_client_open(client, fixture->thread.port));
    check_ok(http_client_send(client, str_from(bytes)));
    wait_until(atomic_load(&fixture->state.stream) != NULL);
    return atomic_exchange(&fixture->state.stream, NULL);
}

Test(response, a_stream_flows_and_its_connection_goes_on)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    http_response_t response HTTP_RESPONSE_SCOPED = {0}, next HTTP_RESPONSE_SCOPED = {0};

    http_stream_t *opened = open_stream(&fixture, &client, GET("/stream") GET("/unchanged"));
    gateway_thread_call(&fixture.thread, stream_two, opened);

    check_ok(http_client_read(&client, false, &response));
    check_str(buf_str(&response.body), STR("onetwo"));
    check_ok(http_client_read(&client, false, &next));
    check_str(buf_str(&next.body), STR("v1"));
    cr_expect(eq(int, atomic_load(&fixture.state.stream_closed), 0));
}

Test(response, a_stream_of_known_length_says_it_and_one_that_is_short_is_cut_off)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    http_response_t whole HTTP_RESPONSE_SCOPED = {0}, head HTTP_RESPONSE_SCOPED = {0},
                          cut HTTP_RESPONSE_SCOPED = {0};
    check_ok(http_client_open(&client, fixture.thread.port));

    check_ok(http_client_send(&client, STR(GET("/stream-sized"))));
    check_ok(http_client_read(&client, false, &whole));
    check_ok(http_client_send(&client, STR("HEAD /stream-sized HTTP/1.1\r\nHost: x\r\n\r\n")));
    check_ok(http_client_read(&client, true, &head));
    check_ok(http_client_send(&client, STR(GET("/stream-short"))));
    err_t err = http_client_read(&client, false, &cut);

    cr_expect(eq(int, whole.status, 206));
    check_str(buf_str(&whole.body), STR("onetwo"));
    check_str(http_response_header(&whole, "content-length"), STR("6"));
    cr_expect(http_response_header(&whole, "transfer-encoding").data == NULL);
    check_str(http_response_header(&head, "content-length"), STR("6"));
    cr_expect(eq(int, err, ERR_IO), "%s", err_name(err));
}

Test(response, a_stream_in_HTTP_1_0_ends_with_its_connection)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    http_response_t response HTTP_RESPONSE_SCOPED = {0};

    http_stream_t *opened = open_stream(&fixture, &client, "GET /stream HTTP/1.0\r\n\r\n");
    gateway_thread_call(&fixture.thread, stream_two, opened);

    check_ok(http_client_read(&client, false, &response));
    check_str(buf_str(&response.body), STR("onetwo"));
    cr_expect(http_response_header(&response, "transfer-encoding").data == NULL);
}

Test(response, a_full_stream_says_so_and_tells_when_there_is_room)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    buf_t got BUF_SCOPED = BUF_INIT;

    http_stream_t *opened = open_stream(&fixture, &client, GET("/stream"));
    gateway_thread_call(&fixture.thread, stream_fill, opened);
    wait_until(atomic_load(&fixture.state.busy) == 1);
    cr_expect(eq(int, atomic_load(&fixture.state.stream_writable), 0));
    size_t size = (size_t)atomic_load(&fixture.state.written) * 1000;

    check_ok(http_client_read_bytes(&client, size, &got));
    wait_until(atomic_load(&fixture.state.stream_writable) == 1);
    http_client_close(&client);
    wait_until(atomic_load(&fixture.state.stream_closed) == 1);
}

Test(response, a_client_that_takes_nothing_is_given_up)
{
    FIXTURE(fixture, .limits = {.write_ms = 50});
    http_client_t client HTTP_CLIENT_SCOPED = {0};

    http_stream_t *opened = open_stream(&fixture, &client, GET("/stream"));
    gateway_thread_call(&fixture.thread, stream_fill, opened);

    wait_until(atomic_load(&fixture.state.stream_closed) == 1);
}

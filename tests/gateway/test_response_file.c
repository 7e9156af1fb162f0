/* Files as answers, through real sockets: whole, in part, cut off, in pieces, many at a time. */
#include "tests/support/check.h"
#include "tests/support/gateway_thread.h"
#include "tests/support/http_client.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILE_SIZE = 3000000, QUEUE_SIZE_MAX = 20000 };

typedef struct fixture {
    routes_t *routes;
    int file; /* 0: none */
    gateway_thread_t thread;
} fixture_t;

static void file(http_request_t *request)
{
    const fixture_t *fixture = request->user;
    http_reply_file(request, &(http_file_t){.fd = dup(fixture->file),
                                            .size = FILE_SIZE,
                                            .content_type = STR("audio/flac"),
                                            .etag = STR("\"f\""),
                                            .cache_control = STR("private")});
}

static void unchanged(http_request_t *request)
{
    if (!http_reply_unchanged(request, STR("\"v1\"")))
        http_reply(request, 200, STR("text/plain"), STR("v1"));
}

static void header(http_request_t *request)
{
    http_reply_header(request, "X-More", STR("and more"));
    http_reply(request, 200, STR("text/plain"), STR("body"));
}

static void stream_nothing(http_stream_t *stream UNUSED, void *context UNUSED)
{
}

static void stream_at_once(http_request_t *request)
{
    static const http_stream_events_t events = {stream_nothing, stream_nothing};
    http_stream_t *opened = http_reply_stream(request, 200, STR("text/plain"), &events, NULL);
    IGNORE_ERR(http_stream_write(opened, STR("one")));
    IGNORE_ERR(http_stream_write(opened, STR("")));
    IGNORE_ERR(http_stream_write(opened, STR("two")));
    http_stream_end(opened);
}

static const route_t rows[] = {
    {METHOD_GET, "/file", file, NULL, 0},
    {METHOD_GET, "/unchanged", unchanged, NULL, 0},
    {METHOD_GET, "/header", header, NULL, 0},
    {METHOD_GET, "/stream-at-once", stream_at_once, NULL, 0},
};

static void fixture_end(fixture_t *self)
{
    gateway_thread_join(&self->thread);
    routes_free(self->routes);
    if (self->file > 0)
        close(self->file);
}

static void fixture_start(fixture_t *self, gateway_options_t options)
{
    self->routes = routes_new();
    check_ok(routes_add_all(self->routes, rows, COUNT_OF(rows)));
    options.routes = self->routes;
    options.user = self;
    options.limits.queue_size_max = QUEUE_SIZE_MAX;
    options.limits.linger_ms = 100;
    options.limits.drain_ms = 200;
    check_ok(gateway_thread_start(&self->thread, &options));
}

#define FIXTURE(name, ...)                                                                         \
    fixture_t name SCOPED(fixture_end) = {0};                                                      \
    fixture_start(&name, (gateway_options_t){__VA_ARGS__})

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static char byte_of_file(size_t at)
{
    return (char)(at * 7 + at / 1000);
}

static void make_file(fixture_t *fixture)
{
    char path[] = "/tmp/test_response_file_XXXXXX";
    buf_t content BUF_SCOPED = BUF_INIT;
    fixture->file = mkstemp(path);
    cr_assert(fixture->file > 0);
    unlink(path);
    for (size_t i = 0; i < FILE_SIZE; i++)
        buf_append_char(&content, byte_of_file(i));
    cr_assert(write(fixture->file, content.data, content.size) == FILE_SIZE);
}

Test(response_file, a_file_is_sent_whole_or_in_the_part_asked_for)
{
    static const struct {
        const char *method, *header;
        int status;
        size_t offset, length;
        const char *range; /* Content-Range */
    } cases[] = {
        {"GET", NULL, 200, 0, FILE_SIZE, NULL},
        {"HEAD", NULL, 200, 0, 0, NULL},
        {"HEAD", "Range: bytes=1-2\r\n", 200, 0, 0, NULL},
        {"GET", "Range: bytes=0-0\r\n", 206, 0, 1, "bytes 0-0/3000000"},
        {"GET", "Range: bytes=1000-2000999\r\n", 206, 1000, 2000000, "bytes 1000-2000999/3000000"},
        {"GET", "Range: bytes=-5\r\n", 206, FILE_SIZE - 5, 5, "bytes 2999995-2999999/3000000"},
        {"GET", "Range: bytes=3000000-\r\n", 416, 0, 0, "bytes */3000000"},
        {"GET", "Range: bytes=0-1,3-4\r\n", 200, 0, FILE_SIZE, NULL},
        {"GET", "Range: bytes=0-1\r\nIf-Range: \"f\"\r\n", 206, 0, 2, "bytes 0-1/3000000"},
        {"GET", "Range: bytes=0-1\r\nIf-Range: \"g\"\r\n", 200, 0, FILE_SIZE, NULL},
        {"GET", "If-None-Match: \"f\"\r\n", 304, 0, 0, NULL},
    };
    FIXTURE(fixture, 0);
    make_file(&fixture);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(http_fetch(fixture.thread.port, cases[i].method, "/file", cases[i].header, STR(""),
                            &response));
        str_t range = http_response_header(&response, "content-range");
        size_t wrong = 0;
        for (size_t at = 0; at < response.body.size; at++)
            wrong += response.body.data[at] != byte_of_file(cases[i].offset + at);
        cr_expect(response.status == cases[i].status && response.body.size == cases[i].length &&
                      wrong == 0 && str_equal(range, str_from(cases[i].range)),
                  "%s %s: %d, %zu bytes, %zu wrong, %.*s", cases[i].method, cases[i].header,
                  response.status, response.body.size, wrong, STR_ARG(range));
    }
}

Test(response_file, a_file_that_became_shorter_ends_the_connection_not_the_server)
{
    FIXTURE(fixture, 0);
    make_file(&fixture);
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    cr_assert(ftruncate(fixture.file, FILE_SIZE / 2) == 0);

    check_err(http_fetch(fixture.thread.port, "GET", "/file", NULL, STR(""), &response), ERR_IO);

    check_ok(http_fetch(fixture.thread.port, "GET", "/unchanged", NULL, STR(""), &response));
}

Test(response_file, a_client_that_leaves_in_the_middle_of_a_file_ends_only_itself)
{
    FIXTURE(fixture, 0);
    make_file(&fixture);
    gateway_counters_t counters;
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    for (int i = 0; i < 20; i++) {
        http_client_t client HTTP_CLIENT_SCOPED = {0};
        buf_t some BUF_SCOPED = BUF_INIT;
        check_ok(http_client_open(&client, fixture.thread.port));
        check_ok(http_client_send(&client, STR(GET("/file") GET("/file") GET("/file"))));
        check_ok(http_client_read_bytes(&client, 100, &some));
    }

    do
        gateway_server_counters(fixture.thread.server, &counters);
    while (counters.connections_open != 0);
    check_ok(http_fetch(fixture.thread.port, "GET", "/unchanged", NULL, STR(""), &response));
}

Test(response_file, files_that_wait_hold_few_descriptors)
{
    enum { COUNT = 500 };
    FIXTURE(fixture, 0);
    make_file(&fixture);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    buf_t requests BUF_SCOPED = BUF_INIT;
    struct rlimit few = {64, 64};
    check_ok(http_client_open(&client, fixture.thread.port));
    cr_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
    for (int i = 0; i < COUNT; i++)
        buf_printf(&requests, "GET /file HTTP/1.1\r\nHost: a\r\nRange: bytes=%d-%d\r\n\r\n", i,
                   i + 9);

    check_ok(http_client_send(&client, buf_str(&requests)));

    for (int i = 0; i < COUNT; i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(http_client_read(&client, false, &response));
        cr_assert(eq(int, response.status, 206));
        cr_assert(response.body.data[0] == byte_of_file((size_t)i));
    }
}

/* A transport that takes one to three bytes at a time, and often none. */
static int64_t stingy_size(void *context, size_t size)
{
    unsigned *turn = context;
    *turn = *turn * 1664525 + 1013904223;
    return *turn >> 30 == 0 ? -11 : (int64_t)MIN(size, (size_t)(*turn >> 30));
}

static int64_t stingy_receive(void *context, int fd, void *out, size_t size)
{
    int64_t step = stingy_size(context, size);
    return step < 0 ? step : transport_plain.receive(NULL, fd, out, (size_t)step);
}

static int64_t stingy_send(void *context, int fd, const struct iovec *parts, size_t count UNUSED,
                           bool has_more)
{
    int64_t step = stingy_size(context, parts[0].iov_len);
    struct iovec part = {parts[0].iov_base, (size_t)step};
    return step < 0 ? step : transport_plain.send(NULL, fd, &part, 1, has_more);
}

static int64_t stingy_send_file(void *context, int fd, int sent, uint64_t offset, size_t size)
{
    int64_t step = stingy_size(context, size);
    size_t some = MIN((size_t)step * 1000, size);
    return step < 0 ? step : transport_plain.send_file(NULL, fd, sent, offset, some);
}

Test(response_file, a_socket_that_takes_a_few_bytes_at_a_time_gives_the_same)
{
    unsigned turn = 1;
    transport_t stingy = {stingy_receive, stingy_send, stingy_send_file, &turn};
    FIXTURE(fixture, .transport = &stingy);
    make_file(&fixture);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    check_ok(http_client_open(&client, fixture.thread.port));

    check_ok(http_client_send(
        &client,
        STR(GET("/unchanged") GET("/stream-at-once") "GET /file HTTP/1.1\r\nHost: a\r\nRange: "
                                                     "bytes=0-9999\r\n\r\n" GET("/header"))));

    static const char *const want[] = {"v1", "onetwo", NULL, "body"};
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(http_client_read(&client, false, &response));
        if (want[i] != NULL)
            check_str(buf_str(&response.body), str_from(want[i]));
        else
            cr_expect(eq(sz, response.body.size, 10000));
    }
}

/* HTTP/1.1 through real sockets: the probes of TESTING.md, pipelining, how bytes are cut, slow
 * clients. */
#include "tests/support/check.h"
#include "tests/support/gateway_thread.h"
#include "tests/support/http_client.h"
#include "tests/support/patience.h"

#include <stdatomic.h>

enum { BODY_SIZE_MAX = 1000, ROUTE_BODY_SIZE_MAX = 2000 };

static void echo(http_request_t *request)
{
    buf_t body = BUF_INIT;
    buf_printf(&body, "%s %.*s?%.*s host=%.*s body=%.*s", http_method_name(request->method),
               STR_ARG(request->path), STR_ARG(request->query), STR_ARG(request->host),
               STR_ARG(request->body));
    http_reply_buf(request, 200, STR("text/plain"), &body);
}

static const route_t rows[] = {
    {METHOD_GET, "/echo", echo, NULL, 0},
    {METHOD_POST, "/echo", echo, NULL, 0},
    {METHOD_POST, "/large", echo, NULL, ROUTE_BODY_SIZE_MAX},
    {METHOD_GET, "/{name}", echo, NULL, 0},
};

typedef struct fixture {
    routes_t *routes;
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
    cr_assert(self->routes != NULL);
    check_ok(routes_add_all(self->routes, rows, COUNT_OF(rows)));
    options.routes = self->routes;
    if (options.limits.body_size_max == 0)
        options.limits.body_size_max = BODY_SIZE_MAX;
    if (options.limits.linger_ms == 0)
        options.limits.linger_ms = 100;
    check_ok(gateway_thread_start(&self->thread, &options));
}

#define FIXTURE(name, ...)                                                                         \
    fixture_t name SCOPED(fixture_end) = {0};                                                      \
    fixture_start(&name, (gateway_options_t){__VA_ARGS__})

/* Sends the bytes, `step` at a time, and gives all that comes back until the server closes. */
static void exchange_bytes(uint16_t port, str_t bytes, size_t step, buf_t *out)
{
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    check_ok(http_client_open(&client, port));
    for (size_t at = 0; at < bytes.size; at += step)
        if (http_client_send(&client, str_slice(bytes, at, at + step)) != ERR_OK)
            break;
    http_client_end(&client);
    check_ok(http_client_read_end(&client, out));
}

static int status_at(str_t answer)
{
    uint32_t status = 0;
    if (str_starts_with(answer, STR("HTTP/1.1 ")))
        IGNORE_ERR(str_to_u32(str_slice(answer, 9, 12), &status)); /* 0 says it */
    return (int)status;
}

static size_t answers_in(str_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes.size; i++)
        count += str_starts_with(str_slice(bytes, i, bytes.size), STR("HTTP/1.1 ")) ? 1 : 0;
    return count;
}

#define H "Host: a\r\n"
#define CHUNKED "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
    const char *what, *bytes;
    int status;     /* of the first answer; 0: closed without one */
    size_t answers; /* in all: a second would be a smuggled request */
} probes[] = {
    {"a plain GET", "GET /echo HTTP/1.1\r\n" H "\r\n", 200, 1},
    {"HTTP/1.0 needs no Host", "GET /echo HTTP/1.0\r\n\r\n", 200, 1},
    {"line ends before the request", "\r\n\r\nGET /echo HTTP/1.1\r\n" H "\r\n", 200, 1},
    {"an absolute target", "GET http://b:80/echo HTTP/1.1\r\n" H "\r\n", 200, 1},
    {"an absolute target, no path", "GET http://b HTTP/1.1\r\n" H "\r\n", 404, 1},
    {"OPTIONS *", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 204, 1},
    {"GET *", "GET * HTTP/1.1\r\n" H "\r\n", 400, 1},
    {"CL and TE",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
     "\r\n0\r\n\r\nGET /x HTTP/1.1\r\n" H "\r\n",
     400, 1},
    {"TE and CL",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"
     "\r\n0\r\n\r\n",
     400, 1},
    {"two Content-Length",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n"
     "\r\na",
     400, 1},
    {"two different Content-Length",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, 1},
    {"a list as Content-Length", "POST /echo HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\na", 400,
     1},
    {"Content-Length: +4", "POST /echo HTTP/1.1\r\n" H "Content-Length: +4\r\n\r\nabcd", 400, 1},
    {"Content-Length: -1", "POST /echo HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400, 1},
    {"Content-Length: 0x4", "POST /echo HTTP/1.1\r\n" H "Content-Length: 0x4\r\n\r\nabcd", 400, 1},
    {"Content-Length past 64 bits",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n", 400, 1},
    {"a space before the colon", "GET /echo HTTP/1.1\r\nHost : a\r\n\r\n", 400, 1},
    {"a space before Content-Length", "POST /echo HTTP/1.1\r\n" H " Content-Length: 3\r\n\r\nabc",
     400, 1},
    {"a folded header", "GET /echo HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 400, 1},
    {"a folded empty header", "GET /echo HTTP/1.1\r\n" H "A:\r\n\tc\r\n\r\n", 400, 1},
    {"bare line feeds", "GET /echo HTTP/1.1\nHost: a\n\n", 400, 1},
    {"one bare line feed", "GET /echo HTTP/1.1\r\nHost: a\nA: b\r\n\r\n", 400, 1},
    {"a lone carriage return", "GET /echo HTTP/1.1\r\n" H "A: b\rC: d\r\n\r\n", 400, 1},
    {"a tab inside a value is text", "GET /echo HTTP/1.1\r\n" H "A: b\tc\r\n\r\n", 200, 1},
    {"an empty header name", "GET /echo HTTP/1.1\r\n" H ": b\r\n\r\n", 400, 1},
    {"no colon", "GET /echo HTTP/1.1\r\n" H "abc\r\n\r\n", 400, 1},
    {"HTTP/9.9", "GET /echo HTTP/9.9\r\n" H "\r\n", 505, 1},
    {"HTTP/2.0", "GET /echo HTTP/2.0\r\n" H "\r\n", 505, 1},
    {"HTTP/0.9", "GET /echo HTTP/0.9\r\n" H "\r\n", 505, 1},
    {"HTTP/1.2", "GET /echo HTTP/1.2\r\n" H "\r\n", 505, 1},
    {"no version", "GET /echo\r\n\r\n", 505, 1},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 1},
    {"no Host", "GET /echo HTTP/1.1\r\n\r\n", 400, 1},
    {"two Hosts", "GET /echo HTTP/1.1\r\n" H H "\r\n", 400, 1},
    {"an empty Host", "GET /echo HTTP/1.1\r\nHost:\r\n\r\n", 400, 1},
    {"a Host with a path", "GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, 1},
    {"a Host with a user", "GET /echo HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, 1},
    {"G@T", "G@T /echo HTTP/1.1\r\n" H "\r\n", 400, 1},
    {"an unknown method", "FROB /echo HTTP/1.1\r\n" H "\r\n", 400, 1},
    {"TRACE", "TRACE /echo HTTP/1.1\r\n" H "\r\n", 501, 1},
    {"CONNECT", "CONNECT a:80 HTTP/1.1\r\n" H "\r\n", 501, 1},
    {"a relative target", "GET echo HTTP/1.1\r\n" H "\r\n", 400, 1},
    {"a fragment", "GET /echo#x HTTP/1.1\r\n" H "\r\n", 400, 1},
    {"a space in the target", "GET /ec ho HTTP/1.1\r\n" H "\r\n", 400, 1},
    {"a byte above 127 in the target", "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", 400, 1},
    {"a broken escape", "GET /%zz HTTP/1.1\r\n" H "\r\n", 400, 1},
    {"an encoded NUL", "GET /%00 HTTP/1.1\r\n" H "\r\n", 400, 1},
    {"another transfer coding", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", 400,
     1},
    {"two transfer codings",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, 1},
    {"chunked twice",
     "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, 1},
    {"xchunked", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400,
     1},
    {"chunked in HTTP/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, 1},
    {"chunks", CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 200, 1},
    {"a chunk extension", CHUNKED "3;a=b\r\nabc\r\n0\r\n\r\n", 200, 1},
    {"a trailer", CHUNKED "3\r\nabc\r\n0\r\nA: b\r\n\r\n", 200, 1},
    {"a bad chunk size", CHUNKED "g\r\nabc\r\n0\r\n\r\n", 400, 1},
    {"a chunk size with a sign", CHUNKED "+3\r\nabc\r\n0\r\n\r\n", 400, 1},
    {"a chunk size with 0x", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", 400, 1},
    {"a chunk size past 64 bits", CHUNKED "11111111111111111\r\nabc\r\n0\r\n\r\n", 400, 1},
    {"a chunk longer than it said", CHUNKED "3\r\nabcd\r\n0\r\n\r\n", 400, 1},
    {"a chunk that ends in a bare line feed", CHUNKED "3\r\nabc\n0\r\n\r\n", 400, 1},
    {"Expect something else", "POST /echo HTTP/1.1\r\n" H "Expect: x\r\nContent-Length: 1\r\n\r\na",
     417, 1},
    {"a byte of TLS", "\x16\x03\x01\x02\x00\x01\x00", 400, 1},
    {"nothing", "", 0, 0},
    {"half a request", "GET /echo HTTP/1.1\r\nHo", 0, 0},
    {"half a body", "POST /echo HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\nabc", 0, 0},
    {"two requests at once", "GET /echo HTTP/1.1\r\n" H "\r\nGET /echo HTTP/1.1\r\n" H "\r\n", 200,
     2},
    {"a body, then a request",
     "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"
     "GET /echo HTTP/1.1\r\n" H "\r\n",
     200, 2},
    {"close ends it",
     "GET /echo HTTP/1.1\r\n" H "Connection: close\r\n\r\nGET /echo HTTP/1.1\r\n" H "\r\n", 200, 1},
    {"HTTP/1.0 keeps alive when asked",
     "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
     "GET /echo HTTP/1.0\r\n\r\nGET /echo HTTP/1.0\r\n\r\n",
     200, 2},
    {"nothing after a bad one", "GET /echo HTTP/1.1\r\n\r\nGET /echo HTTP/1.1\r\n" H "\r\n", 400,
     1},
    {"Upgrade that nobody wants is ignored",
     "GET /echo HTTP/1.1\r\n" H "Connection: Upgrade\r\n"
     "Upgrade: h2c\r\n\r\nGET /echo HTTP/1.1\r\n" H "\r\n",
     200, 2},
    {"method not allowed", "DELETE /echo HTTP/1.1\r\n" H "\r\n", 405, 1},
    {"no such path", "GET /a/b HTTP/1.1\r\n" H "\r\n", 404, 1},
};

Test(http1_server, probes_get_their_answer_however_the_bytes_are_cut)
{
    FIXTURE(fixture, 0);

    for (size_t i = 0; i < COUNT_OF(probes); i++)
        for (size_t step = 1; step <= 1000; step = step == 1 ? 7 : step == 7 ? 1000 : 2000) {
            buf_t answer BUF_SCOPED = BUF_INIT;
            exchange_bytes(fixture.thread.port, str_from(probes[i].bytes), step, &answer);
            cr_expect(status_at(buf_str(&answer)) == probes[i].status &&
                          answers_in(buf_str(&answer)) == probes[i].answers,
                      "%s, by %zu: wanted %d and %zu answers, got \"%.*s\"", probes[i].what, step,
                      probes[i].status, probes[i].answers, STR_ARG(buf_str(&answer)));
        }
}

Test(http1_server, a_NUL_is_refused_wherever_it_stands)
{
    static const char text[] = "GET /echo HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n";
    FIXTURE(fixture, 0);

    for (size_t at = 0; at < sizeof text - 3; at++) {
        char bytes[sizeof text];
        buf_t answer BUF_SCOPED = BUF_INIT;
        memcpy(bytes, text, sizeof text);
        bytes[at] = '\0';
        exchange_bytes(fixture.thread.port, str_of(bytes, sizeof text - 1), sizeof text, &answer);
        cr_expect(status_at(buf_str(&answer)) == 400, "NUL at %zu: \"%.*s\"", at,
                  STR_ARG(buf_str(&answer)));
    }
}

/* A request with a part of `size` bytes in one place. */
static void build_sized(buf_t *out, const char *before, size_t size, const char *after)
{
    buf_append(out, str_from(before));
    for (size_t i = 0; i < size; i++)
        buf_append_char(out, 'a');
    buf_append(out, str_from(after));
}

Test(http1_server, every_size_has_a_bound_on_both_sides)
{
    enum { TARGET_MAX = 300, HEADER_MAX = 1000, OVERHEAD_MAX = 100 };
    static const char line[] = "GET /echo HTTP/1.1\r\nHost: a\r\nA: ", end[] = "\r\n\r\n";
    size_t room = HEADER_MAX - (sizeof line - 1) - (sizeof end - 1);
    const struct {
        const char *what, *before;
        size_t size;
        const char *after;
        int status;
    } cases[] = {
        {"the longest target", "GET /", TARGET_MAX - 1, " HTTP/1.1\r\n" H "\r\n", 200},
        {"a longer target", "GET /", TARGET_MAX, " HTTP/1.1\r\n" H "\r\n", 414},
        {"a target without an end", "GET /", TARGET_MAX * 2, "", 414},
        {"the largest header", line, room, end, 200},
        {"a larger header", line, room + 1, end, 431},
        {"a header without an end", line, HEADER_MAX * 2, "", 431},
        {"the largest body", "POST /echo HTTP/1.1\r\n" H "Content-Length: 1000\r\n\r\n",
         BODY_SIZE_MAX, "", 200},
        {"a larger body", "POST /echo HTTP/1.1\r\n" H "Content-Length: 1001\r\n\r\n",
         BODY_SIZE_MAX + 1, "", 413},
        {"a much larger body, said only",
         "POST /echo HTTP/1.1\r\n" H "Content-Length: 18446744073709551615\r\n\r\n", 10, "", 413},
        {"the largest body in chunks", CHUNKED "3e8\r\n", BODY_SIZE_MAX, "\r\n0\r\n\r\n", 200},
        {"a larger body in chunks", CHUNKED "3e9\r\n", BODY_SIZE_MAX + 1, "\r\n0\r\n\r\n", 413},
        {"a route with more room", "POST /large HTTP/1.1\r\n" H "Content-Length: 2000\r\n\r\n",
         ROUTE_BODY_SIZE_MAX, "", 200},
        {"and its end", "POST /large HTTP/1.1\r\n" H "Content-Length: 2001\r\n\r\n",
         ROUTE_BODY_SIZE_MAX + 1, "", 413},
        {"a chunk extension within bounds", CHUNKED "1;", OVERHEAD_MAX - 8, "\r\nx\r\n0\r\n\r\n",
         200},
        {"a long chunk extension", CHUNKED "1;", OVERHEAD_MAX + 10, "\r\nx\r\n0\r\n\r\n", 400},
        {"a chunk extension without an end", CHUNKED "1;", 100000, "", 400},
        {"a trailer without an end", CHUNKED "0\r\nA: ", 100000, "", 400},
    };
    FIXTURE(fixture, .limits = {.target_size_max = TARGET_MAX,
                                .header_size_max = HEADER_MAX,
                                .chunk_overhead_size_max = OVERHEAD_MAX});

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        for (size_t step = 5; step <= 500000; step *= 100000) {
            buf_t request BUF_SCOPED = BUF_INIT, answer BUF_SCOPED = BUF_INIT;
            build_sized(&request, cases[i].before, cases[i].size, cases[i].after);
            exchange_bytes(fixture.thread.port, buf_str(&request), step, &answer);
            cr_expect(status_at(buf_str(&answer)) == cases[i].status, "%s, by %zu: got \"%.*s\"",
                      cases[i].what, step, STR_ARG(buf_str(&answer)));
        }
}

Test(http1_server, the_defaults_refuse_64_KiB_of_header_and_too_many_fields)
{
    FIXTURE(fixture, 0);
    buf_t large BUF_SCOPED = BUF_INIT, many BUF_SCOPED = BUF_INIT, most BUF_SCOPED = BUF_INIT;
    buf_t answers[3] = {BUF_INIT, BUF_INIT, BUF_INIT};
    build_sized(&large, "GET /echo HTTP/1.1\r\n" H "A: ", 65536, "\r\n\r\n");
    buf_append(&most, STR("GET /echo HTTP/1.1\r\n" H));
    for (int i = 0; i < HTTP_HEADERS_MAX - 1; i++)
        buf_append(&most, STR("A: b\r\n"));
    buf_append(&many, buf_str(&most));
    buf_append(&many, STR("A: b\r\n\r\n"));
    buf_append(&most, STR("\r\n"));

    exchange_bytes(fixture.thread.port, buf_str(&large), 100000, &answers[0]);
    exchange_bytes(fixture.thread.port, buf_str(&many), 100000, &answers[1]);
    exchange_bytes(fixture.thread.port, buf_str(&most), 100000, &answers[2]);

    cr_expect(eq(int, status_at(buf_str(&answers[0])), 431));
    cr_expect(eq(int, status_at(buf_str(&answers[1])), 431));
    cr_expect(eq(int, status_at(buf_str(&answers[2])), 200));
    for (size_t i = 0; i < COUNT_OF(answers); i++)
        buf_deinit(&answers[i]);
}

Test(http1_server, what_the_handler_sees_is_what_was_sent)
{
    static const struct {
        const char *bytes, *body;
    } cases[] = {
        {"GET /echo?a=b HTTP/1.1\r\n" H "\r\n", "GET /echo?a=b host=a body="},
        {"GET http://b:81/echo?x HTTP/1.1\r\n" H "\r\n", "GET /echo?x host=b:81 body="},
        {"POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", "POST /echo? host=a body=abc"},
        {CHUNKED "3\r\nabc\r\n2;x=\"y\"\r\nde\r\n0\r\nT: r\r\n\r\n",
         "POST /echo? host=a body=abcde"},
        {"GET /%65 HTTP/1.1\r\nhOST:   a  \r\n\r\n", "GET /%65? host=a body="},
    };
    FIXTURE(fixture, 0);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_client_t client HTTP_CLIENT_SCOPED = {0};
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(http_client_open(&client, fixture.thread.port));
        check_ok(http_client_send(&client, str_from(cases[i].bytes)));
        check_ok(http_client_read(&client, false, &response));
        check_str(buf_str(&response.body), str_from(cases[i].body));
    }
}

Test(http1_server, continue_is_said_before_the_body_comes_and_only_when_it_is_wanted)
{
    static const struct {
        const char *what, *head;
        int status;
    } cases[] = {
        {"wanted", "POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n",
         100},
        {"chunked", CHUNKED, 0},
        {"too large",
         "POST /echo HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 9999\r\n\r\n", 413},
        {"no such path",
         "POST /a/b HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n", 404},
    };
    FIXTURE(fixture, 0);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_client_t client HTTP_CLIENT_SCOPED = {0};
        http_response_t response HTTP_RESPONSE_SCOPED = {0}, second HTTP_RESPONSE_SCOPED = {0};
        check_ok(http_client_open(&client, fixture.thread.port));
        check_ok(http_client_send(&client, str_from(cases[i].head)));
        if (cases[i].status == 0)
            continue;
        check_ok(http_client_read(&client, false, &response));
        cr_expect(response.status == cases[i].status, "%s: %d", cases[i].what, response.status);
        if (response.status != 100)
            continue;
        check_ok(http_client_send(&client, STR("abc")));
        check_ok(http_client_read(&client, false, &second));
        cr_expect(eq(int, second.status, 200));
    }
}

Test(http1_server, a_thousand_pipelined_requests_are_answered_in_order)
{
    enum { COUNT = 1000 };
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    buf_t requests BUF_SCOPED = BUF_INIT;
    for (int i = 0; i < COUNT; i++)
        buf_printf(&requests, "GET /echo?%d HTTP/1.1\r\nHost: a\r\n\r\n", i);

    check_ok(http_client_open(&client, fixture.thread.port));
    check_ok(http_client_send(&client, buf_str(&requests)));

    for (int i = 0; i < COUNT; i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        char wanted[64];
        snprintf(wanted, sizeof wanted, "GET /echo?%d host=a body=", i);
        check_ok(http_client_read(&client, false, &response));
        check_str(buf_str(&response.body), str_from(wanted));
    }
}

Test(http1_server, a_connection_ends_after_its_last_allowed_request)
{
    FIXTURE(fixture, .limits = {.requests_per_connection_max = 2});
    buf_t answer BUF_SCOPED = BUF_INIT;

    exchange_bytes(fixture.thread.port,
                   STR("GET /echo HTTP/1.1\r\n" H "\r\nGET /echo HTTP/1.1\r\n" H
                       "\r\nGET /echo HTTP/1.1\r\n" H "\r\n"),
                   1000, &answer);

    cr_assert(eq(sz, answers_in(buf_str(&answer)), 2));
    cr_assert(str_contains(buf_str(&answer), STR("Connection: close")));
}

/* The status that a client is told who says this and no more. */
static int status_told(const fixture_t *fixture, const char *bytes)
{
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    buf_t answer BUF_SCOPED = BUF_INIT;
    check_ok(http_client_open(&client, fixture->thread.port));
    IGNORE_ERR(http_client_send(&client, str_from(bytes))); /* we may be late */
    check_ok(http_client_read_end(&client, &answer));
    return status_at(buf_str(&answer));
}

Test(http1_server, a_slow_client_is_told_and_closed)
{
    enum { TRIES_MAX = 50 };
    static const struct {
        const char *what, *bytes;
        int status;
    } cases[] = {
        {"silent", "", 0},
        {"half a header", "GET /echo HTTP/1.1\r\nHost", 408},
        {"half a body", "POST /echo HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\nabc", 408},
        {"idle after a request", "GET /echo HTTP/1.1\r\n" H "\r\n", 200},
    };
    FIXTURE(fixture, .limits = {.header_ms = 50, .body_ms = 60, .idle_ms = 70, .linger_ms = 20});

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int status = 0;
        /* Time runs from the connection on: who was held up before saying anything was silent. */
        for (int tries = 0; status == 0 && tries < (cases[i].status == 0 ? 1 : TRIES_MAX); tries++)
            status = status_told(&fixture, cases[i].bytes);
        cr_expect(status == cases[i].status, "%s: %d", cases[i].what, status);
    }

    gateway_counters_t counters;
    gateway_server_counters(fixture.thread.server, &counters);
    cr_expect(ge(u64, counters.connections_timed_out, COUNT_OF(cases)));
}

Test(http1_server, a_header_that_drips_has_one_deadline_not_one_a_byte)
{
    FIXTURE(fixture, .limits = {.header_ms = 100, .linger_ms = 20});
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    check_ok(http_client_open(&client, fixture.thread.port));
    ms_clock_t clock = clock_system();
    uint64_t begin = clock_mono_ms(&clock);
    err_t err = http_client_send(&client, STR("GET /echo HTTP/1.1\r\nA: "));

    /* A byte every few milliseconds would keep a deadline that each byte renews from ever coming.
     */
    while (err == ERR_OK && clock_mono_ms(&clock) - begin < PATIENCE_MS) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(client.fd, &set);
        struct timeval wait = {.tv_usec = 5000};
        if (select(client.fd + 1, &set, NULL, NULL, &wait) > 0)
            break;
        err = http_client_send(&client, STR("a"));
    }

    cr_assert(lt(u64, clock_mono_ms(&clock) - begin, PATIENCE_MS));
}

Test(http1_server, connections_are_bounded_in_all_and_per_address)
{
    static const gateway_limits_t cases[] = {{.connections_max = 2},
                                             {.connections_per_address_max = 2}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        FIXTURE(fixture, .limits = cases[i]);
        http_client_t clients[3] = {{0}, {0}, {0}};
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        buf_t answer BUF_SCOPED = BUF_INIT;
        for (size_t j = 0; j < 3; j++)
            check_ok(http_client_open(&clients[j], fixture.thread.port));

        check_ok(http_client_read_end(&clients[2], &answer));
        cr_expect(eq(sz, answer.size, 0));
        check_ok(http_client_send(&clients[1], STR("GET /echo HTTP/1.1\r\n" H "\r\n")));
        check_ok(http_client_read(&clients[1], false, &response));
        cr_expect(eq(int, response.status, 200));
        for (size_t j = 0; j < 3; j++)
            http_client_close(&clients[j]);
        /* Their places are free again. */
        for (int tries = 0; tries < 1000; tries++) {
            http_response_t next HTTP_RESPONSE_SCOPED = {0};
            if (http_fetch(fixture.thread.port, "GET", "/echo", NULL, STR(""), &next) == ERR_OK &&
                next.status == 200)
                break;
            cr_assert(lt(int, tries, 999));
        }
    }
}

Test(http1_server, a_Host_that_is_not_ours_is_misdirected)
{
    static const str_t names[] = {STR_INIT("music.example")};
    static const struct {
        const char *host;
        int status;
    } cases[] = {{"music.example", 200},
                 {"MUSIC.example:8484", 200},
                 {"127.0.0.1", 200},
                 {"[::1]:80", 200},
                 {"localhost:8484", 200},
                 {"evil.example", 421},
                 {"music.example.evil", 421},
                 {"[::1", 400},
                 {"a:b", 400}};
    FIXTURE(fixture, .allowed_hosts = names, .allowed_host_count = 1);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_t request BUF_SCOPED = BUF_INIT, answer BUF_SCOPED = BUF_INIT;
        buf_printf(&request, "GET /echo HTTP/1.1\r\nHost: %s\r\n\r\n", cases[i].host);
        exchange_bytes(fixture.thread.port, buf_str(&request), 1000, &answer);
        cr_expect(status_at(buf_str(&answer)) == cases[i].status, "%s: \"%.*s\"", cases[i].host,
                  STR_ARG(buf_str(&answer)));
    }
}

Test(http1_server, a_correlation_id_is_kept_if_it_is_one_and_made_if_not)
{
    static const struct {
        const char *line, *id;
    } cases[] = {
        {"X-Request-Id: abc-DEF_123\r\n", "abc-DEF_123"},
        {"X-Request-Id: a b\r\n", NULL},
        {"X-Request-Id: \r\n", NULL},
        {"X-Request-Id: 0123456789012345678901234567890123456789012345678901234567890123\r\n",
         "0123456789012345678901234567890123456789012345678901234567890123"},
        {"X-Request-Id: 01234567890123456789012345678901234567890123456789012345678901234\r\n",
         NULL},
        {NULL, NULL},
    };
    FIXTURE(fixture, 0);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(
            http_fetch(fixture.thread.port, "GET", "/echo", cases[i].line, STR(""), &response));
        str_t id = http_response_header(&response, "x-request-id");
        if (cases[i].id != NULL)
            check_str(id, str_from(cases[i].id));
        else
            cr_expect(eq(sz, id.size, 32), "made: \"%.*s\"", STR_ARG(id));
    }
}

Test(http1_server, a_trace_is_taken_from_the_client_and_told_where_the_id_does_not)
{
#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
    static const struct {
        const char *what, *lines, *id, *response;
    } cases[] = {
        {"nothing is said", NULL, NULL, NULL},
        {"a trace", "traceparent: 00-" TRACE "-00f067aa0ba902b7-00\r\n", TRACE, "00-" TRACE "-"},
        {"a trace and an id",
         "traceparent: 00-" TRACE "-00f067aa0ba902b7-00\r\nX-Request-Id: mine\r\n", "mine",
         "00-" TRACE "-"},
        {"an id alone", "X-Request-Id: mine\r\n", "mine", "00-"},
        {"no trace", "traceparent: 00-" TRACE "-0000000000000000-01\r\n", NULL, "00-"},
    };
    FIXTURE(fixture, 0);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(
            http_fetch(fixture.thread.port, "GET", "/echo", cases[i].lines, STR(""), &response));
        str_t id = http_response_header(&response, "x-request-id");
        str_t told = http_response_header(&response, "traceresponse");
        if (cases[i].id != NULL)
            cr_expect(str_equal(id, str_from(cases[i].id)), "%s", cases[i].what);
        bool is_told = told.data != NULL, is_to_be = cases[i].response != NULL;
        cr_expect(is_told == is_to_be, "%s", cases[i].what);
        if (cases[i].response != NULL)
            cr_expect(str_starts_with(told, str_from(cases[i].response)), "%s: %.*s", cases[i].what,
                      STR_ARG(told));
    }
#undef TRACE
}

/* A clock that stands still until it is moved. */
typedef struct still {
    _Atomic uint64_t now_ns;
} still_t;

static uint64_t still_ns(void *context)
{
    return atomic_load(&((still_t *)context)->now_ns);
}

static int64_t no_wall_ms(void *context)
{
    (void)context;
    return 0;
}

static int granted_of(const fixture_t *fixture, int asked)
{
    int granted = 0;
    for (int i = 0; i < asked; i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(
            http_fetch(fixture->thread.port, "GET", "/echo",
                       "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
                       STR(""), &response));
        granted += str_ends_with(http_response_header(&response, "traceresponse"), STR("-01"));
    }
    return granted;
}

/* Who asks for it does so for all that the node does. */
Test(http1_server, so_many_a_second_are_recorded_because_they_wish_it)
{
    still_t still = {UINT64_C(5000000000)};
    FIXTURE(fixture, .clock = {still_ns, no_wall_ms, &still});

    cr_assert(eq(int, granted_of(&fixture, HTTP_SAMPLED_MAX), HTTP_SAMPLED_MAX));
    cr_assert(eq(int, granted_of(&fixture, 3), 0));
    atomic_store(&still.now_ns, UINT64_C(6000000000));
    cr_assert(eq(int, granted_of(&fixture, 3), 3));
}

Test(http1_server, a_port_in_use_is_a_conflict_and_a_shared_one_is_not)
{
    FIXTURE(fixture, 0);
    uv_loop_t loop;
    gateway_server_t *second = NULL;
    gateway_options_t options = {.routes = fixture.routes, .port = fixture.thread.port};
    uv_loop_init(&loop);
    check_ok(gateway_server_new(&loop, &options, &second));

    check_err(gateway_server_start(second), ERR_CONFLICT);

    gateway_server_free(second);
    uv_loop_close(&loop);
    gateway_thread_t shared GATEWAY_THREAD_SCOPED = {0};
    options.is_port_shared = true;
    check_ok(gateway_thread_start(&shared, &options));
    cr_assert(eq(u16, shared.port, fixture.thread.port));
}

Test(http1_server, a_host_that_is_not_here_is_not_found)
{
    routes_t *routes ROUTES_SCOPED = routes_new();
    gateway_options_t options = {.routes = routes, .host = "192.0.2.1"};
    gateway_server_t *server = NULL;
    uv_loop_t loop;
    uv_loop_init(&loop);
    check_ok(gateway_server_new(&loop, &options, &server));

    check_err(gateway_server_start(server), ERR_NOT_FOUND);

    gateway_server_free(server);
    uv_loop_close(&loop);
}

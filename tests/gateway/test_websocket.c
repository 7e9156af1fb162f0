/* RFC 6455 by section number, through real sockets. */
#include "gateway/websocket.h"
#include "tests/support/check.h"
#include "tests/support/gateway_thread.h"
#include "tests/support/http_client.h"
#include "tests/support/patience.h"

#include <stdatomic.h>

enum { MESSAGE_SIZE_MAX = 100000, QUEUE_SIZE_MAX = 200000, SOCKETS_MAX = 64 };

typedef struct state {
    websocket_t *sockets[SOCKETS_MAX];
    atomic_int open, closed, sent;
    atomic_uint close_code;
    char reason[128];
} state_t;

/* "echo" what comes; a few words make the server do something. */
static void on_message(websocket_t *socket, void *user, bool is_text, str_t message)
{
    state_t *state = user;
    if (str_equal(message, STR("close"))) {
        websocket_close(socket, 4001, STR("as asked"));
        websocket_send_text(socket, STR("never"));
    } else if (str_equal(message, STR("long reason"))) {
        char reason[200];
        for (size_t i = 0; i < sizeof reason; i++)
            reason[i] = i % 2 == 0 ? '\xc3' : '\xa4';
        websocket_close(socket, 4002, str_of(reason, sizeof reason));
    } else if (str_equal(message, STR("broadcast"))) {
        websocket_frame_t *frame = websocket_frame_new(true, STR("to all"));
        for (size_t i = 0; i < SOCKETS_MAX; i++)
            if (state->sockets[i] != NULL)
                websocket_send_frame(state->sockets[i], frame);
        websocket_frame_unref(&frame);
    } else if (str_equal(message, STR("flood"))) {
        char block[10000];
        memset(block, 'x', sizeof block);
        while (websocket_is_open(socket)) {
            websocket_send_binary(socket, str_of(block, sizeof block));
            atomic_fetch_add(&state->sent, 1);
        }
    } else if (is_text) {
        websocket_send_text(socket, message);
    } else {
        websocket_send_binary(socket, message);
    }
}

static void on_close(websocket_t *socket, void *user, uint16_t code, str_t reason)
{
    state_t *state = user;
    for (size_t i = 0; i < SOCKETS_MAX; i++)
        if (state->sockets[i] == socket)
            state->sockets[i] = NULL;
    snprintf(state->reason, sizeof state->reason, "%.*s", STR_ARG(reason));
    atomic_store(&state->close_code, code);
    atomic_fetch_sub(&state->open, 1);
    atomic_fetch_add(&state->closed, 1);
}

static const websocket_events_t events = {on_message, on_close};

static void upgrade(http_request_t *request)
{
    state_t *state = request->user;
    str_t subprotocol = http_offers_subprotocol(request, "graphql-transport-ws")
                            ? STR("graphql-transport-ws")
                            : STR("");
    websocket_t *socket = http_upgrade(request, subprotocol, &events, state);
    for (size_t i = 0; i < SOCKETS_MAX && socket != NULL; i++)
        if (state->sockets[i] == NULL) {
            state->sockets[i] = socket;
            atomic_fetch_add(&state->open, 1);
            break;
        }
}

static void plain(http_request_t *request)
{
    http_reply(request, 200, STR("text/plain"), STR("plain"));
}

static const route_t rows[] = {{METHOD_GET, "/socket", upgrade, NULL, 0},
                               {METHOD_POST, "/socket", upgrade, NULL, 0},
                               {METHOD_GET, "/plain", plain, NULL, 0}};

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
    options.limits.websocket_message_size_max = MESSAGE_SIZE_MAX;
    options.limits.websocket_queue_size_max = QUEUE_SIZE_MAX;
    options.limits.linger_ms = 100;
    check_ok(gateway_thread_start(&self->thread, &options));
}

#define FIXTURE(name, ...)                                                                         \
    fixture_t name SCOPED(fixture_end) = {0};                                                      \
    fixture_start(&name, (gateway_options_t){__VA_ARGS__})

static void open_socket(fixture_t *fixture, http_client_t *client)
{
    check_ok(http_client_upgrade(client, fixture->thread.port, "/socket", NULL, NULL));
}

static void expect_frame(http_client_t *client, uint8_t first_byte, str_t payload)
{
    buf_t got BUF_SCOPED = BUF_INIT;
    uint8_t got_byte = 0;
    check_ok(http_client_read_frame(client, &got_byte, &got));
    cr_expect(eq(int, got_byte, first_byte));
    check_str(buf_str(&got), payload);
}

static void expect_close(http_client_t *client, uint16_t code)
{
    buf_t got BUF_SCOPED = BUF_INIT;
    uint8_t first_byte = 0;
    check_ok(http_client_read_frame(client, &first_byte, &got));
    cr_expect(eq(int, first_byte, 0x88));
    uint16_t got_code =
        got.size < 2 ? 0 : (uint16_t)((uint8_t)got.data[0] << 8 | (uint8_t)got.data[1]);
    cr_expect(eq(u16, got_code, code));
}

static void expect_end(http_client_t *client)
{
    buf_t rest BUF_SCOPED = BUF_INIT;
    check_ok(http_client_read_end(client, &rest));
    cr_expect(eq(sz, rest.size, 0));
}

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define ORIGIN "Origin: http://a\r\n"

Test(websocket, section_4_2_a_handshake_is_checked_in_every_part)
{
    static const struct {
        const char *what, *line, *headers;
        int status;
    } cases[] = {
        {"all there", "GET /socket HTTP/1.1", UPGRADE VERSION KEY ORIGIN, 101},
        {"lists and cases", "GET /socket HTTP/1.1",
         "Connection: keep-alive, upGrade\r\nUpgrade: h2c, WebSocket\r\n" VERSION KEY ORIGIN, 101},
        {"POST", "POST /socket HTTP/1.1", UPGRADE VERSION KEY ORIGIN, 426},
        {"HTTP/1.0", "GET /socket HTTP/1.0", UPGRADE VERSION KEY ORIGIN, 426},
        {"no Connection", "GET /socket HTTP/1.1", "Upgrade: websocket\r\n" VERSION KEY ORIGIN, 426},
        {"no Upgrade", "GET /socket HTTP/1.1", "Connection: upgrade\r\n" VERSION KEY ORIGIN, 426},
        {"another Upgrade", "GET /socket HTTP/1.1",
         "Connection: upgrade\r\nUpgrade: websockets\r\n" VERSION KEY ORIGIN, 426},
        {"no version", "GET /socket HTTP/1.1", UPGRADE KEY ORIGIN, 426},
        {"version 8", "GET /socket HTTP/1.1", UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY ORIGIN,
         426},
        {"no key", "GET /socket HTTP/1.1", UPGRADE VERSION ORIGIN, 400},
        {"a short key", "GET /socket HTTP/1.1", UPGRADE VERSION "Sec-WebSocket-Key: abc\r\n" ORIGIN,
         400},
        {"a key that is no base64", "GET /socket HTTP/1.1",
         UPGRADE VERSION "Sec-WebSocket-Key: dGhl!HNhbXBsZSBub25jZQ==\r\n" ORIGIN, 400},
        {"no Origin", "GET /socket HTTP/1.1", UPGRADE VERSION KEY, 403},
        {"another Origin", "GET /socket HTTP/1.1", UPGRADE VERSION KEY "Origin: http://b\r\n", 403},
        {"Origin null", "GET /socket HTTP/1.1", UPGRADE VERSION KEY "Origin: null\r\n", 403},
        {"where no socket is", "GET /plain HTTP/1.1", UPGRADE VERSION KEY ORIGIN, 200},
        {"with garbage after a header of garbage", "GET /socket HTTP/1.1",
         UPGRADE VERSION "Sec-WebSocket-Key: \xff\xfe\r\n" ORIGIN, 400},
    };
    FIXTURE(fixture, 0);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_client_t client HTTP_CLIENT_SCOPED = {0};
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        buf_t request BUF_SCOPED = BUF_INIT;
        buf_printf(&request, "%s\r\nHost: a\r\n%s\r\n", cases[i].line, cases[i].headers);
        check_ok(http_client_open(&client, fixture.thread.port));
        check_ok(http_client_send(&client, buf_str(&request)));
        check_ok(http_client_read(&client, false, &response));
        cr_expect(response.status == cases[i].status, "%s: %d", cases[i].what, response.status);
        cr_expect(response.status != 426 ||
                  str_equal(http_response_header(&response, "sec-websocket-version"), STR("13")));
    }
}

Test(websocket, section_4_2_2_a_subprotocol_that_both_speak_is_chosen)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    check_ok(http_client_open(&client, fixture.thread.port));

    check_ok(http_client_send(&client,
                              STR("GET /socket HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION KEY ORIGIN
                                  "Sec-WebSocket-Protocol: x, "
                                  "graphql-transport-ws\r\n\r\n")));

    check_ok(http_client_read(&client, false, &response));
    check_str(http_response_header(&response, "sec-websocket-protocol"),
              STR("graphql-transport-ws"));
}

Test(websocket, section_5_what_comes_goes_back)
{
    static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, MESSAGE_SIZE_MAX};
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    open_socket(&fixture, &client);

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        buf_t message BUF_SCOPED = BUF_INIT;
        for (size_t at = 0; at < sizes[i]; at++)
            buf_append_char(&message, (char)('a' + at % 26));
        check_ok(http_client_send_frame(&client, 0x81, buf_str(&message)));
        expect_frame(&client, 0x81, buf_str(&message));
        check_ok(http_client_send_frame(&client, 0x82, buf_str(&message)));
        expect_frame(&client, 0x82, buf_str(&message));
    }
}

Test(websocket, section_5_4_and_5_5_fragments_pings_and_what_breaks_them)
{
    typedef struct frame {
        uint8_t first_byte;
        const char *payload;
    } frame_t;
    static const struct {
        const char *what;
        frame_t frames[4], answers[4];
        uint16_t code; /* of the close that ends it; 0: none */
    } cases[] = {
        {"fragments", {{0x01, "a"}, {0x00, "b"}, {0x80, "c"}}, {{0x81, "abc"}}, 0},
        {"a ping between", {{0x01, "a"}, {0x89, "p"}, {0x80, "b"}}, {{0x8a, "p"}, {0x81, "ab"}}, 0},
        {"pings in a row",
         {{0x89, "1"}, {0x89, ""}, {0x89, "3"}},
         {{0x8a, "1"}, {0x8a, ""}, {0x8a, "3"}},
         0},
        {"a pong unasked", {{0x8a, "x"}, {0x81, "a"}}, {{0x81, "a"}}, 0},
        {"reserved bits", {{0xc1, "a"}}, {{0}}, 1002},
        {"reserved opcode", {{0x83, "a"}}, {{0}}, 1002},
        {"a fragmented ping", {{0x09, "a"}}, {{0}}, 1002},
        {"a continuation of nothing", {{0x80, "a"}}, {{0}}, 1002},
        {"a message inside a message", {{0x01, "a"}, {0x81, "b"}}, {{0}}, 1002},
        {"broken UTF-8", {{0x81, "a\xff"}}, {{0}}, 1007},
        {"broken UTF-8, not the end", {{0x01, "\xed\xa0"}}, {{0}}, 1007},
        {"a good message before a bad one", {{0x81, "a"}, {0xc1, "b"}}, {{0x81, "a"}}, 1002},
        {"close 1000", {{0x88, "\x03\xe8"}}, {{0}}, 1000},
        {"close with a reason", {{0x88, "\x0f\xa0 why"}}, {{0}}, 4000},
        {"close with one byte", {{0x88, "\x03"}}, {{0}}, 1002},
        {"close 1005", {{0x88, "\x03\xed"}}, {{0}}, 1002},
        {"close with a broken reason", {{0x88, "\x03\xe8\xff"}}, {{0}}, 1007},
        {"nothing after a close", {{0x88, "\x03\xe8"}, {0x81, "a"}}, {{0}}, 1000},
        {"a pong queued before the close", {{0x89, "p"}, {0x88, "\x03\xe8"}}, {{0x8a, "p"}}, 1000},
    };
    FIXTURE(fixture, 0);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_client_t client HTTP_CLIENT_SCOPED = {0};
        int closed = atomic_load(&fixture.state.closed);
        open_socket(&fixture, &client);
        for (size_t j = 0; j < 4 && cases[i].frames[j].payload != NULL; j++)
            check_ok(http_client_send_frame(&client, cases[i].frames[j].first_byte,
                                            str_from(cases[i].frames[j].payload)));
        for (size_t j = 0; j < 4 && cases[i].answers[j].payload != NULL; j++)
            expect_frame(&client, cases[i].answers[j].first_byte,
                         str_from(cases[i].answers[j].payload));
        if (cases[i].code != 0) {
            expect_close(&client, cases[i].code);
            expect_end(&client);
        }
        http_client_close(&client);
        wait_until(atomic_load(&fixture.state.closed) == closed + 1);
        unsigned code = atomic_load(&fixture.state.close_code);
        cr_expect(code == (cases[i].code == 0 ? 1006 : cases[i].code), "%s: reported %u",
                  cases[i].what, code);
    }
}

Test(websocket, section_5_raw_bytes_that_are_refused)
{
    static const struct {
        const char *what, *bytes;
        size_t size;
        uint16_t code;
    } cases[] = {
        {"no mask", "\x81\x01", 2, 1002},
        {"a length not minimal", "\x81\xfe\x00\x05", 4, 1002},
        {"2^40", "\x81\xff\0\0\1\0\0\0\0\0", 10, 1009},
        {"the top bit", "\x81\xff\x80\0\0\0\0\0\0\0", 10, 1002},
        {"one byte too many", "\x82\xff\0\0\0\0\0\x01\x86\xa1", 10, 1009},
        {"HTTP", "GET / HTTP/1.1\r\n\r\n", 18, 1002},
    };
    FIXTURE(fixture, 0);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http_client_t client HTTP_CLIENT_SCOPED = {0};
        open_socket(&fixture, &client);
        check_ok(http_client_send(&client, str_of(cases[i].bytes, cases[i].size)));
        expect_close(&client, cases[i].code);
        expect_end(&client);
    }
}

Test(websocket, section_7_the_server_closes_first)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    open_socket(&fixture, &client);

    check_ok(http_client_send_frame(&client, 0x81, STR("close")));
    expect_frame(&client, 0x88,
                 STR("\x0f\xa1"
                     "as asked"));
    cr_expect(eq(int, atomic_load(&fixture.state.closed), 0));
    check_ok(http_client_send_frame(&client, 0x81, STR("too late")));
    check_ok(http_client_send_frame(&client, 0x88, STR("\x0f\xa1")));
    expect_end(&client);

    http_client_close(&client);
    wait_until(atomic_load(&fixture.state.closed) == 1);
    cr_expect(eq(u32, atomic_load(&fixture.state.close_code), 4001));
    cr_expect(eq(str, fixture.state.reason, "as asked"));
}

Test(websocket, section_7_a_client_that_never_answers_the_close_is_cut_off)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    open_socket(&fixture, &client);

    check_ok(http_client_send_frame(&client, 0x81, STR("close")));

    wait_until(atomic_load(&fixture.state.closed) == 1);
    cr_expect(eq(u32, atomic_load(&fixture.state.close_code), 4001));
}

Test(websocket, section_7_1_6_a_reason_is_cut_between_characters)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    buf_t got BUF_SCOPED = BUF_INIT;
    uint8_t first_byte;
    open_socket(&fixture, &client);

    check_ok(http_client_send_frame(&client, 0x81, STR("long reason")));
    check_ok(http_client_read_frame(&client, &first_byte, &got));

    cr_assert(eq(sz, got.size, 2 + 122));
}

Test(websocket, frames_right_behind_the_handshake_are_read)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    http_response_t response HTTP_RESPONSE_SCOPED = {0};
    buf_t bytes BUF_SCOPED = BUF_INIT;
    buf_append(&bytes,
               STR("GET /socket HTTP/1.1\r\nHost: a\r\n" UPGRADE VERSION KEY ORIGIN "\r\n"));
    buf_append(&bytes, STR("\x81\x82\0\0\0\0hi"));

    check_ok(http_client_open(&client, fixture.thread.port));
    check_ok(http_client_send(&client, buf_str(&bytes)));

    check_ok(http_client_read(&client, false, &response));
    cr_expect(eq(int, response.status, 101));
    expect_frame(&client, 0x81, STR("hi"));
}

Test(websocket, a_broadcast_reaches_all_while_some_are_gone)
{
    enum { COUNT = 30 };
    FIXTURE(fixture, 0);
    http_client_t clients[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        open_socket(&fixture, &clients[i]);
    for (size_t i = 1; i < COUNT; i += 3)
        http_client_close(&clients[i]);

    check_ok(http_client_send_frame(&clients[0], 0x81, STR("broadcast")));

    for (size_t i = 0; i < COUNT; i++)
        if (i % 3 != 1)
            expect_frame(&clients[i], 0x81, STR("to all"));
    for (size_t i = 0; i < COUNT; i++)
        http_client_close(&clients[i]);
    wait_until(atomic_load(&fixture.state.closed) == COUNT);
}

Test(websocket, a_client_too_slow_is_closed_and_what_waits_is_bounded)
{
    FIXTURE(fixture, 0);
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    gateway_counters_t counters;
    open_socket(&fixture, &client);

    check_ok(http_client_send_frame(&client, 0x81, STR("flood")));
    do
        gateway_server_counters(fixture.thread.server, &counters);
    while (counters.websockets_too_slow == 0);

    /* All was queued in one event, so nothing of it was begun: it is dropped, and the close comes.
     */
    expect_close(&client, WEBSOCKET_TRY_LATER);
    cr_expect(le(int, atomic_load(&fixture.state.sent), QUEUE_SIZE_MAX / 10000 + 1));
}

Test(websocket, a_client_that_answers_is_pinged_again)
{
    FIXTURE(fixture, .limits = {.websocket_ping_ms = 30, .websocket_pong_ms = PATIENCE_MS});
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    open_socket(&fixture, &client);

    for (int i = 0; i < 3; i++) {
        expect_frame(&client, 0x89, STR(""));
        check_ok(http_client_send_frame(&client, 0x8a, STR("")));
    }

    cr_expect(eq(u32, atomic_load(&fixture.state.closed), 0));
}

Test(websocket, a_silent_client_is_pinged_and_given_up)
{
    FIXTURE(fixture, .limits = {.websocket_ping_ms = 30, .websocket_pong_ms = 30});
    http_client_t client HTTP_CLIENT_SCOPED = {0};
    open_socket(&fixture, &client);

    expect_frame(&client, 0x89, STR(""));

    wait_until(atomic_load(&fixture.state.closed) == 1);
    cr_expect(eq(u32, atomic_load(&fixture.state.close_code), 1006));
}

#include "gateway/websocket.h"
#include "tests/support/check.h"
#include "tests/support/gateway_thread.h"
#include "tests/support/http_client.h"

#include <sched.h>
#include <stdatomic.h>

static void wait_later(http_request_t *request)
{
    atomic_store((_Atomic(http_request_t *) *)request->user, request);
}

static void answer(void *context)
{
    http_reply(context, 200, STR("text/plain"), STR("late"));
}

static void quick(http_request_t *request)
{
    http_reply(request, 200, STR("text/plain"), STR("ok"));
}

static void on_message(websocket_t *socket UNUSED, void *user UNUSED, bool is_text UNUSED,
                       str_t message UNUSED)
{
}

static void on_close(websocket_t *socket UNUSED, void *user UNUSED, uint16_t code UNUSED,
                     str_t reason UNUSED)
{
}

static const websocket_events_t socket_events = {on_message, on_close};

static void upgrade(http_request_t *request)
{
    http_upgrade(request, STR(""), &socket_events, NULL);
}

static const route_t rows[] = {{METHOD_GET, "/later", wait_later, NULL, 0},
                               {METHOD_GET, "/quick", quick, NULL, 0},
                               {METHOD_GET, "/socket", upgrade, NULL, 0}};

Test(server_stop, idle_ones_go_busy_ones_finish_and_sockets_are_told)
{
    _Atomic(http_request_t *) waiting = NULL;
    routes_t *routes ROUTES_SCOPED = routes_new();
    gateway_thread_t thread GATEWAY_THREAD_SCOPED = {0};
    http_client_t idle HTTP_CLIENT_SCOPED = {0}, used HTTP_CLIENT_SCOPED = {0},
                       busy HTTP_CLIENT_SCOPED = {0}, socket HTTP_CLIENT_SCOPED = {0};
    http_response_t first HTTP_RESPONSE_SCOPED = {0}, late HTTP_RESPONSE_SCOPED = {0};
    buf_t rest BUF_SCOPED = BUF_INIT, payload BUF_SCOPED = BUF_INIT;
    uint8_t first_byte = 0;
    check_ok(routes_add_all(routes, rows, COUNT_OF(rows)));
    check_ok(gateway_thread_start(
        &thread,
        &(gateway_options_t){.routes = routes, .user = &waiting, .limits = {.linger_ms = 50}}));
    check_ok(http_client_open(&idle, thread.port));
    check_ok(http_client_open(&used, thread.port));
    check_ok(http_client_send(&used, STR("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n")));
    check_ok(http_client_read(&used, false, &first));
    check_ok(http_client_upgrade(&socket, thread.port, "/socket", NULL, NULL));
    check_ok(http_client_open(&busy, thread.port));
    check_ok(http_client_send(&busy, STR("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")));
    while (atomic_load(&waiting) == NULL)
        sched_yield();

    gateway_thread_stop(&thread);

    check_ok(http_client_read_end(&idle, &rest));
    check_ok(http_client_read_end(&used, &rest));
    cr_expect(eq(sz, rest.size, 0));
    check_ok(http_client_read_frame(&socket, &first_byte, &payload));
    cr_expect(eq(int, first_byte, 0x88));
    cr_expect(str_starts_with(buf_str(&payload), STR("\x03\xe9"))); /* 1001 */
    http_client_t refused HTTP_CLIENT_SCOPED = {0};
    cr_expect(http_client_open(&refused, thread.port) != ERR_OK);
    gateway_thread_call(&thread, answer, atomic_load(&waiting));
    check_ok(http_client_read(&busy, false, &late));
    check_str(http_response_header(&late, "connection"), STR("close"));
    check_str(buf_str(&late.body), STR("late"));
}

Test(server_stop, a_connection_that_was_queued_is_still_served)
{
    enum { COUNT = 50 };
    _Atomic(http_request_t *) waiting = NULL;
    routes_t *routes ROUTES_SCOPED = routes_new();
    gateway_thread_t thread = {0};
    http_client_t clients[COUNT];
    check_ok(routes_add_all(routes, rows, COUNT_OF(rows)));
    /* The loop does not run yet: all of these are in the kernel's queue when the stop comes. */
    uv_loop_init(&thread.loop);
    check_ok(gateway_server_new(
        &thread.loop, &(gateway_options_t){.routes = routes, .user = &waiting}, &thread.server));
    check_ok(gateway_server_start(thread.server));
    for (size_t i = 0; i < COUNT; i++) {
        check_ok(http_client_open(&clients[i], gateway_server_port(thread.server)));
        check_ok(http_client_send(&clients[i], STR("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n")));
    }
    gateway_server_stop(thread.server, NULL, NULL);
    pthread_create(&thread.thread, NULL, gateway_thread_run, &thread);

    for (size_t i = 0; i < COUNT; i++) {
        http_response_t response HTTP_RESPONSE_SCOPED = {0};
        check_ok(http_client_read(&clients[i], false, &response));
        cr_expect(eq(int, response.status, 200));
        http_client_close(&clients[i]);
    }

    pthread_join(thread.thread, NULL);
    gateway_server_free(thread.server);
    cr_assert(eq(int, uv_loop_close(&thread.loop), 0));
}

Test(server_stop, a_server_that_never_started_can_be_freed)
{
    routes_t *routes ROUTES_SCOPED = routes_new();
    gateway_server_t *server = NULL;
    uv_loop_t loop;
    uv_loop_init(&loop);
    check_err(gateway_server_new(&loop, &(gateway_options_t){0}, &server), ERR_INVALID);
    check_ok(gateway_server_new(&loop, &(gateway_options_t){.routes = routes}, &server));

    gateway_server_stop(server, NULL, NULL);
    gateway_server_free(server);

    cr_assert(eq(int, uv_loop_close(&loop), 0));
}

/* The protocol layer alone, no actor behind it: a server on one thread, 64 keep-alive connections
 * on another, over loopback. The figure to trust is the server thread's CPU time a request: on a
 * shared machine the rate also measures the client. */
#include "bench/bench.h"
#include "gateway/server.h"
#include "gateway/websocket.h"
#include "runtime/base/assert.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS = 64,
    ROUNDS = 500,
    PIPELINE_DEPTH = 16,
    SUBSCRIBERS = 1000,
    BROADCASTS = 50,
    FILE_SIZE = 1 << 20,
    FILE_ROUNDS = 10
};

typedef struct bench_server {
    uv_loop_t loop;
    uv_async_t stop, broadcast;
    gateway_server_t *server;
    pthread_t thread;
    websocket_t *sockets[SUBSCRIBERS];
    size_t socket_count;
    int file;
} bench_server_t;

typedef struct figures {
    double rate, cpu_us;
} figures_t;

/* ---- the server ---- */

static void answer_small(http_request_t *request)
{
    static const char body[101] = "{\"id\":1,\"title\":\"a track\",\"pad\":\"";
    http_reply(request, 200, STR("application/json"), str_of(body, 100));
}

static void answer_file(http_request_t *request)
{
    bench_server_t *self = request->user;
    http_reply_file(request, &(http_file_t){.fd = dup(self->file),
                                            .size = FILE_SIZE,
                                            .content_type = STR("audio/mp4"),
                                            .etag = STR("\"a\"")});
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

static void subscribe(http_request_t *request)
{
    bench_server_t *self = request->user;
    websocket_t *socket = http_upgrade(request, STR(""), &socket_events, NULL);
    ASSERT(socket != NULL && self->socket_count < SUBSCRIBERS);
    self->sockets[self->socket_count++] = socket;
}

static void on_broadcast(uv_async_t *async)
{
    static const char text[101] = "a message of a hundred bytes";
    bench_server_t *self = async->data;
    websocket_frame_t *frame = websocket_frame_new(true, str_of(text, 100));
    ASSERT(frame != NULL);
    for (size_t i = 0; i < self->socket_count; i++)
        websocket_send_frame(self->sockets[i], frame);
    websocket_frame_unref(&frame);
}

static void on_stopped(void *context)
{
    bench_server_t *self = context;
    uv_close((uv_handle_t *)&self->stop, NULL);
    uv_close((uv_handle_t *)&self->broadcast, NULL);
}

static void on_stop(uv_async_t *async)
{
    bench_server_t *self = async->data;
    gateway_server_stop(self->server, on_stopped, self);
}

static void *run_loop(void *context)
{
    bench_server_t *self = context;
    uv_run(&self->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void server_start(bench_server_t *self, const routes_t *routes)
{
    const gateway_options_t options = {
        .routes = routes, .user = self, .limits = {.requests_per_connection_max = UINT32_MAX}};
    ASSERT(uv_loop_init(&self->loop) == 0);
    ASSERT(gateway_server_new(&self->loop, &options, &self->server) == ERR_OK);
    ASSERT(gateway_server_start(self->server) == ERR_OK);
    ASSERT(uv_async_init(&self->loop, &self->stop, on_stop) == 0);
    ASSERT(uv_async_init(&self->loop, &self->broadcast, on_broadcast) == 0);
    self->stop.data = self->broadcast.data = self;
    ASSERT(pthread_create(&self->thread, NULL, run_loop, self) == 0);
}

static double cpu_of(const bench_server_t *self)
{
    clockid_t clock;
    struct timespec time;
    ASSERT(pthread_getcpuclockid(self->thread, &clock) == 0);
    ASSERT(clock_gettime(clock, &time) == 0);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- the client ---- */

static int connect_to(const bench_server_t *self)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(gateway_server_port(self->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    ASSERT(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    ASSERT(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    return fd;
}

static void send_all(int fd, str_t bytes)
{
    ASSERT(send(fd, bytes.data, bytes.size, MSG_NOSIGNAL) == (ssize_t)bytes.size);
}

static void receive_bytes(int fd, size_t size)
{
    char block[65536];
    while (size > 0) {
        ssize_t got = recv(fd, block, MIN(size, sizeof block), 0);
        ASSERT(got > 0);
        size -= (size_t)got;
    }
}

/* The size of one whole answer, which is the same every time. */
static size_t answer_size(int fd, str_t request, size_t body_size)
{
    char block[4096];
    size_t size = 0;
    send_all(fd, request);
    for (;;) {
        ssize_t got = recv(fd, block + size, 1, 0);
        ASSERT(got == 1 && size < sizeof block - 1);
        if (str_ends_with(str_of(block, ++size), STR("\r\n\r\n")))
            break;
    }
    receive_bytes(fd, body_size);
    return size + body_size;
}

static figures_t run_requests(bench_server_t *self, str_t path, size_t body_size, int depth,
                              int rounds)
{
    int fds[CONNECTIONS];
    buf_t one BUF_SCOPED = BUF_INIT, all BUF_SCOPED = BUF_INIT;
    buf_printf(&one, "GET %.*s HTTP/1.1\r\nHost: localhost\r\n\r\n", STR_ARG(path));
    for (int i = 0; i < depth; i++)
        buf_append(&all, buf_str(&one));
    for (int i = 0; i < CONNECTIONS; i++)
        fds[i] = connect_to(self);
    size_t size = answer_size(fds[0], buf_str(&one), body_size);

    double begin = bench_seconds(), cpu = cpu_of(self);
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < CONNECTIONS; i++)
            send_all(fds[i], buf_str(&all));
        for (int i = 0; i < CONNECTIONS; i++)
            receive_bytes(fds[i], size * (size_t)depth);
    }
    double requests = (double)rounds * CONNECTIONS * depth;
    figures_t figures = {requests / (bench_seconds() - begin),
                         (cpu_of(self) - cpu) * 1e6 / requests};
    for (int i = 0; i < CONNECTIONS; i++)
        close(fds[i]);
    return figures;
}

static void bench_requests(bench_server_t *self, const char *name, str_t path, size_t body_size,
                           int depth, int rounds)
{
    double rates[BENCH_PAIRS], cpus[BENCH_PAIRS];
    char label[64];
    for (int i = 0; i < BENCH_PAIRS; i++) {
        figures_t figures = run_requests(self, path, body_size, depth, rounds);
        rates[i] = figures.rate;
        cpus[i] = figures.cpu_us;
    }
    snprintf(label, sizeof label, "gateway.%s.rate", name);
    bench_print(label, bench_median(rates, BENCH_PAIRS), "requests/s");
    snprintf(label, sizeof label, "gateway.%s.cpu", name);
    bench_print(label, bench_median(cpus, BENCH_PAIRS), "us/request");
}

static void bench_broadcast(bench_server_t *self)
{
    int fds[SUBSCRIBERS];
    char request[400];
    uint16_t port = gateway_server_port(self->server);
    snprintf(request, sizeof request,
             "GET /socket HTTP/1.1\r\nHost: localhost:%u\r\nOrigin: http://localhost:%u\r\n"
             "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
             port, port);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        fds[i] = connect_to(self);
        ASSERT(answer_size(fds[i], str_from(request), 0) > 0);
    }
    double cpu = cpu_of(self);
    for (int round = 0; round < BROADCASTS; round++) {
        uv_async_send(&self->broadcast);
        for (int i = 0; i < SUBSCRIBERS; i++)
            receive_bytes(fds[i], 102);
    }
    bench_print("gateway.websocket_broadcast.cpu",
                (cpu_of(self) - cpu) * 1e6 / BROADCASTS / SUBSCRIBERS, "us/delivery");
    for (int i = 0; i < SUBSCRIBERS; i++)
        close(fds[i]);
}

int main(void)
{
    static const route_t rows[] = {{METHOD_GET, "/small", answer_small, NULL, 0},
                                   {METHOD_GET, "/file", answer_file, NULL, 0},
                                   {METHOD_GET, "/socket", subscribe, NULL, 0}};
    bench_server_t server = {0};
    char path[] = "/tmp/bench_http_XXXXXX";
    server.file = mkstemp(path);
    ASSERT(server.file >= 0 && unlink(path) == 0 && ftruncate(server.file, FILE_SIZE) == 0);
    routes_t *routes ROUTES_SCOPED = routes_new();
    ASSERT(routes != NULL && routes_add_all(routes, rows, COUNT_OF(rows)) == ERR_OK);
    server_start(&server, routes);

    bench_requests(&server, "http", STR("/small"), 100, 1, ROUNDS);
    bench_requests(&server, "http_pipelined", STR("/small"), 100, PIPELINE_DEPTH, ROUNDS / 10);
    bench_requests(&server, "file_1mb", STR("/file"), FILE_SIZE, 1, FILE_ROUNDS);
    bench_broadcast(&server);

    uv_async_send(&server.stop);
    pthread_join(server.thread, NULL);
    gateway_server_free(server.server);
    uv_loop_close(&server.loop);
    return 0;
}

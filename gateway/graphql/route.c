#include "gateway/graphql/route.h"

#include "actors/protocol/account.h"
#include "gateway/graphql/http.h"
#include "gateway/graphql/resolve/graph.h"
#include "gateway/graphql/transport_ws.h"
#include "gateway/websocket.h"
#include "runtime/base/memory.h"

/* ---- HTTP ---- */

typedef struct http_run {
    http_request_t *request; /* NULL: it was given up */
    graph_t *graph;
    graphql_http_call_t call;
    graphql_execution_t *execution;
} http_run_t;

static void run_free(http_run_t *self)
{
    graph_unref(self->graph);
    memory_free(self);
}

static void reply(http_request_t *request, const graphql_http_call_t *call, int status, str_t json)
{
    if (call->allow != NULL)
        http_reply_header(request, "Allow", str_from(call->allow));
    http_reply_header(request, "Cache-Control", STR("no-store"));
    http_reply(request, status, str_from(call->media_type), json);
}

static void executed(void *context, const graphql_response_t *response)
{
    http_run_t *self = context;
    int status = graphql_http_status(&self->call, response);
    self->execution = NULL;
    reply(self->request, &self->call, status, response->json);
    run_free(self);
}

static void client_left(http_request_t *request, void *context)
{
    http_run_t *self = context;
    graphql_cancel(&self->execution);
    http_abandon(request);
    run_free(self);
}

static void refuse_caller(http_request_t *request, err_t err)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key(&json, STR("errors"));
    json_array_begin(&json);
    json_object_begin(&json);
    json_key_str(&json, "message", str_from(err_text(err)));
    json_key(&json, STR("extensions"));
    json_object_begin(&json);
    json_key_str(&json, "code", str_from(err_name(err)));
    json_object_end(&json);
    json_object_end(&json);
    json_array_end(&json);
    json_object_end(&json);
    http_reply_header(request, "Cache-Control", STR("no-store"));
    http_reply_buf(request, err_http_status(err),
                   STR("application/graphql-response+json; charset=utf-8"), &body);
}

static void run_http(http_request_t *request)
{
    graphql_http_input_t input = {.method = str_from(http_method_name(request->method)),
                                  .content_type = http_header(request, "Content-Type"),
                                  .accept = http_header(request, "Accept"),
                                  .query_string = request->query,
                                  .body = request->body};
    graphql_http_call_t call;
    caller_t caller;
    graphql_http_read(&input, request->arena, &call);
    if (call.status != 0) {
        reply(request, &call, call.status, call.body);
        return;
    }
    err_t err = caller_of(request, &caller);
    if (err != ERR_OK) {
        refuse_caller(request, err);
        return;
    }
    http_run_t *self = memory_new(sizeof *self);
    graph_t *graph = graph_new(home_of(request), &caller.claims);
    if (self == NULL || graph == NULL) {
        memory_free(self);
        graph_unref(graph);
        http_reply_error(request, ERR_NO_MEMORY, NULL);
        return;
    }
    *self = (http_run_t){request, graph, call, NULL};
    self->call.request.context = graph;
    http_on_cancel(request, client_left, self);
    /* It may be done, and self gone, before this returns: then there is nothing to note. */
    graphql_execution_t *execution =
        graphql_execute(home_of(request)->api->graphql, &self->call.request, executed, self);
    if (execution != NULL)
        self->execution = execution;
}

/* ---- WebSocket ---- */

typedef struct socket {
    websocket_t *websocket; /* NULL: closed */
    graphql_ws_t *protocol;
    graph_t *graph;
    edge_subscription_t *ended;
    uv_timer_t timer;
} socket_t;

static void send_text(void *context, str_t text)
{
    socket_t *self = context;
    if (self->websocket != NULL)
        websocket_send_text(self->websocket, text);
}

static void close_socket(void *context, uint16_t code, str_t reason)
{
    socket_t *self = context;
    if (self->websocket != NULL)
        websocket_close(self->websocket, code, reason);
}

static void on_message(websocket_t *websocket, void *user, bool is_text, str_t message)
{
    socket_t *self = user;
    (void)websocket;
    if (is_text)
        graphql_ws_text(self->protocol, message);
    else
        graphql_ws_binary(self->protocol);
}

static void socket_gone(uv_handle_t *handle)
{
    socket_t *self = handle->data;
    graph_unref(self->graph);
    memory_free(self);
}

static void on_close(websocket_t *websocket, void *user, uint16_t code, str_t reason)
{
    socket_t *self = user;
    (void)websocket, (void)code, (void)reason;
    self->websocket = NULL;
    edge_unsubscribe(&self->ended);
    graphql_ws_free(STEAL(self->protocol));
    uv_close((uv_handle_t *)&self->timer, socket_gone);
}

static void session_has_ended(void *context, str_t topic, const schema_t *schema,
                              const void *message)
{
    socket_t *self = context;
    (void)topic;
    if (schema != &session_ended_schema || self->websocket == NULL)
        return;
    const session_ended_t *ended = message;
    if (str_equal(ended->sid, str_from(self->graph->claims.sid)))
        websocket_close(self->websocket, GRAPHQL_WS_CLOSE_UNAUTHORIZED, STR("Signed out"));
}

static void init_is_late(uv_timer_t *timer)
{
    socket_t *self = timer->data;
    if (self->protocol != NULL)
        graphql_ws_init_timeout(self->protocol);
}

static err_t socket_init(socket_t *self, home_t *home)
{
    const graphql_ws_handlers_t handlers = {
        .send = send_text, .close = close_socket, .context = self};
    TRY(graphql_ws_new(home->api->graphql, &handlers, NULL, self->graph, &self->protocol));
    self->ended = edge_subscribe(home->edge, TOPIC_SESSIONS_ENDED_HERE, session_has_ended, self);
    return self->ended == NULL ? ERR_NO_MEMORY : ERR_OK;
}

static void socket_drop(socket_t *self)
{
    if (self == NULL)
        return;
    graphql_ws_free(self->protocol);
    graph_unref(self->graph);
    memory_free(self);
}

static void upgrade(http_request_t *request)
{
    static const websocket_events_t events = {on_message, on_close};
    home_t *home = home_of(request);
    caller_t caller;
    err_t err = caller_of(request, &caller);
    if (err != ERR_OK) {
        http_reply_error(request, err, NULL);
        return;
    }
    socket_t *self = memory_new(sizeof *self);
    if (self != NULL)
        self->graph = graph_new(home, &caller.claims);
    if (self == NULL || self->graph == NULL || socket_init(self, home) != ERR_OK) {
        socket_drop(self);
        http_reply_error(request, ERR_NO_MEMORY, NULL);
        return;
    }
    bool is_offered = http_offers_subprotocol(request, GRAPHQL_WS_SUBPROTOCOL);
    self->websocket =
        http_upgrade(request, is_offered ? STR(GRAPHQL_WS_SUBPROTOCOL) : (str_t){0}, &events, self);
    if (self->websocket == NULL) {
        edge_unsubscribe(&self->ended);
        socket_drop(self);
        return;
    }
    uv_timer_init(runtime_loop(home->api->runtime, edge_scheduler(home->edge)), &self->timer);
    self->timer.data = self;
    uv_timer_start(&self->timer, init_is_late, GRAPHQL_WS_INIT_TIMEOUT_MS, 0);
    if (!is_offered)
        graphql_ws_refuse_subprotocol(self->protocol);
}

static void get_graphql(http_request_t *request)
{
    if (http_header(request, "Upgrade").data != NULL)
        upgrade(request);
    else
        run_http(request);
}

err_t graphql_routes(routes_t *routes)
{
    const route_t rows[] = {
        {METHOD_GET, "/graphql", get_graphql, NULL, 0},
        {METHOD_POST, "/graphql", run_http, NULL, GRAPHQL_BODY_BYTES_MAX + 1},
    };
    return routes_add_all(routes, rows, COUNT_OF(rows));
}

#include "gateway/graphql/transport_ws.h"

#include "runtime/base/json.h"
#include "runtime/base/memory.h"

typedef enum ws_state { WS_NEW, WS_READY, WS_CLOSED } ws_state_t;

typedef struct operation operation_t;
struct operation {
    graphql_ws_t *ws;
    operation_t *next;
    str_t id;
    graphql_subscription_t *subscription; /* NULL while it starts, and when it has ended */
    bool has_ended;
    char id_bytes[GRAPHQL_WS_ID_BYTES_MAX];
};

struct graphql_ws {
    const graphql_engine_t *engine;
    graphql_ws_handlers_t handlers;
    const void *root;
    void *context;
    ws_state_t state;
    bool is_init_seen;
    operation_t *operations;
    size_t operation_count;
    arena_t arena; /* of the message that is being read */
};

err_t graphql_ws_new(const graphql_engine_t *engine, const graphql_ws_handlers_t *handlers,
                     const void *root, void *context, graphql_ws_t **out_ws)
{
    graphql_ws_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->engine = engine;
    self->handlers = *handlers;
    self->root = root;
    self->context = context;
    *out_ws = self;
    return ERR_OK;
}

static void stop_operations(graphql_ws_t *self)
{
    while (self->operations != NULL) {
        operation_t *operation = self->operations;
        self->operations = operation->next;
        self->operation_count--;
        graphql_unsubscribe(&operation->subscription);
        memory_free(operation);
    }
}

void graphql_ws_free(graphql_ws_t *self)
{
    if (self == NULL)
        return;
    self->state = WS_CLOSED;
    stop_operations(self);
    arena_deinit(&self->arena);
    memory_free(self);
}

/* ---- sending ---- */

static void close_with(graphql_ws_t *self, uint16_t code, str_t reason)
{
    if (self->state == WS_CLOSED)
        return;
    self->state = WS_CLOSED;
    self->handlers.close(self->handlers.context, code, reason);
}

static void close_invalid(graphql_ws_t *self, const char *reason)
{
    close_with(self, GRAPHQL_WS_CLOSE_INVALID, str_from(reason));
}

/* payload is JSON; {NULL, 0}: none. id likewise. */
static void send_message(graphql_ws_t *self, const char *type, str_t id, str_t payload)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    if (self->state == WS_CLOSED)
        return;
    json_t json = json_to(&text);
    json_object_begin(&json);
    if (id.data != NULL)
        json_key_str(&json, "id", id);
    json_key_str(&json, "type", str_from(type));
    if (payload.data != NULL) {
        json_key(&json, STR("payload"));
        json_raw(&json, payload);
    }
    json_object_end(&json);
    if (buf_status(&text) == ERR_OK)
        self->handlers.send(self->handlers.context, buf_str(&text));
    else
        close_with(self, GRAPHQL_WS_CLOSE_ERROR, STR("Internal server error"));
}

static const str_t nothing = {NULL, 0};

/* ---- operations ---- */

static operation_t **find_operation(graphql_ws_t *self, str_t id)
{
    operation_t **place = &self->operations;
    while (*place != NULL && !str_equal((*place)->id, id))
        place = &(*place)->next;
    return place;
}

static void remove_operation(operation_t *operation)
{
    graphql_ws_t *self = operation->ws;
    operation_t **place = find_operation(self, operation->id);
    if (*place != operation)
        return;
    *place = operation->next;
    self->operation_count--;
}

static void on_next(void *context, str_t result_json)
{
    operation_t *operation = context;
    send_message(operation->ws, "next", operation->id, result_json);
}

/* An operation that ends while graphql_subscribe is still on the stack is freed by start_operation.
 */
static void finish(operation_t *operation, const char *type, str_t payload)
{
    bool is_starting = operation->subscription == NULL;
    remove_operation(operation);
    operation->has_ended = true;
    send_message(operation->ws, type, operation->id, payload);
    if (!is_starting)
        memory_free(operation);
}

static void on_error(void *context, str_t errors_json)
{
    finish(context, "error", errors_json);
}

static void on_complete(void *context)
{
    finish(context, "complete", nothing);
}

static void start_operation(graphql_ws_t *self, str_t id, const graphql_request_t *request)
{
    operation_t *operation = memory_new(sizeof *operation);
    if (operation == NULL) {
        close_with(self, GRAPHQL_WS_CLOSE_ERROR, STR("Internal server error"));
        return;
    }
    memcpy(operation->id_bytes, id.data, id.size);
    operation->id = str_of(operation->id_bytes, id.size);
    operation->ws = self;
    operation->next = self->operations;
    self->operations = operation;
    self->operation_count++;
    graphql_observer_t observer = {on_next, on_error, on_complete, operation};
    graphql_subscription_t *subscription = graphql_subscribe(self->engine, request, &observer);
    if (operation->has_ended)
        memory_free(operation);
    else
        operation->subscription = subscription;
}

/* ---- messages ---- */

static void on_init(graphql_ws_t *self, const graphql_value_t *message)
{
    const graphql_value_t *payload = graphql_value_get(message, "payload");
    if (self->is_init_seen) {
        close_with(self, GRAPHQL_WS_CLOSE_TOO_MANY_INITS, STR("Too many initialisation requests"));
        return;
    }
    self->is_init_seen = true;
    err_t err =
        self->handlers.init == NULL ? ERR_OK : self->handlers.init(self->handlers.context, payload);
    if (err != ERR_OK) {
        close_with(self, GRAPHQL_WS_CLOSE_FORBIDDEN, STR("Forbidden"));
        return;
    }
    if (self->state == WS_NEW)
        self->state = WS_READY;
    send_message(self, "connection_ack", nothing, nothing);
}

static void refuse_operation(graphql_ws_t *self, str_t id, err_t err, const char *text)
{
    buf_t out BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&out);
    json_array_begin(&json);
    json_object_begin(&json);
    json_key_str(&json, "message", str_from(text));
    json_key(&json, STR("extensions"));
    json_object_begin(&json);
    json_key_str(&json, "code", str_from(err_name(err)));
    json_object_end(&json);
    json_object_end(&json);
    json_array_end(&json);
    send_message(self, "error", id, buf_str(&out));
}

static bool is_optional(const graphql_value_t *value, graphql_value_kind_t kind)
{
    return graphql_value_is_null(value) || value->kind == kind;
}

static void on_subscribe(graphql_ws_t *self, const graphql_value_t *message)
{
    const graphql_value_t *payload = graphql_value_get(message, "payload");
    const graphql_value_t *query = graphql_value_get(payload, "query");
    const graphql_value_t *name = graphql_value_get(payload, "operationName");
    const graphql_value_t *variables = graphql_value_get(payload, "variables");
    str_t id = graphql_value_str(graphql_value_get(message, "id"));
    if (str_is_empty(id) || id.size > GRAPHQL_WS_ID_BYTES_MAX) {
        close_invalid(self, "Invalid message: 'subscribe' needs an 'id'");
    } else if (query == NULL || query->kind != GRAPHQL_STRING) {
        close_invalid(self, "Invalid message: 'subscribe' needs a 'query' in its payload");
    } else if (!is_optional(name, GRAPHQL_STRING) || !is_optional(variables, GRAPHQL_OBJECT) ||
               !is_optional(graphql_value_get(payload, "extensions"), GRAPHQL_OBJECT)) {
        close_invalid(self, "Invalid message: the payload of 'subscribe' has the wrong shape");
    } else if (self->state != WS_READY) {
        close_with(self, GRAPHQL_WS_CLOSE_UNAUTHORIZED, STR("Unauthorized"));
    } else if (*find_operation(self, id) != NULL) {
        str_t reason =
            arena_printf(&self->arena, "Subscriber for %.*s already exists",
                         STR_ARG(str_slice(id, 0, 80))); /* a close reason has 123 bytes */
        close_with(self, GRAPHQL_WS_CLOSE_DUPLICATE,
                   reason.data == NULL ? STR("Subscriber already exists") : reason);
    } else if (self->operation_count >= GRAPHQL_WS_SUBSCRIPTIONS_MAX) {
        refuse_operation(self, id, ERR_LIMIT, "Too many operations on one connection");
    } else {
        graphql_request_t request = {.query = query->text,
                                     .operation_name = graphql_value_str(name),
                                     .variables =
                                         graphql_value_is_null(variables) ? NULL : variables,
                                     .root = self->root,
                                     .context = self->context};
        start_operation(self, id, &request);
    }
}

static void on_client_complete(graphql_ws_t *self, const graphql_value_t *message)
{
    str_t id = graphql_value_str(graphql_value_get(message, "id"));
    if (id.data == NULL) {
        close_invalid(self, "Invalid message: 'complete' needs an 'id'");
        return;
    }
    operation_t *operation = *find_operation(self, id);
    if (operation == NULL)
        return; /* it has just ended by itself */
    remove_operation(operation);
    graphql_unsubscribe(&operation->subscription);
    memory_free(operation);
}

static void on_ping(graphql_ws_t *self, const graphql_value_t *message)
{
    const graphql_value_t *payload = graphql_value_get(message, "payload");
    buf_t text BUF_SCOPED = BUF_INIT;
    if (payload != NULL)
        graphql_value_to_json(payload, &text);
    send_message(self, "pong", nothing, payload == NULL ? nothing : buf_str(&text));
}

static void dispatch(graphql_ws_t *self, const graphql_value_t *message)
{
    str_t type = graphql_value_str(graphql_value_get(message, "type"));
    bool has_payload_shape = is_optional(graphql_value_get(message, "payload"), GRAPHQL_OBJECT);
    if (!has_payload_shape)
        close_invalid(self, "Invalid message: 'payload' must be an object");
    else if (str_equal(type, STR("connection_init")))
        on_init(self, message);
    else if (str_equal(type, STR("subscribe")))
        on_subscribe(self, message);
    else if (str_equal(type, STR("complete")))
        on_client_complete(self, message);
    else if (str_equal(type, STR("ping")))
        on_ping(self, message);
    else if (!str_equal(type, STR("pong")))
        close_invalid(self, "Invalid message: its 'type' is not one that a client sends");
}

void graphql_ws_text(graphql_ws_t *self, str_t text)
{
    graphql_value_t message;
    if (self->state == WS_CLOSED)
        return;
    err_t err = graphql_value_from_json(text, &self->arena, &message);
    if (err == ERR_NO_MEMORY)
        close_with(self, GRAPHQL_WS_CLOSE_ERROR, STR("Internal server error"));
    else if (err != ERR_OK || message.kind != GRAPHQL_OBJECT)
        close_invalid(self, "Invalid message: not a JSON object");
    else
        dispatch(self, &message);
    arena_reset(&self->arena);
    if (self->state == WS_CLOSED)
        stop_operations(self);
}

void graphql_ws_binary(graphql_ws_t *self)
{
    close_invalid(self, "Invalid message: text is expected");
    stop_operations(self);
}

void graphql_ws_init_timeout(graphql_ws_t *self)
{
    if (!self->is_init_seen)
        close_with(self, GRAPHQL_WS_CLOSE_INIT_TIMEOUT, STR("Connection initialisation timeout"));
}

void graphql_ws_refuse_subprotocol(graphql_ws_t *self)
{
    close_with(self, GRAPHQL_WS_CLOSE_SUBPROTOCOL, STR("Subprotocol not acceptable"));
}

void graphql_ws_ping(graphql_ws_t *self)
{
    if (self->state == WS_READY)
        send_message(self, "ping", nothing, nothing);
}

bool graphql_ws_is_offered(str_t sec_websocket_protocol)
{
    str_t part;
    if (sec_websocket_protocol.data == NULL)
        return false;
    for (str_t rest = sec_websocket_protocol; str_next(&rest, ',', &part);)
        if (str_equal(str_trim(part), STR(GRAPHQL_WS_SUBPROTOCOL)))
            return true;
    return false;
}

bool graphql_ws_is_closed(const graphql_ws_t *self)
{
    return self->state == WS_CLOSED;
}

size_t graphql_ws_subscription_count(const graphql_ws_t *self)
{
    return self->operation_count;
}

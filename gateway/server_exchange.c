/* The exchanges of a server: a list of those alive, and a few kept for the next requests. */
#include "gateway/server_internal.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"

#include <string.h>

static void link_exchange(gateway_server_t *server, exchange_t *self)
{
    self->previous = NULL;
    self->next = server->exchanges;
    if (self->next != NULL)
        self->next->previous = self;
    server->exchanges = self;
}

static void unlink_exchange(gateway_server_t *server, exchange_t *self)
{
    if (self->previous != NULL)
        self->previous->next = self->next;
    else
        server->exchanges = self->next;
    if (self->next != NULL)
        self->next->previous = self->previous;
}

exchange_t *exchange_take(gateway_server_t *server, connection_t *connection)
{
    exchange_t *self = server->free_exchanges;
    if (self != NULL) {
        server->free_exchanges = self->next;
        server->free_exchange_count--;
    } else {
        self = memory_new(sizeof *self);
        if (self == NULL)
            return NULL;
        exchange_init(self, server->limits.request_memory_size_max);
    }
    self->server = server;
    self->connection = connection;
    self->started_ns = clock_mono_ns(&server->options.clock);
    self->request.edge = server->options.edge;
    self->request.user = server->options.user;
    self->request.peer = str_from(connection->address);
    link_exchange(server, self);
    return self;
}

void exchange_release(exchange_t *self)
{
    gateway_server_t *server = self->server;
    if (server != NULL)
        unlink_exchange(server, self);
    if (server != NULL && server->free_exchange_count < EXCHANGES_KEPT_MAX &&
        !server->is_stopping) {
        exchange_reset(self);
        self->next = server->free_exchanges;
        server->free_exchanges = self;
        server->free_exchange_count++;
        return;
    }
    exchange_deinit(self);
    memory_free(self);
}

static bool is_good_id(str_t id)
{
    for (size_t i = 0; i < id.size; i++) {
        char c = id.data[i];
        bool is_fit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '-' || c == '_';
        if (!is_fit)
            return false;
    }
    return id.size >= 1 && id.size <= HTTP_ID_SIZE_MAX;
}

static uint64_t random_half(gateway_server_t *server)
{
    uint64_t value;
    if (server->random_left < sizeof value) {
        random_fill(&server->options.random, server->random_pool, RANDOM_POOL_SIZE);
        server->random_left = RANDOM_POOL_SIZE;
    }
    server->random_left -= sizeof value;
    memcpy(&value, server->random_pool + server->random_left, sizeof value);
    return value;
}

/* To be recorded costs every message of the node a little for a while, and anybody may ask for it.
 */
static bool may_sample(gateway_server_t *server, uint64_t now_ns)
{
    uint64_t now_s = now_ns / 1000000000;
    if (server->sampled_s != now_s)
        server->sampled_count = 0;
    server->sampled_s = now_s;
    return server->sampled_count++ < HTTP_SAMPLED_MAX;
}

static void choose_trace(exchange_t *self)
{
    gateway_server_t *server = self->server;
    trace_context_t *trace = &self->trace;
    str_t header = http_header(&self->request, "traceparent");
    self->is_trace_told = header.data != NULL;
    if (trace_context_parse(header, trace) == ERR_OK) {
        trace->is_sampled = trace->is_sampled && may_sample(server, self->started_ns);
        return;
    }
    trace->id.high = random_half(server);
    trace->id.low = random_half(server) | 1; /* zero is none */
    trace->is_sampled = false;
}

void exchange_choose_id(exchange_t *self)
{
    str_t id = http_header(&self->request, "x-request-id");
    choose_trace(self);
    trace_id_write(self->trace.id, self->id);
    self->is_trace_told |= is_good_id(id); /* the id does not tell it */
    self->request.id = is_good_id(id) ? id : str_of(self->id, sizeof self->id);
}

uint32_t exchange_trace(const exchange_t *self)
{
    return trace_number(self->trace.id) | (self->trace.is_sampled ? TRACE_SAMPLED : 0);
}

void exchange_append_trace(const exchange_t *self, buf_t *head)
{
    if (!self->is_trace_told)
        return;
    buf_append(head, STR("traceresponse: "));
    trace_context_append(&self->trace, trace_number(self->trace.id), head);
    buf_append(head, STR("\r\n"));
}

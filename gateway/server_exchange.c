/* The exchanges of a server: a list of those alive, and a few kept for the next requests. */
#include "gateway/server_internal.h"

#include "runtime/base/memory.h"
#include "runtime/base/text.h"

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

static void make_id(exchange_t *self)
{
    static const char digits[] = "0123456789abcdef";
    gateway_server_t *server = self->server;
    if (server->random_left < REQUEST_ID_SIZE) {
        random_fill(&server->options.random, server->random_pool, RANDOM_POOL_SIZE);
        server->random_left = RANDOM_POOL_SIZE;
    }
    server->random_left -= REQUEST_ID_SIZE;
    const unsigned char *bytes = server->random_pool + server->random_left;
    for (size_t i = 0; i < REQUEST_ID_SIZE; i++) {
        self->id[2 * i] = digits[bytes[i] >> 4];
        self->id[2 * i + 1] = digits[bytes[i] & 15];
    }
    self->request.id = str_of(self->id, (size_t)2 * REQUEST_ID_SIZE);
}

void exchange_choose_id(exchange_t *self)
{
    str_t id = http_header(&self->request, "x-request-id");
    if (is_good_id(id))
        self->request.id = id;
    else
        make_id(self);
}

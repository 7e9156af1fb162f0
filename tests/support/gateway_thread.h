#pragma once
/* gateway_thread.h -- a gateway server on a plain loop in a thread of its own, for tests of
 * handlers.
 *
 *     gateway_thread_t thread GATEWAY_THREAD_SCOPED = {0};
 *     check_ok(gateway_thread_start(&thread, &(gateway_options_t){.routes = routes}));
 *     check_ok(http_fetch(thread.port, "GET", "/livez", NULL, STR(""), &response));
 *
 * Handlers run on that thread. The scope's end stops the server and waits for it. */

#include "gateway/server.h"

#include <pthread.h>

typedef struct gateway_thread {
    uv_loop_t loop;
    uv_async_t stop, call;
    gateway_server_t *server;
    pthread_t thread;
    uint16_t port;
    void (*called)(void *context);
    void *call_context;
} gateway_thread_t;

static inline void gateway_thread_on_stopped(void *context)
{
    gateway_thread_t *self = context;
    uv_close((uv_handle_t *)&self->stop, NULL);
    uv_close((uv_handle_t *)&self->call, NULL);
}

static inline void gateway_thread_on_stop(uv_async_t *async)
{
    gateway_thread_t *self = async->data;
    gateway_server_stop(self->server, gateway_thread_on_stopped, self);
}

static inline void gateway_thread_on_call(uv_async_t *async)
{
    gateway_thread_t *self = async->data;
    self->called(self->call_context);
}

static inline void *gateway_thread_run(void *context)
{
    gateway_thread_t *self = context;
    uv_run(&self->loop, UV_RUN_DEFAULT);
    return NULL;
}

static inline err_t gateway_thread_start(gateway_thread_t *self, const gateway_options_t *options)
{
    if (uv_loop_init(&self->loop) != 0)
        return ERR_INTERNAL;
    TRY(gateway_server_new(&self->loop, options, &self->server));
    TRY(gateway_server_start(self->server));
    self->port = gateway_server_port(self->server);
    self->stop.data = self->call.data = self;
    if (uv_async_init(&self->loop, &self->stop, gateway_thread_on_stop) != 0 ||
        uv_async_init(&self->loop, &self->call, gateway_thread_on_call) != 0)
        return ERR_INTERNAL;
    return pthread_create(&self->thread, NULL, gateway_thread_run, self) == 0 ? ERR_OK
                                                                              : ERR_INTERNAL;
}

/* Runs fn(context) on the server's thread, soon; one at a time. */
static inline void gateway_thread_call(gateway_thread_t *self, void (*fn)(void *context),
                                       void *context)
{
    self->called = fn;
    self->call_context = context;
    uv_async_send(&self->call);
}

/* Begins the stop; gateway_thread_join waits for its end. */
static inline void gateway_thread_stop(gateway_thread_t *self)
{
    uv_async_send(&self->stop);
}

static inline void gateway_thread_join(gateway_thread_t *self)
{
    if (self->server == NULL)
        return;
    gateway_thread_stop(self);
    pthread_join(self->thread, NULL);
    gateway_server_free(self->server);
    self->server = NULL;
    uv_loop_close(&self->loop);
}
#define GATEWAY_THREAD_SCOPED SCOPED(gateway_thread_join)

#pragma once
/* pool_fixture.h -- a worker pool on a loop of its own thread, as a scheduler's is. */

#include "actors/media_client.h"

#include <pthread.h>

typedef struct pool_fixture {
    uv_loop_t loop;
    uv_async_t stop;
    worker_pool_t *pool;
    media_client_t client;
    pthread_t thread;
} pool_fixture_t;

/* program: in the build folder. */
void pool_fixture_start(pool_fixture_t *self, const char *program, const worker_options_t *options);
void pool_fixture_stop(pool_fixture_t *self);

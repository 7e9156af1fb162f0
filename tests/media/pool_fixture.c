#include "tests/media/pool_fixture.h"

#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

static void on_stop(uv_async_t *stop)
{
    pool_fixture_t *self = stop->data;
    worker_pool_stop(&self->pool, NULL, NULL);
    uv_close((uv_handle_t *)stop, NULL);
}

static void *run(void *context)
{
    pool_fixture_t *self = context;
    uv_run(&self->loop, UV_RUN_DEFAULT);
    return NULL;
}

void pool_fixture_start(pool_fixture_t *self, const char *program, const worker_options_t *options)
{
    char path[512];
    const char *build = getenv("MS_BUILD");
    if (program[0] == '/')
        snprintf(path, sizeof path, "%s", program);
    else
        snprintf(path, sizeof path, "%s/%s", build == NULL ? "." : build, program);
    worker_options_t own = *options;
    own.program = path;
    cr_assert(uv_loop_init(&self->loop) == 0);
    self->stop.data = self;
    cr_assert(uv_async_init(&self->loop, &self->stop, on_stop) == 0);
    check_ok(worker_pool_new(&self->loop, &own, &self->pool));
    self->client = (media_client_t){self->pool};
    cr_assert(pthread_create(&self->thread, NULL, run, self) == 0);
}

void pool_fixture_stop(pool_fixture_t *self)
{
    uv_async_send(&self->stop);
    pthread_join(self->thread, NULL);
    cr_assert(uv_loop_close(&self->loop) == 0, "a handle is still open");
}

#include "gateway/own_writes.h"

#include "runtime/base/memory.h"

enum { LOOK_MS_MAX = 16 };

typedef struct waiting {
    uv_timer_t timer;
    const projection_t *projection;
    uint64_t position;
    uint64_t left_ms, look_ms;
    own_writes_then_fn then;
    void *context;
} waiting_t;

static bool is_reached(const projection_t *projection, uint64_t position)
{
    return projection == NULL || projection_position(projection) >= position;
}

static void closed(uv_handle_t *timer)
{
    memory_free(timer->data);
}

static void look(uv_timer_t *timer);

static void look_later(waiting_t *self)
{
    uint64_t ms = MIN(self->look_ms, self->left_ms);
    self->left_ms -= ms;
    self->look_ms = MIN(self->look_ms * 2, (uint64_t)LOOK_MS_MAX);
    uv_timer_start(&self->timer, look, ms, 0);
}

static void look(uv_timer_t *timer)
{
    waiting_t *self = timer->data;
    if (self->left_ms > 0 && !is_reached(self->projection, self->position)) {
        look_later(self);
        return;
    }
    uv_close((uv_handle_t *)timer, closed);
    self->then(self->context);
}

void own_writes_wait(uv_loop_t *loop, const projection_t *projection, uint64_t position,
                     uint64_t wait_ms, own_writes_then_fn then, void *context)
{
    waiting_t *self =
        wait_ms == 0 || is_reached(projection, position) ? NULL : memory_new(sizeof *self);
    if (self == NULL) {
        then(context);
        return;
    }
    *self = (waiting_t){.projection = projection,
                        .position = position,
                        .left_ms = wait_ms,
                        .look_ms = 1,
                        .then = then,
                        .context = context};
    uv_timer_init(loop, &self->timer);
    self->timer.data = self;
    look_later(self);
}

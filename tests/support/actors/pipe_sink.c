#include "tests/support/actors/pipe.h"

typedef struct sink {
    pipe_world_t *world;
    stream_in_t in;
    uint64_t next;
} sink_t;

#define SINK_HEARS(X)                                                                              \
    X(stream_begin)                                                                                \
    X(stream_end)                                                                                  \
    X(actor_down) X(pipe_item) X(pipe_break) X(pipe_noise) X(pipe_done) X(pipe_flush) X(pipe_stop)

#define HANDLER(name)                                                                              \
    static err_t on_##name(sink_t *self, context_t *ctx, const name##_t *command);                 \
    static err_t handle_##name(void *self, context_t *ctx, const void *message)                    \
    {                                                                                              \
        return on_##name(self, ctx, message);                                                      \
    }
#define ROW(name) {&name##_schema, handle_##name},
SINK_HEARS(HANDLER)
static const actor_handler_t handlers[] = {SINK_HEARS(ROW)};
#define ON(name)                                                                                   \
    static err_t on_##name(UNUSED sink_t *self, UNUSED context_t *ctx,                             \
                           UNUSED const name##_t *command)

ON(stream_begin)
{
    self->next = 0;
    if (self->world->fails_to_take)
        return ERR_FORBIDDEN;
    return stream_in_accept(ctx, &self->in, command);
}

ON(pipe_item)
{
    pipe_world_t *world = self->world;
    world->wrong += command->number != self->next++;
    world->got++;
    if (!world->is_by_hand)
        stream_in_done(ctx, &self->in, 1);
    if (world->stops_at_ten && self->next == 10)
        stream_in_stop(ctx, &self->in, ERR_FULL);
    return ERR_OK;
}

ON(stream_end)
{
    self->world->in_ends += stream_in_ended(ctx, &self->in, command);
    self->world->last_err = command->err;
    return ERR_OK;
}

ON(actor_down)
{
    self->world->in_ends += stream_in_down(ctx, &self->in, command);
    return ERR_OK;
}

ON(pipe_noise)
{
    return ERR_OK;
}

ON(pipe_done)
{
    stream_in_done(ctx, &self->in, command->count);
    return ERR_OK;
}

ON(pipe_flush)
{
    stream_in_flush(ctx, &self->in);
    return ERR_OK;
}

ON(pipe_stop)
{
    stream_in_stop(ctx, &self->in, ERR_FULL);
    return ERR_OK;
}

ON(pipe_break)
{
    actor_fail(ctx, "told to");
}

static err_t start(void *state, context_t *ctx)
{
    ((sink_t *)state)->world = context_service(ctx);
    return ERR_OK;
}

const actor_kind_t sink_kind = {.name = "sink",
                                .state_size = sizeof(sink_t),
                                .handlers = handlers,
                                .handler_count = COUNT_OF(handlers),
                                .start = start,
                                .placement = PLACED_BY_KEY,
                                .restarts_max = 1000};

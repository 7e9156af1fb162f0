#include "tests/support/actors/pipe.h"

#define DEF_FILE "tests/support/actors/pipe.def"
#include "runtime/base/schema_define.h"

typedef struct source {
    pipe_world_t *world;
    stream_out_t out;
    uint64_t next, items;
} source_t;

#define SOURCE_HEARS(X)                                                                            \
    X(pipe_start)                                                                                  \
    X(stream_credit)                                                                               \
    X(stream_end) X(actor_down) X(pipe_break) X(pipe_noise) X(pipe_open) X(pipe_push) X(pipe_close)

#define HANDLER(name)                                                                              \
    static err_t on_##name(source_t *self, context_t *ctx, const name##_t *command);               \
    static err_t handle_##name(void *self, context_t *ctx, const void *message)                    \
    {                                                                                              \
        return on_##name(self, ctx, message);                                                      \
    }
#define ROW(name) {&name##_schema, handle_##name},
SOURCE_HEARS(HANDLER)
static const actor_handler_t handlers[] = {SOURCE_HEARS(ROW)};
#define ON(name)                                                                                   \
    static err_t on_##name(UNUSED source_t *self, UNUSED context_t *ctx,                           \
                           UNUSED const name##_t *command)

ON(pipe_start)
{
    self->next = 0;
    self->items = command->items;
    return stream_out_open(ctx, &self->out, address_of("sink", STR("a")), command->window);
}

/* As many as there is credit for, then the end. */
ON(stream_credit)
{
    pipe_world_t *world = self->world;
    bool has_credit = stream_out_credited(ctx, &self->out, command);
    world->credit = stream_out_credit(&self->out);
    if (!has_credit || world->is_by_hand)
        return ERR_OK;
    while (self->next < self->items &&
           stream_out_send(ctx, &self->out, pipe_item, .number = self->next) == ERR_OK) {
        self->next++;
        world->sent++;
        world->underway_max = MAX(world->underway_max, world->sent - world->got);
    }
    if (self->next == self->items)
        stream_out_close(ctx, &self->out, ERR_OK);
    return ERR_OK;
}

ON(stream_end)
{
    self->world->out_ends += stream_out_ended(ctx, &self->out, command);
    self->world->last_err = command->err;
    return ERR_OK;
}

ON(actor_down)
{
    self->world->out_ends += stream_out_down(ctx, &self->out, command);
    return ERR_OK;
}

ON(pipe_noise)
{
    return ERR_OK;
}

ON(pipe_open)
{
    self->next = 0;
    return stream_out_open(ctx, &self->out, address_of("sink", STR("a")), command->window);
}

ON(pipe_push)
{
    for (uint32_t i = 0; i < command->count; i++) {
        if (stream_out_send(ctx, &self->out, pipe_item, .number = self->next) != ERR_OK)
            break;
        self->next++;
        self->world->sent++;
    }
    self->world->credit = stream_out_credit(&self->out);
    return ERR_OK;
}

ON(pipe_close)
{
    stream_out_close(ctx, &self->out, ERR_OK);
    return ERR_OK;
}

ON(pipe_break)
{
    actor_fail(ctx, "told to");
}

static err_t start(void *state, context_t *ctx)
{
    ((source_t *)state)->world = context_service(ctx);
    return ERR_OK;
}

const actor_kind_t source_kind = {.name = "source",
                                  .state_size = sizeof(source_t),
                                  .handlers = handlers,
                                  .handler_count = COUNT_OF(handlers),
                                  .start = start,
                                  .placement = PLACED_BY_KEY,
                                  .restarts_max = 1000};

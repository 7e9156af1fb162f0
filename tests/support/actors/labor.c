#include "tests/support/actors/labor.h"

#define DEF_FILE "tests/support/actors/labor.def"
#include "runtime/base/schema_define.h"

typedef struct labor {
    labor_world_t *world;
    offload_ticket_t tickets[LABOR_MAX];
} labor_t;

#define ACTOR_DEF "tests/support/actors/labor.def"
#define ACTOR_STATE labor_t
#include "runtime/actor_kind.h"

typedef struct task {
    labor_world_t *world;
    uint32_t number;
} task_t;

static err_t work(void *data, UNUSED size_t data_size)
{
    const task_t *task = data;
    task->world->worked[atomic_fetch_add(&task->world->worked_count, 1) % LABOR_MAX] = task->number;
    return ERR_OK;
}

static err_t spin(void *data, UNUSED size_t data_size)
{
    const task_t *task = data;
    atomic_store(&task->world->is_spinning, true);
    while (!offload_is_cancelled(data))
        __builtin_ia32_pause();
    return ERR_STALE;
}

static void then(UNUSED void *self, UNUSED context_t *ctx, err_t err, void *data,
                 UNUSED size_t data_size)
{
    const task_t *task = data;
    atomic_store(&task->world->result[task->number], (uint32_t)err + 1);
    atomic_fetch_add(&task->world->result_count[task->number], 1);
}

ON(labor_do)
{
    task_t task = {self->world, command->number};
    offload_options_t options = {OFFLOAD_COMPUTE, (offload_priority_t)command->priority,
                                 command->wait_ms};
    self->tickets[command->number] =
        actor_offload_with(ctx, &options, work, then, &task, sizeof task);
    return ERR_OK;
}

ON(labor_spin)
{
    task_t task = {self->world, command->number};
    self->tickets[command->number] =
        actor_offload(ctx, OFFLOAD_COMPUTE, spin, then, &task, sizeof task);
    return ERR_OK;
}

ON(labor_room)
{
    task_t task = {self->world, command->number};
    self->tickets[command->number] =
        actor_offload_when_room(ctx, OFFLOAD_COMPUTE, then, &task, sizeof task);
    return ERR_OK;
}

ON(labor_cancel)
{
    actor_offload_cancel(ctx, self->tickets[command->number]);
    return ERR_OK;
}

ON(labor_break)
{
    actor_fail(ctx, "told to");
}

static err_t start(void *state, context_t *ctx)
{
    labor_t *self = state;
    self->world = context_service(ctx);
    return ERR_OK;
}

ACTOR_KIND(labor, .mailbox_max = 65535, .start = start, .restarts_max = 1000);

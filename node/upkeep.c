#include "node/upkeep.h"

static err_t rotate(void *data)
{
    upkeep_t *self = data;
    return keyring_rotate_if_due(self->keyring);
}

static void rotated(void *data, err_t err)
{
    upkeep_t *self = data;
    self->is_running = false;
    if (err != ERR_OK)
        log_error(self->log, "keys", "no new keys could be made, the old ones stay: %s",
                  err_text(err));
}

static void run(uv_timer_t *timer)
{
    upkeep_t *self = timer->data;
    if (self->is_running)
        return;
    self->is_running = true;
    edge_offload(self->edge, OFFLOAD_FILE, rotate, rotated, self);
}

void upkeep_start(upkeep_t *self)
{
    uv_timer_init(runtime_loop(edge_runtime(self->edge), edge_scheduler(self->edge)), &self->timer);
    self->timer.data = self;
    uv_timer_start(&self->timer, run, 0, UPKEEP_EVERY_MS);
}

static void timer_closed(uv_handle_t *handle)
{
    upkeep_t *self = handle->data;
    self->stopped(self->stopped_context);
}

void upkeep_stop(upkeep_t *self, void (*stopped)(void *context), void *context)
{
    self->stopped = stopped;
    self->stopped_context = context;
    uv_close((uv_handle_t *)&self->timer, timer_closed);
}

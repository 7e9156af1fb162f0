#include "node/follow.h"

static void run(follow_t *self);

static const char *name_of(const follow_t *self)
{
    return self->name == NULL ? "catalog" : self->name;
}

static err_t step(void *data)
{
    follow_t *self = data;
    uint64_t before = projection_position(self->projection);
    err_t err = projection_follow(self->projection, self->is_stopped, self->stepped, self->context);
    if (projection_position(self->projection) < before)
        log_warning(self->log, name_of(self),
                    "the journal has less than the %s was made from: it is built again",
                    name_of(self));
    return err == ERR_OK && self->followed != NULL ? self->followed(self->context) : err;
}

static void run_again(uv_timer_t *timer)
{
    follow_wake(timer->data);
}

static void stepped(void *data, err_t err)
{
    follow_t *self = data;
    self->is_running = false;
    if (err != ERR_OK && err != ERR_BUSY)
        log_error(self->log, name_of(self), "the %s can't follow the journal: %s", name_of(self),
                  err_text(err));
    if (atomic_load(self->is_stopped))
        return;
    if (err != ERR_OK)
        uv_timer_start(&self->again, run_again, FOLLOW_AGAIN_MS, 0);
    if (self->is_dirty)
        run(self);
}

static void run(follow_t *self)
{
    self->is_running = true;
    self->is_dirty = false;
    edge_offload(self->edge, OFFLOAD_FILE, step, stepped, self);
}

void follow_wake(follow_t *self)
{
    self->is_dirty = true;
    if (!self->is_running && !atomic_load(self->is_stopped))
        run(self);
}

static void wake(void *context)
{
    follow_t *self = context;
    atomic_store(&self->is_woken, false);
    follow_wake(self);
}

static void head_moved(void *context, uint64_t head)
{
    follow_t *self = context;
    (void)head;
    if (!atomic_exchange(&self->is_woken, true) && edge_post(self->edge, wake, self) != ERR_OK)
        atomic_store(&self->is_woken, false); /* the next commit tries again */
}

err_t follow_start(follow_t *self)
{
    uv_timer_init(runtime_loop(edge_runtime(self->edge), edge_scheduler(self->edge)), &self->again);
    self->again.data = self;
    TRY(journal_hooks_add(self->hooks, head_moved, self));
    head_moved(self, 0);
    return ERR_OK;
}

void follow_stop(follow_t *self)
{
    journal_hooks_remove(self->hooks, head_moved, self);
    uv_close((uv_handle_t *)&self->again, NULL);
}

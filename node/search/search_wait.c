#include "node/search/search_wait.h"

#include "runtime/base/memory.h"

#include <stdatomic.h>
#include <uv.h>

/* Ends on the edge's thread, by its timer or by what `reached` posts, whichever is first. The timer
 * ends it only when nothing was posted, nor will be: else that would find it gone. */
typedef struct waiting {
    search_wait_options_t options;
    uv_timer_t timer;
    uint64_t ticket;
    atomic_bool is_lost; /* it was reached, and that could not be posted */
} waiting_t;

static void closed(uv_handle_t *handle)
{
    memory_free(handle->data);
}

static void end(void *context)
{
    waiting_t *self = context;
    uv_close((uv_handle_t *)&self->timer, closed);
    self->options.then(self->options.context);
}

/* Any thread. */
static void reached(void *context, err_t err)
{
    waiting_t *self = context;
    (void)err; /* it is asked as it is */
    if (edge_post(self->options.edge, end, self) != ERR_OK)
        atomic_store(&self->is_lost, true);
}

static void timed_out(uv_timer_t *timer)
{
    waiting_t *self = timer->data;
    if (search_feed_cancel(self->options.feed, self->ticket) || atomic_load(&self->is_lost))
        end(self);
    else
        uv_timer_start(timer, timed_out, SEARCH_WAIT_LOOK_MS, 0);
}

err_t search_wait(const search_wait_options_t *options)
{
    uint32_t wait_ms = options->wait_ms == 0 ? (uint32_t)SEARCH_WAIT_MS : options->wait_ms;
    waiting_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->options = *options;
    err_t err = search_feed_wait(options->feed, reached, self, &self->ticket);
    if (err != ERR_OK) {
        memory_free(self);
        return err;
    }
    /* What was posted already runs after this. */
    uv_timer_init(runtime_loop(edge_runtime(options->edge), edge_scheduler(options->edge)),
                  &self->timer);
    self->timer.data = self;
    uv_timer_start(&self->timer, timed_out, wait_ms, 0);
    return ERR_OK;
}

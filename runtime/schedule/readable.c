#include "runtime/schedule/readable.h"

#include "runtime/base/memory.h"
#include "runtime/context.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { READY_MAX = 64 }; /* looked at in one poll */

/* Declared by hand, as actor_down is: actor.h is included before any .def file. */
static const schema_field_t actor_readable_fields[] = {
    {"fd", 1, FIELD_TYPE_U32, NULL, offsetof(actor_readable_t, fd), 0},
};
const schema_t actor_readable_schema = {"actor_readable",
                                        SCHEMA_MESSAGE,
                                        sizeof(actor_readable_t),
                                        actor_readable_fields,
                                        COUNT_OF(actor_readable_fields),
                                        0,
                                        false};

struct readable {
    runtime_t *runtime;
    uv_poll_t poll; /* of `set` */
    uv_timer_t pause;
    int set;
    uint64_t *refs; /* by descriptor: who waits */
    uint32_t capacity;
};

void readable_free(readable_t *self)
{
    if (self == NULL)
        return;
    close(self->set);
    memory_free(self->refs);
    memory_free(self);
}

static err_t ask(const readable_t *self, int fd)
{
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLONESHOT, .data.fd = fd};
    int rc = epoll_ctl(self->set, EPOLL_CTL_MOD, fd, &wanted);
    if (rc != 0 && errno == ENOENT)
        rc = epoll_ctl(self->set, EPOLL_CTL_ADD, fd, &wanted);
    return rc == 0 ? ERR_OK : err_from_errno(errno);
}

/* False: not now. */
static bool tell(const readable_t *self, int fd)
{
    actor_ref_t ref = {self->refs[fd]};
    err_t err =
        runtime_send(self->runtime, address_of_ref(ref), actor_readable, .fd = (uint32_t)fd);
    return err != ERR_NO_MEMORY && err != ERR_BUSY;
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause(uv_timer_t *timer)
{
    readable_t *self = timer->data;
    (void)uv_poll_start(&self->poll, UV_READABLE, on_readable);
}

static void on_readable(uv_poll_t *poll, UNUSED int status, UNUSED int events)
{
    readable_t *self = poll->data;
    struct epoll_event ready[READY_MAX];
    bool is_late = false;
    int count = epoll_wait(self->set, ready, READY_MAX, 0);
    for (int i = 0; i < count; i++) {
        int fd = ready[i].data.fd;
        if (!tell(self, fd)) {
            is_late = true;
            IGNORE_ERR(ask(self, fd)); /* closed meanwhile: then nobody waits */
        }
    }
    if (is_late) {
        (void)uv_poll_stop(&self->poll);
        (void)uv_timer_start(&self->pause, on_pause, READABLE_PAUSE_MS, 0);
    }
}

static err_t watch(readable_t *self, uv_loop_t *loop)
{
    self->set = epoll_create1(EPOLL_CLOEXEC);
    if (self->set < 0)
        return err_from_errno(errno);
    int rc = uv_poll_init(loop, &self->poll, self->set);
    if (rc != 0) {
        close(self->set);
        return err_from_errno(-rc);
    }
    /* From here on they are the loop's, and nothing fails. */
    (void)uv_timer_init(loop, &self->pause);
    self->poll.data = self->pause.data = self;
    (void)uv_poll_start(&self->poll, UV_READABLE, on_readable);
    return ERR_OK;
}

/* The scheduler's, made where there is none yet. */
static err_t open_here(scheduler_t *scheduler)
{
    if (scheduler->readable != NULL)
        return ERR_OK;
    if (!scheduler->has_loop)
        return ERR_UNSUPPORTED;
    readable_t *self MEMORY_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->runtime = scheduler->runtime;
    TRY(watch(self, &scheduler->loop));
    scheduler->readable = STEAL(self);
    return ERR_OK;
}

static err_t make_room(readable_t *self, int fd)
{
    if (fd < 0 || fd >= READABLE_FD_MAX)
        return ERR_LIMIT;
    uint32_t capacity = MAX(self->capacity, UINT32_C(64));
    while (capacity <= (uint32_t)fd)
        capacity *= 2;
    if (capacity == self->capacity)
        return ERR_OK;
    uint64_t *refs = memory_resize(self->refs, capacity, sizeof *refs);
    if (refs == NULL)
        return ERR_NO_MEMORY;
    self->refs = refs;
    self->capacity = capacity;
    return ERR_OK;
}

err_t actor_wait_readable(context_t *ctx, int fd)
{
    TRY(open_here(ctx->scheduler));
    readable_t *self = ctx->scheduler->readable;
    TRY(make_room(self, fd));
    self->refs[fd] = ctx->bits;
    return ask(self, fd);
}

#include "cluster/link/mesh_parts.h"

#include "runtime/base/thread.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EVENTS_MAX = 64, SLEEP_MS_MAX = 60 * 1000 };

static uint64_t now(const mesh_t *self)
{
    return clock_mono_ns(&self->options.clock);
}

void mesh_activate(mesh_link_t *link)
{
    link->due_ns = 0;
    if (link->is_active)
        return;
    link->is_active = true;
    link->active_next = link->mesh->active;
    link->mesh->active = mesh_link_ref(link);
}

static bool take_ready(mesh_t *self)
{
    mesh_link_t *link = atomic_load_explicit(&self->ready, memory_order_relaxed) == NULL
                            ? NULL
                            : atomic_exchange(&self->ready, NULL);
    bool is_any = link != NULL;
    while (link != NULL) {
        mesh_link_t *next = link->ready_next;
        atomic_store(&link->is_ready, false); /* before what it has is looked at */
        mesh_activate(link);
        mesh_link_unref(link); /* the stack's */
        link = next;
    }
    return is_any;
}

static bool may_connect(void *context, const uint8_t key[LINK_KEY_SIZE])
{
    mesh_t *self = context;
    bool is_peer = false;
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < self->link_count && !is_peer; i++)
        is_peer = memcmp(self->links[i]->peer.public_key, key, LINK_KEY_SIZE) == 0;
    pthread_mutex_unlock(&self->lock);
    return is_peer;
}

/* Steps all that are due; those that wait for nothing leave the list. */
static bool step_active(mesh_t *self, uint64_t *out_due_ns)
{
    bool is_any = false;
    *out_due_ns = UINT64_MAX;
    mesh_link_t *link = self->active;
    self->active = NULL;
    while (link != NULL) {
        mesh_link_t *next = link->active_next;
        link->is_active = false;
        uint64_t now_ns = now(self);
        if (link->due_ns <= now_ns) {
            is_any = true;
            if (atomic_load(&link->is_removed)) {
                if (!link->is_ended)
                    mesh_close_link(link);
                link->due_ns = UINT64_MAX;
            } else
                link->due_ns = mesh_step(link, now_ns);
        }
        *out_due_ns = MIN(*out_due_ns, link->due_ns);
        if (link->due_ns != UINT64_MAX && !link->is_active) {
            uint64_t due_ns = link->due_ns;
            mesh_activate(link);
            link->due_ns = due_ns;
        }
        mesh_link_unref(link); /* the list's, before */
        link = next;
    }
    return is_any;
}

static void on_event(mesh_t *self, void *what)
{
    if (what == &self->wake_fd) {
        uint64_t times;
        (void)!read(self->wake_fd, &times, sizeof times);
    } else if (what == &self->wire.router)
        self->has_router_news = true;
    else if (what == &self->wire.zap)
        self->has_zap_news = true;
    else {
        ((lane_t *)what)->has_news = true;
        mesh_activate(((lane_t *)what)->link);
    }
}

/* Whether there was anything. timeout_ns 0: looks only. */
static bool poll_sockets(mesh_t *self, uint64_t timeout_ns)
{
    struct epoll_event events[EVENTS_MAX];
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000),
                               .tv_nsec = (long)(timeout_ns % 1000000000)};
    int count = epoll_pwait2(self->poll_fd, events, EVENTS_MAX, &timeout, NULL);
    for (int i = 0; i < count; i++)
        on_event(self, events[i].data.ptr);
    return count > 0;
}

static bool sleep_until(mesh_t *self, uint64_t due_ns)
{
    bool is_news = true;
    atomic_store(&self->is_asleep, true);
    bool is_stopping = atomic_load(&self->is_stopping);
    if (atomic_load(&self->ready) == NULL) {
        uint64_t now_ns = now(self);
        uint64_t most_ns = (is_stopping ? 1 : SLEEP_MS_MAX) * UINT64_C(1000000);
        uint64_t wait_ns = due_ns <= now_ns ? 0 : MIN(due_ns - now_ns, most_ns);
        atomic_fetch_add_explicit(&self->wakes, 1, memory_order_relaxed);
        is_news = poll_sockets(self, wait_ns);
    }
    atomic_store(&self->is_asleep, false);
    return is_news;
}

/* Looks on; whether something came. */
static bool look_on(mesh_t *self, uint64_t until_ns)
{
    do {
        sched_yield(); /* who is to bring it was woken just now */
        if (atomic_load(&self->ready) != NULL || poll_sockets(self, 0))
            return true;
    } while (now(self) < until_ns);
    return false;
}

/* Nothing is to be done before something comes, or due_ns. */
static void wait_until(mesh_t *self, uint64_t due_ns)
{
    uint64_t since_ns = now(self), for_ns = spin_for(&self->spin);
    bool has_slept = false, is_news = false;
    if (for_ns != 0) {
        is_news = look_on(self, MIN(since_ns + for_ns, due_ns));
        atomic_fetch_add_explicit(&self->spins, is_news, memory_order_relaxed);
        atomic_fetch_add_explicit(&self->spun_ns, now(self) - since_ns, memory_order_relaxed);
    }
    if (!is_news) {
        has_slept = true;
        is_news = sleep_until(self, due_ns);
    }
    spin_waited(&self->spin, is_news ? now(self) - since_ns : UINT64_MAX, has_slept);
}

static void admit(mesh_t *self)
{
    self->has_zap_news = false;
    uint32_t refused = wire_admit(&self->wire, may_connect, self);
    atomic_fetch_add_explicit(&self->strangers, refused, memory_order_relaxed);
}

/* One round; whether there is nothing to do before *out_due_ns. */
static bool pass(mesh_t *self, uint64_t *out_due_ns)
{
    bool is_busy = take_ready(self);
    bool is_received = self->has_router_news && mesh_receive(self, self->was_idle, now(self));
    if (is_received && self->options.events.settled != NULL)
        self->options.events.settled(self->options.events.context);
    if (self->has_zap_news)
        admit(self);
    is_busy = step_active(self, out_due_ns) || is_received || is_busy;
    self->was_idle = !is_busy;
    return !is_busy && !self->has_router_news;
}

/* All that was accepted has arrived, or it can't be waited for any longer. */
static bool may_end(mesh_t *self)
{
    if (!atomic_load(&self->is_stopping))
        return false;
    if (now(self) >= atomic_load(&self->stop_at_ns))
        return true;
    bool is_idle = true;
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < self->link_count && is_idle; i++)
        for (int lane = 0; lane < LINK_LANES; lane++)
            is_idle = is_idle && outbound_is_idle(&self->links[i]->lanes[lane].out);
    pthread_mutex_unlock(&self->lock);
    return is_idle;
}

static void end(mesh_t *self)
{
    take_ready(self);
    pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < self->link_count; i++)
        mesh_activate(self->links[i]);
    pthread_mutex_unlock(&self->lock);
    while (self->active != NULL) {
        mesh_link_t *link = self->active;
        self->active = link->active_next;
        link->is_active = false;
        if (!link->is_ended) {
            mesh_last_acks(link, now(self));
            mesh_close_link(link);
        }
        mesh_link_unref(link);
    }
    wire_close(&self->wire);
    atomic_store(&self->is_over, true);
    mesh_drop_ready(self);
}

void *mesh_main(void *mesh)
{
    mesh_t *self = mesh;
    thread_name("links");
    prctl(PR_SET_TIMERSLACK, 1000UL); /* ns: a linger is shorter than the usual slack */
    while (!may_end(self)) {
        uint64_t due_ns;
        if (pass(self, &due_ns))
            wait_until(self, due_ns);
        else
            poll_sockets(self, 0);
    }
    end(self);
    return NULL;
}

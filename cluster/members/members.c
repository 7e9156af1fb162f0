#include "cluster/members/members_parts.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { TICKS_OF_LEASE = 30, OPEN_TIMEOUT_MS = 5000 };

/* ---- time ---- */

/* A machine that slept has no lease any more. */
static uint64_t boot_ns(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t members_now_ms(const members_t *self)
{
    return clock_mono_ms(&self->clock);
}

/* What takes longer than a lease is of no use. */
uint64_t members_timeout_ms(const members_t *self)
{
    return self->worker.is_there ? self->lease_ms : (uint64_t)OPEN_TIMEOUT_MS;
}

/* ---- carrying out ---- */

/* What the links are to send, taken from the state machine under the lock. */
typedef struct outgoing {
    size_t count, everybody_count;
    membership_effect_t effects[MEMBERSHIP_EFFECTS_MAX];
    uint64_t everybody[VIEW_MEMBERS_MAX]; /* whom a PROBE_ALL goes to */
} outgoing_t;

static void add_everybody(const members_t *self, outgoing_t *out)
{
    const view_t *view = membership_view(self->membership);
    out->everybody_count = 0;
    for (uint32_t i = 0; i < view->count; i++)
        if (member_is_live(&view->members[i]) && view->members[i].node != self->node)
            out->everybody[out->everybody_count++] = view->members[i].node;
}

static void collect(members_t *self, outgoing_t *out)
{
    membership_effect_t effect;
    out->count = out->everybody_count = 0;
    while (membership_next(self->membership, &effect)) {
        switch (effect.kind) {
        case MEMBERSHIP_DO_POLL:
        case MEMBERSHIP_DO_READ:
        case MEMBERSHIP_DO_WRITE:
        case MEMBERSHIP_DO_TAKE:
        case MEMBERSHIP_DO_STOP:
            ASSERT(self->work_count < MEMBERS_WORK_MAX);
            self->work[self->work_count++] = effect;
            break;
        case MEMBERSHIP_DO_PROBE_ALL:
            add_everybody(self, out);
            out->effects[out->count++] = effect;
            break;
        case MEMBERSHIP_DO_PROBE:
        case MEMBERSHIP_DO_ANSWER:
        case MEMBERSHIP_DO_ASK_FOR:
        case MEMBERSHIP_DO_VOUCH:
        case MEMBERSHIP_DO_TELL_ALL:
            out->effects[out->count++] = effect;
            break;
        }
    }
}

static void send(const members_t *self, const outgoing_t *out, const membership_effect_t *effect)
{
    const members_links_t *links = &self->links;
    void *context = links->context;
    switch (effect->kind) {
    case MEMBERSHIP_DO_PROBE:
        links->probe(context, effect->node, effect->sent_ms, effect->version);
        break;
    case MEMBERSHIP_DO_PROBE_ALL:
        for (size_t i = 0; i < out->everybody_count; i++)
            links->probe(context, out->everybody[i], effect->sent_ms, effect->version);
        break;
    case MEMBERSHIP_DO_ANSWER:
        links->answer(context, effect->node, effect->sent_ms, effect->version, effect->is_member);
        break;
    case MEMBERSHIP_DO_ASK_FOR:
        links->ask_for(context, effect->node, effect->about);
        break;
    case MEMBERSHIP_DO_VOUCH:
        links->vouch(context, effect->node, effect->about);
        break;
    case MEMBERSHIP_DO_TELL_ALL:
        links->tell_all(context, effect->version);
        break;
    case MEMBERSHIP_DO_POLL:
    case MEMBERSHIP_DO_READ:
    case MEMBERSHIP_DO_WRITE:
    case MEMBERSHIP_DO_TAKE:
    case MEMBERSHIP_DO_STOP:
        break; /* the table's thread has them */
    }
}

bool members_enter(members_t *self)
{
    pthread_mutex_lock(&self->lock);
    if (self->membership != NULL)
        return true;
    pthread_mutex_unlock(&self->lock);
    return false;
}

void members_leave_and_carry_out(members_t *self)
{
    outgoing_t out;
    uint32_t before = self->work_count;
    collect(self, &out);
    bool has_work = self->work_count > before;
    atomic_store(&self->lease_until_ms, membership_lease_until_ms(self->membership));
    pthread_mutex_unlock(&self->lock);
    if (has_work)
        members_wake(self);
    for (size_t i = 0; i < out.count; i++)
        send(self, &out, &out.effects[i]);
}

/* ---- ticking ---- */

static struct timespec after_ns(uint64_t ns)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    ns += (uint64_t)at.tv_nsec;
    at.tv_sec += (time_t)(ns / 1000000000u);
    at.tv_nsec = (long)(ns % 1000000000u);
    return at;
}

static void *ticker_main(void *context)
{
    thread_name("members-tick");
    members_t *self = context;
    uint64_t pause_ns = self->lease_ms * 1000000 / TICKS_OF_LEASE;
    for (;;) {
        struct timespec next = after_ns(pause_ns);
        if (!members_enter(self))
            return NULL;
        while (!self->is_stopping && pthread_cond_timedwait(&self->tick, &self->lock, &next) == 0)
            ;
        if (self->is_stopping) {
            pthread_mutex_unlock(&self->lock);
            return NULL;
        }
        membership_tick(self->membership, members_now_ms(self));
        members_leave_and_carry_out(self);
    }
}

/* ---- opening and closing ---- */

static err_t init_sync(members_t *self)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self->tick, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&self->lock, NULL);
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return self->wake_fd < 0 ? err_from_errno(errno) : ERR_OK;
}

static err_t enroll(members_t *self, pg_t *pg)
{
    uint64_t there_ms = 0;
    err_t err = member_table_agree(pg, self->lease_ms, &there_ms);
    if (err == ERR_CONFLICT)
        log_error(self->log, "cluster",
                  "the nodes of this cluster have a lease of %llu ms, this one has %llu: the same "
                  "profile is needed on all of them",
                  (unsigned long long)there_ms, (unsigned long long)self->lease_ms);
    TRY(err);
    return member_table_draw(pg, &self->node);
}

static err_t set_up(members_t *self, const members_options_t *options)
{
    pg_t *pg = NULL;
    TRY(init_sync(self));
    self->address = str_dup_terminated(str_from(options->address));
    self->first_details = str_dup_terminated(options->details);
    if (self->address == NULL || self->first_details == NULL)
        return ERR_NO_MEMORY;
    TRY(members_connect(self, &pg));
    TRY(enroll(self, pg));
    self->row = options->self;
    self->row.node = self->node;
    return ERR_OK;
}

err_t members_open(const members_options_t *options, members_t **out_members)
{
    if (options->details.size > MEMBER_DETAILS_SIZE_MAX)
        return ERR_LIMIT;
    members_t *self MEMBERS_SCOPED = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->wake_fd = -1;
    self->clock = options->clock;
    if (self->clock.mono_ns == NULL)
        self->clock = (ms_clock_t){.mono_ns = boot_ns};
    self->log = options->log;
    self->lease_ms = options->lease_ms == 0 ? MEMBERSHIP_LEASE_MS : options->lease_ms;
    TRY(set_up(self, options));
    *out_members = STEAL(self);
    return ERR_OK;
}

static err_t make_membership(members_t *self, const char *address)
{
    membership_t *membership = NULL;
    membership_options_t own = {.self = self->row, .lease_ms = self->lease_ms};
    if (address != NULL && strlen(address) >= sizeof own.self.address)
        return ERR_INVALID;
    if (address != NULL)
        snprintf(own.self.address, sizeof own.self.address, "%s", address);
    TRY(membership_new(&own, members_now_ms(self), &membership));
    pthread_mutex_lock(&self->lock);
    self->membership = membership;
    members_leave_and_carry_out(self); /* what it wants from the beginning on */
    return ERR_OK;
}

err_t members_join(members_t *self, const members_links_t *links, const members_node_t *node)
{
    ASSERT(self->membership == NULL);
    self->links = *links;
    self->hooks = *node;
    TRY(make_membership(self, links->address));
    TRY(thread_slot_start(&self->worker, members_worker_main, self));
    return thread_slot_start(&self->ticker, ticker_main, self);
}

static void end_threads(members_t *self)
{
    pthread_mutex_lock(&self->lock);
    self->is_stopping = true;
    pthread_cond_signal(&self->tick);
    pthread_mutex_unlock(&self->lock);
    pg_patience_end(&self->patience, 0);
    members_wake(self);
    thread_slot_join(&self->ticker);
    thread_slot_join(&self->worker);
}

void members_close(members_t *self)
{
    if (self == NULL)
        return;
    if (self->wake_fd >= 0) {
        end_threads(self);
        close(self->wake_fd);
        pthread_cond_destroy(&self->tick);
        pthread_mutex_destroy(&self->lock);
    }
    members_disconnect(self);
    membership_free(self->membership);
    roster_unref(self->roster);
    memory_free(self->first_details);
    memory_free(self->address);
    memory_free(self);
}

void members_scope_end(members_t **self)
{
    members_close(*self);
}

/* ---- what comes in ---- */

void members_probed(members_t *self, uint64_t node, uint64_t sent_ms, uint64_t version)
{
    if (!members_enter(self))
        return;
    membership_probed(self->membership, node, sent_ms, version);
    members_leave_and_carry_out(self);
}

void members_answered(members_t *self, uint64_t node, uint64_t sent_ms, uint64_t version,
                      bool is_member)
{
    if (!members_enter(self))
        return;
    membership_answered(self->membership, node, sent_ms, version, is_member, members_now_ms(self));
    members_leave_and_carry_out(self);
}

void members_asked_for(members_t *self, uint64_t node, uint64_t about)
{
    if (!members_enter(self))
        return;
    membership_asked_for(self->membership, node, about, members_now_ms(self));
    members_leave_and_carry_out(self);
}

void members_vouched(members_t *self, uint64_t about)
{
    if (!members_enter(self))
        return;
    membership_vouched(self->membership, about, members_now_ms(self));
    members_leave_and_carry_out(self);
}

void members_told(members_t *self, uint64_t version)
{
    if (!members_enter(self))
        return;
    membership_told(self->membership, version, members_now_ms(self));
    members_leave_and_carry_out(self);
}

void members_link_lost(members_t *self, uint64_t node)
{
    if (!members_enter(self))
        return;
    membership_link_lost(self->membership, node, members_now_ms(self));
    members_leave_and_carry_out(self);
}

void members_leave(members_t *self)
{
    if (!members_enter(self))
        return;
    membership_leave(self->membership);
    members_leave_and_carry_out(self);
}

void members_drained(members_t *self)
{
    if (!members_enter(self))
        return;
    membership_drained(self->membership);
    members_leave_and_carry_out(self);
}

#include "runtime/remote/holding.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/remote/remote.h"

enum { SHARDS = 64, MS_NS = 1000000 };

typedef struct held_list {
    router_held_t *first, *last;
    uint32_t count;
} held_list_t;

typedef struct held_lists {
    held_list_t travelled, others;
} held_lists_t;

/* The partitions with one remainder. */
typedef struct shard {
    uv_mutex_t lock;
    held_lists_t lists[PARTITION_COUNT / SHARDS];
    uint32_t count; /* in all of them */
} shard_t;

struct holding {
    runtime_t *runtime;
    void (*view)(void *context, uint64_t from, uint64_t version);
    void *context;
    _Atomic uint64_t messages, bytes, expired, full;
    shard_t shards[SHARDS];
};

/* ---- lists ---- */

static void list_push(held_list_t *self, router_held_t *held)
{
    held->next = NULL;
    if (self->last == NULL)
        self->first = held;
    else
        self->last->next = held;
    self->last = held;
    self->count++;
}

static router_held_t *list_pop(held_list_t *self)
{
    router_held_t *held = self->first;
    if (held == NULL)
        return NULL;
    self->first = held->next;
    if (self->first == NULL)
        self->last = NULL;
    self->count--;
    return held;
}

static shard_t *shard_of(holding_t *self, uint32_t partition)
{
    return &self->shards[partition % SHARDS];
}

static held_lists_t *lists_of(holding_t *self, uint32_t partition)
{
    return &shard_of(self, partition)->lists[partition / SHARDS];
}

static uint64_t now_ns(const holding_t *self)
{
    return clock_mono_ns(&self->runtime->clock);
}

/* Out of the lists already. */
static void count_out(holding_t *self, const router_held_t *held)
{
    atomic_fetch_sub(&self->messages, 1);
    atomic_fetch_sub(&self->bytes, router_held_size(held));
}

/* ---- the runtime's holder ---- */

static bool has_room(holding_t *self, const held_lists_t *lists, size_t size)
{
    uint64_t messages = atomic_fetch_add(&self->messages, 1);
    uint64_t bytes = atomic_fetch_add(&self->bytes, size);
    if (messages < HOLDING_MESSAGES_MAX && bytes + size <= HOLDING_BYTES_MAX &&
        lists->travelled.count + lists->others.count < HOLDING_PARTITION_MAX)
        return true;
    atomic_fetch_sub(&self->messages, 1);
    atomic_fetch_sub(&self->bytes, size);
    atomic_fetch_add(&self->full, 1);
    return false;
}

/* Before its deadline, so that its asker is told in time what became of it. */
static uint64_t until_ns(const router_held_t *held, uint64_t now)
{
    uint64_t deadline_ns = router_held_deadline_ns(held);
    uint64_t longest_ns = now + (uint64_t)HOLDING_MS_MAX * MS_NS;
    if (deadline_ns == 0)
        return longest_ns;
    uint64_t left_ns = deadline_ns > now ? deadline_ns - now : 0;
    uint64_t spare_ns = MIN((uint64_t)HOLDING_SPARE_MS * MS_NS, left_ns / 4);
    return MIN(longest_ns, now + left_ns - spare_ns);
}

static err_t hold_locked(holding_t *self, uint32_t partition, router_held_t *held, size_t size)
{
    held_lists_t *lists = lists_of(self, partition);
    if (runtime_placed(self->runtime, partition) != ROUTER_HELD)
        return ERR_STALE;
    if (!has_room(self, lists, size))
        return ERR_BUSY;
    held->until_ns = until_ns(held, now_ns(self));
    list_push(held->is_travelling || held->is_leftover ? &lists->travelled : &lists->others, held);
    shard_of(self, partition)->count++;
    return ERR_OK;
}

static err_t hold(void *context, uint32_t partition, router_held_t *held)
{
    holding_t *self = context;
    shard_t *shard = shard_of(self, partition);
    size_t size = router_held_size(held);
    uv_mutex_lock(&shard->lock);
    err_t err = hold_locked(self, partition, held, size);
    uv_mutex_unlock(&shard->lock);
    return err;
}

static void behind(void *context, uint64_t from, uint64_t version)
{
    const holding_t *self = context;
    if (self->view != NULL)
        self->view(self->context, from, version);
}

/* ---- places ---- */

static bool is_late(const router_held_t *held, uint64_t now)
{
    uint64_t deadline_ns = router_held_deadline_ns(held);
    return deadline_ns != 0 && deadline_ns <= now;
}

static void give(holding_t *self, router_held_t *held, uint64_t owner, bool is_travelling)
{
    bool is_here = owner == runtime_node(self->runtime);
    count_out(self, held);
    if (is_late(held, now_ns(self)))
        remote_refuse(self->runtime, held, ERR_TIMEOUT);
    else if (owner == ROUTER_NOBODY || (is_here && !remote_may_serve(self->runtime->remote)))
        remote_refuse(self->runtime, held, ERR_UNAVAILABLE);
    else if (is_here)
        remote_serve(self->runtime, held);
    else
        remote_travel(self->runtime, held, owner, is_travelling);
}

static void give_all(holding_t *self, uint32_t partition, uint64_t owner, bool is_travelling)
{
    held_lists_t *lists = lists_of(self, partition);
    for (router_held_t *held; (held = list_pop(&lists->travelled)) != NULL ||
                              (held = list_pop(&lists->others)) != NULL;) {
        shard_of(self, partition)->count--;
        give(self, held, owner, is_travelling);
    }
}

err_t holding_place(holding_t *self, uint32_t partition, uint64_t owner, bool is_travelling)
{
    if (partition >= PARTITION_COUNT)
        return ERR_INVALID;
    shard_t *shard = shard_of(self, partition);
    uv_mutex_lock(&shard->lock);
    if (owner != ROUTER_HELD)
        give_all(self, partition, owner, is_travelling);
    err_t err = runtime_place(self->runtime, partition, owner);
    uv_mutex_unlock(&shard->lock);
    return err;
}

/* ---- time ---- */

/* Moves what is over behind `out`, and keeps the order of the others. */
static void take_over(held_list_t *self, uint64_t now, held_list_t *out)
{
    held_list_t all = *self;
    *self = (held_list_t){0};
    for (router_held_t *held; (held = list_pop(&all)) != NULL;)
        list_push(now >= held->until_ns ? out : self, held);
}

static void expire_shard(holding_t *self, shard_t *shard)
{
    held_list_t over = {0};
    uint64_t now = now_ns(self);
    uv_mutex_lock(&shard->lock);
    for (size_t i = 0; i < COUNT_OF(shard->lists) && shard->count > 0; i++) {
        take_over(&shard->lists[i].travelled, now, &over);
        take_over(&shard->lists[i].others, now, &over);
    }
    shard->count -= over.count;
    uv_mutex_unlock(&shard->lock);
    for (router_held_t *held; (held = list_pop(&over)) != NULL;) {
        err_t err = is_late(held, now) ? ERR_TIMEOUT : ERR_UNAVAILABLE;
        atomic_fetch_add(&self->expired, 1);
        count_out(self, held);
        remote_refuse(self->runtime, held, err);
    }
}

void holding_expire(holding_t *self)
{
    if (atomic_load(&self->messages) == 0)
        return;
    for (size_t i = 0; i < SHARDS; i++)
        expire_shard(self, &self->shards[i]);
}

void holding_stats(const holding_t *self, holding_stats_t *out)
{
    *out = (holding_stats_t){.messages = atomic_load(&self->messages),
                             .bytes = atomic_load(&self->bytes),
                             .expired = atomic_load(&self->expired),
                             .full = atomic_load(&self->full)};
}

/* ---- the object ---- */

err_t holding_new(runtime_t *runtime, void (*view)(void *context, uint64_t from, uint64_t version),
                  void *context, holding_t **out_holding)
{
    holding_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->runtime = runtime;
    self->view = view;
    self->context = context;
    for (size_t i = 0; i < SHARDS; i++)
        ASSERT(uv_mutex_init(&self->shards[i].lock) == 0);
    runtime_set_holder(runtime, &(router_holder_t){.context = self, .hold = hold, .view = behind});
    *out_holding = self;
    return ERR_OK;
}

void holding_free(holding_t *self)
{
    if (self == NULL)
        return;
    runtime_set_holder(self->runtime, &(router_holder_t){0});
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        give_all(self, i, ROUTER_NOBODY, false);
    for (size_t i = 0; i < SHARDS; i++)
        uv_mutex_destroy(&self->shards[i].lock);
    memory_free(self);
}

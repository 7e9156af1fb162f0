/* top.c -- samples of all actors: what changed since the last one.
 *
 * A sample walks the slots without a lock, each pinned for the moment in which the counters are
 * read that its owner keeps for whoever looks. It remembers 16 bytes a slot of the sample before.
 * Who comes out first is named then, pinned again. */

#include "runtime/base/memory.h"
#include "runtime/inside/inside.h"

#include <stdlib.h>

typedef struct seen {
    uint32_t generation; /* of the activation that the rest is about */
    uint32_t messages;   /* their low halves */
    uint64_t busy_ns;
} seen_t;

/* One that may be shown. */
typedef struct candidate {
    actor_t *actor;
    uint32_t generation;
    uint64_t figures[TOP_ORDERS];
    uint64_t messages_total;
} candidate_t;

/* The first `max` by one order, the least of them on top (a heap). */
typedef struct best {
    candidate_t items[TOP_COUNT_MAX];
    uint32_t count;
} best_t;

typedef struct kind_sum {
    const actor_kind_t *kind;
    uint64_t actors, figures[TOP_ORDERS];
} kind_sum_t;

struct top {
    runtime_t *runtime;
    uint64_t sampled_ns; /* 0: not yet */
    seen_t *chunks[REGISTRY_CHUNKS_MAX];
    runtime_stats_t stats;
    uint64_t slept_ns[SCHEDULERS_MAX], messages[SCHEDULERS_MAX], turns[SCHEDULERS_MAX];
    /* Of the sample at hand. */
    best_t best[TOP_ORDERS];
    kind_sum_t kinds[KINDS_MAX];
    uint32_t kind_count;
    uint32_t count; /* of each order */
    err_t err;
};

err_t top_new(runtime_t *runtime, top_t **out_top)
{
    top_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->runtime = runtime;
    *out_top = self;
    return ERR_OK;
}

void top_free(top_t *self)
{
    for (size_t i = 0; self != NULL && i < REGISTRY_CHUNKS_MAX; i++)
        memory_free(self->chunks[i]);
    memory_free(self);
}

/* ---- the first of each order ---- */

static void sink(best_t *self, uint32_t at, top_order_t order)
{
    for (;;) {
        uint32_t least = at, left = 2 * at + 1, right = left + 1;
        if (left < self->count &&
            self->items[left].figures[order] < self->items[least].figures[order])
            least = left;
        if (right < self->count &&
            self->items[right].figures[order] < self->items[least].figures[order])
            least = right;
        if (least == at)
            return;
        candidate_t moved = self->items[at];
        self->items[at] = self->items[least];
        self->items[least] = moved;
        at = least;
    }
}

static void offer(best_t *self, uint32_t max, top_order_t order, const candidate_t *candidate)
{
    if (self->count < max) {
        self->items[self->count++] = *candidate;
        for (uint32_t i = self->count; self->count == max && i > 0; i--)
            sink(self, i - 1, order);
    } else if (candidate->figures[order] > self->items[0].figures[order]) {
        self->items[0] = *candidate;
        sink(self, 0, order);
    }
}

/* ---- the walk ---- */

static kind_sum_t *sum_of(top_t *self, const actor_kind_t *kind)
{
    for (uint32_t i = 0; i < self->kind_count; i++)
        if (self->kinds[i].kind == kind)
            return &self->kinds[i];
    if (self->kind_count == KINDS_MAX)
        return NULL;
    self->kinds[self->kind_count] = (kind_sum_t){.kind = kind};
    return &self->kinds[self->kind_count++];
}

static seen_t *seen_of(top_t *self, const actor_t *actor)
{
    uint32_t slot = actor_slot(actor);
    seen_t **chunk = &self->chunks[slot / ACTOR_CHUNK];
    if (*chunk == NULL)
        *chunk = memory_new_array(ACTOR_CHUNK, sizeof(seen_t));
    return *chunk == NULL ? NULL : &(*chunk)[slot % ACTOR_CHUNK];
}

static void sample_actor(void *context, actor_t *actor)
{
    top_t *self = context;
    seen_t *seen = seen_of(self, actor);
    kind_sum_t *sum = sum_of(self, actor_kind(actor));
    if (seen == NULL || sum == NULL) {
        self->err = ERR_NO_MEMORY;
        return;
    }
    uint32_t generation = mailbox_generation(&actor->mailbox);
    uint32_t messages = actor_messages(actor);
    uint64_t busy_ns = atomic_load_explicit(&actor->busy_ns, memory_order_relaxed);
    bool is_known = seen->generation == generation && self->sampled_ns != 0;
    candidate_t candidate = {.actor = actor, .generation = generation, .messages_total = messages};
    candidate.figures[TOP_MESSAGES] = (uint32_t)(messages - (is_known ? seen->messages : 0));
    candidate.figures[TOP_BUSY] = busy_ns - (is_known ? MIN(seen->busy_ns, busy_ns) : 0);
    candidate.figures[TOP_MEMORY] = inside_actor_bytes(actor);
    candidate.figures[TOP_QUEUE] = mailbox_user_length(&actor->mailbox);
    *seen = (seen_t){generation, messages, busy_ns};
    sum->actors++;
    for (int order = 0; order < TOP_ORDERS; order++) {
        sum->figures[order] += candidate.figures[order];
        offer(&self->best[order], self->count, (top_order_t)order, &candidate);
    }
}

/* ---- saying it ---- */

static double per_second(uint64_t count, uint64_t passed_ns)
{
    return passed_ns == 0 ? 0 : (double)count * 1e9 / (double)passed_ns;
}

static double percent(uint64_t part_ns, uint64_t passed_ns)
{
    return passed_ns == 0 ? 0 : (double)part_ns * 100 / (double)passed_ns;
}

static void key_rate(json_t *json, const char *key, double rate)
{
    json_key_f64(json, key, (double)(uint64_t)(rate * 10 + 0.5) / 10);
}

typedef struct name {
    const actor_kind_t *kind;
    uint8_t key_size;
    char key[ACTOR_KEY_SIZE_MAX];
} name_t;

/* False: it ended meanwhile. */
static bool name_of(const candidate_t *candidate, name_t *out_name)
{
    actor_t *actor = candidate->actor;
    mailbox_pin_t pin;
    if (!mailbox_pin(&actor->mailbox, &actor->mailbox_end, &pin))
        return false;
    bool is_it = mailbox_generation(&actor->mailbox) == candidate->generation;
    str_t key = is_it ? actor_key(actor) : STR("");
    out_name->kind = actor->kind;
    out_name->key_size = (uint8_t)key.size;
    if (key.size > 0)
        memcpy(out_name->key, key.data, key.size);
    scheduler_notify(actor, mailbox_unpin(&actor->mailbox, &actor->mailbox_end, pin));
    return is_it;
}

static void append_actor(json_t *json, const candidate_t *candidate, uint64_t passed_ns)
{
    name_t name;
    if (!name_of(candidate, &name))
        return;
    buf_t ref BUF_SCOPED = BUF_INIT;
    record_actor_text(
        (uint64_t)candidate->generation << 32 | ((uint64_t)actor_slot(candidate->actor) + 1), &ref);
    json_object_begin(json);
    json_key_str(json, "kind", str_from(name.kind->name));
    json_key_str(json, "key", str_of(name.key, name.key_size));
    json_key_str(json, "actor", buf_str(&ref));
    key_rate(json, "messages_per_s", per_second(candidate->figures[TOP_MESSAGES], passed_ns));
    key_rate(json, "cpu_percent", percent(candidate->figures[TOP_BUSY], passed_ns));
    json_key_u64(json, "memory_bytes", candidate->figures[TOP_MEMORY]);
    json_key_u64(json, "queue", candidate->figures[TOP_QUEUE]);
    json_key_u64(json, "messages", candidate->messages_total);
    json_object_end(json);
}

static bool was_said(const top_t *self, int order, const actor_t *actor)
{
    for (int before = 0; before < order; before++)
        for (uint32_t i = 0; i < self->best[before].count; i++)
            if (self->best[before].items[i].actor == actor)
                return true;
    return false;
}

static void append_actors(top_t *self, json_t *json, uint64_t passed_ns)
{
    json_key(json, STR("actors"));
    json_array_begin(json);
    for (int order = 0; order < TOP_ORDERS; order++)
        for (uint32_t i = 0; i < self->best[order].count; i++)
            if (!was_said(self, order, self->best[order].items[i].actor))
                append_actor(json, &self->best[order].items[i], passed_ns);
    json_array_end(json);
}

static void append_kinds(const top_t *self, json_t *json, uint64_t passed_ns)
{
    json_key(json, STR("kinds"));
    json_array_begin(json);
    for (uint32_t i = 0; i < self->kind_count; i++) {
        const kind_sum_t *sum = &self->kinds[i];
        json_object_begin(json);
        json_key_str(json, "kind", str_from(sum->kind->name));
        json_key_u64(json, "actors", sum->actors);
        key_rate(json, "messages_per_s", per_second(sum->figures[TOP_MESSAGES], passed_ns));
        key_rate(json, "cpu_percent", percent(sum->figures[TOP_BUSY], passed_ns));
        json_key_u64(json, "memory_bytes", sum->figures[TOP_MEMORY]);
        json_key_u64(json, "queue", sum->figures[TOP_QUEUE]);
        json_object_end(json);
    }
    json_array_end(json);
}

static uint64_t slept_ns(const scheduler_t *scheduler, uint64_t now_ns)
{
    uint64_t since_ns =
        atomic_load_explicit(&scheduler->counters.sleeps_since_ns, memory_order_relaxed);
    uint64_t sum_ns = atomic_load_explicit(&scheduler->counters.slept_ns, memory_order_relaxed);
    return sum_ns + (since_ns != 0 && since_ns < now_ns ? now_ns - since_ns : 0);
}

static void append_schedulers(top_t *self, json_t *json, uint64_t now_ns, uint64_t passed_ns)
{
    json_key(json, STR("schedulers"));
    json_array_begin(json);
    for (uint32_t i = 0; i < self->runtime->scheduler_count; i++) {
        const scheduler_t *scheduler = &self->runtime->schedulers[i];
        uint64_t slept = slept_ns(scheduler, now_ns);
        uint64_t messages = atomic_load(&scheduler->counters.messages);
        double asleep = percent(slept - MIN(self->slept_ns[i], slept), passed_ns);
        json_object_begin(json);
        key_rate(json, "busy_percent", passed_ns == 0 || asleep > 100 ? 0 : 100 - asleep);
        key_rate(json, "messages_per_s", per_second(messages - self->messages[i], passed_ns));
        json_key_u64(json, "ready", run_queue_count(&scheduler->queue));
        json_object_end(json);
        self->slept_ns[i] = slept;
        self->messages[i] = messages;
    }
    json_array_end(json);
}

static void append_totals(top_t *self, json_t *json, uint64_t passed_ns)
{
    runtime_stats_t now;
    const runtime_stats_t *before = &self->stats;
    runtime_stats(self->runtime, &now);
    bool is_first = passed_ns == 0;
    json_key_u64(json, "interval_ms", passed_ns / 1000000);
    json_key_u64(json, "actor_count", now.actors);
    json_key_u64(json, "messages", now.messages);
    key_rate(json, "messages_per_s", per_second(now.messages - before->messages, passed_ns));
    key_rate(json, "turns_per_s", per_second(now.turns - before->turns, passed_ns));
    key_rate(json, "steals_per_s", per_second(now.stolen - before->stolen, passed_ns));
    json_key_u64(json, "dead_letters", now.dead_letters);
    json_key_u64(json, "new_dead_letters", is_first ? 0 : now.dead_letters - before->dead_letters);
    json_key_u64(json, "failures", now.failures);
    json_key_u64(json, "restarts", now.restarts);
    json_key_u64(json, "slow_turns", now.slow_turns);
    json_key_u64(json, "appends_in_flight", now.appends_in_flight);
    self->stats = now;
}

err_t top_sample(top_t *self, uint32_t count, buf_t *out)
{
    for (int order = 0; order < TOP_ORDERS; order++)
        self->best[order].count = 0;
    self->kind_count = 0;
    uint64_t now_ns = clock_mono_ns(&self->runtime->clock);
    uint64_t passed_ns = self->sampled_ns == 0 ? 0 : now_ns - self->sampled_ns;
    self->count = MIN(MAX(count, 1U), (uint32_t)TOP_COUNT_MAX);
    self->err = ERR_OK;
    registry_each(self->runtime->registry, sample_actor, self);
    TRY(self->err);
    json_t json = json_to(out);
    json_object_begin(&json);
    append_totals(self, &json, passed_ns);
    append_schedulers(self, &json, now_ns, passed_ns);
    append_kinds(self, &json, passed_ns);
    append_actors(self, &json, passed_ns);
    json_object_end(&json);
    self->sampled_ns = now_ns;
    return buf_status(out);
}

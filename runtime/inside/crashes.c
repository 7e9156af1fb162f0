#include "runtime/inside/crashes.h"

#include "runtime/base/memory.h"
#include "runtime/life/bonds.h"
#include "runtime/life/relations.h"
#include "runtime/life/tie.h"

typedef struct crash {
    uint64_t number; /* 0: none yet */
    uint64_t at_ns;
    const char *kind, *handling;
    char key[CRASH_KEY_SIZE];
    size_t key_size;
    uint64_t ref, parent;
    char reason[ACTOR_REASON_SIZE];
    uint64_t up_ms; /* 0: it did not run yet */
    uint32_t incarnation, failures, queue, links, monitors, watchers, children, last_count;
    struct {
        const char *name;
        uint64_t ago_ms;
    } last[CRASH_MESSAGES_MAX]; /* the newest first */
    crash_decision_t decision;
    uint64_t delay_ms;
} crash_t;

struct crashes {
    uv_mutex_t lock;
    crash_t ring[CRASHES_KEPT];
    uint64_t number;
    uint64_t second, left_out; /* of the log */
    uint32_t logged;
};

static const char *const decision_names[] = {"undecided",
                                             "restarts",
                                             "restarts later",
                                             "restarts with others",
                                             "starts with a message",
                                             "parked",
                                             "given up",
                                             "ends"};

crashes_t *crashes_new(void)
{
    crashes_t *self = memory_new(sizeof *self);
    if (self != NULL && uv_mutex_init(&self->lock) != 0)
        memory_free(STEAL(self));
    return self;
}

void crashes_free(crashes_t *self)
{
    if (self == NULL)
        return;
    uv_mutex_destroy(&self->lock);
    memory_free(self);
}

/* ---- what was handled ---- */

void remember_from_now(actor_t *actor, uint32_t count)
{
    actor_extra_t *extra = actor_extra(actor);
    if (extra == NULL || extra->remembered != NULL)
        return;
    count = MIN(count, (uint32_t)CRASH_MESSAGES_MAX);
    memory_of_messages_t *memory = memory_new(sizeof *memory + count * sizeof memory->messages[0]);
    if (memory != NULL)
        memory->size = count;
    extra->remembered = memory;
}

static void copy_messages(crash_t *crash, const memory_of_messages_t *memory)
{
    for (uint32_t i = 1; memory != NULL && i <= memory->size; i++) {
        const struct remembered *message =
            &memory->messages[(memory->next + memory->size - i) % memory->size];
        if (message->schema == NULL)
            break;
        crash->last[crash->last_count].name = message->schema->name;
        crash->last[crash->last_count++].ago_ms = (crash->at_ns - message->at_ns) / 1000000;
    }
}

/* ---- noting ---- */

static void fill(crash_t *crash, const context_t *ctx, const char *reason)
{
    const actor_t *actor = ctx->actor;
    const actor_extra_t *extra = actor_peek(actor);
    str_t key = actor_key(actor);
    crash->at_ns = ctx->now_ns;
    crash->kind = actor->kind->name;
    crash->handling = ctx->failed_in == NULL ? "nothing" : ctx->failed_in;
    crash->key_size = MIN(key.size, sizeof crash->key);
    if (crash->key_size > 0)
        memcpy(crash->key, key.data, crash->key_size);
    crash->ref = actor_bits(actor);
    crash->parent = actor_parent(actor);
    (void)str_to_array(str_from(reason), crash->reason, sizeof crash->reason);
    uint64_t started_ns = actor_entry(actor)->started_ns;
    crash->up_ms = started_ns == 0 ? 0 : (ctx->now_ns - started_ns) / 1000000;
    crash->incarnation = actor->incarnation;
    crash->failures = extra->streak;
    crash->queue = mailbox_user_length(&actor->mailbox);
    children_forget_gone(ctx->actor);
    crash->children = children_count(actor);
    if (extra->bonds != NULL) {
        crash->links = extra->bonds->links.count;
        crash->monitors = extra->bonds->monitors.count;
        crash->watchers = extra->bonds->watchers.count;
    }
    crash->last_count = 0;
    copy_messages(crash, extra->remembered);
    crash->decision = CRASH_UNDECIDED;
    crash->delay_ms = 0;
}

uint64_t crash_noted(const context_t *ctx, const char *reason)
{
    crashes_t *self = ctx->runtime->crashes;
    uv_mutex_lock(&self->lock);
    uint64_t number = ++self->number;
    crash_t *crash = &self->ring[number % CRASHES_KEPT];
    fill(crash, ctx, reason);
    crash->number = number;
    uv_mutex_unlock(&self->lock);
    remember_from_now(ctx->actor, CRASH_MESSAGES_DEFAULT);
    return number;
}

/* ---- deciding and logging ---- */

static bool may_log(crashes_t *self, uint64_t now_ns, uint64_t *out_left_out)
{
    uint64_t second = now_ns / 1000000000;
    if (second != self->second)
        self->logged = 0;
    self->second = second;
    if (self->logged >= CRASHES_LOGGED_MAX) {
        self->left_out++;
        return false;
    }
    self->logged++;
    *out_left_out = STEAL(self->left_out);
    return true;
}

static void log_crash(const ms_log_t *log, const crash_t *crash, uint64_t left_out)
{
    buf_t last BUF_SCOPED = BUF_INIT;
    for (uint32_t i = 0; i < crash->last_count; i++)
        buf_printf(&last, "%s%s -%llu ms", i == 0 ? "" : ", ", crash->last[i].name,
                   (unsigned long long)crash->last[i].ago_ms);
    log_warning(log, "runtime",
                "an actor of kind %s failed: %s ref=%llu incarnation=%u handling=%s up_ms=%llu "
                "failures=%u queue=%u links=%u monitors=%u watchers=%u children=%u "
                "decision=\"%s\" delay_ms=%llu last=\"%s\" not_logged=%llu",
                crash->kind, crash->reason, (unsigned long long)crash->ref, crash->incarnation,
                crash->handling, (unsigned long long)crash->up_ms, crash->failures, crash->queue,
                crash->links, crash->monitors, crash->watchers, crash->children,
                decision_names[crash->decision], (unsigned long long)crash->delay_ms,
                buf_terminated(&last), (unsigned long long)left_out);
}

void crash_decided(runtime_t *runtime, uint64_t number, crash_decision_t decision,
                   uint64_t delay_ms)
{
    crashes_t *self = runtime->crashes;
    crash_t copy;
    uint64_t left_out = 0;
    uv_mutex_lock(&self->lock);
    crash_t *crash = &self->ring[number % CRASHES_KEPT];
    bool is_kept = number != 0 && crash->number == number && crash->decision == CRASH_UNDECIDED;
    bool is_logged = false;
    if (is_kept) {
        crash->decision = decision;
        crash->delay_ms = delay_ms;
        is_logged = runtime->log != NULL && may_log(self, crash->at_ns, &left_out);
    }
    if (is_logged)
        copy = *crash;
    uv_mutex_unlock(&self->lock);
    if (is_logged)
        log_crash(runtime->log, &copy, left_out);
}

/* ---- looking ---- */

static void crash_json(const crash_t *crash, uint64_t now_ns, json_t *json)
{
    json_object_begin(json);
    json_key_str(json, "kind", str_from(crash->kind));
    json_key_str(json, "key", str_of(crash->key, crash->key_size));
    json_key_u64(json, "ref", crash->ref);
    json_key_u64(json, "parent", crash->parent);
    json_key_str(json, "reason", str_from(crash->reason));
    json_key_u64(json, "ago_ms", (now_ns - crash->at_ns) / 1000000);
    json_key_str(json, "handling", str_from(crash->handling));
    json_key_u64(json, "incarnation", crash->incarnation);
    json_key_u64(json, "up_ms", crash->up_ms);
    json_key_u64(json, "failures", crash->failures);
    json_key_u64(json, "queue", crash->queue);
    json_key_u64(json, "links", crash->links);
    json_key_u64(json, "monitors", crash->monitors);
    json_key_u64(json, "watchers", crash->watchers);
    json_key_u64(json, "children", crash->children);
    json_key_str(json, "decision", str_from(decision_names[crash->decision]));
    json_key_u64(json, "delay_ms", crash->delay_ms);
    json_key(json, STR("last"));
    json_array_begin(json);
    for (uint32_t i = 0; i < crash->last_count; i++) {
        json_object_begin(json);
        json_key_str(json, "type", str_from(crash->last[i].name));
        json_key_u64(json, "before_ms", crash->last[i].ago_ms);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

void runtime_crashes(runtime_t *runtime, json_t *json)
{
    crashes_t *self = runtime->crashes;
    uint64_t now_ns = clock_mono_ns(&runtime->clock);
    /* A copy, so that nobody who fails waits for who reads. */
    crashes_t *copy MEMORY_SCOPED = memory_new(sizeof *copy);
    json_object_begin(json);
    if (copy != NULL) {
        uv_mutex_lock(&self->lock);
        memcpy(copy->ring, self->ring, sizeof self->ring);
        copy->number = self->number;
        uv_mutex_unlock(&self->lock);
        json_key_u64(json, "count", copy->number);
        json_key(json, STR("last"));
        json_array_begin(json);
        uint64_t kept = MIN(copy->number, (uint64_t)CRASHES_KEPT);
        for (uint64_t i = 0; i < kept; i++)
            crash_json(&copy->ring[(copy->number - i) % CRASHES_KEPT], now_ns, json);
        json_array_end(json);
    }
    json_object_end(json);
}

#include "runtime/inside/inside_parts.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/inside/latency.h"
#include "runtime/inside/recorder.h"
#include "runtime/inside/trace.h"
#include "runtime/remote/ref.h"

err_t inside_new(runtime_t *runtime, const runtime_options_t *options, inside_t **out_inside)
{
    inside_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->runtime = runtime;
    ASSERT(uv_mutex_init(&self->lock) == 0);
    const ms_random_t chance = random_system(); /* a simulation's own must not notice */
    self->secret = random_u64(&chance) | 1;
    err_t err = trace_hub_new(runtime, &self->traces);
    if (err == ERR_OK && options->recorder_path != NULL)
        err = recorder_open(&(recorder_options_t){.path = options->recorder_path,
                                                  .scheduler_count = runtime->scheduler_count,
                                                  .ring_records = options->recorder_records,
                                                  .mono_ns = clock_mono_ns(&runtime->clock),
                                                  .wall_ms = clock_wall_ms(&runtime->clock)},
                            &self->recorder);
    if (err != ERR_OK) {
        inside_free(self);
        return err;
    }
    for (uint32_t i = 0; self->recorder != NULL && i < runtime->scheduler_count; i++)
        runtime->schedulers[i].recorder_head = recorder_head(self->recorder, i);
    if (self->recorder != NULL)
        atomic_store(&runtime->watching, INSIDE_LIFE);
    *out_inside = self;
    return ERR_OK;
}

void inside_free(inside_t *self)
{
    if (self == NULL)
        return;
    atomic_store(&self->runtime->watching, 0);
    recorder_close(self->recorder);
    trace_hub_free(self->traces);
    for (size_t i = 0; i < SCHEDULERS_MAX; i++)
        latency_table_free(self->latencies[i]);
    uv_mutex_destroy(&self->lock);
    memory_free(self);
}

/* ---- switches ---- */

err_t runtime_record(runtime_t *self, recorder_level_t level)
{
    inside_t *inside = self->inside;
    uint32_t bits = level == RECORDER_OFF    ? 0
                    : level == RECORDER_LIFE ? INSIDE_LIFE
                                             : INSIDE_LIFE | INSIDE_MESSAGES;
    if (inside->recorder == NULL)
        return ERR_INVALID;
    uv_mutex_lock(&inside->lock);
    atomic_fetch_or(&self->watching, bits);
    atomic_fetch_and(&self->watching, ~(uint32_t)(INSIDE_LIFE | INSIDE_MESSAGES) | bits);
    uv_mutex_unlock(&inside->lock);
    return ERR_OK;
}

recorder_level_t runtime_record_level(const runtime_t *self)
{
    if (inside_watches(self, INSIDE_MESSAGES))
        return RECORDER_MESSAGES;
    return inside_watches(self, INSIDE_LIFE) ? RECORDER_LIFE : RECORDER_OFF;
}

static err_t make_tables(inside_t *self)
{
    for (uint32_t i = 0; i < self->runtime->scheduler_count; i++) {
        if (self->latencies[i] == NULL)
            self->latencies[i] = latency_table_new();
        if (self->latencies[i] == NULL)
            return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

static err_t measure(inside_t *self, bool is_on)
{
    if (is_on)
        TRY(make_tables(self));
    ASSERT(is_on || self->latency_users > 0);
    self->latency_users += is_on ? 1 : UINT32_MAX;
    if (self->latency_users > 0)
        atomic_fetch_or(&self->runtime->watching, INSIDE_LATENCIES);
    else
        atomic_fetch_and(&self->runtime->watching, ~(uint32_t)INSIDE_LATENCIES);
    return ERR_OK;
}

err_t runtime_measure_latencies(runtime_t *self, bool is_on)
{
    uv_mutex_lock(&self->inside->lock);
    err_t err = measure(self->inside, is_on);
    uv_mutex_unlock(&self->inside->lock);
    return err;
}

err_t runtime_latencies(runtime_t *self, latency_row_t *out_rows, size_t max, size_t *out_count)
{
    uv_mutex_lock(&self->inside->lock); /* the tables are made under it; nobody frees them */
    err_t err =
        latency_rows(self->inside->latencies, self->scheduler_count, out_rows, max, out_count);
    uv_mutex_unlock(&self->inside->lock);
    return err;
}

trace_hub_t *inside_traces(const runtime_t *runtime)
{
    return runtime->inside->traces;
}

/* ---- records ---- */

uint32_t inside_ring(const inside_t *self)
{
    const scheduler_t *here = scheduler_current();
    return here != NULL && here->runtime == self->runtime ? here->index
                                                          : recorder_outside(self->recorder);
}

uint32_t inside_capped(uint64_t ns)
{
    return (uint32_t)MIN(ns, (uint64_t)UINT32_MAX);
}

uint32_t inside_id(const inside_t *self, const message_t *message)
{
    return (uint32_t)((uint64_t)(uintptr_t)message * self->secret >> 32) | 1;
}

/* What carries no schema has a name of its own. */
const char *inside_type_name(const message_t *message)
{
    if (message->schema != NULL)
        return message->schema->name;
    switch ((int)message->kind) {
    case MESSAGE_REPLY:
        return "(answer)";
    case MESSAGE_ALARM:
        return "(alarm)";
    case MESSAGE_JOB:
        return "(job)";
    case MESSAGE_APPENDED:
        return "(append)";
    case MESSAGE_RECOVERED:
        return "(recovered)";
    case MESSAGE_MONITOR:
    case MESSAGE_DEMONITOR:
        return "(monitor)";
    case MESSAGE_LINK:
    case MESSAGE_UNLINK:
        return "(link)";
    case MESSAGE_KILL:
        return "(kill)";
    case MESSAGE_INSPECT:
        return "(inspect)";
    case MESSAGE_STOP:
    case MESSAGE_STOP_ALL:
    case MESSAGE_STOP_REST:
        return "(stop)";
    default:
        return "(other)";
    }
}

/* A kind and a message type (or a reason) into the record, and the record into this thread's ring.
 */
void inside_note(runtime_t *runtime, const actor_kind_t *kind, const char *type, str_t text,
                 recorder_record_t record)
{
    recorder_t *recorder = runtime->inside->recorder;
    if (recorder == NULL)
        return;
    uint32_t ring = inside_ring(runtime->inside);
    recorder_lock(recorder, ring);
    record.kind = kind == NULL ? 0 : recorder_name(recorder, ring, kind->name, kind->name);
    record.type = type == NULL ? recorder_text(recorder, ring, text)
                               : recorder_name(recorder, ring, type, type);
    recorder_write(recorder, ring, record);
    recorder_unlock(recorder, ring);
}

static const str_t nothing = {NULL, 0};

/* Whether the recorder takes a message of this trace. */
bool inside_records(const runtime_t *runtime, uint32_t trace)
{
    return inside_watches(runtime, INSIDE_MESSAGES) ||
           ((trace & TRACE_SAMPLED) != 0 && inside_watches(runtime, INSIDE_LIFE));
}

/* ---- every message ---- */

typedef struct handling {
    recorder_record_t record;
    const actor_kind_t *kind;
    const char *type;
    uint64_t wait_ns;
    bool is_traced, is_recorded;
} handling_t;

static void handling_begin(handling_t *self, context_t *ctx, const message_t *message)
{
    inside_t *inside = ctx->runtime->inside;
    uint64_t now_ns = clock_mono_ns(&ctx->runtime->clock);
    self->kind = ctx->actor->kind;
    self->type = inside_type_name(message);
    self->wait_ns = inside_since_ns(message->queued, now_ns);
    self->record = (recorder_record_t){.time_ns = now_ns,
                                       .actor = actor_bits(ctx->actor),
                                       .other = message->sender,
                                       .id = inside_id(inside, message),
                                       .trace = message->trace & TRACE_NUMBER_MASK,
                                       .wait = (uint32_t)(self->wait_ns >> 10),
                                       .event = RECORD_HANDLED};
    self->is_recorded = inside_records(ctx->runtime, message->trace);
    if (inside->recorder != NULL && self->is_recorded) {
        uint32_t ring = ctx->scheduler->index;
        recorder_busy_names(
            inside->recorder, ring,
            recorder_name(inside->recorder, ring, self->kind->name, self->kind->name),
            recorder_name(inside->recorder, ring, self->type, self->type));
    }
    /* The message is gone when it was handled, so the line is made before. */
    self->is_traced = inside_watches(ctx->runtime, INSIDE_TRACE);
    if (self->is_traced)
        trace_begin(inside->traces, ctx, message, self->type, self->wait_ns);
}

static void handling_end(handling_t *self, context_t *ctx)
{
    inside_t *inside = ctx->runtime->inside;
    uint64_t took_ns = clock_mono_ns(&ctx->runtime->clock) - self->record.time_ns;
    if (self->is_recorded) {
        self->record.duration_ns = inside_capped(took_ns);
        inside_note(ctx->runtime, self->kind, self->type, nothing, self->record);
    }
    if (inside_watches(ctx->runtime, INSIDE_LATENCIES))
        latency_add(inside->latencies[ctx->scheduler->index], self->kind->name, self->type,
                    self->wait_ns, took_ns);
    if (self->is_traced)
        trace_end(inside->traces, ctx, took_ns);
}

/* Is it looked at for itself, and not only as one of all, among which some are? */
static bool is_wanted(const runtime_t *runtime, const message_t *message)
{
    return inside_watches(runtime, INSIDE_MESSAGES | INSIDE_TRACE | INSIDE_LATENCIES) ||
           (message->trace & TRACE_SAMPLED) != 0;
}

void inside_handle(context_t *ctx, message_t *message,
                   void (*handle)(context_t *ctx, message_t *message))
{
    handling_t handling = {0}; /* TSan's build does not see that one condition sets and reads it */
    uint32_t before = inside_swap_trace(ctx->runtime, message->trace);
    bool is_looked_at = is_wanted(ctx->runtime, message);
    inside_end_sampling(ctx->runtime, ctx->now_ns);
    if (is_looked_at)
        handling_begin(&handling, ctx, message);
    handle(ctx, message);
    if (is_looked_at)
        handling_end(&handling, ctx);
    inside_swap_trace(ctx->runtime, before);
}

void inside_sent(runtime_t *runtime, const actor_kind_t *kind, uint64_t ref, message_t *message)
{
    uint64_t now_ns = clock_mono_ns(&runtime->clock);
    message->queued = inside_stamp(now_ns);
    inside_belongs(runtime, message);
    if (message->trace == 0 && inside_watches(runtime, INSIDE_MESSAGES | INSIDE_TRACE))
        message->trace = inside_begin_trace(runtime->inside);
    if (inside_records(runtime, message->trace))
        inside_note(runtime, kind, inside_type_name(message), nothing,
                    (recorder_record_t){.time_ns = now_ns,
                                        .actor = message->sender,
                                        .other = ref_seat(ref) == 0 ? ref : 0,
                                        .id = inside_id(runtime->inside, message),
                                        .trace = message->trace & TRACE_NUMBER_MASK,
                                        .event = RECORD_SENT});
    if (inside_watches(runtime, INSIDE_TRACE))
        trace_sent(runtime->inside->traces, kind, ref, inside_type_name(message), message);
}

void inside_stolen(scheduler_t *scheduler, const actor_t *actor, uint32_t from)
{
    inside_note(scheduler->runtime, actor->kind, NULL, nothing,
                (recorder_record_t){.time_ns = clock_mono_ns(&scheduler->runtime->clock),
                                    .actor = actor_bits(actor),
                                    .other = from,
                                    .event = RECORD_STOLEN});
}

void inside_slept(scheduler_t *scheduler, uint64_t begin_ns, uint64_t end_ns)
{
    inside_note(scheduler->runtime, NULL, NULL, nothing,
                (recorder_record_t){.time_ns = begin_ns,
                                    .duration_ns = inside_capped(end_ns - begin_ns),
                                    .event = RECORD_SLEPT});
}

uint64_t inside_actor_bytes(const actor_t *actor)
{
    return actor_charged(actor) + ACTOR_SLOT_SIZE;
}

/* ---- turns ---- */

void inside_turned(const context_t *ctx, uint64_t begin_ns, uint64_t messages)
{
    uint64_t end_ns = clock_mono_ns(&ctx->runtime->clock);
    atomic_store_explicit(&ctx->scheduler->recorder_head->busy_names, 0, memory_order_relaxed);
    inside_note(ctx->runtime, actor_kind(ctx->actor), NULL, nothing,
                (recorder_record_t){.time_ns = begin_ns,
                                    .actor = actor_bits(ctx->actor),
                                    .duration_ns = inside_capped(end_ns - begin_ns),
                                    .wait = inside_capped(messages),
                                    .event = RECORD_TURN});
}

/* ---- a life's events ---- */

static void note_life(const actor_t *actor, str_t reason, recorder_record_t record)
{
    runtime_t *runtime = actor_runtime(actor);
    record.time_ns = clock_mono_ns(&runtime->clock);
    record.actor = actor_bits(actor);
    inside_note(runtime, actor->kind, NULL, reason, record);
}

void inside_life(const actor_t *actor, record_event_t event)
{
    bool is_message = record_event_level(event) == RECORDER_MESSAGES;
    if (!inside_watches(actor_runtime(actor), is_message ? INSIDE_MESSAGES : INSIDE_LIFE))
        return;
    uint64_t hash = event == RECORD_ACTIVATED ? registry_hash(actor) : 0;
    note_life(actor, nothing, (recorder_record_t){.other = hash, .event = (uint8_t)event});
}

void inside_failed(const actor_t *actor, const char *reason)
{
    if (inside_watches(actor_runtime(actor), INSIDE_LIFE))
        note_life(actor, str_from(reason), (recorder_record_t){.event = RECORD_FAILED});
    if (inside_watches(actor_runtime(actor), INSIDE_TRACE))
        trace_failed(actor_runtime(actor)->inside->traces, actor, reason);
}

void inside_undone(const actor_t *actor, err_t err)
{
    if (inside_watches(actor_runtime(actor), INSIDE_LIFE))
        note_life(actor, nothing,
                  (recorder_record_t){.detail = (uint8_t)err, .event = RECORD_UNDONE});
}

void inside_slow(runtime_t *runtime, const scheduler_step_t *step, uint64_t now_ns,
                 uint64_t took_ns)
{
    if (!inside_watches(runtime, INSIDE_LIFE))
        return;
    inside_note(runtime, step->kind, step->schema == NULL ? NULL : step->schema->name, nothing,
                (recorder_record_t){.time_ns = now_ns - took_ns,
                                    .actor = step->actor,
                                    .duration_ns = inside_capped(took_ns),
                                    .event = RECORD_SLOW});
}

void inside_dead_letter(runtime_t *runtime, const message_t *message, dead_reason_t reason,
                        const dead_receiver_t *receiver)
{
    if (!inside_watches(runtime, INSIDE_LIFE))
        return;
    const actor_kind_t *kind =
        receiver->kind == NULL ? NULL : runtime_kind(runtime, receiver->kind);
    inside_note(runtime, kind, message == NULL ? NULL : inside_type_name(message), nothing,
                (recorder_record_t){.time_ns = clock_mono_ns(&runtime->clock),
                                    .actor = receiver->ref,
                                    .other = message == NULL ? 0 : message->sender,
                                    .detail = (uint8_t)reason,
                                    .event = RECORD_DEAD_LETTER});
}

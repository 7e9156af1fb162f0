#include "runtime/inside/trace.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/inside/inside.h"

typedef enum trace_state { TRACE_FREE, TRACE_OPEN } trace_state_t;

/* One scheduler's side of a session. The counts run on; what lies between them is to be read. */
typedef struct trace_lane {
    _Atomic bool is_in;
    _Atomic uint32_t written;
    _Atomic uint64_t lost;
    _Atomic uint32_t taken; /* the reader's */
    char *room;             /* TRACE_ROOM bytes: line size (uint32_t), line, ... */
} __attribute__((aligned(64))) trace_lane_t;

struct live_trace {
    trace_hub_t *hub;
    _Atomic trace_state_t state;
    _Atomic uint32_t turn; /* how often it was opened */
    char kind[TRACE_NAME_SIZE], key[ACTOR_KEY_SIZE_MAX], type[TRACE_NAME_SIZE];
    char except[TRACE_NAME_SIZE];
    size_t kind_size, key_size, type_size, except_size;
    uint64_t sender;
    uint32_t trace;
    trace_lane_t *lanes;
    uint32_t next_lane; /* the reader's: each in turn */
};

typedef struct trace_line {
    buf_t text;
    uint32_t turns[TRACE_SESSIONS_MAX]; /* of the sessions that want it; 0: not wanted */
} trace_line_t;

/* What a scheduler is writing. While the one message is handled, others are sent. */
typedef struct trace_desk {
    trace_line_t handled, other;
    bool is_handled_wanted;
    const actor_t *actor; /* at hand; NULL: none */
} trace_desk_t;

struct trace_hub {
    runtime_t *runtime;
    uv_mutex_t lock; /* opening and closing */
    live_trace_t sessions[TRACE_SESSIONS_MAX];
    trace_desk_t *desks; /* one a scheduler */
};

err_t trace_hub_new(runtime_t *runtime, trace_hub_t **out_hub)
{
    trace_hub_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->runtime = runtime;
    ASSERT(uv_mutex_init(&self->lock) == 0);
    for (size_t i = 0; i < TRACE_SESSIONS_MAX; i++)
        self->sessions[i].hub = self;
    self->desks = memory_new_array(runtime->scheduler_count, sizeof *self->desks);
    if (self->desks == NULL) {
        trace_hub_free(self);
        return ERR_NO_MEMORY;
    }
    *out_hub = self;
    return ERR_OK;
}

static void free_lanes(live_trace_t *session, uint32_t count)
{
    for (uint32_t i = 0; session->lanes != NULL && i < count; i++)
        memory_free(session->lanes[i].room);
    memory_free(STEAL(session->lanes));
}

void trace_hub_free(trace_hub_t *self)
{
    if (self == NULL)
        return;
    uint32_t count = self->runtime->scheduler_count;
    for (size_t i = 0; i < TRACE_SESSIONS_MAX; i++)
        free_lanes(&self->sessions[i], count);
    for (uint32_t i = 0; self->desks != NULL && i < count; i++) {
        buf_deinit(&self->desks[i].handled.text);
        buf_deinit(&self->desks[i].other.text);
    }
    memory_free(self->desks);
    uv_mutex_destroy(&self->lock);
    memory_free(self);
}

/* ---- opening and closing ---- */

static bool is_used(const live_trace_t *session, uint32_t lane_count)
{
    if (atomic_load(&session->state) != TRACE_FREE)
        return true;
    for (uint32_t i = 0; session->lanes != NULL && i < lane_count; i++)
        if (atomic_load(&session->lanes[i].is_in))
            return true;
    return false;
}

static err_t make_lanes(live_trace_t *session, uint32_t count)
{
    if (session->lanes != NULL)
        return ERR_OK;
    session->lanes = memory_new_aligned(64, count * sizeof *session->lanes);
    if (session->lanes == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        session->lanes[i].room = memory_new(TRACE_ROOM);
        if (session->lanes[i].room == NULL) {
            free_lanes(session, count);
            return ERR_NO_MEMORY;
        }
    }
    return ERR_OK;
}

static err_t set_up(live_trace_t *session, const trace_filter_t *filter, uint32_t lane_count)
{
    if (filter->kind.size > sizeof session->kind || filter->key.size > sizeof session->key ||
        filter->type.size > sizeof session->type || filter->except.size > sizeof session->except)
        return ERR_LIMIT;
    TRY(make_lanes(session, lane_count));
    session->kind_size = filter->kind.size;
    session->key_size = filter->key.size;
    session->type_size = filter->type.size;
    if (filter->kind.size > 0)
        memcpy(session->kind, filter->kind.data, filter->kind.size);
    if (filter->key.size > 0)
        memcpy(session->key, filter->key.data, filter->key.size);
    if (filter->type.size > 0)
        memcpy(session->type, filter->type.data, filter->type.size);
    session->except_size = filter->except.size;
    if (filter->except.size > 0)
        memcpy(session->except, filter->except.data, filter->except.size);
    session->sender = filter->sender;
    session->trace = filter->trace;
    for (uint32_t i = 0; i < lane_count; i++) {
        trace_lane_t *lane = &session->lanes[i];
        atomic_store(&lane->taken, atomic_load(&lane->written));
        atomic_store(&lane->lost, 0);
    }
    return ERR_OK;
}

static err_t open_one(trace_hub_t *self, const trace_filter_t *filter, live_trace_t **out_trace)
{
    uint32_t lane_count = self->runtime->scheduler_count;
    for (size_t i = 0; i < TRACE_SESSIONS_MAX; i++) {
        live_trace_t *session = &self->sessions[i];
        if (is_used(session, lane_count))
            continue;
        TRY(set_up(session, filter, lane_count));
        uint32_t turn = atomic_load(&session->turn) + 1;
        atomic_store(&session->turn, turn == 0 ? 1 : turn);
        atomic_store(&session->state, TRACE_OPEN);
        atomic_fetch_or(&self->runtime->watching, INSIDE_TRACE);
        *out_trace = session;
        return ERR_OK;
    }
    return ERR_BUSY;
}

err_t live_trace_open(runtime_t *runtime, const trace_filter_t *filter, live_trace_t **out_trace)
{
    trace_hub_t *self = inside_traces(runtime);
    char kind[TRACE_NAME_SIZE + 1];
    if (!str_to_array(filter->kind, kind, sizeof kind))
        return ERR_LIMIT;
    if (!str_is_empty(filter->kind) && runtime_kind(runtime, kind) == NULL)
        return ERR_NOT_FOUND;
    uv_mutex_lock(&self->lock);
    err_t err = open_one(self, filter, out_trace);
    uv_mutex_unlock(&self->lock);
    return err;
}

void live_trace_close(live_trace_t **trace)
{
    live_trace_t *session = STEAL(*trace);
    if (session == NULL)
        return;
    trace_hub_t *self = session->hub;
    uv_mutex_lock(&self->lock);
    atomic_store(&session->state, TRACE_FREE);
    bool is_any_open = false;
    for (size_t i = 0; i < TRACE_SESSIONS_MAX; i++)
        is_any_open |= atomic_load(&self->sessions[i].state) == TRACE_OPEN;
    if (!is_any_open)
        atomic_fetch_and(&self->runtime->watching, ~(uint32_t)INSIDE_TRACE);
    uv_mutex_unlock(&self->lock);
}

/* ---- rings ---- */

static void copy_in(trace_lane_t *lane, uint32_t at, const void *data, size_t size)
{
    size_t begin = at % TRACE_ROOM, first = MIN(size, TRACE_ROOM - begin);
    memcpy(lane->room + begin, data, first);
    memcpy(lane->room, (const char *)data + first, size - first);
}

static void copy_out(const trace_lane_t *lane, uint32_t at, void *out, size_t size)
{
    size_t begin = at % TRACE_ROOM, first = MIN(size, TRACE_ROOM - begin);
    memcpy(out, lane->room + begin, first);
    memcpy((char *)out + first, lane->room, size - first);
}

static void lane_write(trace_lane_t *lane, str_t line)
{
    uint32_t written = atomic_load_explicit(&lane->written, memory_order_relaxed);
    /* Acquire: what the reader took it has copied, so its place may be written. */
    uint32_t used = written - atomic_load_explicit(&lane->taken, memory_order_acquire);
    uint32_t size = (uint32_t)line.size;
    if (TRACE_ROOM - used < sizeof size + size) {
        atomic_fetch_add_explicit(&lane->lost, 1, memory_order_relaxed);
        return;
    }
    copy_in(lane, written, &size, sizeof size);
    copy_in(lane, written + (uint32_t)sizeof size, line.data, line.size);
    atomic_store_explicit(&lane->written, written + (uint32_t)sizeof size + size,
                          memory_order_release);
}

static bool lane_read(trace_lane_t *lane, buf_t *out)
{
    uint32_t taken = atomic_load_explicit(&lane->taken, memory_order_relaxed);
    if (atomic_load_explicit(&lane->written, memory_order_acquire) == taken)
        return false;
    uint32_t size;
    copy_out(lane, taken, &size, sizeof size);
    char *room = buf_extend(out, size + 1);
    if (room == NULL)
        return false; /* no memory: it stays for the next time */
    copy_out(lane, taken + (uint32_t)sizeof size, room, size);
    room[size] = '\n';
    atomic_store_explicit(&lane->taken, taken + (uint32_t)sizeof size + size, memory_order_release);
    return true;
}

size_t live_trace_read(live_trace_t *self, size_t lines_max, buf_t *out)
{
    uint32_t lane_count = self->hub->runtime->scheduler_count, empty = 0;
    size_t lines = 0;
    while (lines < lines_max && empty < lane_count) {
        bool has_one = lane_read(&self->lanes[self->next_lane], out);
        lines += has_one ? 1 : 0;
        empty = has_one ? 0 : empty + 1;
        self->next_lane = (self->next_lane + 1) % lane_count;
    }
    return lines;
}

uint64_t live_trace_lost(const live_trace_t *self)
{
    uint64_t lost = 0;
    for (uint32_t i = 0; i < self->hub->runtime->scheduler_count; i++)
        lost += atomic_load(&self->lanes[i].lost);
    return lost;
}

/* ---- who wants it ---- */

static bool fits(const char *wanted, size_t wanted_size, str_t got)
{
    return wanted_size == 0 || str_equal(str_of(wanted, wanted_size), got);
}

/* Enters; the session is what it says until `leave`. */
static bool enter(live_trace_t *session, uint32_t scheduler)
{
    if (atomic_load_explicit(&session->state, memory_order_acquire) != TRACE_OPEN)
        return false;
    /* Sequentially consistent, both: either who opens sees us in, or we see it not open. */
    atomic_store(&session->lanes[scheduler].is_in, true);
    if (atomic_load(&session->state) == TRACE_OPEN)
        return true;
    atomic_store(&session->lanes[scheduler].is_in, false);
    return false;
}

static void leave(live_trace_t *session, uint32_t scheduler)
{
    atomic_store_explicit(&session->lanes[scheduler].is_in, false, memory_order_release);
}

static bool wants(const live_trace_t *session, const actor_t *actor, const char *type,
                  const message_t *message)
{
    uint64_t sender = message == NULL ? 0 : message->sender;
    uint32_t trace = message == NULL ? 0 : message->trace & ~TRACE_SAMPLED;
    str_t kind = str_from(actor->kind->name);
    bool is_excepted =
        session->except_size > 0 && fits(session->except, session->except_size, kind);
    return !is_excepted && fits(session->kind, session->kind_size, kind) &&
           fits(session->key, session->key_size, actor_key(actor)) &&
           fits(session->type, session->type_size, str_from(type)) &&
           (session->sender == 0 || session->sender == sender) &&
           (session->trace == 0 || session->trace == trace);
}

/* Marks the sessions that want the line. */
static bool mark(trace_hub_t *self, uint32_t scheduler, trace_line_t *line, const actor_t *actor,
                 const char *type, const message_t *message)
{
    bool is_wanted = false;
    for (size_t i = 0; i < TRACE_SESSIONS_MAX; i++) {
        live_trace_t *session = &self->sessions[i];
        line->turns[i] = 0;
        if (!enter(session, scheduler))
            continue;
        if (wants(session, actor, type, message)) {
            line->turns[i] = atomic_load(&session->turn);
            is_wanted = true;
        }
        leave(session, scheduler);
    }
    return is_wanted;
}

static void hand_out(trace_hub_t *self, uint32_t scheduler, const trace_line_t *line)
{
    bool is_whole = buf_status(&line->text) == ERR_OK; /* else there was no memory for it */
    for (size_t i = 0; i < TRACE_SESSIONS_MAX; i++) {
        live_trace_t *session = &self->sessions[i];
        if (line->turns[i] == 0 || !enter(session, scheduler))
            continue;
        trace_lane_t *lane = &session->lanes[scheduler];
        bool is_same = atomic_load(&session->turn) == line->turns[i]; /* as when it was marked */
        if (is_same && is_whole)
            lane_write(lane, buf_str(&line->text));
        else if (is_same)
            atomic_fetch_add_explicit(&lane->lost, 1, memory_order_relaxed);
        leave(session, scheduler);
    }
}

/* ---- lines ---- */

static void key_actor(json_t *json, const char *key, uint64_t actor)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    record_actor_text(actor, &text);
    json_key_str(json, key, buf_str(&text));
    if (buf_status(&text) != ERR_OK)
        json->out->failed = buf_status(&text); /* the line is lost, not wrong */
}

static json_t line_begin(const trace_hub_t *self, uint32_t scheduler, trace_line_t *line,
                         const actor_t *actor, const char *event)
{
    buf_reset(&line->text);
    json_t json = json_to(&line->text);
    json_object_begin(&json);
    json_key_i64(&json, "time_ms", clock_wall_ms(&self->runtime->clock));
    json_key_u64(&json, "scheduler", scheduler);
    json_key_str(&json, "event", str_from(event));
    json_key_str(&json, "kind", str_from(actor->kind->name));
    json_key_str(&json, "key", actor_key(actor));
    key_actor(&json, "actor", actor_bits(actor));
    return json;
}

/* Its fields without what is secret or personal; not shown where that is long. */
static void line_payload(json_t *json, const message_t *message)
{
    const void *body = message_body(message);
    if (body == NULL)
        return;
    buf_t text BUF_SCOPED = BUF_INIT;
    text.size_max = TRACE_PAYLOAD_SIZE_MAX;
    json_t payload = json_to(&text);
    if (schema_deep_size(message->schema, body) <= TRACE_PAYLOAD_SIZE_MAX)
        schema_to_json_masked(message->schema, body, FIELD_SECRET | FIELD_PERSONAL, &payload);
    if (buf_status(&text) == ERR_OK && text.size > 0) {
        json_key(json, STR("payload"));
        json_raw(json, buf_str(&text));
    } else {
        json_key_bool(json, "payload_is_long", true);
    }
}

void trace_begin(trace_hub_t *self, const context_t *ctx, const message_t *message,
                 const char *type, uint64_t wait_ns)
{
    uint32_t scheduler = ctx->scheduler->index;
    trace_desk_t *desk = &self->desks[scheduler];
    desk->actor = ctx->actor;
    desk->is_handled_wanted = mark(self, scheduler, &desk->handled, ctx->actor, type, message);
    if (!desk->is_handled_wanted)
        return;
    json_t json = line_begin(self, scheduler, &desk->handled, ctx->actor, "handled");
    json_key_str(&json, "type", str_from(type));
    key_actor(&json, "from", message->sender);
    json_key_u64(&json, "trace", message->trace & ~TRACE_SAMPLED);
    json_key_u64(&json, "waited_us", wait_ns / 1000);
    if (message->kind == MESSAGE_REPLY)
        json_key_str(&json, "answer", str_from(err_name(message->err)));
    line_payload(&json, message);
}

void trace_end(trace_hub_t *self, const context_t *ctx, uint64_t took_ns)
{
    uint32_t scheduler = ctx->scheduler->index;
    trace_desk_t *desk = &self->desks[scheduler];
    desk->actor = NULL;
    if (!STEAL(desk->is_handled_wanted))
        return;
    json_t json = {&desk->handled.text, true}; /* goes on behind the last field */
    json_key_u64(&json, "took_ns", took_ns);
    json_object_end(&json);
    hand_out(self, scheduler, &desk->handled);
}

/* Only the actor at hand may be looked at: what another one sent was held for it, or came from a
 * topic. */
static trace_desk_t *desk_of(trace_hub_t *self, uint64_t actor, uint32_t *out_scheduler)
{
    const scheduler_t *here = scheduler_current();
    if (here == NULL || here->runtime != self->runtime)
        return NULL;
    trace_desk_t *desk = &self->desks[here->index];
    *out_scheduler = here->index;
    return desk->actor != NULL && actor_bits(desk->actor) == actor ? desk : NULL;
}

void trace_sent(trace_hub_t *self, const actor_kind_t *kind, uint64_t ref, const char *type,
                const message_t *message)
{
    uint32_t scheduler;
    trace_desk_t *desk = desk_of(self, message->sender, &scheduler);
    bool is_answer = message->kind == MESSAGE_REPLY; /* shown where it is handled */
    if (desk == NULL || is_answer ||
        !mark(self, scheduler, &desk->other, desk->actor, type, message))
        return;
    json_t json = line_begin(self, scheduler, &desk->other, desk->actor, "sent");
    json_key_str(&json, "type", str_from(type));
    if (kind != NULL)
        json_key_str(&json, "to_kind", str_from(kind->name));
    else
        key_actor(&json, "to", ref);
    json_key_u64(&json, "trace", message->trace & ~TRACE_SAMPLED);
    line_payload(&json, message);
    json_object_end(&json);
    hand_out(self, scheduler, &desk->other);
}

void trace_failed(trace_hub_t *self, const actor_t *actor, const char *reason)
{
    uint32_t scheduler;
    trace_desk_t *desk = desk_of(self, actor_bits(actor), &scheduler);
    if (desk == NULL || !mark(self, scheduler, &desk->other, actor, "", NULL))
        return;
    json_t json = line_begin(self, scheduler, &desk->other, actor, "failed");
    json_key_str(&json, "reason", str_from(reason));
    json_object_end(&json);
    hand_out(self, scheduler, &desk->other);
}

#include "runtime/inside/inspect.h"

#include "runtime/base/memory.h"
#include "runtime/inside/crashes.h"
#include "runtime/inside/inside.h"
#include "runtime/life/bonds.h"
#include "runtime/life/relations.h"
#include "runtime/mail/backlog.h"

/* ---- in the actor's turn ---- */

static const schema_field_t inspection_fields[] = {
    {"json", 1, FIELD_TYPE_STR, NULL, 0, 0},
};
typedef struct inspection {
    str_t json;
} inspection_t;
static const schema_t inspection_schema = {.name = "inspection",
                                           .role = SCHEMA_MESSAGE,
                                           .size = sizeof(inspection_t),
                                           .fields = inspection_fields,
                                           .field_count = COUNT_OF(inspection_fields)};

static const char *phase_name(const actor_t *actor)
{
    if (actor_is_waiting(actor))
        return "waits for the journal";
    switch ((actor_phase_t)actor->phase) {
    case ACTOR_FREE:
        return "free";
    case ACTOR_STARTING:
        return "starting";
    case ACTOR_RECOVERING:
        return "recovering";
    case ACTOR_RUNNING:
        return "running";
    case ACTOR_SETTLING:
        return "settling";
    case ACTOR_DORMANT:
        return "dormant";
    case ACTOR_BACKOFF:
        return "back-off";
    case ACTOR_PARKED:
        return "parked";
    case ACTOR_HOLDING:
    case ACTOR_HELD:
        return "being replaced";
    case ACTOR_WAITING:
        return "down, waits for its supervisor";
    case ACTOR_ARRANGING:
        return "starts or stops children";
    case ACTOR_ENDED:
        break;
    }
    return "ended";
}

static void key_ref(json_t *json, const char *key, uint64_t ref)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    record_actor_text(ref, &text);
    json_key_str(json, key, buf_str(&text));
}

static void element_ref(json_t *json, uint64_t ref)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    record_actor_text(ref, &text);
    json_str(json, buf_str(&text));
}

static void describe_self(const context_t *ctx, json_t *json)
{
    const actor_t *actor = ctx->actor;
    json_key_str(json, "kind", str_from(actor->kind->name));
    json_key_str(json, "key", actor_key(actor));
    key_ref(json, "actor", actor_bits(actor));
    json_key_str(json, "phase", str_from(phase_name(actor)));
    json_key_bool(json, "is_virtual", actor->is_virtual);
    json_key_u64(json, "scheduler", ctx->scheduler->index);
    json_key_u64(json, "messages", actor_messages(actor));
    json_key_u64(json, "busy_us", atomic_load(&actor->busy_ns) / 1000);
    json_key_u64(json, "idle_ms", (uint32_t)(ctx->now_ns / 1000000) - actor->active_ms);
    json_key_u64(json, "memory_bytes", inside_actor_bytes(actor));
}

static void describe_mailbox(const context_t *ctx, json_t *json)
{
    actor_t *actor = ctx->actor;
    const message_t *oldest = mailbox_peek_user(&actor->mailbox, &actor->mailbox_end);
    json_key(json, STR("mailbox"));
    json_object_begin(json);
    json_key_u64(json, "waiting", mailbox_user_waiting(&actor->mailbox, &actor->mailbox_end));
    json_key_u64(json, "waiting_system",
                 mailbox_system_waiting(&actor->mailbox, &actor->mailbox_end));
    json_key_u64(json, "deferred", actor_peek(actor)->deferred_count);
    json_key_u64(json, "max", actor->mailbox_max);
    if (oldest != NULL) {
        json_key_str(json, "oldest", str_from(oldest->schema == NULL ? "" : oldest->schema->name));
        uint64_t now_ns = clock_mono_ns(&ctx->runtime->clock);
        if (oldest->queued != 0)
            json_key_u64(json, "oldest_ms", inside_since_ns(oldest->queued, now_ns) / 1000000);
    }
    json_object_end(json);
}

static void describe_failures(const context_t *ctx, json_t *json)
{
    const actor_extra_t *extra = actor_peek(ctx->actor);
    json_key_u64(json, "incarnation", ctx->actor->incarnation);
    json_key_u64(json, "restarts", ctx->actor->incarnation - 1);
    if (extra->reason[0] != '\0')
        json_key_str(json, "last_failure", str_from(extra->reason));
    if (ctx->actor->phase == ACTOR_PARKED && extra->parked_until_ns > ctx->now_ns)
        json_key_u64(json, "parked_for_ms", (extra->parked_until_ns - ctx->now_ns) / 1000000);
}

static void key_refs(json_t *json, const char *key, const id_map_t *map, bool is_by_id)
{
    uint32_t cursor = 0, shown = 0;
    id_entry_t entry;
    json_key(json, str_from(key));
    json_array_begin(json);
    while (shown++ < INSPECTION_REFS_MAX && id_map_next(map, &cursor, &entry))
        element_ref(json, is_by_id ? entry.value.number : entry.id);
    json_array_end(json);
}

static void describe_bonds(const bonds_t *bonds, json_t *json)
{
    static const bonds_t none;
    const bonds_t *shown = bonds == NULL ? &none : bonds;
    json_key_u64(json, "watched_by_count", shown->watchers.count);
    json_key_u64(json, "monitor_count", shown->monitors.count);
    key_refs(json, "monitors", &shown->monitors, true);
    json_key_u64(json, "link_count", shown->links.count);
    key_refs(json, "links", &shown->links, false);
}

/* How it behaves, and what it handled last where its kind remembers (or it failed once). */
static void describe_work(const context_t *ctx, json_t *json)
{
    const actor_extra_t *extra = actor_peek(ctx->actor);
    const memory_of_messages_t *memory = extra->remembered;
    uint32_t behaviour = extra->backlog == NULL ? 0 : extra->backlog->behaviour;
    if (behaviour != 0)
        json_key_str(json, "behaviour",
                     str_from(actor_kind(ctx->actor)->behaviours[behaviour - 1]->name));
    json_key_u64(json, "stashed", actor_stash_count(ctx->actor));
    if (memory == NULL)
        return;
    json_key(json, STR("last_messages"));
    json_array_begin(json);
    for (uint32_t i = 1; i <= memory->size; i++) {
        const struct remembered *message =
            &memory->messages[(memory->next + memory->size - i) % memory->size];
        if (message->schema == NULL)
            break;
        json_object_begin(json);
        json_key_str(json, "type", str_from(message->schema->name));
        json_key_u64(json, "ago_ms", (ctx->now_ns - MIN(message->at_ns, ctx->now_ns)) / 1000000);
        json_object_end(json);
    }
    json_array_end(json);
}

static void describe_relations(const context_t *ctx, json_t *json)
{
    const actor_extra_t *extra = actor_peek(ctx->actor);
    uint64_t parent = actor_entry(ctx->actor)->parent;
    if (parent != 0)
        key_ref(json, "parent", parent);
    json_key_u64(json, "asks_open", extra->asks.open_count);
    json_key_u64(json, "timers", extra->timers.count);
    json_key_u64(json, "jobs_open", extra->jobs_open);
    json_key_bool(json, "is_subscribed", extra->subscriptions != NULL);
    children_forget_gone(ctx->actor);
    json_key_u64(json, "child_count", children_count(ctx->actor));
    json_key(json, STR("children"));
    json_array_begin(json);
    for (uint32_t i = 0; i < MIN(children_count(ctx->actor), (uint32_t)INSPECTION_REFS_MAX); i++)
        element_ref(json, extra->children->refs[i]);
    json_array_end(json);
    describe_bonds(extra->bonds, json);
}

static void describe_durable(const context_t *ctx, json_t *json)
{
    const durable_t *durable = actor_peek(ctx->actor)->durable;
    if (durable == NULL)
        return;
    json_key(json, STR("journal"));
    json_object_begin(json);
    json_key_u64(json, "version", durable->version);
    json_key_u64(json, "durable_version", durable->durable_version);
    json_key_u64(json, "snapshot_version", durable->snapshot_version);
    json_key_u64(json, "appends_in_flight", durable->append_count);
    json_object_end(json);
}

static void describe_state(const context_t *ctx, json_t *json)
{
    const actor_t *actor = ctx->actor;
    buf_t state BUF_SCOPED = BUF_INIT;
    state.size_max = INSPECTION_SIZE_MAX;
    json_t inner = json_to(&state);
    const char *why = NULL;
    if (actor->state == NULL)
        why = "it has none at the moment";
    else if (actor->kind->state_schema == NULL)
        why = "the kind does not describe its state (state_schema)";
    else
        schema_to_json(actor->kind->state_schema, actor->state, &inner);
    if (why == NULL && buf_status(&state) != ERR_OK)
        why = "it is too large to show";
    json_key(json, STR("state"));
    if (why == NULL)
        json_raw(json, buf_str(&state));
    else
        json_null(json);
    if (why != NULL)
        json_key_str(json, "state_is_missing", str_from(why));
}

void inspect_answer(context_t *ctx, message_t *message)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    json_object_begin(&json);
    describe_self(ctx, &json);
    describe_mailbox(ctx, &json);
    describe_work(ctx, &json);
    describe_failures(ctx, &json);
    describe_relations(ctx, &json);
    describe_durable(ctx, &json);
    describe_state(ctx, &json);
    json_object_end(&json);
    err_t err = buf_status(&text);
    inspection_t inspection = {buf_str(&text)};
    deliver_reply(ctx->runtime, reply_new(message->reply_to, err, &inspection_schema, &inspection,
                                          (str_t){NULL, 0}));
    message_free(message);
}

/* ---- at the edge ---- */

typedef struct inspecting {
    inspected_fn then;
    void *context;
} inspecting_t;

static void inspected(void *context, const answer_t *answer)
{
    inspecting_t *self = context;
    const inspection_t *inspection = answer->message;
    str_t json = answer->err == ERR_OK ? inspection->json : (str_t){NULL, 0};
    self->then(self->context, answer->err, json);
    memory_free(self);
}

static uint64_t find(runtime_t *runtime, address_t whom)
{
    if (whom.kind == NULL)
        return whom.ref.bits;
    const actor_kind_t *kind = runtime_kind(runtime, whom.kind);
    return kind == NULL ? 0 : registry_find(runtime->registry, kind, whom.key);
}

static err_t send_to(edge_t *self, uint64_t ref, uint64_t timeout_ms, inspecting_t *inspecting)
{
    runtime_t *runtime = self->scheduler->runtime;
    uint64_t correlation = 0;
    uint64_t deadline_ns = clock_mono_ns(&runtime->clock) + timeout_ms * 1000000;
    ask_t ask = {.edge_then = inspected, .data = inspecting, .deadline_ns = deadline_ns};
    message_t *message = message_new_plain(MESSAGE_INSPECT, NULL, NULL);
    if (message == NULL)
        return ERR_NO_MEMORY;
    err_t err = ask_open(&self->asks, &ask, &correlation);
    if (err != ERR_OK) {
        message_free(message);
        return err;
    }
    err = ask_table_arm(&self->asks, self->scheduler, 0);
    message->reply_to = (reply_token_t){EDGE_TAG | self->scheduler->index, correlation};
    if (err != ERR_OK) {
        message_free(message);
        edge_cancel(self, correlation);
        return err;
    }
    if (!deliver_system(runtime, ref, message)) {
        message_free(message);
        edge_cancel(self, correlation);
        return ERR_NOT_FOUND;
    }
    return ERR_OK;
}

void edge_inspect(edge_t *self, address_t whom, uint64_t timeout_ms, inspected_fn then,
                  void *context)
{
    runtime_t *runtime = self->scheduler->runtime;
    uint64_t ref = find(runtime, whom);
    inspecting_t *inspecting = memory_new(sizeof *inspecting);
    err_t err = inspecting == NULL ? ERR_NO_MEMORY : ref == 0 ? ERR_NOT_FOUND : ERR_OK;
    if (err == ERR_OK) {
        *inspecting = (inspecting_t){then, context};
        err = send_to(self, ref, timeout_ms, inspecting);
    }
    if (err != ERR_OK) {
        memory_free(inspecting);
        then(context, err, (str_t){NULL, 0});
    }
}

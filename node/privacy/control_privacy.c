/* control_privacy.c -- erasing, and reading what is kept of a user and the audit log. */

#include "actors/personal.h"
#include "actors/privacy/audit_anchor.h"
#include "actors/protocol/audit.h"
#include "node/parts.h"
#include "node/privacy/privacy_node.h"
#include "runtime/base/memory.h"

enum {
    ERASE_TIMEOUT_MS = 50000,
    EVENTS_PAGE = 500,
    EVENTS_PAGE_SIZE = 4 << 20, /* bytes of JSON, past which a page ends */
    AUDIT_ENTRIES_MAX = 10000   /* the newest that one answer has */
};

static node_t *node_of(control_request_t *request)
{
    return control_user(request);
}

static address_t audit(void)
{
    return address_of(AUDIT_KIND, AUDIT_KEY);
}

void control_user_erase(control_request_t *request)
{
    edge_ask(control_edge(request), audit(), ERASE_TIMEOUT_MS, (str_t){0}, control_answer, request,
             audit_erase, .user_id = control_argument(request, "user_id"));
}

void control_user_exported(control_request_t *request)
{
    edge_ask(control_edge(request), audit(), ASK_TIMEOUT_MS, (str_t){0}, control_answer, request,
             audit_note, .action = AUDIT_EXPORTED, .user_id = control_argument(request, "user_id"));
}

/* ---- a stream's events ---- */

typedef struct reading {
    control_request_t *request;
    journal_t *journal;
    const keyring_t *keyring;
    str_t stream;
    str_t of; /* only events whose subject this is; empty: all */
    uint64_t after, seen;
    buf_t body;
    json_t json;
    vault_t *vault;
    audit_log_t log;
    audit_anchor_t anchor;
    uint64_t lost_at; /* the entry that says so; 0: none */
    bool is_broken;
} reading_t;

static err_t write_event(reading_t *self, const schema_t *schema, const journal_record_t *record)
{
    arena_t arena ARENA_SCOPED = {0};
    void *event = arena_new(&arena, MAX(schema->size, (size_t)1));
    if (event == NULL)
        return ERR_NO_MEMORY;
    if (schema_decode(schema, record->event.payload, &arena, event) != ERR_OK)
        return ERR_CORRUPT;
    json_object_begin(&self->json);
    json_key_u64(&self->json, "version", record->version);
    json_key_i64(&self->json, "at", record->wall_ms);
    json_key_str(&self->json, "event", record->event.name);
    json_key(&self->json, STR("data"));
    schema_to_json_masked(schema, event, FIELD_SECRET,
                          &self->json); /* a password's hash is nobody's */
    json_object_end(&self->json);
    return buf_status(&self->body);
}

static bool is_wanted(const reading_t *self, const schema_t *schema, const journal_record_t *record)
{
    str_t subject;
    if (schema == NULL || str_is_empty(self->of))
        return schema != NULL;
    return schema_find_marked_str(schema, record->event.payload, FIELD_SUBJECT, &subject) ==
               ERR_OK &&
           str_equal(subject, self->of);
}

/* LIMIT: the page is full. */
static err_t visit_event(void *context, const journal_record_t *record)
{
    reading_t *self = context;
    const sealed_kind_t *kind = sealed_kind_of(PERSONAL_KINDS, PERSONAL_KIND_COUNT, record->stream);
    const schema_t *schema = kind == NULL ? NULL : sealed_schema(kind, record->event.name);
    if (self->seen == EVENTS_PAGE || self->body.size > EVENTS_PAGE_SIZE)
        return ERR_LIMIT;
    self->seen++;
    return is_wanted(self, schema, record) ? write_event(self, schema, record) : ERR_OK;
}

static err_t read_events(void *data)
{
    reading_t *self = data;
    self->json = json_to(&self->body);
    json_object_begin(&self->json);
    json_key(&self->json, STR("events"));
    json_array_begin(&self->json);
    err_t err =
        self->journal->table->read(self->journal, self->stream, self->after, visit_event, self);
    json_array_end(&self->json);
    json_key_u64(&self->json, "next", err == ERR_LIMIT ? self->after + self->seen : 0);
    json_object_end(&self->json);
    return err == ERR_LIMIT ? buf_status(&self->body) : err;
}

static void was_read(void *data, err_t err)
{
    reading_t *self = data;
    if (err == ERR_OK)
        err = buf_status(&self->body);
    if (err != ERR_OK)
        control_refuse(self->request, err, (str_t){0});
    else
        control_reply(self->request, buf_str(&self->body));
    aead_buf_deinit(&self->body);
    memory_free(self);
}

static void read_stream(control_request_t *request, str_t stream, err_t (*work)(void *data))
{
    reading_t *self = memory_new(sizeof *self);
    int64_t after = control_argument_int(request, "after", 0);
    if (self == NULL || after < 0) {
        memory_free(self);
        control_refuse(request, after < 0 ? ERR_INVALID : ERR_NO_MEMORY, (str_t){0});
        return;
    }
    self->request = request;
    self->journal = journal_sealed_journal(node_of(request)->sealed);
    self->keyring = node_of(request)->keyring;
    self->vault = node_of(request)->vault;
    self->stream = stream; /* in the request's arena, or constant */
    self->of = control_argument(request, "of");
    self->after = (uint64_t)after;
    edge_offload(control_edge(request), OFFLOAD_FILE, work, was_read, self);
}

void control_user_events(control_request_t *request)
{
    str_t stream = control_argument(request, "stream");
    if (sealed_kind_of(PERSONAL_KINDS, PERSONAL_KIND_COUNT, stream) == NULL ||
        str_find(stream, '/') == stream.size) {
        control_refuse(request, ERR_INVALID, (str_t){0});
        return;
    }
    read_stream(request, stream, read_events);
}

/* ---- the audit log ---- */

static void write_entry(reading_t *self, const audit_noted_t *event, bool follows)
{
    json_object_begin(&self->json);
    json_key_u64(&self->json, "number", event->number);
    json_key_i64(&self->json, "at", event->at_ms);
    json_key_str(&self->json, "action", str_from(audit_action_text(event->action)));
    json_key_str(&self->json, "user_id", event->user_id);
    json_key_bool(&self->json, "follows", follows);
    json_object_end(&self->json);
}

static err_t visit_entry(void *context, const journal_record_t *record)
{
    reading_t *self = context;
    arena_t arena ARENA_SCOPED = {0};
    audit_noted_t event;
    if (schema_decode(&audit_noted_schema, record->event.payload, &arena, &event) != ERR_OK)
        return ERR_CORRUPT;
    bool follows = audit_log_follows(&self->log, self->keyring, &event);
    self->is_broken |= !follows;
    audit_log_apply(&self->log, &event);
    if (event.action == AUDIT_ANCHOR_LOST)
        self->lost_at = event.number;
    if (event.number == self->anchor.number && !audit_anchor_is_of(&self->anchor, event.chain))
        self->is_broken = true;
    if (record->version > self->after && self->seen++ < AUDIT_ENTRIES_MAX)
        write_entry(self, &event, follows);
    return ERR_OK;
}

static err_t read_audit(void *data)
{
    reading_t *self = data;
    TRY(audit_anchor_get(self->vault, &self->anchor)); /* first: it never is ahead of the log */
    self->json = json_to(&self->body);
    json_object_begin(&self->json);
    json_key(&self->json, STR("entries"));
    json_array_begin(&self->json);
    err_t err = self->journal->table->read(self->journal, self->stream, 0, visit_entry, self);
    json_array_end(&self->json);
    bool is_behind = self->anchor.number > self->log.number;
    json_key_bool(&self->json, "is_whole", !self->is_broken);
    json_key_bool(&self->json, "has_anchor", self->anchor.is_there || self->log.number == 0);
    json_key_bool(&self->json, "was_cut", self->anchor.is_cut || is_behind);
    json_key_u64(&self->json, "had", self->anchor.number);
    json_key_u64(&self->json, "lost_at", self->lost_at);
    json_key_u64(&self->json, "next",
                 self->seen > AUDIT_ENTRIES_MAX ? self->after + AUDIT_ENTRIES_MAX : 0);
    json_object_end(&self->json);
    return err;
}

void control_audit(control_request_t *request)
{
    read_stream(request, STR("audit/node"), read_audit);
}

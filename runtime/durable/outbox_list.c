/* outbox_list.c -- outboxes from outside: who has messages that wait, and which. */

#include "runtime/base/memory.h"
#include "runtime/durable/outbox.h"
#include "runtime/kernel.h"
#include "runtime/router.h"

enum { PAGE = 256 };

void outbox_stats(const runtime_t *runtime, outbox_stats_t *out_stats)
{
    const outbox_counters_t *counters = &runtime->counters.outbox;
    *out_stats = (outbox_stats_t){.sent = atomic_load(&counters->sent),
                                  .attempts = atomic_load(&counters->attempts),
                                  .delivered = atomic_load(&counters->delivered),
                                  .refused = atomic_load(&counters->refused),
                                  .died = atomic_load(&counters->died),
                                  .taken = atomic_load(&counters->taken),
                                  .duplicates = atomic_load(&counters->duplicates)};
}

/* ---- a page of the index ---- */

typedef struct page {
    buf_t names; /* each with a terminator */
    size_t last; /* where the last one begins */
    size_t count;
} page_t;

static err_t note_stream(void *context, str_t stream)
{
    page_t *page = context;
    page->last = page->names.size;
    page->count++;
    buf_append(&page->names, stream);
    buf_append_char(&page->names, '\0');
    return buf_status(&page->names);
}

static err_t read_page(journal_t *journal, str_t after, size_t count_max, page_t *page)
{
    if (journal->table->waiting == NULL)
        return ERR_UNSUPPORTED;
    buf_reset(&page->names);
    page->count = 0;
    return journal->table->waiting(journal, after, count_max, note_stream, page);
}

static str_t last_of(const page_t *page)
{
    return page->count == 0 ? (str_t){NULL, 0} : str_from(page->names.data + page->last);
}

static void page_deinit(page_t *self)
{
    buf_deinit(&self->names);
}

/* ---- waking ---- */

/* Whose stream it is. False: of no durable kind of this program. */
static bool address_of_stream(const runtime_t *runtime, str_t stream, address_t *out_to)
{
    size_t slash = str_find(stream, '/');
    if (slash >= stream.size)
        return false;
    const actor_kind_t *kind = runtime_kind_named(runtime, str_slice(stream, 0, slash));
    if (kind == NULL || kind->applier_count == 0)
        return false;
    *out_to = address_of(kind->name, str_slice(stream, slash + 1, stream.size));
    return true;
}

err_t outbox_settle(edge_t *edge, str_t stream, uint64_t number, bool is_retry, edge_then_fn then,
                    void *context)
{
    address_t to;
    const str_t no_id = {NULL, 0};
    if (!address_of_stream(edge_runtime(edge), stream, &to))
        return ERR_INVALID;
    if (is_retry)
        edge_ask(edge, to, 0, no_id, then, context, outbox_retry, .number = number);
    else
        edge_ask(edge, to, 0, no_id, then, context, outbox_drop, .number = number);
    return ERR_OK;
}

static bool is_elsewhere(const runtime_t *self, address_t to)
{
    located_t place;
    return runtime_node(self) != 0 &&
           runtime_locate(self, str_from(to.kind), to.key, &place) == ERR_OK &&
           place.node != runtime_node(self);
}

/* A kind that this program does not have is passed over: its messages wait for one that has. So is
 * who is another node's to wake. */
static err_t wake(runtime_t *self, str_t stream)
{
    address_t to;
    if (!address_of_stream(self, stream, &to) || is_elsewhere(self, to))
        return ERR_OK;
    return runtime_send(self, to, outbox_wake);
}

err_t runtime_wake_senders(runtime_t *self, buf_t *after, size_t count_max)
{
    page_t page SCOPED(page_deinit) = {.names = BUF_INIT};
    if (self->journal == NULL)
        return ERR_UNSUPPORTED;
    TRY(read_page(self->journal, buf_str(after), count_max, &page));
    for (size_t at = 0; at < page.names.size; at += str_from(page.names.data + at).size + 1)
        IGNORE_ERR(wake(self, str_from(page.names.data + at))); /* the next round asks again */
    buf_reset(after);
    if (page.count == count_max)
        buf_append(after, last_of(&page));
    return buf_status(after);
}

/* ---- listing ---- */

static err_t replay(void *context, const journal_record_t *record)
{
    err_t err = outbox_replay(context, record);
    return err == ERR_NOT_FOUND ? ERR_OK : err; /* the kind's own */
}

static err_t read_outbox(journal_t *journal, str_t stream, outbox_t **outbox)
{
    buf_t encoded BUF_SCOPED = BUF_INIT;
    arena_t arena ARENA_SCOPED = {0};
    durable_snapshot_t snapshot;
    uint64_t version = 0;
    err_t err = journal->table->snapshot_get(journal, stream, &version, &encoded);
    if (err == ERR_OK) {
        err = schema_decode(&durable_snapshot_schema, buf_str(&encoded), &arena, &snapshot);
        if (err != ERR_OK)
            return err == ERR_NO_MEMORY ? err : ERR_CORRUPT;
        TRY(outbox_from_snapshot(outbox, journal, stream, &snapshot));
    } else if (err != ERR_NOT_FOUND) {
        return err;
    }
    return journal->table->read(journal, stream, version, replay, outbox);
}

static err_t visit_letter(str_t stream, const letter_t *letter, outbox_visit_fn visit,
                          void *context)
{
    outbox_letter_t told = {.stream = stream,
                            .number = letter->number,
                            .kind = letter->kind,
                            .key = letter->key,
                            .name = letter->name,
                            .dead = letter->dead};
    return visit(context, &told);
}

static err_t visit_outbox(const outbox_t *outbox, str_t stream, outbox_visit_fn visit,
                          void *context)
{
    for (const letter_lane_t *lane = outbox->lanes; lane != NULL; lane = lane->next)
        for (const letter_t *letter = lane->first; letter != NULL; letter = letter->next)
            TRY(visit_letter(stream, letter, visit, context));
    for (const letter_t *letter = outbox->dead; letter != NULL; letter = letter->next)
        TRY(visit_letter(stream, letter, visit, context));
    return ERR_OK;
}

static err_t list_one(journal_t *journal, str_t stream, outbox_visit_fn visit, void *context)
{
    outbox_t *outbox = NULL;
    err_t err = read_outbox(journal, stream, &outbox);
    if (err == ERR_OK && outbox != NULL)
        err = visit_outbox(outbox, stream, visit, context);
    outbox_free(outbox);
    return err;
}

err_t outbox_list(journal_t *journal, outbox_visit_fn visit, void *context)
{
    page_t page SCOPED(page_deinit) = {.names = BUF_INIT};
    buf_t after BUF_SCOPED = BUF_INIT;
    do {
        TRY(read_page(journal, buf_str(&after), PAGE, &page));
        for (size_t at = 0; at < page.names.size; at += str_from(page.names.data + at).size + 1)
            TRY(list_one(journal, str_from(page.names.data + at), visit, context));
        buf_reset(&after);
        buf_append(&after, last_of(&page));
        TRY(buf_status(&after));
    } while (page.count == PAGE);
    return ERR_OK;
}

/* ---- for people ---- */

typedef struct description {
    json_t *json;
    uint64_t waiting, dead;
} description_t;

static err_t describe_letter(void *context, const outbox_letter_t *letter)
{
    description_t *self = context;
    if (letter->dead == ERR_OK) {
        self->waiting++;
        return ERR_OK;
    }
    if (++self->dead > OUTBOX_DESCRIBED_MAX)
        return ERR_OK;
    json_object_begin(self->json);
    json_key_str(self->json, "stream", letter->stream);
    json_key_u64(self->json, "number", letter->number);
    json_key_str(self->json, "kind", letter->kind);
    json_key_str(self->json, "key", letter->key);
    json_key_str(self->json, "type", letter->name);
    json_key_str(self->json, "reason", str_from(err_name(letter->dead)));
    json_object_end(self->json);
    return ERR_OK;
}

void outbox_describe(runtime_t *runtime, json_t *json)
{
    description_t self = {.json = json};
    outbox_stats_t stats;
    outbox_stats(runtime, &stats);
    json_object_begin(json);
    json_key(json, STR("letters"));
    json_array_begin(json);
    err_t err = runtime->journal == NULL ? ERR_UNSUPPORTED
                                         : outbox_list(runtime->journal, describe_letter, &self);
    json_array_end(json);
    json_key_u64(json, "dead", self.dead);
    json_key_u64(json, "waiting", self.waiting);
    json_key_u64(json, "sent", stats.sent);
    json_key_u64(json, "attempts", stats.attempts);
    json_key_u64(json, "delivered", stats.delivered);
    json_key_u64(json, "refused", stats.refused);
    json_key_u64(json, "duplicates", stats.duplicates);
    json_key_bool(json, "is_complete", err == ERR_OK);
    json_object_end(json);
}

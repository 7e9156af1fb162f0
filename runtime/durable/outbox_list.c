/* outbox_list.c -- outboxes from outside: who has messages that wait, and which. */

#include "runtime/base/memory.h"
#include "runtime/durable/outbox.h"
#include "runtime/kernel.h"

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

/* A kind that this program does not have is passed over: its messages wait for one that has. */
static err_t wake(runtime_t *self, str_t stream)
{
    size_t slash = str_find(stream, '/');
    if (slash >= stream.size)
        return ERR_OK;
    const actor_kind_t *kind = runtime_kind_named(self, str_slice(stream, 0, slash));
    if (kind == NULL || kind->applier_count == 0)
        return ERR_OK;
    str_t key = str_slice(stream, slash + 1, stream.size);
    return runtime_send(self, address_of(kind->name, key), outbox_wake);
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
        if (schema_decode(&durable_snapshot_schema, buf_str(&encoded), &arena, &snapshot) != ERR_OK)
            return ERR_CORRUPT;
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

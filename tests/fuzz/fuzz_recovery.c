/* A journal that gives back any bytes: a snapshot (with the commands that were seen) and events.
 * The activation recovers or is refused; who asks is always answered, also with a command that the
 * snapshot says was seen; nothing is left. */
#include "runtime/base/assert.h"
#include "runtime/simulation.h"
#include "tests/support/actors/purse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says how many of the rest are the snapshot and how many each event. */
typedef struct bytes_journal {
    journal_t journal; /* first: the table's functions get it */
    str_t snapshot, events;
    size_t event_size;
    uint64_t appended;
    uint32_t answers;
} bytes_journal_t;

static void do_append(journal_t *journal, const journal_append_t *append)
{
    bytes_journal_t *self = (bytes_journal_t *)journal;
    self->appended++;
    append->done(append->done_context, ERR_OK, append->expected_version + append->event_count,
                 self->appended);
}

static err_t do_read(journal_t *journal, str_t stream, uint64_t after, journal_visit_fn visit,
                     void *context)
{
    const bytes_journal_t *self = (const bytes_journal_t *)journal;
    static const char *const names[] = {"purse_was_put", "purse_was_taken", "purse_unheard_of"};
    uint64_t version = after;
    for (size_t at = 0; at < self->events.size; at += self->event_size) {
        str_t payload =
            str_of(self->events.data + at, MIN(self->event_size, self->events.size - at));
        size_t name = (size_t)(unsigned char)payload.data[0] % 16;
        version++;
        journal_record_t record = {.stream = stream,
                                   .version = version,
                                   .position = version,
                                   .event = {str_from(names[name == 15 ? 2 : name % 2]), payload},
                                   .command_id = STR("c"),
                                   .result = payload};
        TRY(visit(context, &record));
    }
    return ERR_OK;
}

static void do_snapshot_put(journal_t *journal, str_t stream, uint64_t version, str_t state)
{
    (void)journal, (void)stream, (void)version, (void)state;
}

static err_t do_snapshot_get(journal_t *journal, str_t stream, uint64_t *out_version, buf_t *out)
{
    const bytes_journal_t *self = (const bytes_journal_t *)journal;
    (void)stream;
    if (self->snapshot.size == 0)
        return ERR_NOT_FOUND;
    *out_version = 3;
    buf_append(out, self->snapshot);
    return buf_status(out);
}

static err_t do_feed(journal_t *journal, uint64_t after, size_t count_max, journal_visit_fn visit,
                     void *context)
{
    (void)journal, (void)after, (void)count_max, (void)visit, (void)context;
    return ERR_OK;
}

static uint64_t do_head(journal_t *journal)
{
    const bytes_journal_t *self = (const bytes_journal_t *)journal;
    return self->appended;
}

static const journal_table_t table = {.append = do_append,
                                      .read = do_read,
                                      .snapshot_put = do_snapshot_put,
                                      .snapshot_get = do_snapshot_get,
                                      .feed = do_feed,
                                      .head = do_head};

static void on_answer(void *context, const answer_t *answer)
{
    bytes_journal_t *self = context;
    ASSERT(answer->err != ERR_OK || answer->schema == NULL ||
           answer->schema == &purse_balance_schema || answer->schema->role == SCHEMA_REPLY);
    self->answers++;
}

static void use(bytes_journal_t *self)
{
    simulation_t *simulation = NULL;
    runtime_t *runtime = NULL;
    ASSERT(simulation_new(1, &simulation) == ERR_OK);
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = simulation_clock(simulation),
                                 .random = simulation_random(simulation),
                                 .journal = &self->journal,
                                 .is_simulated = true};
    ASSERT(runtime_new(&options, &runtime) == ERR_OK);
    ASSERT(runtime_register(runtime, &purse_kind, NULL) == ERR_OK);
    ASSERT(runtime_start(runtime) == ERR_OK);
    simulation_attach(simulation, runtime);
    edge_t *edge = runtime_edge(runtime, 0);
    address_t to = address_of("purse", STR("1"));
    edge_ask(edge, to, 1000, STR(""), on_answer, self, purse_read);
    edge_ask(edge, to, 1000, STR("c"), on_answer, self, purse_put, .amount = 1);
    while (self->answers < 2 && simulation_step(simulation))
        ;
    ASSERT(self->answers == 2);
    simulation_detach(simulation, runtime);
    runtime_free(runtime);
    simulation_free(simulation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    str_t rest = str_of(data + 2, size - 2);
    size_t snapshot_size = MIN((size_t)data[0], rest.size);
    bytes_journal_t journal = {.journal = {&table},
                               .snapshot = str_of(rest.data, snapshot_size),
                               .events =
                                   str_of(rest.data + snapshot_size, rest.size - snapshot_size),
                               .event_size = (size_t)data[1] % 32 + 1};
    use(&journal);
    return 0;
}

#include "runtime/durable/recover.h"

#include "runtime/journal_memory.h"
#include "runtime/simulation.h"
#include "tests/support/actors/purse.h"
#include "tests/support/check.h"

/* ---- a node whose disk takes as long as a test says ---- */

typedef struct slow_journal {
    journal_t journal;
    journal_t *inner;
    uint64_t read_ns, spent_ns; /* a reading takes; all took */
} slow_journal_t;

static journal_t *inner_of(journal_t *journal)
{
    return CONTAINER_OF(journal, slow_journal_t, journal)->inner;
}

static void slow_append(journal_t *journal, const journal_append_t *append)
{
    inner_of(journal)->table->append(inner_of(journal), append);
}

static err_t slow_read(journal_t *journal, str_t stream, uint64_t after, journal_visit_fn visit,
                       void *context)
{
    slow_journal_t *self = CONTAINER_OF(journal, slow_journal_t, journal);
    self->spent_ns += self->read_ns;
    return self->inner->table->read(self->inner, stream, after, visit, context);
}

static void no_snapshot_put(UNUSED journal_t *journal, UNUSED str_t stream, UNUSED uint64_t version,
                            UNUSED str_t state)
{
}

static err_t no_snapshot_get(UNUSED journal_t *journal, UNUSED str_t stream,
                             UNUSED uint64_t *out_version, UNUSED buf_t *out)
{
    return ERR_NOT_FOUND;
}

static uint64_t slow_head(journal_t *journal)
{
    return inner_of(journal)->table->head(inner_of(journal));
}

static bool all_is_at_hand(UNUSED journal_t *journal, UNUSED str_t stream)
{
    return true;
}

static const journal_table_t slow_table = {.append = slow_append,
                                           .read = slow_read,
                                           .snapshot_put = no_snapshot_put,
                                           .snapshot_get = no_snapshot_get,
                                           .head = slow_head,
                                           .is_at_hand = all_is_at_hand};

typedef struct node {
    simulation_t *simulation;
    journal_memory_t *memory;
    slow_journal_t slow;
    ms_clock_t simulated;
    runtime_t *runtime;
    size_t jobs; /* that the offload pool did */
} node_t;

static void count_jobs(void *context, str_t line)
{
    node_t *node = context;
    node->jobs += memmem(line.data, line.size, " job ", 5) != NULL;
}

static uint64_t mono_ns(void *context)
{
    node_t *node = context;
    return clock_mono_ns(&node->simulated) + node->slow.spent_ns;
}

static int64_t wall_ms(void *context)
{
    node_t *node = context;
    return clock_wall_ms(&node->simulated);
}

static void node_begin(node_t *self)
{
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = {mono_ns, wall_ms, self},
                                 .random = simulation_random(self->simulation),
                                 .journal = &self->slow.journal,
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &self->runtime));
    check_ok(runtime_register(self->runtime, &purse_kind, NULL));
    check_ok(runtime_start(self->runtime));
    simulation_attach(self->simulation, self->runtime);
    self->jobs = 0;
}

static void node_end(node_t *self)
{
    simulation_detach(self->simulation, self->runtime);
    runtime_free(self->runtime);
}

static node_t *node_new(void)
{
    node_t *self = calloc(1, sizeof *self);
    simulation_options_t options = {.seed = 1, .trace = count_jobs, .trace_context = self};
    check_ok(simulation_open(&options, &self->simulation));
    check_ok(journal_memory_new(false, &self->memory));
    self->slow = (slow_journal_t){.journal.table = &slow_table,
                                  .inner = journal_memory_journal(self->memory)};
    self->simulated = simulation_clock(self->simulation);
    node_begin(self);
    return self;
}

static void node_free(node_t *self)
{
    node_end(self);
    journal_memory_free(self->memory);
    simulation_free(self->simulation);
    free(self);
}

typedef struct outcome {
    err_t err;
    uint64_t balance;
} outcome_t;

static void on_answer(void *context, const answer_t *answer)
{
    outcome_t *outcome = context;
    outcome->err = answer->err;
    if (answer->schema == &purse_balance_schema)
        outcome->balance = ((const purse_balance_t *)answer->message)->value;
}

static outcome_t ask(node_t *node, const char *key, const schema_t *schema, const void *message)
{
    outcome_t outcome = {.err = ERR_BUSY};
    edge_ask_message(runtime_edge(node->runtime, 0), address_of("purse", str_from(key)), 1000,
                     STR(""), on_answer, &outcome, schema, message);
    simulation_settle(node->simulation);
    return outcome;
}

static void put(node_t *node, const char *key, uint64_t amount)
{
    check_ok(ask(node, key, &purse_put_schema, &(purse_put_t){.amount = amount}).err);
}

static void check_balance(node_t *node, const char *key, uint64_t wanted)
{
    outcome_t read = ask(node, key, &purse_read_schema, &(purse_read_t){});
    check_ok(read.err);
    cr_assert(eq(u64, read.balance, wanted));
}

/* ---- tests ---- */

Test(recover, what_is_at_hand_is_read_within_the_turn)
{
    node_t *node = node_new();
    put(node, "a", 5);
    node_end(node);
    node_begin(node);

    check_balance(node, "a", 5);

    cr_assert(eq(sz, node->jobs, 0));
    node_free(node);
}

Test(recover, after_a_slow_reading_the_pool_reads_for_a_while)
{
    node_t *node = node_new();
    put(node, "a", 1);
    put(node, "b", 2);
    put(node, "c", 3);
    node_end(node);
    node_begin(node);

    node->slow.read_ns = RECOVER_HERE_MAX_NS; /* the longest that is not slow */
    check_balance(node, "a", 1);
    node->slow.read_ns++;
    check_balance(node, "b", 2);
    cr_assert(eq(sz, node->jobs, 0));
    check_balance(node, "c", 3);
    cr_assert(eq(sz, node->jobs, 1));

    node->slow.spent_ns += RECOVER_ELSEWHERE_NS;
    check_balance(node, "none", 0);
    cr_assert(eq(sz, node->jobs, 1));
    node_free(node);
}

Test(recover, a_state_that_can_not_be_read_is_not_read_within_the_turn_again)
{
    node_t *node = node_new();
    put(node, "a", 5);
    node_end(node);
    node_begin(node);
    journal_memory_fail_reads(node->memory, ERR_IO);

    check_err(ask(node, "a", &purse_read_schema, &(purse_read_t){}).err, ERR_IO);
    check_err(ask(node, "a", &purse_read_schema, &(purse_read_t){}).err, ERR_IO);
    cr_assert(eq(sz, node->jobs, 1), "the second try");

    journal_memory_fail_reads(node->memory, ERR_OK);
    check_balance(node, "a", 5);
    node_free(node);
}

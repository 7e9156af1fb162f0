/* What is sent durably, and what looks at it, with the n-th allocation failing, n from 1 until none
 * is left to fail: it says NO_MEMORY or does its work, nothing is lost, and no block is left. */
#include "runtime/base/json.h"
#include "runtime/simulation.h"
#include "tests/sim/explore/bad_journal.h"
#include "tests/support/actors/courier.h"
#include "tests/support/check.h"
#include "tests/support/faults/memory_faults.h"

#include <string.h>

typedef struct node {
    simulation_t *simulation;
    bad_journal_t journal; /* which is not hit itself */
    ledger_t ledger;
    plan_t plan; /* of no faults */
    runtime_t *runtime;
    uint64_t letters;
    bool is_answered;
} node_t;

static void on_answer(void *context, UNUSED const answer_t *answer)
{
    ((node_t *)context)->is_answered = true;
}

/* Nothing that waits is passed over; time goes by. */
static void pass(node_t *self)
{
    for (int i = 0; i < 20000 && simulation_step(self->simulation); i++)
        continue;
}

static err_t use_send(node_t *self)
{
    edge_ask(runtime_edge(self->runtime, 0), address_of("courier", STR("a")), 1000, STR("id"),
             on_answer, self, courier_send, .to = STR("b"), .item = 1);
    pass(self);
    return self->is_answered ? ERR_OK : ERR_NO_MEMORY;
}

static err_t use_wake(node_t *self)
{
    buf_t after BUF_SCOPED = BUF_INIT;
    return runtime_wake_senders(self->runtime, &after, 1);
}

static err_t count(void *context, UNUSED const outbox_letter_t *letter)
{
    ((node_t *)context)->letters++;
    return ERR_OK;
}

static err_t use_list(node_t *self)
{
    TRY(outbox_list(&self->journal.journal, count, self));
    return self->letters == 1 ? ERR_OK : ERR_INTERNAL;
}

static err_t use_describe(node_t *self)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    outbox_describe(self->runtime, &json);
    buf_append(&text, STR(" "));
    return str_contains(buf_str(&text), STR("\"is_complete\":true")) ? ERR_OK : ERR_NO_MEMORY;
}

static err_t use_settle(node_t *self)
{
    TRY(outbox_settle(runtime_edge(self->runtime, 0), STR("courier/a"), 1, true, on_answer, self));
    pass(self);
    return self->is_answered ? ERR_OK : ERR_NO_MEMORY;
}

/* Of durable actors, too. */
static err_t use_reread(node_t *self)
{
    edge_ask(runtime_edge(self->runtime, 0), address_of("courier", STR("a")), 1000, STR(""),
             on_answer, self, courier_send, .to = STR("b"), .item = 3);
    simulation_settle(self->simulation); /* it runs, and has not left yet */
    TRY(runtime_reread(self->runtime));
    pass(self);
    return ERR_OK;
}

static const struct {
    const char *what;
    err_t (*use)(node_t *self);
} uses[] = {
    {"actor_send_durably", use_send}, {"runtime_wake_senders", use_wake},
    {"outbox_list", use_list},        {"outbox_describe", use_describe},
    {"outbox_settle", use_settle},    {"runtime_reread", use_reread},
};

static void begin(node_t *self)
{
    memset(self, 0, sizeof *self);
    check_ok(simulation_new(1, &self->simulation));
    bad_journal_open(&self->journal, &self->plan, &self->ledger);
    simulation_add_source(self->simulation, bad_journal_is_ready, bad_journal_step, &self->journal);
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = simulation_clock(self->simulation),
                                 .random = simulation_random(self->simulation),
                                 .journal = &self->journal.journal,
                                 .is_simulated = true,
                                 .is_heap_only = true};
    check_ok(runtime_new(&options, &self->runtime));
    check_ok(runtime_register(self->runtime, &courier_kind, NULL));
    check_ok(runtime_start(self->runtime));
    simulation_attach(self->simulation, self->runtime);
}

/* A dead one, to be looked at. */
static void fill(node_t *self)
{
    edge_ask(runtime_edge(self->runtime, 0), address_of("courier", STR("a")), 1000, STR(""),
             on_answer, self, courier_send, .to = STR("b"), .item = 2, .how = COURIER_REFUSES);
    pass(self);
    self->is_answered = false;
}

static void end(node_t *self)
{
    simulation_detach(self->simulation, self->runtime);
    runtime_free(self->runtime);
    bad_journal_close(&self->journal);
    ledger_deinit(&self->ledger);
    simulation_free(self->simulation);
}

/* False: no allocation was left to fail. */
static bool try_use(size_t index, uint64_t failing)
{
    static node_t node;
    int64_t live = memory_faults_live();
    begin(&node);
    if (uses[index].use != use_send)
        fill(&node);
    memory_faults_reset();
    memory_faults_choose(&failing, 1);
    (void)memory_faults_arm(true);

    err_t err = uses[index].use(&node);

    (void)memory_faults_arm(false);
    bool has_failed = memory_faults_failed() > 0;
    memory_faults_reset();
    bool is_said = err == ERR_OK || (has_failed && err == ERR_NO_MEMORY);
    cr_assert(is_said, "%s with allocation %llu: %s", uses[index].what, (unsigned long long)failing,
              err_name(err));
    end(&node);
    cr_assert(memory_faults_live() == live, "%s with allocation %llu leaves blocks",
              uses[index].what, (unsigned long long)failing);
    return has_failed;
}

Test(no_memory_outbox, whatever_is_called_is_done_or_says_why_not)
{
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        uint64_t failing = 1;
        while (try_use(i, failing))
            failing++;
        cr_assert(failing > 1, "%s: nothing fails", uses[i].what);
    }
}

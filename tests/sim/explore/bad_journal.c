#include "tests/sim/explore/bad_journal.h"

#include "runtime/base/assert.h"
#include "tests/support/faults/memory_faults.h"

enum { AWAY_STEPS = 8, ORDER_STEPS = 8 }; /* a `detail` of the fault */

/* ---- the table ---- */

static bad_journal_t *self_of(journal_t *journal)
{
    return CONTAINER_OF(journal, bad_journal_t, journal);
}

journal_t *bad_journal_inner(const bad_journal_t *self)
{
    return journal_memory_journal(self->memory);
}

static void do_append(journal_t *journal, const journal_append_t *append)
{
    bool was_armed = memory_faults_arm(false);
    journal_t *to = bad_journal_inner(self_of(journal));
    to->table->append(to, append);
    memory_faults_arm(was_armed);
}

static err_t do_read(journal_t *journal, str_t stream, uint64_t after, journal_visit_fn visit,
                     void *context)
{
    journal_t *to = bad_journal_inner(self_of(journal));
    return to->table->read(to, stream, after, visit, context);
}

static void do_snapshot_put(journal_t *journal, str_t stream, uint64_t version, str_t state)
{
    bool was_armed = memory_faults_arm(false);
    journal_t *to = bad_journal_inner(self_of(journal));
    to->table->snapshot_put(to, stream, version, state);
    memory_faults_arm(was_armed);
}

static err_t do_snapshot_get(journal_t *journal, str_t stream, uint64_t *out_version, buf_t *out)
{
    journal_t *to = bad_journal_inner(self_of(journal));
    return to->table->snapshot_get(to, stream, out_version, out);
}

static uint64_t do_head(journal_t *journal)
{
    journal_t *to = bad_journal_inner(self_of(journal));
    return to->table->head(to);
}

static err_t do_feed(journal_t *journal, uint64_t after, size_t count_max, journal_visit_fn visit,
                     void *context)
{
    journal_t *to = bad_journal_inner(self_of(journal));
    return to->table->feed(to, after, count_max, visit, context);
}

static bool do_is_away(journal_t *journal)
{
    return self_of(journal)->is_away;
}

static err_t do_waiting(journal_t *journal, str_t after, size_t count_max, journal_stream_fn visit,
                        void *context)
{
    journal_t *to = bad_journal_inner(self_of(journal));
    return to->table->waiting(to, after, count_max, visit, context);
}

static bool do_is_at_hand(journal_t *journal, UNUSED str_t stream)
{
    return self_of(journal)->plan->is_at_hand;
}

static const journal_table_t table = {.append = do_append,
                                      .read = do_read,
                                      .snapshot_put = do_snapshot_put,
                                      .snapshot_get = do_snapshot_get,
                                      .feed = do_feed,
                                      .head = do_head,
                                      .is_away = do_is_away,
                                      .waiting = do_waiting,
                                      .is_at_hand = do_is_at_hand};

/* ---- faults ---- */

/* What `fault append N DETAIL` means. */
static const journal_fault_t append_faults[] = {
    {ERR_FULL, false}, {ERR_UNAVAILABLE, false}, {ERR_TIMEOUT, true}, {ERR_TIMEOUT, false}};

/* What becomes of the oldest append under way when the journal leaves. */
static const journal_fault_t last_words[] = {
    {ERR_UNAVAILABLE, false}, {ERR_TIMEOUT, true}, {ERR_TIMEOUT, false}, {ERR_OK, true}};

static journal_fault_t append_fault(void *context, const journal_append_t *append)
{
    bad_journal_t *self = context;
    (void)append;
    self->appends++;
    if (self->next.err != ERR_OK) {
        journal_fault_t next = self->next;
        self->next = (journal_fault_t){ERR_OK, true};
        return next;
    }
    for (uint32_t i = 0; i < self->plan->fault_count && !self->is_calm; i++) {
        const plan_fault_t *fault = &self->plan->faults[i];
        if (fault->kind != FAULT_APPEND || fault->at != self->appends)
            continue;
        self->append_faults++;
        ledger_trace(self->ledger, "  fault: append %u", fault->at);
        return append_faults[fault->detail % COUNT_OF(append_faults)];
    }
    return (journal_fault_t){ERR_OK, true};
}

/* The fault of this kind that lasts at `step`; NULL: none. */
static const plan_fault_t *fault_at(const bad_journal_t *self, plan_fault_kind_t kind,
                                    uint64_t step, uint32_t times)
{
    for (uint32_t i = 0; i < self->plan->fault_count && !self->is_calm; i++) {
        const plan_fault_t *fault = &self->plan->faults[i];
        uint64_t end = fault->at + (uint64_t)fault->detail * times;
        if (fault->kind == kind && step >= fault->at && step < end)
            return fault;
    }
    return NULL;
}

static void leave(bad_journal_t *self, const plan_fault_t *fault)
{
    self->next = last_words[fault->detail % COUNT_OF(last_words)];
    bad_journal_step(self);
    self->next = (journal_fault_t){ERR_OK, true};
    self->absences++;
}

void bad_journal_apply(bad_journal_t *self, uint64_t step)
{
    bool is_unreadable = fault_at(self, FAULT_READS, step, 1) != NULL;
    const plan_fault_t *away = fault_at(self, FAULT_AWAY, step, AWAY_STEPS);
    if (away != NULL && !self->is_away) {
        /* With an append under way, if one comes within half of the time. */
        if (!bad_journal_is_ready(self) && fault_at(self, FAULT_AWAY, step, AWAY_STEPS / 2) == away)
            away = NULL;
        else
            leave(self, away);
    }
    if (self->is_away != (away != NULL))
        ledger_trace(self->ledger, "  the journal %s", away == NULL ? "is back" : "is away");
    self->is_away = away != NULL;
    self->is_slow = fault_at(self, FAULT_SLOW, step, ORDER_STEPS) != NULL;
    self->is_reordering = fault_at(self, FAULT_REORDER, step, ORDER_STEPS) != NULL;
    journal_memory_set_away(self->memory, self->is_away);
    journal_memory_fail_reads(self->memory, is_unreadable ? ERR_IO : ERR_OK);
}

bool bad_journal_is_ready(void *context)
{
    const bad_journal_t *self = context;
    return journal_memory_pending(self->memory) > 0 && !self->is_slow;
}

void bad_journal_step(void *context)
{
    bad_journal_t *self = context;
    bool was_armed = memory_faults_arm(false);
    self->reordered += self->is_reordering && journal_memory_pending(self->memory) > 1;
    (void)(self->is_reordering ? journal_memory_step_last(self->memory)
                               : journal_memory_step(self->memory));
    memory_faults_arm(was_armed);
}

void bad_journal_tear(bad_journal_t *self, uint32_t most)
{
    size_t pending = journal_memory_pending(self->memory);
    size_t count = MIN((size_t)most, pending);
    self->torn += (uint32_t)count;
    ledger_trace(self->ledger, "  %zu of %zu appends under way are written", count, pending);
    journal_memory_tear(self->memory, count);
}

/* ---- life ---- */

void bad_journal_open(bad_journal_t *self, const plan_t *plan, ledger_t *ledger)
{
    *self = (bad_journal_t){
        .journal.table = &table, .plan = plan, .ledger = ledger, .next = {ERR_OK, true}};
    ASSERT(journal_memory_new(true, &self->memory) == ERR_OK);
    journal_memory_set_faults(self->memory, append_fault, self);
}

void bad_journal_close(bad_journal_t *self)
{
    journal_memory_free(self->memory);
}

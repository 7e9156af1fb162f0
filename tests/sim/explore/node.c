#include "tests/sim/explore/inside.h"

#include "runtime/base/assert.h"
#include "runtime/outbox.h"
#include "tests/support/faults/memory_faults.h"

static const char *const kind_names[] = {
#define X(name) #name,
    TARGET_NAMES(X)
#undef X
};

const char *target_kind_name(target_kind_t kind)
{
    return kind_names[kind];
}

/* ---- the node ---- */

/* Every other message has a key. */
static str_t key_of(const schema_t *schema, const void *message)
{
    const act_t *act = message;
    bool has_key = schema == &act_schema && act->id % 2 == 0;
    return has_key ? STR("key") : (str_t){NULL, 0};
}

static actor_kind_t kind_of(target_kind_t target)
{
    actor_kind_t kind = act_kind;
    kind.name = kind_names[target];
    kind.mailbox_max = 64;
    switch (target) {
    case TARGET_durable:
        kind.snapshot_every = 4;
        return kind;
    case TARGET_durable_idle:
        kind.idle_ms = 40;
        kind.snapshot_every = 2;
        return kind;
    case TARGET_tiny:
        kind.mailbox_max = 2;
        break;
    case TARGET_newest:
        kind.mailbox_max = 2;
        kind.overflow = OVERFLOW_DROP_NEWEST;
        break;
    case TARGET_oldest:
        kind.mailbox_max = 2;
        kind.overflow = OVERFLOW_DROP_OLDEST;
        break;
    case TARGET_idle:
        kind.idle_ms = 25;
        break;
    case TARGET_pinned:
        kind.is_pinned = true;
        break;
    case TARGET_trapper:
        kind.traps_exits = true;
        break;
    case TARGET_awaiter:
        kind.awaits = true;
        break;
    case TARGET_newest_of_key:
        kind.mailbox_max = 2;
        kind.overflow = OVERFLOW_COALESCE;
        kind.coalesce_key = key_of;
        break;
    case TARGET_sleeper:
        kind.idle_ms = 25;
        kind.hibernates = true;
        break;
    case TARGET_plain:
    case TARGET_KINDS:
        break;
    }
    kind.applier_count = 0;
    kind.appliers = NULL;
    return kind;
}

static err_t count_sender(void *context, str_t stream)
{
    (void)stream;
    ++*(uint64_t *)context;
    return ERR_OK;
}

/* Two, restarted as the seed says; they are reached by reference, as all that began not long ago.
 */
static void start_supervised(world_t *self)
{
    self->supervised[0] = (child_spec_t){.id = "first", .kind = &self->plain, .key = STR("first")};
    self->supervised[1] = (child_spec_t){
        .id = "second", .kind = &self->plain, .key = STR("second"), .restart = CHILD_TRANSIENT};
    self->supervisor = (supervisor_spec_t){
        .name = "supervisor",
        .strategy = (supervisor_strategy_t)(self->plan->seed / 2 % SUPERVISOR_SIMPLE),
        .backoff_first_ms = self->plan->seed % 2 == 0 ? 0 : 10,
        .backoff_max_ms = self->plan->seed % 2 == 0 ? 0 : 100,
        .children = self->supervised,
        .child_count = COUNT_OF(self->supervised)};
    actor_ref_t ref;
    ASSERT(supervisor_start(self->runtime, &self->supervisor, &ref) == ERR_OK);
}

bool node_wake_senders(world_t *self)
{
    buf_t after BUF_SCOPED = BUF_INIT;
    uint64_t count = 0;
    bool was_armed = memory_faults_arm(false);
    journal_t *journal = bad_journal_inner(&self->journal);
    /* The journal may not be readable just now; the next time it is. */
    err_t err = runtime_wake_senders(self->runtime, &after, SIZE_MAX);
    if (err == ERR_OK)
        err = journal->table->waiting(journal, STR(""), 1, count_sender, &count);
    memory_faults_arm(was_armed);
    return err != ERR_OK || count > 0;
}

void node_start(world_t *self)
{
    runtime_options_t options = {.scheduler_count = 1 + (uint32_t)(self->plan->seed % 3),
                                 .offload_queue_max = {4, 4, 2},
                                 .clock = simulation_clock(self->simulation),
                                 .random = simulation_random(self->simulation),
                                 .journal = &self->journal.journal,
                                 .state_store = sleep_store_open(&self->store, self->plan->seed),
                                 .is_simulated = true,
                                 .is_heap_only = true}; /* every block may fail, or leak */
    ASSERT(runtime_new(&options, &self->runtime) == ERR_OK);
    self->child = kind_of(TARGET_plain);
    self->child.name = "child";
    self->child_service = (act_service_t){.ledger = &self->ledger, .first_target = ACT_CHILD};
    self->child.service = &self->child_service;
    for (uint32_t i = 0; i < TARGET_KINDS; i++) {
        actor_kind_t kind = kind_of((target_kind_t)i);
        self->services[i] = (act_service_t){.ledger = &self->ledger,
                                            .first_target = i * TARGET_KEYS,
                                            .is_durable = kind.applier_count > 0,
                                            .is_trapping = kind.traps_exits,
                                            .child = &self->child};
        ASSERT(runtime_register(self->runtime, &kind, &self->services[i]) == ERR_OK);
        if (i == TARGET_plain)
            self->plain = kind;
    }
    versions_enter(self);
    ASSERT(runtime_start(self->runtime) == ERR_OK);
    start_supervised(self);
    (void)node_wake_senders(self);
    simulation_attach(self->simulation, self->runtime);
}

void node_free(world_t *self)
{
    simulation_detach(self->simulation, self->runtime);
    journal_memory_crash(self->journal.memory);
    versions_drop(self);
    runtime_free(self->runtime);
    self->runtime = NULL;
}

void node_crash(world_t *self, uint32_t torn_max)
{
    ledger_trace(&self->ledger, "  fault: crash");
    bad_journal_tear(&self->journal, torn_max);
    self->crashes++;
    self->was_crashed = true;
    node_free(self);
    sleep_store_close(&self->store);
    ledger_forgive(&self->ledger);
    crowd_forgive(&self->crowd);
    flows_forgive(&self->flows);
    clients_crash(self);
    node_start(self);
}

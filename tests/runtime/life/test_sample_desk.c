#include "docs/samples/counter/counter.h"
#include "docs/samples/desk/desk.h"
#include "runtime/journal_memory.h"
#include "runtime/simulation.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

Test(sample_desk, its_counters_are_under_one_supervisor)
{
    simulation_t *simulation = NULL;
    journal_memory_t *memory = NULL;
    runtime_t *runtime = NULL;
    buf_t tree BUF_SCOPED = BUF_INIT;
    check_ok(simulation_new(1, &simulation));
    check_ok(journal_memory_new(false, &memory));
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 1,
                                              .clock = simulation_clock(simulation),
                                              .random = simulation_random(simulation),
                                              .journal = journal_memory_journal(memory),
                                              .is_simulated = true},
                         &runtime));
    check_ok(runtime_register(runtime, &counter_kind, NULL));
    check_ok(runtime_start(runtime));
    simulation_attach(simulation, runtime);

    actor_ref_t supervisor;
    check_ok(supervisor_start(runtime, &desk_spec, &supervisor));
    simulation_settle(simulation);
    runtime_tree_text(runtime, &tree);

    check_str(buf_str(&tree), STR("runtime\n"
                                  "└─ desk (supervisor, one for one)\n"
                                  "   ├─ visits: counter visits\n"
                                  "   └─ sales: counter sales\n"));
    check_ok(runtime_drain(runtime, PATIENCE_MS));
    runtime_free(runtime);
    journal_memory_free(memory);
    simulation_free(simulation);
}

/* An actor that decided something and stops does stop, also where there is no memory to keep the
 * stop until the decision is durable: with the n-th allocation failing, n from 1 until none is left
 * to fail. Its answer comes behind the append all the same. */
#include "tests/sim/explore/bad_journal.h"
#include "tests/support/actors/purse.h"
#include "tests/support/actors/scene.h"
#include "tests/support/faults/memory_faults.h"

typedef struct stage {
    scene_t scene;
    plan_t plan; /* no faults */
    ledger_t ledger;
    bad_journal_t journal;
} stage_t;

static void begin(stage_t *self)
{
    memset(self, 0, sizeof *self);
    bad_journal_open(&self->journal, &self->plan, &self->ledger);
    const scene_kind_t kinds[] = {{&purse_kind, NULL}};
    scene_begin(&self->scene, &(scene_options_t){.seed = 1,
                                                 .each = kinds,
                                                 .each_count = COUNT_OF(kinds),
                                                 .journal = &self->journal.journal,
                                                 .is_heap_only = true});
    simulation_add_source(self->scene.simulation, bad_journal_is_ready, bad_journal_step,
                          &self->journal);
}

static void end(stage_t *self)
{
    scene_end(&self->scene);
    bad_journal_close(&self->journal);
}

/* False: there was no such allocation. */
static bool stop_without(stage_t *self, uint64_t nth, uint32_t *stopped)
{
    runtime_stats_t stats;
    memory_faults_reset();
    memory_faults_choose(&nth, 1);
    (void)memory_faults_arm(true);
    scene_answer_t answer =
        scene_asked(&self->scene, address_of("purse", STR("a")), purse_put_and_stop, .amount = 4);
    scene_settle(&self->scene);
    (void)memory_faults_arm(false);
    bool has_failed = memory_faults_failed() > 0;
    memory_faults_reset();

    runtime_stats(self->scene.runtime, &stats);
    size_t events = journal_memory_count(self->journal.memory);
    if (events > 0)
        cr_assert(stats.actors == 0, "without allocation %llu it does not stop",
                  (unsigned long long)nth);
    cr_assert(answer.err != ERR_OK || events == 1);
    *stopped += events > 0 && has_failed;
    return has_failed;
}

Test(stop_no_memory, who_decided_to_stop_stops)
{
    static stage_t stage;
    uint32_t stopped = 0;
    bool has_failed = true;
    for (uint64_t nth = 1; has_failed; nth++) {
        begin(&stage);
        has_failed = stop_without(&stage, nth, &stopped);
        end(&stage);
    }
    cr_assert(stopped > 0, "no allocation failed behind the append");
}

/* A node whose memory is gone still stops: from the n-th allocation of the drain on every one
 * fails, n from 1 until none is left to fail. Actors that run, that wait for others, that have
 * children, timers and events all end, and nothing of them is left. */
#include "runtime/journal_memory.h"
#include "tests/support/actors/purse.h"
#include "tests/support/actors/scene.h"
#include "tests/support/actors/toy.h"
#include "tests/support/faults/memory_faults.h"

#include <stdio.h>

enum { ACTORS = 9, FAILING_MAX = 4096 };

typedef struct stage {
    scene_t scene;
    journal_memory_t *journal;
    toy_world_t world;
} stage_t;

static void begin(stage_t *self)
{
    memset(self, 0, sizeof *self);
    check_ok(journal_memory_new(false, &self->journal));
    const scene_kind_t kinds[] = {{&toy_kind, &self->world}, {&purse_kind, NULL}};
    scene_begin(&self->scene, &(scene_options_t){.seed = 1,
                                                 .each = kinds,
                                                 .each_count = COUNT_OF(kinds),
                                                 .journal = journal_memory_journal(self->journal),
                                                 .is_heap_only = true});
}

static void fill(stage_t *self)
{
    scene_t *scene = &self->scene;
    char key[16];
    for (uint32_t i = 0; i < ACTORS; i++) {
        snprintf(key, sizeof key, "%u", i);
        address_t to = address_of(i % 3 == 0 ? "purse" : "toy", str_from(key));
        if (i % 3 == 0)
            check_ok(scene_asked(scene, to, purse_put, .amount = 1).err);
        if (i % 3 == 1)
            check_ok(scene_asked(scene, to, toy_spawn, .is_watched = true).err);
        if (i % 3 == 2)
            check_ok(scene_send(scene, to, toy_timer, .delay_ms = 60000));
    }
    scene_settle(scene);
}

/* With every allocation from the first-th on failing. False: none was left to fail. */
static bool drain_without(stage_t *self, uint64_t first)
{
    static uint64_t failing[FAILING_MAX];
    for (uint64_t i = 0; i < FAILING_MAX; i++)
        failing[i] = first + i;
    memory_faults_reset();
    memory_faults_choose(failing, FAILING_MAX);
    (void)memory_faults_arm(true);

    err_t err = runtime_drain(self->scene.runtime, 10000);

    (void)memory_faults_arm(false);
    bool has_failed = memory_faults_failed() > 0;
    memory_faults_reset();
    cr_assert(err == ERR_OK, "without allocation %llu: %s", (unsigned long long)first,
              err_name(err));
    return has_failed;
}

Test(drain, it_ends_without_memory)
{
    static stage_t stage;
    bool has_failed = true;
    uint64_t first = 0;
    while (has_failed) {
        int64_t live = memory_faults_live();
        begin(&stage);
        fill(&stage);

        has_failed = drain_without(&stage, ++first);

        runtime_stats_t stats;
        runtime_stats(stage.scene.runtime, &stats);
        cr_assert(eq(u64, stats.actors, 0));
        scene_check_sum(&stage.scene);
        runtime_free(stage.scene.runtime);
        simulation_free(stage.scene.simulation);
        journal_memory_free(stage.journal);
        cr_assert(memory_faults_live() == live, "without allocation %llu %lld blocks are left",
                  (unsigned long long)first, (long long)(memory_faults_live() - live));
    }
    cr_assert(first > ACTORS);
}

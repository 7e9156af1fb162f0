#include "docs/samples/visitor/visitor.h"
#include "runtime/state_store_file.h"
#include "tests/support/actors/scene.h"
#include "tests/support/temporary.h"

#include <stdio.h>

static const address_t ana = {"visitor", STR_INIT("ana"), {0}};

Test(sample_visitor, remembers_while_it_sleeps)
{
    static const actor_kind_t *const kinds[] = {&visitor_kind};
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *store = NULL;
    check_ok(state_store_file_open(temporary_in(&folder, "states").path, &store));
    scene_t scene;
    scene_begin(&scene, &(scene_options_t){.kinds = kinds, .kind_count = 1, .state_store = store});
    check_ok(scene_asked(&scene, ana, visitor_sees, .page = STR("albums")).err);
    check_ok(scene_asked(&scene, ana, visitor_sees, .page = STR("artists")).err);

    scene_pass(&scene, 70000);
    runtime_stats_t asleep;
    runtime_stats(scene.runtime, &asleep);
    scene_answer_t answer = scene_asked(&scene, ana, visitor_look_back);

    cr_assert(eq(u64, asleep.actors, 0));
    check_ok(answer.err);
    check_str(str_from(answer.schema), STR("visitor_history"));
    scene_end(&scene);
    state_store_file_close(store);
}

Test(sample_visitor, has_seen_enough_at_its_memory_max)
{
    static const actor_kind_t *const kinds[] = {&visitor_kind};
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *store = NULL;
    check_ok(state_store_file_open(temporary_in(&folder, "states").path, &store));
    scene_t scene;
    scene_begin(&scene, &(scene_options_t){.kinds = kinds, .kind_count = 1, .state_store = store});

    err_t err = ERR_OK;
    for (uint32_t i = 0; i < 10000 && err == ERR_OK; i++)
        err = scene_asked(&scene, ana, visitor_sees, .page = STR("albums")).err;

    check_err(err, ERR_LIMIT);
    check_ok(scene_asked(&scene, ana, visitor_look_back).err);
    scene_end(&scene);
    state_store_file_close(store);
}

/* The offload pool: priorities, cancelling, deadlines, room. */
#include "runtime/base/memory.h"
#include "runtime/kernel.h"
#include "runtime/schedule/job_queue.h"
#include "tests/support/actors/labor.h"
#include "tests/support/actors/scene.h"
#include "tests/support/patience.h"

/* ---- the queue ---- */

enum { ROOM = 24 };

typedef struct twin_job {
    uint64_t rank;
    job_t *job;
} twin_job_t;

static uint64_t handicap(offload_priority_t priority)
{
    return priority == OFFLOAD_HIGH ? 0 : priority == OFFLOAD_NORMAL ? 64 : 512;
}

static bool is_it(const job_t *job, const void *what)
{
    return job == what;
}

Test(job_queue, a_random_history_is_that_of_a_naive_twin)
{
    random_seed_t seed = {7};
    ms_random_t random = random_seeded(&seed);
    job_queue_t queue = {.max = ROOM};
    twin_job_t twin[ROOM];
    size_t count = 0;
    uint64_t numbers = 0;

    for (int i = 0; i < 20000; i++) {
        uint64_t choice = random_below(&random, 20);
        size_t best = 0;
        for (size_t j = 1; j < count; j++)
            best = twin[j].rank < twin[best].rank ? j : best;
        if (choice < 10) {
            job_t *job = job_new(NULL, 0);
            job->priority = (offload_priority_t)random_below(&random, 3);
            err_t err = job_queue_put(&queue, job);
            check_err(err, count < ROOM ? ERR_OK : ERR_BUSY);
            if (err == ERR_OK)
                twin[count++] = (twin_job_t){++numbers + handicap(job->priority), job};
            else
                job_free(job);
        } else if (count == 0) {
            cr_assert(job_queue_take(&queue) == NULL);
        } else {
            size_t at = choice < 18 ? best : random_below(&random, count);
            job_t *job = choice < 18 ? job_queue_take(&queue)
                                     : job_queue_take_if(&queue, is_it, twin[at].job);
            cr_assert(job == twin[at].job);
            job_free(job);
            twin[at] = twin[--count];
        }
        cr_assert(queue.count == count);
    }
    while (count > 0)
        job_free(twin[--count].job);
}

/* A low job among ever new high ones. */
Test(job_queue, a_low_job_is_overtaken_by_so_many_and_no_more)
{
    static const offload_priority_t priorities[] = {OFFLOAD_NORMAL, OFFLOAD_LOW};
    for (size_t i = 0; i < COUNT_OF(priorities); i++) {
        job_queue_t queue = {.max = 4};
        job_t *slow = job_new(NULL, 0), *job = NULL;
        slow->priority = priorities[i];
        check_ok(job_queue_put(&queue, slow));
        uint64_t overtakers = 0;
        while (job != slow) {
            job_t *high = job_new(NULL, 0);
            high->priority = OFFLOAD_HIGH;
            check_ok(job_queue_put(&queue, high));
            job = job_queue_take(&queue);
            overtakers += job != slow;
            if (job != slow)
                job_free(job);
        }
        cr_assert(overtakers == handicap(priorities[i]) ||
                  overtakers == handicap(priorities[i]) - 1);
        job_free(slow);
        while ((job = job_queue_take(&queue)) != NULL)
            job_free(job);
    }
}

/* ---- the pool, simulated ---- */

static const actor_kind_t *const kinds[] = {&labor_kind};
static labor_world_t world;
static const address_t labor = {"labor", {"a", 1}, {0}};

static void begin(scene_t *scene)
{
    memset(&world, 0, sizeof world);
    scene_begin(scene, &(scene_options_t){.seed = 1,
                                          .kinds = kinds,
                                          .kind_count = COUNT_OF(kinds),
                                          .service = &world,
                                          .offload_queue_max = {4, 4, 4}});
}

/* The handlers' turns, without the pool's. */
static void give(scene_t *scene)
{
    scheduler_t *scheduler = &scene->runtime->schedulers[0];
    for (uint32_t i = 0; i < scene->runtime->scheduler_count; i++) {
        scheduler = &scene->runtime->schedulers[i];
        scheduler_set_current(scheduler);
        actor_t *actor;
        while ((actor = scheduler_pop(scheduler)) != NULL)
            scheduler_turn(scheduler, actor);
        scheduler_set_current(NULL);
    }
}

static void check_result(uint32_t number, err_t wanted)
{
    cr_assert(world.result_count[number] == 1, "%u: %u results", number,
              world.result_count[number]);
    cr_assert(world.result[number] == (uint32_t)wanted + 1, "%u: %u", number,
              world.result[number] - 1);
}

Test(offload, what_has_priority_goes_first_and_each_keeps_its_order)
{
    static const uint32_t wanted[] = {2, 0, 3, 1};
    scene_t scene;
    begin(&scene);

    check_ok(scene_send(&scene, labor, labor_do, .number = 0, .priority = OFFLOAD_NORMAL));
    check_ok(scene_send(&scene, labor, labor_do, .number = 1, .priority = OFFLOAD_LOW));
    check_ok(scene_send(&scene, labor, labor_do, .number = 2, .priority = OFFLOAD_HIGH));
    check_ok(scene_send(&scene, labor, labor_do, .number = 3, .priority = OFFLOAD_NORMAL));
    give(&scene);
    scene_settle(&scene);

    cr_assert(world.worked_count == 4 && memcmp(world.worked, wanted, sizeof wanted) == 0);
    scene_end(&scene);
}

Test(offload, a_lane_holds_its_bound_a_cancelled_job_leaves_it_at_once)
{
    scene_t scene;
    begin(&scene);
    runtime_stats_t stats;

    for (uint32_t i = 0; i < 5; i++)
        check_ok(scene_send(&scene, labor, labor_do, .number = i));
    check_ok(scene_send(&scene, labor, labor_cancel, .number = 1));
    check_ok(scene_send(&scene, labor, labor_do, .number = 5));
    give(&scene);
    bool has_room = runtime_offload_has_room(scene.runtime, OFFLOAD_COMPUTE);
    cr_assert(eq(int, has_room, false));
    cr_assert(runtime_offload_has_room(scene.runtime, OFFLOAD_FILE));
    check_result(4, ERR_BUSY);
    check_result(1, ERR_CANCELLED);
    scene_settle(&scene);

    check_result(0, ERR_OK);
    check_result(5, ERR_OK);
    cr_assert(world.worked_count == 4, "the cancelled one never ran");
    runtime_stats(scene.runtime, &stats);
    cr_assert(stats.offload_refused[OFFLOAD_COMPUTE] == 1 &&
              stats.offload_cancelled[OFFLOAD_COMPUTE] == 1);
    check_ok(scene_send(&scene, labor, labor_cancel, .number = 0)); /* done: nothing happens */
    scene_settle(&scene);
    check_result(0, ERR_OK);
    scene_end(&scene);
}

Test(offload, a_job_that_waited_too_long_does_not_run_and_makes_room)
{
    scene_t scene;
    begin(&scene);
    runtime_stats_t stats;

    check_ok(scene_send(&scene, labor, labor_do, .number = 0, .wait_ms = 10));
    check_ok(scene_send(&scene, labor, labor_do, .number = 1, .wait_ms = 100));
    check_ok(scene_send(&scene, labor, labor_do, .number = 2));
    check_ok(scene_send(&scene, labor, labor_do, .number = 3, .wait_ms = 10));
    give(&scene);
    scene_skip(&scene, 11);
    check_ok(scene_send(&scene, labor, labor_do, .number = 4)); /* 0 makes room for it */
    give(&scene);
    check_result(0, ERR_TIMEOUT);
    scene_settle(&scene);

    check_result(1, ERR_OK);
    check_result(2, ERR_OK);
    check_result(3, ERR_TIMEOUT);
    check_result(4, ERR_OK);
    runtime_stats(scene.runtime, &stats);
    cr_assert(eq(u64, stats.offload_expired[OFFLOAD_COMPUTE], 2));
    scene_end(&scene);
}

Test(offload, who_waits_for_room_is_told_when_there_is_some)
{
    scene_t scene;
    begin(&scene);

    check_ok(scene_send(&scene, labor, labor_room, .number = 9));
    give(&scene);
    check_result(9, ERR_OK);
    for (uint32_t i = 0; i < 4; i++)
        check_ok(scene_send(&scene, labor, labor_do, .number = i));
    for (uint32_t i = 10; i <= 10 + JOB_WAITERS_MAX; i++)
        check_ok(scene_send(&scene, labor, labor_room, .number = i));
    for (int i = 0; i < 40; i++)
        give(&scene);
    check_result(10 + JOB_WAITERS_MAX, ERR_BUSY);
    cr_assert(world.result_count[10] == 0, "it waits");
    check_ok(scene_send(&scene, labor, labor_cancel, .number = 2));
    give(&scene);
    check_result(2, ERR_CANCELLED);
    check_result(10, ERR_OK);
    scene_settle(&scene);

    check_result(9 + JOB_WAITERS_MAX, ERR_OK);
    scene_end(&scene);
}

Test(offload, the_end_of_an_actor_cancels_what_it_has_queued)
{
    scene_t scene;
    begin(&scene);
    address_t other = address_of("labor", STR("b"));

    check_ok(scene_send(&scene, labor, labor_do, .number = 0));
    check_ok(scene_send(&scene, other, labor_do, .number = 1));
    check_ok(scene_send(&scene, labor, labor_room, .number = 2));
    check_ok(scene_send(&scene, labor, labor_do, .number = 3));
    check_ok(scene_send(&scene, labor, labor_break));
    give(&scene);
    cr_assert(eq(u64, offload_queued(scene.runtime->offload, OFFLOAD_COMPUTE), 1));
    scene_settle(&scene);

    cr_assert(world.worked_count == 1 && world.worked[0] == 1);
    cr_assert(world.result_count[0] == 0 && world.result_count[3] == 0);
    check_result(1, ERR_OK);
    scene_end(&scene);
}

/* ---- with threads ---- */

Test(offload, a_job_that_runs_sees_that_it_is_cancelled)
{
    runtime_t *runtime = NULL;
    memset(&world, 0, sizeof world);
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 1}, &runtime));
    check_ok(runtime_register(runtime, &labor_kind, &world));
    check_ok(runtime_start(runtime));

    check_ok(runtime_send(runtime, labor, labor_spin, .number = 0));
    wait_until(atomic_load(&world.is_spinning));
    check_ok(runtime_send(runtime, labor, labor_cancel, .number = 0));
    wait_until(atomic_load(&world.result_count[0]) > 0);
    check_result(0, ERR_STALE); /* what its work returned */
    atomic_store(&world.is_spinning, false);
    check_ok(runtime_send(runtime, labor, labor_spin, .number = 1));
    wait_until(atomic_load(&world.is_spinning));
    check_ok(runtime_send(runtime, labor, labor_break)); /* its death marks it, too */

    check_ok(runtime_drain(runtime, PATIENCE_MS));
    cr_assert(world.result_count[1] == 0);
    runtime_free(runtime);
}

#include "runtime/state_store_file.h"
#include "tests/runtime/memory/dozer.h"
#include "tests/runtime/memory/shelf.h"
#include "tests/support/temporary.h"

static const address_t dozer = {"dozer", STR_INIT("a"), {0}};
static const address_t waker = {"waker", STR_INIT("w"), {0}};

enum { LONG_ENOUGH_MS = 4 * DOZER_IDLE_MS };

static uint64_t count_of(bed_t *bed)
{
    scene_answer_t answer = scene_asked(&bed->scene, dozer, dozer_count);
    check_ok(answer.err);
    return answer.value;
}

static void add(bed_t *bed, uint64_t number)
{
    check_ok(scene_asked(&bed->scene, dozer, dozer_add, .number = number).err);
}

/* With a quick store and with one that works on the offload pool. */
static void sleeps_and_wakes(bool is_quick)
{
    shelf_t shelf;
    bed_t bed;
    shelf_init(&shelf, is_quick);
    bed_begin(&bed, &shelf.store, 0);
    add(&bed, 5);
    add(&bed, 7);

    scene_pass(&bed.scene, LONG_ENOUGH_MS);
    cr_assert(eq(u64, bed_stats(&bed).actors, 0), "slot and name are free");
    cr_assert(eq(u64, bed_stats(&bed).actor_bytes, 0));
    cr_assert(eq(u32, shelf.count, 1));
    cr_assert(eq(u64, bed_stats(&bed).sleeps, 1));

    cr_assert(eq(u64, count_of(&bed), 12));
    cr_assert(eq(u64, bed_stats(&bed).wakes, 1));
    cr_assert(eq(u32, shelf.count, 0), "who is awake has nothing in the store");
    add(&bed, 1);
    scene_pass(&bed.scene, LONG_ENOUGH_MS);
    cr_assert(eq(u64, count_of(&bed), 13), "again and again");
    bed_end(&bed);
    shelf_deinit(&shelf);
}

Test(hibernate, what_idles_sleeps_and_its_next_message_wakes_it)
{
    sleeps_and_wakes(true);
    sleeps_and_wakes(false);
}

Test(hibernate, strings_and_lists_come_back_from_a_file)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    state_store_t *store = NULL;
    check_ok(state_store_file_open(temporary_in(&folder, "states").path, &store));
    bed_t bed;
    bed_begin(&bed, store, 0);
    check_ok(scene_asked(&bed.scene, dozer, dozer_say, .text = STR("good night")).err);
    for (uint64_t i = 0; i < 20; i++)
        add(&bed, i);

    scene_pass(&bed.scene, LONG_ENOUGH_MS);
    cr_assert(eq(u64, bed_stats(&bed).actors, 0));
    cr_assert(eq(u64, count_of(&bed), 190), "the list and its sum agree");
    scene_answer_t said = scene_asked(&bed.scene, dozer, dozer_text);

    check_ok(said.err);
    cr_assert(eq(u64, bed_stats(&bed).wakes, 1));
    cr_assert(eq(u64, bed_stats(&bed).sleeps_lost, 0));
    bed_end(&bed);
    state_store_file_close(store);
}

static void keeps_awake(const char *what, void (*arrange)(bed_t *bed))
{
    shelf_t shelf;
    bed_t bed;
    shelf_init(&shelf, true);
    bed_begin(&bed, &shelf.store, 0);
    arrange(&bed);
    scene_pass(&bed.scene, LONG_ENOUGH_MS);
    cr_assert(eq(u64, bed_stats(&bed).sleeps, 0), "%s keeps it awake", what);
    cr_assert(eq(u32, shelf.count, 0));
    bed_end(&bed);
    shelf_deinit(&shelf);
}

static void with_a_timer(bed_t *bed)
{
    check_ok(scene_asked(&bed->scene, dozer, dozer_timer, .delay_ms = 60000).err);
}

static void with_a_monitor(bed_t *bed)
{
    uint64_t other = scene_asked(&bed->scene, waker, dozer_who).value;
    check_ok(scene_asked(&bed->scene, dozer, dozer_watch, .ref_bits = other).err);
}

static void while_watched(bed_t *bed)
{
    uint64_t it = scene_asked(&bed->scene, dozer, dozer_who).value;
    check_ok(scene_asked(&bed->scene, waker, dozer_watch, .ref_bits = it).err);
}

Test(hibernate, who_waits_for_something_stays_awake)
{
    keeps_awake("a timer", with_a_timer);
    keeps_awake("a monitor", with_a_monitor);
    keeps_awake("being watched", while_watched);
}

Test(hibernate, what_cannot_be_stored_stays_awake_and_is_counted)
{
    for (int is_quick = 0; is_quick <= 1; is_quick++) {
        shelf_t shelf;
        bed_t bed;
        shelf_init(&shelf, is_quick);
        shelf.put_fails = ERR_FULL;
        bed_begin(&bed, &shelf.store, 0);
        add(&bed, 3);

        scene_pass(&bed.scene, LONG_ENOUGH_MS);
        cr_assert(ge(u64, bed_stats(&bed).sleeps_refused, 2), "tried again");
        cr_assert(eq(u64, bed_stats(&bed).actors, 1));
        cr_assert(eq(u64, count_of(&bed), 3));

        shelf.put_fails = ERR_OK;
        scene_pass(&bed.scene, LONG_ENOUGH_MS);
        cr_assert(eq(u64, bed_stats(&bed).actors, 0), "when there is room it sleeps");
        bed_end(&bed);
        shelf_deinit(&shelf);
    }
}

Test(hibernate, what_cannot_be_read_begins_anew_and_is_counted)
{
    shelf_t shelf;
    bed_t bed;
    shelf_init(&shelf, true);
    bed_begin(&bed, &shelf.store, 0);
    add(&bed, 3);
    scene_pass(&bed.scene, LONG_ENOUGH_MS);
    buf_t *value = &shelf.places[0].value;
    memset(value->data, 0xc1, value->size); /* never a msgpack byte */

    cr_assert(eq(u64, count_of(&bed), 0));
    cr_assert(eq(u64, bed_stats(&bed).sleeps_lost, 1));
    bed_end(&bed);
    shelf_deinit(&shelf);
}

Test(hibernate, a_disk_that_fails_refuses_the_start_and_nothing_is_lost)
{
    shelf_t shelf;
    bed_t bed;
    shelf_init(&shelf, true);
    bed_begin(&bed, &shelf.store, 0);
    add(&bed, 3);
    scene_pass(&bed.scene, LONG_ENOUGH_MS);
    shelf.take_fails = ERR_IO;

    check_err(scene_asked(&bed.scene, dozer, dozer_count).err, ERR_IO);
    shelf.take_fails = ERR_OK;
    cr_assert(eq(u64, count_of(&bed), 3));
    bed_end(&bed);
    shelf_deinit(&shelf);
}

Test(hibernate, after_a_failure_it_begins_anew)
{
    shelf_t shelf;
    bed_t bed;
    shelf_init(&shelf, true);
    bed_begin(&bed, &shelf.store, 0);
    add(&bed, 3);
    scene_pass(&bed.scene, LONG_ENOUGH_MS);
    check_err(scene_asked(&bed.scene, dozer, dozer_break).err, ERR_INTERNAL);

    cr_assert(eq(u64, count_of(&bed), 0));
    cr_assert(eq(u32, shelf.count, 0));
    bed_end(&bed);
    shelf_deinit(&shelf);
}

/* A message at every moment of falling asleep: before, in, and after the call of the store. */
Test(hibernate, a_message_at_any_moment_of_it_is_handled)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        shelf_t shelf;
        bed_t bed;
        shelf_init(&shelf, seed % 2 == 0);
        bed_begin(&bed, &shelf.store, 0);
        add(&bed, 1);
        uint64_t told = 0;
        for (uint32_t i = 0; i < 30; i++) {
            /* The idle alarm's time comes; then a few steps of what follows, then the message. */
            scene_skip(&bed.scene, DOZER_IDLE_MS + 1);
            for (uint64_t steps = (seed + i) % 7; steps > 0; steps--)
                (void)simulation_step(bed.scene.simulation);
            if (runtime_send(bed.scene.runtime, dozer, dozer_tick) == ERR_OK)
                told++;
        }
        scene_settle(&bed.scene);
        /* dozer_tick counts in the sum only: the list knows nothing of it. */
        scene_answer_t answer = scene_asked(&bed.scene, dozer, dozer_add, .number = 0);
        check_ok(answer.err);
        cr_assert(eq(u64, answer.value, 1 + told), "seed %llu", (unsigned long long)seed);
        scene_pass(&bed.scene, LONG_ENOUGH_MS);
        cr_assert(eq(u32, shelf.count, 1), "and then it sleeps");
        bed_end(&bed);
        shelf_deinit(&shelf);
    }
}

Test(hibernate, an_end_while_it_is_stored_leaves_nothing_behind)
{
    for (uint64_t steps = 0; steps < 12; steps++) {
        shelf_t shelf;
        bed_t bed;
        shelf_init(&shelf, false);
        bed_begin(&bed, &shelf.store, 0);
        add(&bed, 9);
        scene_skip(&bed.scene, DOZER_IDLE_MS + 1);
        for (uint64_t i = 0; i < steps; i++)
            (void)simulation_step(bed.scene.simulation);
        check_ok(runtime_send(bed.scene.runtime, dozer, dozer_stop));
        scene_settle(&bed.scene);

        cr_assert(eq(u64, bed_stats(&bed).actors, 0));
        cr_assert(eq(u32, shelf.count, 0), "stopped is not asleep");
        cr_assert(eq(u64, count_of(&bed), 0));
        bed_end(&bed);
        shelf_deinit(&shelf);
    }
}

Test(hibernate, a_kind_that_cannot_is_refused)
{
    shelf_t shelf;
    shelf_init(&shelf, true);
    runtime_t *runtime = NULL;
    actor_kind_t no_state = dozer_kind, no_time = dozer_kind;
    no_state.state_schema = NULL;
    no_time.idle_ms = 0;

    check_ok(runtime_new(&(runtime_options_t){.is_simulated = true}, &runtime));
    check_err(runtime_register(runtime, &dozer_kind, NULL), ERR_INVALID);
    runtime_free(runtime);
    check_ok(runtime_new(&(runtime_options_t){.is_simulated = true, .state_store = &shelf.store},
                         &runtime));
    check_err(runtime_register(runtime, &no_state, NULL), ERR_INVALID);
    check_err(runtime_register(runtime, &no_time, NULL), ERR_INVALID);
    actor_kind_t moves = dozer_kind; /* its state would stay behind */
    moves.placement = PLACED_BY_KEY;
    check_err(runtime_register(runtime, &moves, NULL), ERR_INVALID);
    check_ok(runtime_register(runtime, &dozer_kind, NULL));
    runtime_free(runtime);
}

#include "runtime/kernel.h"
#include "tests/support/actors/pipe.h"
#include "tests/support/actors/scene.h"

static const actor_kind_t *const kinds[] = {&source_kind, &sink_kind};
static pipe_world_t world;
static const address_t source = {"source", {"a", 1}, {0}}, sink = {"sink", {"a", 1}, {0}};

static void begin(scene_t *scene, uint64_t seed)
{
    memset(&world, 0, sizeof world);
    scene_begin(
        scene, &(scene_options_t){
                   .seed = seed, .kinds = kinds, .kind_count = COUNT_OF(kinds), .service = &world});
}

Test(stream, all_arrives_in_order_and_no_more_is_under_way_than_the_window)
{
    static const uint32_t windows[] = {1, 2, 3, 64, STREAM_WINDOW_MAX};
    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        for (uint64_t seed = 1; seed <= 20; seed++) {
            scene_t scene;
            begin(&scene, seed);

            check_ok(scene_send(&scene, source, pipe_start, .items = 500, .window = windows[i]));
            scene_settle(&scene);

            cr_assert(world.got == 500 && world.wrong == 0, "window %u: %llu", windows[i],
                      (unsigned long long)world.got);
            cr_assert(world.underway_max <= windows[i] && world.underway_max > windows[i] / 4);
            cr_assert(world.in_ends == 1 && world.last_err == ERR_OK);
            scene_end(&scene);
        }
    }
}

Test(stream, a_window_that_is_none_is_refused)
{
    scene_t scene;
    begin(&scene, 1);

    check_err(scene_asked(&scene, source, pipe_start, .items = 1, .window = 0).err, ERR_INVALID);
    check_err(
        scene_asked(&scene, source, pipe_start, .items = 1, .window = STREAM_WINDOW_MAX + 1).err,
        ERR_INVALID);
    scene_end(&scene);
}

Test(stream, a_consumer_that_gives_up_ends_it_and_says_why)
{
    scene_t scene;
    begin(&scene, 1);
    world.stops_at_ten = true;

    check_ok(scene_send(&scene, source, pipe_start, .items = 500, .window = 8));
    scene_settle(&scene);

    cr_assert(world.out_ends == 1 && world.last_err == ERR_FULL);
    cr_assert(world.got >= 10 && world.got <= 10 + 8 && world.wrong == 0);
    scene_end(&scene);
}

/* Either side dies somewhere on the way: the other hears of it once, and a new stream works. */
Test(stream, the_death_of_either_side_ends_it_for_the_other)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        scene_t scene;
        begin(&scene, seed);

        check_ok(scene_send(&scene, source, pipe_start, .items = 300, .window = 4));
        for (uint64_t i = 0; i < seed; i++)
            (void)simulation_step(scene.simulation);
        uint64_t is_over = world.sent == 300 ? 1 : 0;
        check_ok(scene_send(&scene, seed % 2 == 0 ? source : sink, pipe_break));
        scene_settle(&scene);
        cr_assert(world.out_ends + world.in_ends <= 1 + is_over, "seed %llu",
                  (unsigned long long)seed);
        uint64_t before = world.got;
        check_ok(scene_send(&scene, source, pipe_start, .items = 20, .window = 4));
        scene_settle(&scene);

        cr_assert(world.got == before + 20, "seed %llu: %llu of the next stream",
                  (unsigned long long)seed, (unsigned long long)(world.got - before));
        scene_end(&scene);
    }
}

/* ---- nothing that others do can stall it ---- */

static void fill(scene_t *scene, address_t to)
{
    for (uint32_t i = 0; i < 9; i++)
        IGNORE_ERR(scene_send(scene, to, pipe_noise)); /* until it is full */
}

static void flow_through_full_mailboxes(overflow_t overflow, uint64_t seed)
{
    actor_kind_t crowded_source = source_kind, crowded_sink = sink_kind;
    crowded_source.mailbox_max = crowded_sink.mailbox_max = 8;
    crowded_source.overflow = crowded_sink.overflow = overflow;
    const actor_kind_t *const crowded[] = {&crowded_source, &crowded_sink};
    scene_t scene;
    memset(&world, 0, sizeof world);
    scene_begin(&scene, &(scene_options_t){.seed = seed,
                                           .kinds = crowded,
                                           .kind_count = COUNT_OF(crowded),
                                           .service = &world});

    check_ok(scene_send(&scene, source, pipe_start, .items = 200, .window = 32));
    while (world.sent == 0)
        (void)simulation_step(scene.simulation);
    for (uint32_t i = 0; i < 20000 && world.in_ends == 0; i++) {
        fill(&scene, source);
        fill(&scene, sink);
        (void)simulation_step(scene.simulation);
    }

    cr_assert(world.got == 200 && world.wrong == 0, "policy %u, seed %llu: %llu came",
              (unsigned)overflow, (unsigned long long)seed, (unsigned long long)world.got);
    cr_assert(world.in_ends == 1 && world.last_err == ERR_OK && world.underway_max <= 32);
    cr_assert(gt(u64, scene_dead(&scene, DEAD_FULL), 0));
    scene_settle(&scene);
    scene_end(&scene);
}

Test(stream, it_flows_to_its_end_while_others_keep_both_mailboxes_full)
{
    static const overflow_t policies[] = {OVERFLOW_REJECT, OVERFLOW_DROP_NEWEST,
                                          OVERFLOW_DROP_OLDEST, OVERFLOW_COALESCE};
    for (size_t i = 0; i < COUNT_OF(policies); i++) {
        for (uint64_t seed = 1; seed <= 10; seed++)
            flow_through_full_mailboxes(policies[i], seed);
    }
}

Test(stream, who_does_not_take_one_ends_it)
{
    actor_kind_t deaf_sink = sink_kind;
    deaf_sink.handlers++; /* the first is for stream_begin */
    deaf_sink.handler_count--;
    const actor_kind_t *const deaf[] = {&source_kind, &deaf_sink};
    scene_t scene;
    memset(&world, 0, sizeof world);
    scene_begin(&scene,
                &(scene_options_t){
                    .seed = 1, .kinds = deaf, .kind_count = COUNT_OF(deaf), .service = &world});

    check_ok(scene_send(&scene, source, pipe_start, .items = 5, .window = 4));
    scene_settle(&scene);

    cr_assert(world.out_ends == 1 && world.last_err == ERR_UNSUPPORTED);
    cr_assert(eq(u64, scene_dead(&scene, DEAD_NO_HANDLER), 1));
    scene_end(&scene);
}

Test(stream, an_error_of_the_handler_that_should_take_it_ends_it)
{
    scene_t scene;
    begin(&scene, 1);
    world.fails_to_take = true;

    check_ok(scene_send(&scene, source, pipe_start, .items = 5, .window = 4));
    scene_settle(&scene);

    cr_assert(world.out_ends == 1 && world.last_err == ERR_FORBIDDEN);
    scene_end(&scene);
}

/* Whom it was for does not wait for ever, and the next one is not mixed up with it. */
Test(stream, one_that_is_closed_before_it_is_taken_ends_when_it_is)
{
    scene_t scene;
    begin(&scene, 1);

    check_ok(scene_send(&scene, source, pipe_open, .window = 4));
    check_ok(scene_send(&scene, source, pipe_close));
    check_err(scene_asked(&scene, source, pipe_open, .window = 4).err, ERR_BUSY);
    scene_settle(&scene);

    cr_assert(world.in_ends == 1 && world.last_err == ERR_OK && world.got == 0);
    check_ok(scene_send(&scene, source, pipe_start, .items = 20, .window = 4));
    scene_settle(&scene);
    cr_assert(eq(u64, world.got, 20));
    scene_end(&scene);
}

/* ---- a naive twin: what is under way is counted one by one ---- */

typedef struct twin {
    uint32_t window, credit, done;
    uint64_t got;
    bool is_open;
} twin_t;

static void twin_push(twin_t *twin, uint32_t count)
{
    for (uint32_t i = 0; i < count && twin->is_open && twin->credit > 0; i++) {
        twin->credit--;
        twin->got++;
    }
}

static void twin_flush(twin_t *twin)
{
    for (; twin->is_open && twin->done > 0; twin->done--)
        twin->credit += twin->credit < twin->window ? 1 : 0;
}

static void twin_done(twin_t *twin, uint32_t count)
{
    for (uint32_t i = 0; i < count && twin->is_open && twin->done < twin->window; i++)
        twin->done++;
    if (twin->done * 2 >= twin->window - twin->window % 2)
        twin_flush(twin);
}

static void both_step(scene_t *scene, twin_t *twin, uint64_t choice, uint32_t count)
{
    if (choice < 4) {
        check_ok(scene_send(scene, source, pipe_push, .count = count));
        twin_push(twin, count);
    } else if (choice < 8) {
        check_ok(scene_send(scene, sink, pipe_done, .count = count));
        twin_done(twin, count);
    } else if (choice == 8) {
        check_ok(scene_send(scene, sink, pipe_flush));
        twin_flush(twin);
    } else if (!twin->is_open) {
        check_ok(scene_send(scene, source, pipe_open, .window = count + 1));
        *twin = (twin_t){count + 1, count + 1, 0, twin->got, true};
    } else if (count == 0) {
        check_ok(twin->credit % 2 == 0 ? scene_send(scene, source, pipe_close)
                                       : scene_send(scene, sink, pipe_stop));
        twin->is_open = false;
    }
}

Test(stream, it_has_the_credit_of_a_naive_twin)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        scene_t scene;
        begin(&scene, seed);
        world.is_by_hand = true;
        ms_random_t random = simulation_random(scene.simulation);
        twin_t twin = {0};
        for (uint32_t i = 0; i < 300; i++) {
            both_step(&scene, &twin, random_below(&random, 10), (uint32_t)random_below(&random, 9));
            scene_settle(&scene);
            cr_assert(eq(u64, world.got, twin.got));
            bool is_same = !twin.is_open || world.credit == twin.credit;
            cr_assert(is_same, "seed %llu, step %u: %u not %u", (unsigned long long)seed, i,
                      world.credit, twin.credit);
        }
        cr_assert(world.wrong == 0 && world.got > 0);
        scene_end(&scene);
    }
}

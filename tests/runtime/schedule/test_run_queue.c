#include "runtime/schedule/run_queue.h"
#include "tests/support/check.h"

enum { ACTORS = 3 * RUN_RING };

static const actor_kind_t free_kind = {.name = "free"};
static const actor_kind_t pinned_kind = {.name = "pinned", .is_pinned = true};

static run_queue_t queue;
static actor_t actors[ACTORS];

static void begin(void)
{
    run_queue_init(&queue, false);
    for (size_t i = 0; i < ACTORS; i++)
        actors[i].kind = &free_kind;
}

static void put(size_t from, size_t end)
{
    for (size_t i = from; i < end; i++)
        run_queue_put(&queue, &actors[i]);
}

static void check_takes(const char *what, size_t index)
{
    const actor_t *actor = run_queue_take(&queue);
    cr_assert(actor == &actors[index], "%s: %td, not %zu", what,
              actor == NULL ? -1 : actor - actors, index);
}

Test(run_queue, the_first_in_is_the_first_out_also_past_the_ring)
{
    begin();

    put(0, ACTORS / 2);
    for (size_t i = 0; i < ACTORS / 2; i++) {
        check_takes("in order", i);
        put(ACTORS / 2 + i, ACTORS / 2 + i + 1);
    }
    for (size_t i = ACTORS / 2; i < ACTORS; i++)
        check_takes("and those behind them", i);

    cr_assert(run_queue_take(&queue) == NULL && run_queue_is_empty(&queue));
}

Test(run_queue, who_was_just_woken_is_next_but_not_for_ever)
{
    begin();
    put(0, 2);

    run_queue_put_woken(&queue, &actors[8]);
    run_queue_put_woken(&queue, &actors[9]);
    check_takes("the last one woken", 9);
    for (uint32_t i = 1; i < RUN_STREAK; i++) {
        run_queue_put_woken(&queue, &actors[9]);
        check_takes("a pair that talks", 9);
    }
    run_queue_put_woken(&queue, &actors[9]);
    check_takes("those that wait have their turn", 0);
    check_takes("in their order", 1);
    check_takes("who was woken before the last", 8);
    check_takes("and then who had its turns", 9);

    for (uint32_t i = 0; i < 3 * RUN_STREAK; i++) {
        run_queue_put_woken(&queue, &actors[9]);
        check_takes("for ever where nobody waits", 9);
    }
}

Test(run_queue, a_tree_of_newborns_is_walked_in_depth_but_its_oldest_do_not_wait_for_ever)
{
    begin();
    put(0, 2);

    for (size_t i = 10; i < 13; i++)
        run_queue_put_newborn(&queue, &actors[i]);
    check_takes("the newest", 12);
    run_queue_put_woken(&queue, &actors[9]);
    check_takes("but first who was woken", 9);
    check_takes("then the next newest", 11);
    for (uint32_t i = 3; i < RUN_STREAK; i++) {
        run_queue_put_newborn(&queue, &actors[20]);
        check_takes("a newborn that makes another", 20);
    }
    run_queue_put_newborn(&queue, &actors[20]);
    check_takes("those that wait have their turn", 0);
    check_takes("the newest again", 20);
    check_takes("those that wait", 1);
    check_takes("and behind them the oldest newborn", 10);
    cr_assert(run_queue_take(&queue) == NULL && run_queue_is_empty(&queue));
}

Test(run_queue, more_newborns_than_there_is_room_for_wait_with_the_others)
{
    begin();

    for (size_t i = 0; i < RUN_BORN + 2; i++)
        run_queue_put_newborn(&queue, &actors[i]);

    cr_assert(eq(u32, run_queue_born(&queue), RUN_BORN));
    cr_assert(eq(u32, run_queue_count(&queue), RUN_BORN + 2));
    check_takes("the newest", RUN_BORN + 1);
    bool was_taken[RUN_BORN + 1] = {false};
    for (size_t i = 0; i <= RUN_BORN; i++) {
        const actor_t *actor = run_queue_take(&queue);
        cr_assert(actor != NULL && !was_taken[actor - actors]);
        was_taken[actor - actors] = true;
    }
    cr_assert(run_queue_take(&queue) == NULL);
}

Test(run_queue, who_asks_finds_the_older_half_of_the_newborns_after_the_next_turn)
{
    actor_t *stolen[RUN_STEAL_MAX];
    begin();
    for (size_t i = 0; i < 8; i++)
        run_queue_put_newborn(&queue, &actors[i]);

    cr_assert(eq(u32, run_queue_steal(&queue, stolen), 0));
    run_queue_ask(&queue);
    check_takes("the newest stays here", 7);

    cr_assert(eq(u32, run_queue_steal(&queue, stolen), 2)); /* half of what lies there */
    cr_assert(stolen[0] == &actors[0] && stolen[1] == &actors[1]);
    check_takes("the owner goes on with its own", 6);
}

Test(run_queue, others_take_half_and_never_the_only_one)
{
    static const struct {
        const char *what;
        uint32_t waiting;
        bool has_woken, is_generous;
        uint32_t taken;
    } cases[] = {
        {"nobody waits", 0, false, true, 0},
        {"one who was woken stays", 0, true, true, 0},
        {"the only one stays", 1, false, false, 0},
        {"unless turns are long", 1, false, true, 1},
        {"or another is next", 1, true, false, 1},
        {"half", 2, false, false, 1},
        {"half, rounded up", 11, false, false, 6},
        {"not all at once", RUN_RING, true, true, RUN_STEAL_MAX},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        actor_t *stolen[RUN_STEAL_MAX];
        begin();
        put(0, cases[i].waiting);
        if (cases[i].has_woken)
            run_queue_put_woken(&queue, &actors[ACTORS - 1]);
        atomic_store(&queue.is_generous, cases[i].is_generous);

        uint32_t taken = run_queue_steal(&queue, stolen);

        cr_assert(taken == cases[i].taken, "%s: %u", cases[i].what, taken);
        for (uint32_t j = 0; j < taken; j++)
            cr_assert(stolen[j] == &actors[j], "the oldest first");
        if (cases[i].has_woken)
            check_takes(cases[i].what, ACTORS - 1);
        for (uint32_t j = taken; j < cases[i].waiting; j++)
            check_takes(cases[i].what, j);
        cr_assert(run_queue_is_empty(&queue));
    }
}

Test(run_queue, the_pinned_stay_and_share_with_the_free)
{
    actor_t *stolen[RUN_STEAL_MAX];
    begin();
    for (size_t i = 10; i < 20; i++)
        actors[i].kind = &pinned_kind;

    put(10, 20);
    cr_assert(run_queue_steal(&queue, stolen) == 0, "no pinned one");
    put(0, 1);
    uint32_t before = 0;
    while (run_queue_take(&queue) != &actors[0])
        before++;

    cr_assert(le(u32, before, 1), "a free one does not wait for all the pinned");
}

Test(run_queue, what_others_send_comes_in_their_order_behind_those_that_wait)
{
    begin();
    put(0, 1);

    run_queue_send(&queue, &actors[1]);
    run_queue_send(&queue, &actors[2]);
    cr_assert(0 == run_queue_is_empty(&queue));

    check_takes("who waited", 0);
    check_takes("the first sent", 1);
    check_takes("the second", 2);
}

Test(run_queue, who_gives_away_what_is_free_keeps_the_pinned)
{
    begin();
    for (size_t i = 10; i < 13; i++)
        actors[i].kind = &pinned_kind;
    put(0, RUN_RING + 2); /* some past the ring; and the pinned among them */
    run_queue_put_newborn(&queue, &actors[RUN_RING + 2]);
    run_queue_send(&queue, &actors[RUN_RING + 3]);
    actors[RUN_RING + 4].kind = &pinned_kind;
    run_queue_put_woken(&queue, &actors[RUN_RING + 4]);

    for (uint32_t i = 0; i < RUN_RING + 4 - 3; i++) {
        const actor_t *actor = run_queue_take_free(&queue);
        cr_assert(actor != NULL && !actor->kind->is_pinned, "%u", i);
    }
    cr_assert(run_queue_take_free(&queue) == NULL);

    for (uint32_t i = 0; i < 3 + 1; i++)
        cr_assert(run_queue_take(&queue)->kind->is_pinned);
    cr_assert(run_queue_take(&queue) == NULL && run_queue_is_empty(&queue));
}

Test(run_queue, what_was_sent_and_not_looked_at_may_be_taken_all_at_once)
{
    begin();
    put(0, 1);
    cr_assert(run_queue_take_incoming(&queue) == NULL, "what waits is not among it");
    run_queue_send(&queue, &actors[1]);
    run_queue_send(&queue, &actors[2]);

    const actor_t *taken = run_queue_take_incoming(&queue);

    cr_assert(taken == &actors[2] && taken->run_next == &actors[1]);
    cr_assert(actors[1].run_next == NULL);
    check_takes("what waited", 0);
    cr_assert(run_queue_take(&queue) == NULL && run_queue_is_empty(&queue));
}

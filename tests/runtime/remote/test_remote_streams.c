/* Streams between nodes: the same as within one, and a node's loss at any moment ends them for
 * both. */
#include "runtime/remote/remote.h"
#include "tests/support/remote/fleet.h"

enum { ITEMS = 60 };

static const address_t source = {"source", {"a", 1}, {0}}, sink = {"sink", {"a", 1}, {0}};

/* The source is on node 1, the sink on 2. */
static void begin(fleet_t *fleet, uint64_t seed)
{
    fleet_begin(fleet, seed, 3, NULL);
    fleet_place(fleet, "sink", "a", 2);
    fleet_meet(fleet);
    fleet_settle(fleet);
}

static void end(fleet_t *fleet)
{
    fleet_settle(fleet);
    for (uint64_t node = 1; node <= fleet->count; node++)
        if (fleet->nodes[node].runtime != NULL)
            cr_expect(eq(u64, fleet_stats(fleet, node).bonds, 0));
    fleet_end(fleet);
}

static void start_from(fleet_t *fleet, uint64_t node, uint32_t window)
{
    bool is_by_hand = fleet->pipe.is_by_hand;
    fleet->pipe = (pipe_world_t){.is_by_hand = is_by_hand};
    fleet_send(fleet, node, source, pipe_start, .items = ITEMS, .window = window);
}

/* Whoever opens a stream now is taken, and all of it arrives. */
static void check_works(fleet_t *fleet, const char *what, uint64_t at)
{
    start_from(fleet, 1, 8);
    fleet_settle(fleet);
    cr_assert(fleet->pipe.got == ITEMS && fleet->pipe.wrong == 0 && fleet->pipe.in_ends == 1,
              "%s, %llu: %llu came", what, (unsigned long long)at,
              (unsigned long long)fleet->pipe.got);
}

Test(remote_streams, all_arrives_in_order_and_no_more_is_under_way_than_the_window)
{
    static const uint32_t windows[] = {1, 3, 16, STREAM_WINDOW_MAX};
    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        for (uint64_t seed = 1; seed <= 5; seed++) {
            fleet_t fleet;
            begin(&fleet, seed);

            start_from(&fleet, 1, windows[i]);
            fleet_settle(&fleet);

            cr_assert(fleet.pipe.got == ITEMS && fleet.pipe.wrong == 0, "window %u: %llu",
                      windows[i], (unsigned long long)fleet.pipe.got);
            cr_assert(fleet.pipe.underway_max <= windows[i]);
            cr_assert(fleet.pipe.in_ends == 1 && fleet.pipe.last_err == ERR_OK);
            end(&fleet);
        }
    }
}

Test(remote_streams, who_fails_gives_up_or_refuses_ends_it_for_both)
{
    static const struct {
        const char *what;
        bool stops, refuses, breaks_sink, breaks_source;
    } cases[] = {
        {"the sink gives up", .stops = true},
        {"the sink refuses", .refuses = true},
        {"the sink fails", .breaks_sink = true},
        {"the source fails", .breaks_source = true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fleet_t fleet;
        begin(&fleet, 1);
        fleet.pipe.is_by_hand = cases[i].breaks_sink || cases[i].breaks_source;

        start_from(&fleet, 1, 8);
        fleet.pipe.stops_at_ten = cases[i].stops;
        fleet.pipe.fails_to_take = cases[i].refuses;
        fleet_settle(&fleet);
        if (cases[i].breaks_sink)
            fleet_send(&fleet, 1, sink, pipe_break);
        if (cases[i].breaks_source)
            fleet_send(&fleet, 1, source, pipe_break);
        fleet_settle(&fleet);

        cr_expect(fleet.pipe.out_ends + fleet.pipe.in_ends == 1, "%s: %llu and %llu ends",
                  cases[i].what, (unsigned long long)fleet.pipe.out_ends,
                  (unsigned long long)fleet.pipe.in_ends);
        fleet.pipe.is_by_hand = false;
        check_works(&fleet, cases[i].what, 0);
        end(&fleet);
    }
}

static void run_steps(fleet_t *fleet, uint64_t steps)
{
    for (; steps > 0 && simulation_step(fleet->simulation); steps--)
        ;
}

/* Nobody waits for ever: it came to its end, or the source was told. */
static void check_over(const fleet_t *fleet, const char *what, uint64_t at)
{
    cr_assert(fleet->pipe.sent == ITEMS || fleet->pipe.out_ends == 1,
              "%s, %llu: the source waits for ever", what, (unsigned long long)at);
}

Test(remote_streams, a_cut_at_any_moment_ends_it_for_both)
{
    enum { STEPS = 150 };
    for (uint64_t seed = 1; seed <= 3; seed++) {
        for (uint64_t steps = 0; steps < STEPS; steps++) {
            fleet_t fleet;
            begin(&fleet, seed);
            start_from(&fleet, 1, 5);
            run_steps(&fleet, steps);
            network_cut(fleet.network, 1, 2);
            if (steps % 2 == 0)
                run_steps(&fleet, steps % 7);
            network_heal(fleet.network, 1, 2);
            fleet_settle(&fleet);

            check_over(&fleet, "cut", seed * 1000 + steps);
            check_works(&fleet, "cut", seed * 1000 + steps);
            end(&fleet);
        }
    }
}

/* Its producer was told that nobody took it: so nobody does. */
Test(remote_streams, a_begin_that_waits_while_its_node_is_lost_is_not_taken)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        fleet_t fleet;
        begin(&fleet, seed);
        uint64_t received = fleet_stats(&fleet, 2).received;
        start_from(&fleet, 1, 5);
        while (fleet_stats(&fleet, 2).received == received)
            cr_assert(simulation_step(fleet.simulation));
        network_cut(fleet.network, 1, 2); /* the begin lies in the sink's mailbox */
        network_heal(fleet.network, 1, 2);
        fleet_settle(&fleet);

        check_over(&fleet, "waiting", seed);
        check_works(&fleet, "waiting", seed);
        end(&fleet);
    }
}

static void break_from(fleet_t *fleet, uint64_t node, uint64_t other)
{
    remote_t *remote = fleet_runtime(fleet, node)->remote;
    uint32_t seat = 0;
    check_ok(seats_give(&remote->seats, other, &seat));
    remote_break(remote, seat);
    remote_tend(remote);
}

/* One side has lost something: the other hears of it later, and sends until then. */
Test(remote_streams, what_was_lost_on_one_side_ends_it_for_both)
{
    enum { STEPS = 100 };
    for (uint64_t steps = 0; steps < STEPS; steps++) {
        fleet_t fleet;
        uint64_t first = 1 + steps % 2;
        begin(&fleet, steps);
        start_from(&fleet, 1, 5);
        run_steps(&fleet, steps);
        break_from(&fleet, first, 3 - first);
        if (steps % 3 == 0)
            break_from(&fleet, 3 - first, first);
        fleet_settle(&fleet);

        check_over(&fleet, "lost", steps);
        check_works(&fleet, "lost", steps);
        end(&fleet);
    }
}

Test(remote_streams, the_death_of_either_node_ends_it)
{
    enum { STEPS = 80 };
    for (uint64_t steps = 0; steps < STEPS; steps++) {
        for (uint64_t node = 1; node <= 2; node++) {
            fleet_t fleet;
            begin(&fleet, steps);
            start_from(&fleet, 1, 5);
            run_steps(&fleet, steps);
            fleet_kill(&fleet, node);
            if (node == 2)
                fleet_place(&fleet, "sink", "a", 3);
            fleet_settle(&fleet);
            if (node == 2)
                check_over(&fleet, "killed", steps);
            fleet_place(&fleet, "source", "a", 3); /* a new one, to the sink that is there */
            start_from(&fleet, 3, 8);
            fleet_settle(&fleet);
            cr_assert(fleet.pipe.got == ITEMS, "node %llu, %llu: %llu came",
                      (unsigned long long)node, (unsigned long long)steps,
                      (unsigned long long)fleet.pipe.got);
            end(&fleet);
        }
    }
}

Test(remote_streams, what_finds_no_room_on_the_way_ends_it_for_both)
{
    fleet_t fleet;
    begin(&fleet, 1);
    network_set_queue_max(fleet.network, 4);

    start_from(&fleet, 1, 32);
    fleet_settle(&fleet);

    cr_assert(fleet.pipe.got < ITEMS && fleet.pipe.wrong == 0 && fleet.pipe.in_ends == 1);
    cr_assert(eq(u32, fleet.pipe.last_err, ERR_BUSY));
    network_set_queue_max(fleet.network, 64);
    check_works(&fleet, "no room", 0);
    end(&fleet);
}

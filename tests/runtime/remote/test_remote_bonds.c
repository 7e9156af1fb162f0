/* Monitors, links, exits and kills between nodes. */
#include "runtime/kernel.h"
#include "runtime/remote/remote.h"
#include "tests/support/remote/fleet.h"

/* "b" is on 2, everything else on 1; node 3 has nothing. */
static void begin(fleet_t *fleet)
{
    fleet_begin(fleet, 1, 3, NULL);
    fleet_place(fleet, "agent", "b", 2);
    fleet_place(fleet, "hound", "b", 2);
}

/* Nothing is left of what was between the nodes. */
static void end(fleet_t *fleet)
{
    fleet_settle(fleet);
    for (uint64_t node = 1; node <= fleet->count; node++) {
        if (fleet->nodes[node].runtime != NULL) {
            cr_expect(eq(u64, fleet_stats(fleet, node).bonds, 0));
            cr_expect(eq(u64, fleet_stats(fleet, node).invalid, 0));
        }
    }
    fleet_end(fleet);
}

static void check_log(fleet_t *fleet, const char *want)
{
    fleet_settle(fleet);
    check_str(str_from(fleet_log(fleet)), str_from(want));
}

static uint64_t watch(fleet_t *fleet, const char *who, uint64_t on, uint64_t ref)
{
    scene_answer_t answer = fleet_asked(fleet, on, agent_at(who), agent_watch, .ref_bits = ref);
    check_ok(answer.err);
    fleet_settle(fleet);
    return answer.value;
}

/* The references of b, and of a, as node 1 calls them. */
static uint64_t ref_b(fleet_t *fleet)
{
    return fleet_ref(fleet, 1, "agent", "b");
}

Test(remote_bonds, a_down_comes_from_another_node_once)
{
    fleet_t fleet;
    begin(&fleet);
    watch(&fleet, "a", 1, ref_b(&fleet));
    cr_assert(eq(u64, fleet_stats(&fleet, 1).bonds, 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).bonds, 1));

    fleet_send(&fleet, 1, agent_at("b"), agent_fail, .reason = STR("told to"));
    check_log(&fleet, "1.a down failed: told to\n");
    fleet_send(&fleet, 1, agent_at("b"), agent_stop);
    check_log(&fleet, "");
    end(&fleet);
}

Test(remote_bonds, a_down_comes_after_all_that_was_said)
{
    fleet_t fleet;
    begin(&fleet);
    uint64_t a = fleet_ref(&fleet, 2, "agent", "a");
    watch(&fleet, "a", 1, ref_b(&fleet));
    for (uint64_t i = 0; i < 3; i++)
        fleet_send(&fleet, 2, agent_at("b"), agent_tell, .ref_bits = a, .number = i);
    fleet_send(&fleet, 2, agent_at("b"), agent_stop);

    check_log(&fleet, "1.a note 0\n1.a note 1\n1.a note 2\n1.a down normal\n");
    end(&fleet);
}

Test(remote_bonds, who_is_not_there_is_down_at_once)
{
    fleet_t fleet;
    begin(&fleet);
    uint64_t b = ref_b(&fleet);
    fleet_send(&fleet, 1, agent_at("b"), agent_stop);
    fleet_settle(&fleet);

    watch(&fleet, "a", 1, b);
    check_log(&fleet, "1.a down not found\n");
    check_ok(fleet_asked(&fleet, 1, agent_at("a"), agent_watch_name, .key = STR("b")).err);
    check_log(&fleet, "1.a down not found\n");
    network_cut(fleet.network, 1, 2);
    watch(&fleet, "a", 1, b);
    check_log(&fleet, "1.a down node lost\n");
    end(&fleet);
}

Test(remote_bonds, a_name_can_be_watched)
{
    fleet_t fleet;
    begin(&fleet);
    (void)ref_b(&fleet);
    check_ok(fleet_asked(&fleet, 1, agent_at("a"), agent_watch_name, .key = STR("b")).err);
    scene_answer_t second =
        fleet_asked(&fleet, 1, agent_at("a"), agent_watch_name, .key = STR("b"));
    fleet_settle(&fleet);
    cr_assert(eq(u64, fleet_stats(&fleet, 2).bonds, 2));
    fleet_send(&fleet, 1, agent_at("a"), agent_unwatch, .monitor = second.value);
    fleet_settle(&fleet);
    cr_assert(eq(u64, fleet_stats(&fleet, 2).bonds, 1));

    fleet_send(&fleet, 1, agent_at("b"), agent_stop);
    check_log(&fleet, "1.a down normal\n");
    end(&fleet);
}

Test(remote_bonds, after_a_demonitor_no_down_comes)
{
    fleet_t fleet;
    begin(&fleet);
    uint64_t monitor = watch(&fleet, "a", 1, ref_b(&fleet));
    network_stall(fleet.network, 2, 1, true);
    fleet_send(&fleet, 2, agent_at("b"), agent_stop); /* its down is under way */
    fleet_settle(&fleet);
    fleet_send(&fleet, 1, agent_at("a"), agent_unwatch, .monitor = monitor);
    fleet_settle(&fleet);
    network_stall(fleet.network, 2, 1, false);

    check_log(&fleet, "");
    end(&fleet);
}

Test(remote_bonds, a_link_by_key_to_another_node_says_what_to_do)
{
    fleet_t fleet;
    begin(&fleet);
    uint64_t b = ref_b(&fleet);

    scene_answer_t linked = fleet_asked(&fleet, 1, hound_at("d"), agent_link_key, .key = STR("b"));
    check_ok(linked.err);
    cr_assert(eq(u64, linked.value, 0));
    check_log(&fleet, "1.d exit failed: on another node, link its reference\n");
    cr_assert(eq(u64, fleet_ref(&fleet, 1, "agent", "b"), b)); /* it noticed nothing */
    end(&fleet);
}

Test(remote_bonds, a_lost_node_is_the_end_of_all_its_actors)
{
    fleet_t fleet;
    begin(&fleet);
    uint64_t b = ref_b(&fleet);
    watch(&fleet, "a", 1, b);
    watch(&fleet, "c", 1, b);
    fleet_send(&fleet, 1, hound_at("d"), agent_link, .ref_bits = b);
    fleet_send(&fleet, 1, agent_at("e"), agent_link, .ref_bits = b);
    uint64_t e = fleet_ref(&fleet, 1, "agent", "e");
    fleet_settle(&fleet);
    watch(&fleet, "c", 1, e);

    fleet_kill(&fleet, 2);
    fleet_settle(&fleet);

    const char *log = fleet_log(&fleet);
    static const char *const lines[] = {"1.a down node lost\n", "1.c down node lost\n",
                                        "1.d exit node lost\n",
                                        "1.c down failed: linked to : node lost\n"};
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        cr_expect(strstr(log, lines[i]) != NULL, "%s is missing in:\n%s", lines[i], log);
    cr_assert(eq(u64, fleet_stats(&fleet, 1).bonds_lost, 4));
    end(&fleet);
}

/* A cut is not an end of what lives: the watched one forgets who watched it. */
Test(remote_bonds, after_a_cut_both_sides_have_forgotten)
{
    fleet_t fleet;
    begin(&fleet);
    uint64_t b = ref_b(&fleet);
    watch(&fleet, "a", 1, b);
    fleet_send(&fleet, 1, hound_at("d"), agent_link, .ref_bits = b);
    fleet_settle(&fleet);

    network_cut(fleet.network, 1, 2);
    fleet_settle(&fleet);
    const char *log = fleet_log(&fleet);
    cr_assert(strstr(log, "1.a down node lost\n") != NULL &&
              strstr(log, "1.d exit node lost\n") != NULL);
    network_heal(fleet.network, 1, 2);
    fleet_send(&fleet, 1, agent_at("b"), agent_stop);
    check_log(&fleet, "");
    watch(&fleet, "a", 1, ref_b(&fleet));
    fleet_send(&fleet, 1, agent_at("b"), agent_stop);
    check_log(&fleet, "1.a down normal\n");
    end(&fleet);
}

Test(remote_bonds, a_link_ends_both_whichever_opened_it)
{
    for (int side = 0; side < 4; side++) {
        fleet_t fleet;
        begin(&fleet);
        uint64_t b_at_1 = fleet_ref(&fleet, 1, "hound", "b"),
                 a_at_2 = fleet_ref(&fleet, 2, "hound", "a");
        if (side % 2 == 0)
            fleet_send(&fleet, 1, hound_at("a"), agent_link, .ref_bits = b_at_1);
        else
            fleet_send(&fleet, 2, hound_at("b"), agent_link, .ref_bits = a_at_2);
        fleet_settle(&fleet);
        cr_assert(eq(u64, fleet_stats(&fleet, 1).bonds, 1));

        fleet_send(&fleet, 1, hound_at(side < 2 ? "a" : "b"), agent_fail, .reason = STR("told to"));
        check_log(&fleet, side < 2 ? "2.b exit failed: told to\n" : "1.a exit failed: told to\n");
        end(&fleet);
    }
}

Test(remote_bonds, both_may_open_a_link_at_the_same_time)
{
    fleet_t fleet;
    begin(&fleet);
    uint64_t b_at_1 = fleet_ref(&fleet, 1, "hound", "b"),
             a_at_2 = fleet_ref(&fleet, 2, "hound", "a");
    fleet_send(&fleet, 1, hound_at("a"), agent_link, .ref_bits = b_at_1);
    fleet_send(&fleet, 2, hound_at("b"), agent_link, .ref_bits = a_at_2);
    fleet_settle(&fleet);

    fleet_send(&fleet, 1, hound_at("a"), agent_fail, .reason = STR("told to"));
    check_log(&fleet, "2.b exit failed: told to\n");
    fleet_send(&fleet, 2, hound_at("b"), agent_fail, .reason = STR("told to"));
    check_log(&fleet, "");
    end(&fleet);
}

Test(remote_bonds, after_an_unlink_no_exit_comes)
{
    fleet_t fleet;
    begin(&fleet);
    uint64_t b = fleet_ref(&fleet, 1, "hound", "b");
    fleet_send(&fleet, 1, hound_at("a"), agent_link, .ref_bits = b);
    fleet_settle(&fleet);
    fleet_send(&fleet, 1, hound_at("a"), agent_unlink, .ref_bits = b);
    fleet_settle(&fleet);
    fleet_send(&fleet, 1, hound_at("b"), agent_fail, .reason = STR("told to"));
    check_log(&fleet, "");
    end(&fleet);
}

Test(remote_bonds, who_does_not_trap_fails_with_the_other)
{
    fleet_t fleet;
    begin(&fleet);
    fleet_send(&fleet, 1, agent_at("a"), agent_link, .ref_bits = ref_b(&fleet));
    uint64_t a = fleet_ref(&fleet, 1, "agent", "a");
    watch(&fleet, "c", 1, a);

    fleet_send(&fleet, 1, agent_at("b"), agent_fail, .reason = STR("told to"));
    check_log(&fleet, "1.c down failed: linked to agent: told to\n");
    end(&fleet);
}

Test(remote_bonds, a_link_to_nobody_ends_at_once)
{
    fleet_t fleet;
    begin(&fleet);
    uint64_t b = ref_b(&fleet);
    fleet_send(&fleet, 1, agent_at("b"), agent_stop);
    fleet_settle(&fleet);
    fleet_send(&fleet, 1, hound_at("a"), agent_link, .ref_bits = b);
    check_log(&fleet, "1.a exit not found\n");
    network_cut(fleet.network, 1, 2);
    fleet_send(&fleet, 1, hound_at("a"), agent_link, .ref_bits = b);
    check_log(&fleet, "1.a exit node lost\n");
    end(&fleet);
}

Test(remote_bonds, exits_and_kills_reach_other_nodes)
{
    fleet_t fleet;
    begin(&fleet);
    uint64_t b = ref_b(&fleet), hound = fleet_ref(&fleet, 1, "hound", "b");
    watch(&fleet, "c", 1, b);
    fleet_send(&fleet, 1, agent_at("a"), agent_exit, .ref_bits = hound, .reason = STR("go"));
    check_log(&fleet, "2.b exit go\n");
    fleet_send(&fleet, 1, agent_at("a"), agent_exit, .ref_bits = b, .reason = STR("go"));
    check_log(&fleet, "1.c down failed: told by agent: go\n");
    watch(&fleet, "c", 1, hound);
    fleet_send(&fleet, 1, agent_at("a"), agent_kill, .ref_bits = hound);
    check_log(&fleet, "1.c down killed\n");
    end(&fleet);
}

/* Who watches, ends: the watched one has nobody to tell. */
Test(remote_bonds, who_ends_watches_nobody)
{
    fleet_t fleet;
    begin(&fleet);
    watch(&fleet, "a", 1, ref_b(&fleet));
    fleet_send(&fleet, 1, agent_at("a"), agent_stop);
    fleet_settle(&fleet);
    cr_assert(eq(u64, fleet_stats(&fleet, 2).bonds, 0));
    end(&fleet);
}

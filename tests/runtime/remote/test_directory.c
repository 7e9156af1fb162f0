/* Names and groups of all nodes. */
#include "runtime/base/random.h"
#include "runtime/life/groups.h"
#include "runtime/life/names.h"
#include "runtime/remote/directory_wire.h"
#include "runtime/remote/remote.h"
#include "tests/support/remote/fleet.h"

#include <stdio.h>

/* "a" is on node 1, "b" on 2, "c" on 3. */
static void begin(fleet_t *fleet, uint64_t seed)
{
    fleet_begin(fleet, seed, 3, NULL);
    fleet_place(fleet, "agent", "b", 2);
    fleet_place(fleet, "agent", "c", 3);
    fleet_place(fleet, "hound", "b", 2);
    fleet_meet(fleet);
    fleet_settle(fleet);
}

static uint64_t named(const fleet_t *fleet, uint64_t on, const char *name)
{
    return runtime_whereis(fleet_runtime(fleet, on), str_from(name)).bits;
}

static uint32_t size(const fleet_t *fleet, uint64_t on, const char *group)
{
    return runtime_group_members(fleet_runtime(fleet, on), str_from(group), NULL, 0);
}

#define tell_ok(fleet, who, command, ...)                                                          \
    do {                                                                                           \
        check_ok(fleet_asked((fleet), 1, agent_at(who), command, __VA_ARGS__).err);                \
        fleet_settle(fleet);                                                                       \
    } while (0)

static void check_sizes(const fleet_t *fleet, const char *group, uint32_t first, uint32_t second,
                        uint32_t third)
{
    const uint32_t want[] = {first, second, third};
    for (uint64_t node = 1; node <= 3; node++)
        if (fleet->nodes[node].runtime != NULL)
            cr_expect(size(fleet, node, group) == want[node - 1], "%u members on node %llu",
                      size(fleet, node, group), (unsigned long long)node);
}

static void check_log(fleet_t *fleet, const char *want)
{
    fleet_settle(fleet);
    check_str(str_from(fleet_log(fleet)), str_from(want));
}

/* ---- groups ---- */

Test(directory, a_group_has_its_members_on_all_nodes)
{
    fleet_t fleet;
    begin(&fleet, 1);

    tell_ok(&fleet, "a", agent_join, .name = STR("all/g"));
    tell_ok(&fleet, "b", agent_join, .name = STR("all/g"));
    tell_ok(&fleet, "c", agent_join, .name = STR("all/g"));
    check_sizes(&fleet, "all/g", 3, 3, 3);
    cr_assert(eq(
        u64,
        fleet_asked(&fleet, 1, agent_at("b"), agent_tell_group, .name = STR("all/g"), .number = 7)
            .value,
        3));
    fleet_settle(&fleet);
    const char *log = fleet_log(&fleet);
    for (size_t i = 0; i < 3; i++) {
        static const char *const lines[] = {"1.a note 7\n", "2.b note 7\n", "3.c note 7\n"};
        cr_expect(strstr(log, lines[i]) != NULL, "%s is missing in:\n%s", lines[i], log);
    }
    tell_ok(&fleet, "b", agent_leave, .name = STR("all/g"));
    tell_ok(&fleet, "c", agent_leave, .name = STR("all/g"));
    check_sizes(&fleet, "all/g", 1, 1, 1);
    tell_ok(&fleet, "c", agent_tell_one, .name = STR("all/g"), .number = 8);
    check_log(&fleet, "1.a note 8\n");
    fleet_end(&fleet);
}

Test(directory, a_group_without_a_slash_is_each_nodes_own)
{
    fleet_t fleet;
    begin(&fleet, 1);

    tell_ok(&fleet, "a", agent_join, .name = STR("g"));
    tell_ok(&fleet, "a", agent_register, .name = STR("n"));
    tell_ok(&fleet, "b", agent_register, .name = STR("n"));

    check_sizes(&fleet, "g", 1, 0, 0);
    cr_assert(named(&fleet, 1, "n") != 0 && named(&fleet, 2, "n") != 0 &&
              named(&fleet, 3, "n") == 0);
    cr_assert(eq(u64, fleet_stats(&fleet, 3).names, 0));
    fleet_end(&fleet);
}

Test(directory, who_watches_a_group_hears_of_other_nodes)
{
    fleet_t fleet;
    begin(&fleet, 1);
    tell_ok(&fleet, "b", agent_join, .name = STR("all/g"));

    cr_assert(eq(
        u64, fleet_asked(&fleet, 1, agent_at("a"), agent_watch_group, .name = STR("all/g")).value,
        1));
    tell_ok(&fleet, "c", agent_join, .name = STR("all/g"));
    check_log(&fleet, "1.a joined all/g\n");
    fleet_send(&fleet, 1, agent_at("c"), agent_fail, .reason = STR("told to"));
    check_log(&fleet, "1.a left all/g\n");
    fleet_kill(&fleet, 2);
    check_log(&fleet, "1.a left all/g\n");
    check_sizes(&fleet, "all/g", 0, 0, 0);
    fleet_end(&fleet);
}

Test(directory, who_leaves_and_joins_again_is_heard_in_that_order)
{
    fleet_t fleet;
    begin(&fleet, 1);
    tell_ok(&fleet, "a", agent_join, .name = STR("all/g"));
    check_ok(fleet_asked(&fleet, 2, agent_at("b"), agent_watch_group, .name = STR("all/g")).err);
    network_set_queue_max(fleet.network, 0);

    tell_ok(&fleet, "a", agent_leave, .name = STR("all/g"));
    tell_ok(&fleet, "a", agent_join, .name = STR("all/g"));
    check_log(&fleet, "");
    network_set_queue_max(fleet.network, 1);
    fleet_tend(&fleet, 1);
    check_log(&fleet, "2.b left all/g\n2.b joined all/g\n");
    fleet_end(&fleet);
}

/* ---- nodes that come and go ---- */

Test(directory, who_dies_is_in_no_group_any_more_and_who_comes_is_told_all)
{
    fleet_t fleet;
    begin(&fleet, 1);
    tell_ok(&fleet, "a", agent_join, .name = STR("all/g"));
    tell_ok(&fleet, "b", agent_join, .name = STR("all/g"));
    tell_ok(&fleet, "b", agent_register, .name = STR("all/n"));

    fleet_kill(&fleet, 2);
    check_sizes(&fleet, "all/g", 1, 0, 1);
    cr_assert(eq(u64, named(&fleet, 1, "all/n"), 0));
    fleet_add(&fleet, 4);
    fleet_settle(&fleet);

    cr_assert(eq(u32, size(&fleet, 4, "all/g"), 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 4).names, 1));
    fleet_end(&fleet);
}

Test(directory, nodes_that_are_apart_forget_each_other_until_they_hear_again)
{
    fleet_t fleet;
    begin(&fleet, 1);
    tell_ok(&fleet, "a", agent_join, .name = STR("all/g"));
    tell_ok(&fleet, "b", agent_join, .name = STR("all/g"));
    tell_ok(&fleet, "c", agent_join, .name = STR("all/g"));

    network_cut(fleet.network, 1, 2);
    fleet_tend(&fleet, 20);
    check_sizes(&fleet, "all/g", 2, 2, 3);
    tell_ok(&fleet, "c", agent_leave, .name = STR("all/g"));
    check_sizes(&fleet, "all/g", 1, 1, 2);
    network_heal(fleet.network, 1, 2);
    fleet_tend(&fleet, DIRECTORY_HELLO_TICKS_MAX);
    check_sizes(&fleet, "all/g", 2, 2, 2);
    fleet_end(&fleet);
}

/* Not even a link that loses something without a word keeps them apart for good. */
static void lose(UNUSED void *context, buf_t *message)
{
    buf_reset(message);
}

Test(directory, what_was_lost_without_a_word_is_found)
{
    fleet_t fleet;
    begin(&fleet, 1);

    network_set_spoil(fleet.network, lose, NULL);
    tell_ok(&fleet, "a", agent_join, .name = STR("all/g"));
    network_set_spoil(fleet.network, NULL, NULL);
    check_sizes(&fleet, "all/g", 1, 0, 0);
    fleet_tend(&fleet, 3 * DIRECTORY_BEACON_TICKS);
    check_sizes(&fleet, "all/g", 1, 1, 1);
    network_set_spoil(fleet.network, lose, NULL);
    tell_ok(&fleet, "a", agent_leave, .name = STR("all/g"));
    network_set_spoil(fleet.network, NULL, NULL);
    tell_ok(&fleet, "a", agent_join, .name = STR("all/h")); /* out of order: all is told again */
    fleet_tend(&fleet, 4);
    check_sizes(&fleet, "all/g", 0, 0, 0);
    check_sizes(&fleet, "all/h", 1, 1, 1);
    fleet_end(&fleet);
}

Test(directory, who_is_slow_is_told_later_and_nothing_waits_for_it)
{
    enum { CHANGES = DIRECTORY_GONE_MAX + 10 };
    fleet_t fleet;
    begin(&fleet, 1);
    tell_ok(&fleet, "a", agent_join, .name = STR("all/h"));
    network_set_queue_max(fleet.network, 4);
    network_stall(fleet.network, 1, 2, true);

    for (int i = 0; i < 4; i++) { /* these lie in the queue */
        tell_ok(&fleet, "a", agent_join, .name = STR("all/g"));
        tell_ok(&fleet, "a", agent_leave, .name = STR("all/g"));
    }
    tell_ok(&fleet, "a", agent_leave, .name = STR("all/h"));
    for (int i = 0; i < CHANGES; i++) { /* more than is remembered */
        tell_ok(&fleet, "a", agent_join, .name = STR("all/g"));
        if (i < CHANGES - 1)
            tell_ok(&fleet, "a", agent_leave, .name = STR("all/g"));
    }
    check_sizes(&fleet, "all/g", 1, 0, 1);
    check_sizes(&fleet, "all/h", 0, 1, 0);
    network_stall(fleet.network, 1, 2, false);
    fleet_settle(&fleet);
    fleet_tend(&fleet, 3);
    check_sizes(&fleet, "all/g", 1, 1, 1);
    check_sizes(&fleet, "all/h", 0, 0, 0);
    cr_assert(eq(u64, fleet_stats(&fleet, 2).names, 1));
    fleet_end(&fleet);
}

/* ---- names ---- */

Test(directory, a_name_is_sent_to_watched_and_linked_from_any_node)
{
    fleet_t fleet;
    begin(&fleet, 1);
    tell_ok(&fleet, "b", agent_register, .name = STR("all/boss"));
    fleet_send(&fleet, 1, hound_at("h"), agent_link_named, .name = STR("all/boss"));
    tell_ok(&fleet, "a", agent_watch_named, .name = STR("all/boss"));

    check_ok(fleet_asked(&fleet, 3, address_named(STR("all/boss")), agent_echo).err);
    tell_ok(&fleet, "c", agent_tell_named, .name = STR("all/boss"), .number = 3);
    check_log(&fleet, "2.b note 3\n");
    check_err(fleet_asked(&fleet, 3, agent_at("c"), agent_register, .name = STR("all/boss")).err,
              ERR_CONFLICT);
    fleet_send(&fleet, 1, agent_at("b"), agent_fail, .reason = STR("told to"));
    fleet_settle(&fleet);
    const char *log = fleet_log(&fleet);
    cr_expect(strstr(log, "1.a down failed: told to\n") != NULL, "%s", log);
    cr_expect(strstr(log, "1.h exit failed: told to\n") != NULL, "%s", log);
    for (uint64_t node = 1; node <= 3; node++)
        cr_expect(eq(u64, named(&fleet, node, "all/boss"), 0));
    tell_ok(&fleet, "c", agent_register, .name = STR("all/boss"));
    cr_assert(named(&fleet, 1, "all/boss") == fleet_ref(&fleet, 1, "agent", "c"));
    fleet_end(&fleet);
}

Test(directory, a_name_of_two_is_the_lower_nodes_and_the_other_is_told)
{
    fleet_t fleet;
    begin(&fleet, 1);
    network_cut(fleet.network, 1, 2);
    tell_ok(&fleet, "a", agent_register, .name = STR("all/n"));
    check_ok(fleet_asked(&fleet, 2, hound_at("b"), agent_register, .name = STR("all/n")).err);
    check_ok(fleet_asked(&fleet, 2, agent_at("b"), agent_join, .name = STR("all/n")).err);
    fleet_settle(&fleet);
    check_log(&fleet, "");
    /* Node 3 hears of both. */
    cr_assert(named(&fleet, 3, "all/n") == fleet_ref(&fleet, 3, "agent", "a"));
    network_heal(fleet.network, 1, 2);
    fleet_tend(&fleet, 4);

    check_log(&fleet, "2.b exit name lost\n");
    for (uint64_t node = 1; node <= 3; node++)
        cr_expect(named(&fleet, node, "all/n") == fleet_ref(&fleet, node, "agent", "a"));
    check_err(fleet_asked(&fleet, 2, hound_at("b"), agent_register, .name = STR("all/n")).err,
              ERR_CONFLICT);
    check_ok(fleet_asked(&fleet, 2, hound_at("b"), agent_unregister, .name = STR("all/n")).err);
    tell_ok(&fleet, "a", agent_unregister, .name = STR("all/n"));
    check_ok(fleet_asked(&fleet, 2, hound_at("b"), agent_register, .name = STR("all/n")).err);
    fleet_settle(&fleet);
    cr_assert(named(&fleet, 1, "all/n") == fleet_ref(&fleet, 1, "hound", "b"));
    fleet_end(&fleet);
}

Test(directory, who_lost_a_name_and_does_not_trap_exits_is_started_anew)
{
    fleet_t fleet;
    begin(&fleet, 1);
    network_cut(fleet.network, 1, 2);
    tell_ok(&fleet, "a", agent_register, .name = STR("all/n"));
    check_ok(fleet_asked(&fleet, 2, agent_at("b"), agent_register, .name = STR("all/n")).err);
    check_ok(fleet_asked(&fleet, 2, agent_at("b"), agent_join, .name = STR("g")).err);

    network_heal(fleet.network, 1, 2);
    fleet_tend(&fleet, 4);
    cr_assert(eq(u32, size(&fleet, 2, "g"), 0)); /* its state is gone, and all with it */
    check_ok(fleet_asked(&fleet, 2, agent_at("b"), agent_join, .name = STR("g")).err);
    fleet_tend(&fleet, 4);
    cr_assert(eq(u32, size(&fleet, 2, "g"), 1));
    fleet_end(&fleet);
}

Test(directory, a_loss_is_for_the_state_that_had_the_name)
{
    fleet_t fleet;
    begin(&fleet, 1);
    directory_entry_t *entry = NULL;
    names_t *of_two = fleet_runtime(&fleet, 2)->names;
    check_ok(fleet_asked(&fleet, 2, hound_at("b"), agent_register, .name = STR("all/n")).err);

    fleet_send(&fleet, 2, hound_at("b"), agent_fail, .reason = STR("told to"));
    fleet_send(&fleet, 2, hound_at("b"), agent_note, .number = 1); /* starts it again */
    check_ok(names_hear(of_two, 1, 5, STR("all/n"), &entry));      /* the exit lies behind both */
    fleet_pass(&fleet, 1000);
    check_log(&fleet, "2.b note 1\n");
    names_unhear(of_two, entry);
    fleet_end(&fleet);
}

/* ---- bounds ---- */

Test(directory, what_is_not_understood_or_past_a_bound_is_left_out)
{
    fleet_t fleet;
    begin(&fleet, 1);
    static char long_name[GROUP_NAME_SIZE_MAX + 2];
    memset(long_name, 'n', sizeof long_name);
    long_name[0] = '/';
    directory_change_t changes[] = {
        {.what = DIRECTORY_MEMBER, .number = 1, .bits = 1, .name = STR_INIT("all/g")},
        {.what = DIRECTORY_MEMBER, .number = 1, .bits = 2, .name = STR_INIT("all/g")},
        {.what = DIRECTORY_MEMBER, .number = 0, .bits = 3, .name = STR_INIT("all/g")},
        {.what = DIRECTORY_MEMBER, .number = 4, .bits = 3, .name = STR_INIT("mine")},
        {.what = 99, .number = 5, .bits = 3, .name = STR_INIT("all/g")},
        {.what = DIRECTORY_NAME, .number = 6, .bits = 3, .name = {long_name, NAME_SIZE_MAX}},
        {.what = DIRECTORY_NAME, .number = 7, .bits = 3, .name = {long_name, NAME_SIZE_MAX + 1}},
        {.what = DIRECTORY_MEMBER, .number = 8, .bits = 3, .name = {long_name, NAME_SIZE_MAX + 1}},
        {.what = DIRECTORY_GONE, .number = 77},
    };
    directory_frame_t frame = {.what = DIRECTORY_CHANGES, .session = 1};
    frame.changes.items = changes;
    frame.changes.count = COUNT_OF(changes);
    runtime_t *from = fleet_runtime(&fleet, 1);

    check_ok(runtime_tell(from, 2, ROUTER_NAMES, directory_fill, &frame));
    fleet_settle(&fleet);

    cr_assert(eq(u32, size(&fleet, 2, "all/g"), 1));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).names, 2));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).names_refused, 6));
    frame.session = 9; /* of another session */
    changes[0].number = 44;
    check_ok(runtime_tell(from, 2, ROUTER_NAMES, directory_fill, &frame));
    frame.what = 44;
    check_ok(runtime_tell(from, 2, ROUTER_NAMES, directory_fill, &frame));
    fleet_settle(&fleet);
    cr_assert(eq(u64, fleet_stats(&fleet, 2).names, 2));
    cr_assert(eq(u64, fleet_stats(&fleet, 2).invalid, 1));
    fleet_end(&fleet);
}

Test(directory, a_node_says_so_much_and_no_more)
{
    fleet_t fleet;
    begin(&fleet, 1);
    directory_t *directory = &fleet_runtime(&fleet, 1)->remote->directory;

    directory->said_count = ROUTER_NAMES_MAX - 1;
    tell_ok(&fleet, "a", agent_join, .name = STR("all/g"));
    check_err(fleet_asked(&fleet, 1, agent_at("a"), agent_join, .name = STR("all/h")).err,
              ERR_LIMIT);
    check_err(fleet_asked(&fleet, 1, agent_at("a"), agent_register, .name = STR("all/h")).err,
              ERR_LIMIT);
    cr_assert(eq(u32, size(&fleet, 1, "all/h"), 0));
    cr_assert(eq(u64, named(&fleet, 1, "all/h"), 0));
    directory->said_count = 1;
    tell_ok(&fleet, "a", agent_register, .name = STR("all/h"));
    check_sizes(&fleet, "all/g", 1, 1, 1);
    fleet_end(&fleet);
}

/* ---- any order of it all ---- */

static const char *const keys[] = {"a", "b", "c", "d", "e", "f"};
static const char *const names[] = {"all/0", "all/1", "all/2"};

/* Something somebody does; refusals are as they are. */
static void act(fleet_t *fleet, ms_random_t *random, uint64_t on)
{
    address_t who = agent_at(keys[random_below(random, COUNT_OF(keys))]);
    str_t name = str_from(names[random_below(random, COUNT_OF(names))]);
    runtime_t *runtime = fleet_runtime(fleet, on);
    switch (random_below(random, 6)) {
    case 0:
        IGNORE_ERR(runtime_send(runtime, who, agent_join, .name = name));
        break;
    case 1:
        IGNORE_ERR(runtime_send(runtime, who, agent_leave, .name = name));
        break;
    case 2:
        IGNORE_ERR(runtime_send(runtime, who, agent_register, .name = name));
        break;
    case 3:
        IGNORE_ERR(runtime_send(runtime, who, agent_unregister, .name = name));
        break;
    case 4:
        IGNORE_ERR(runtime_send(runtime, who, agent_stop));
        break;
    default:
        IGNORE_ERR(runtime_send(runtime, who, agent_fail, .reason = STR("told to")));
    }
}

/* Each has its own of every key. */
static void place_own(fleet_t *fleet, uint64_t node)
{
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        check_ok(runtime_place(fleet_runtime(fleet, node), i, node));
}

static void disturb(fleet_t *fleet, ms_random_t *random, uint64_t *next)
{
    uint64_t a = 1 + random_below(random, fleet->count), b = 1 + random_below(random, fleet->count);
    bool are_there = fleet->nodes[a].runtime != NULL && fleet->nodes[b].runtime != NULL && a != b;
    if (!are_there)
        return;
    switch (random_below(random, 6)) {
    case 0:
        network_cut(fleet->network, a, b);
        break;
    case 1:
        network_heal(fleet->network, a, b);
        break;
    case 2:
        network_stall(fleet->network, a, b, true);
        break;
    case 3:
        network_stall(fleet->network, a, b, false);
        break;
    case 4:
        if (*next <= NETWORK_NODES_MAX) {
            fleet_kill(fleet, a);
            fleet_add(fleet, *next);
            place_own(fleet, (*next)++);
        }
        break;
    default:
        network_set_queue_max(fleet->network, (uint32_t)(1 + random_below(random, 8)));
    }
}

/* All nodes hold the same of all names and groups, and of each name one actor. */
static void check_same(const fleet_t *fleet, uint64_t seed)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        uint64_t node_of_name = 0, bits = 0;
        uint32_t members = 0;
        bool is_first = true;
        for (uint64_t node = 1; node <= fleet->count; node++) {
            runtime_t *runtime = fleet_runtime(fleet, node);
            if (runtime == NULL)
                continue;
            actor_ref_t ref = runtime_whereis(runtime, str_from(names[i]));
            uint64_t its_node = ref.bits == 0 ? 0 : runtime_node_of(runtime, ref);
            uint64_t its_bits = runtime_bits_of(ref);
            uint32_t its_members = size(fleet, node, names[i]);
            cr_assert(is_first || (its_node == node_of_name && its_bits == bits),
                      "seed %llu: %s is another's on node %llu", (unsigned long long)seed, names[i],
                      (unsigned long long)node);
            cr_assert(is_first || its_members == members, "seed %llu: %s has %u and %u members",
                      (unsigned long long)seed, names[i], members, its_members);
            node_of_name = its_node;
            bits = its_bits;
            members = its_members;
            is_first = false;
        }
    }
}

static void run_history(uint64_t seed)
{
    enum { STEPS = 120 };
    fleet_t fleet;
    random_seed_t state = {seed};
    ms_random_t random = random_seeded(&state);
    uint64_t next = 5;
    fleet_begin(&fleet, seed, 4, NULL);
    fleet_meet(&fleet);
    for (uint64_t node = 1; node <= fleet.count; node++)
        place_own(&fleet, node);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint64_t on = 1 + random_below(&random, fleet.count);
        if (random_below(&random, 4) == 0)
            disturb(&fleet, &random, &next);
        else if (random_below(&random, 8) == 0)
            fleet_tend(&fleet, 1);
        else if (fleet.nodes[on].runtime != NULL)
            act(&fleet, &random, on);
        for (uint64_t steps = random_below(&random, 30); steps > 0; steps--)
            if (!simulation_step(fleet.simulation))
                break;
    }
    network_set_queue_max(fleet.network, NETWORK_QUEUE_USUAL);
    for (uint64_t a = 1; a <= fleet.count; a++)
        for (uint64_t b = 1; b <= fleet.count; b++) {
            network_heal(fleet.network, a, b);
            network_stall(fleet.network, a, b, false);
        }
    fleet_tend(&fleet, 2 * DIRECTORY_HELLO_TICKS_MAX);
    check_same(&fleet, seed);
    fleet_end(&fleet);
}

Test(directory, whatever_happens_all_nodes_come_to_hold_the_same)
{
    for (uint64_t seed = 1; seed <= 40; seed++)
        run_history(seed);
}

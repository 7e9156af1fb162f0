/* Memberships on one PostgreSQL: what the simulation shows of the state machine, carried out. */
#include "tests/support/cluster/crowd.h"

#include "tests/support/check.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"

static void start_three(crowd_t *crowd, const postgres_t *server)
{
    crowd_init(crowd, server->address);
    for (size_t i = 0; i < 3; i++)
        crowd_start(crowd, i);
    wait_until(crowd_is_whole(crowd, 3));
}

/* Once `at` deems it free, nobody has a lease for what it owned. */
static bool is_free(crowd_t *crowd, size_t at, uint64_t node)
{
    return members_is_free(crowd->nodes[at].members, node);
}

Test(members, three_become_one_view_and_whoever_leaves_is_free_at_once)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    crowd_t crowd CROWD_SCOPED;
    start_three(&crowd, &server);
    members_t *leaving = crowd.nodes[2].members;
    uint64_t node = crowd.nodes[2].node;

    roster_t *roster ROSTER_SCOPED = members_roster(crowd.nodes[1].members);
    check_str(roster_details(roster, node), STR("{\"version\":\"test\"}"));
    cr_assert_eq(view_find(&roster->view, crowd.nodes[0].node)->roles, MEMBER_ACTORS);
    wait_until(crowd_status(&crowd, 0).is_listening);
    cr_assert_not(is_free(&crowd, 0, node));

    check_ok(members_describe(leaving, STR("{\"roots\":[]}")));
    wait_until(crowd_is_told(&crowd, 0, node, STR("{\"roots\":[]}")));
    members_leave(leaving);
    wait_until(crowd_sees(&crowd, 0, node) == MEMBER_LEAVING);
    cr_assert_not(is_free(&crowd, 0, node));
    cr_assert_not(crowd_is_stopped(&crowd, 2));
    members_drained(leaving);
    wait_until(crowd_sees(&crowd, 0, node) == MEMBER_DEAD);
    cr_assert(is_free(&crowd, 0, node));
    wait_until(crowd_is_stopped(&crowd, 2));
    cr_assert_not(members_has_lease(leaving));
    crowd_kill(&crowd, 2);
    wait_until(crowd_is_whole(&crowd, 2));
}

Test(members, who_is_killed_is_free_when_its_lease_is_over_or_its_successor_is_there)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    crowd_t crowd CROWD_SCOPED;
    start_three(&crowd, &server);
    uint64_t killed = crowd.nodes[2].node, second = crowd.nodes[1].node;

    uint64_t until_ms = crowd_kill(&crowd, 2);
    wait_until(is_free(&crowd, 0, killed));
    cr_assert(members_now_ms(crowd.nodes[0].members) >= until_ms, "it might still serve");
    wait_until(crowd_is_whole(&crowd, 2));

    crowd_kill(&crowd, 1);
    crowd_start(&crowd, 1);
    wait_until(crowd_is_whole(&crowd, 2));
    cr_assert(crowd.nodes[1].node > killed);
    cr_assert_eq(crowd_sees(&crowd, 0, second), MEMBER_DEAD);
    cr_assert(is_free(&crowd, 0, second));
}

/* It reaches the table, but nobody reaches it: it goes on until it reads of its death. */
Test(members, a_zombie_has_no_lease_when_what_it_owned_is_free_and_stops)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    crowd_t crowd CROWD_SCOPED;
    start_three(&crowd, &server);
    uint64_t zombie = crowd.nodes[2].node;

    crowd_cut(&crowd, 2, true);
    patience_t patience = PATIENCE_FOR("what the zombie owned is free");
    while (!is_free(&crowd, 0, zombie))
        patience_spend(&patience);
    cr_assert_not(members_has_lease(crowd.nodes[2].members));
    wait_until(crowd_is_stopped(&crowd, 2));
    cr_assert_eq(crowd_status(&crowd, 2).state, MEMBERSHIP_STOPPED);
    check_ok(members_say_gone(crowd.nodes[2].members, POSTGRES_PATIENCE_MS));
}

static bool has_lease_past(crowd_t *crowd, size_t at, uint64_t ms)
{
    members_t *members = crowd->nodes[at].members;
    members_status_t status = crowd_status(crowd, at);
    return status.is_table_away && members_lease_until_ms(members) > ms;
}

/* Each knows by the others that it is alive. */
Test(members, a_stopped_database_stops_nobody)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    crowd_t crowd CROWD_SCOPED;
    start_three(&crowd, &server);

    postgres_do(&server, "stop");
    uint64_t past_ms = members_now_ms(crowd.nodes[0].members) + 3 * (uint64_t)CROWD_LEASE_MS;
    for (size_t i = 0; i < 3; i++)
        wait_until(has_lease_past(&crowd, i, past_ms));
    cr_assert(crowd_status(&crowd, 0).failures > 0);

    postgres_do(&server, "restart");
    wait_until(crowd_is_whole(&crowd, 3));
    for (size_t i = 0; i < 3; i++)
        cr_assert_not(crowd_is_stopped(&crowd, i));
}

Test(members, another_lease_is_refused_and_before_joining_nothing_happens)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    crowd_t crowd CROWD_SCOPED;
    crowd_init(&crowd, server.address);
    members_t *other = NULL;
    members_options_t options = {.address = server.address, .lease_ms = CROWD_LEASE_MS};

    check_ok(members_open(&options, &other));
    members_probed(other, 7, 1, 1);
    members_leave(other);
    cr_assert_not(members_has_lease(other));
    cr_assert_not(members_is_free(other, 7));
    cr_assert_eq(crowd_join_without_address(other), ERR_INVALID);
    members_close(other);

    crowd_start(&crowd, 0);
    wait_until(crowd_is_whole(&crowd, 1));
    options.lease_ms = 2 * (uint64_t)CROWD_LEASE_MS;
    check_err(members_open(&options, &other), ERR_CONFLICT);
}

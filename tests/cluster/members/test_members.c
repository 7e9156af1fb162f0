/* Memberships on one PostgreSQL: what the simulation shows of the state machine, carried out. */
#include "tests/cluster/members/crowd.h"

#include "tests/support/check.h"
#include "tests/support/patience.h"
#include "tests/support/postgres/postgres.h"

Test(members, three_become_one_view)
{
    postgres_t server POSTGRES_SCOPED = {0};
    postgres_start(&server);
    crowd_t crowd CROWD_SCOPED;
    crowd_init(&crowd, server.address);
    for (size_t i = 0; i < 3; i++)
        crowd_start(&crowd, i, NULL);
    wait_until(crowd_is_whole(&crowd, 3));

    roster_t *roster ROSTER_SCOPED = members_roster(crowd.nodes[1].members);
    check_str(roster_details(roster, crowd.nodes[2].node), STR("{\"version\":\"test\"}"));
    cr_assert_eq(view_find(&roster->view, crowd.nodes[0].node)->roles, MEMBER_ACTORS);
    cr_assert(crowd_status(&crowd, 0).is_listening);
}

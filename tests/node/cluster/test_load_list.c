#include "node/cluster/load_list.h"
#include "tests/support/check.h"

enum { NOW_MS = 60000 };

static void check_row(const router_load_t *row, uint64_t node, uint32_t per_mille)
{
    cr_assert(row->node == node && row->per_mille == per_mille, "node %llu: %u, not %llu: %u",
              (unsigned long long)row->node, row->per_mille, (unsigned long long)node, per_mille);
}

Test(load_list, those_who_serve_actors_with_what_they_said_lately)
{
    member_t members[] = {
        {.node = 1, .status = MEMBER_ACTIVE, .roles = MEMBER_ROLES_ALL},
        {.node = 2, .status = MEMBER_ACTIVE, .roles = MEMBER_GATEWAY | MEMBER_MEDIA},
        {.node = 3, .status = MEMBER_ACTIVE, .roles = MEMBER_ACTORS},
        {.node = 4, .status = MEMBER_ACTIVE, .roles = MEMBER_ACTORS},
        {.node = 5, .status = MEMBER_ACTIVE, .roles = MEMBER_ACTORS},
        {.node = 6, .status = MEMBER_ACTIVE, .roles = MEMBER_ACTORS},
        {.node = 7, .status = MEMBER_JOINING, .roles = MEMBER_ACTORS},
        {.node = 8, .status = MEMBER_LEAVING, .roles = MEMBER_ACTORS},
        {.node = 9, .status = MEMBER_DEAD, .roles = MEMBER_ACTORS},
        {.node = 10, .status = MEMBER_ACTIVE, .roles = MEMBER_ACTORS},
    };
    const member_load_t known[] = {
        {.node = 1, .per_mille = 120, .heard_ms = NOW_MS},
        {.node = 2, .per_mille = 0, .heard_ms = NOW_MS},
        {.node = 3, .per_mille = 340, .heard_ms = NOW_MS - LOAD_OLD_MS + 1},
        {.node = 4, .per_mille = 340, .heard_ms = NOW_MS - LOAD_OLD_MS},
        {.node = 6, .per_mille = UINT64_MAX, .heard_ms = NOW_MS},
        {.node = 10, .per_mille = 70, .heard_ms = NOW_MS + 1}, /* since the clock was read */
        {.node = 9, .per_mille = 0, .heard_ms = NOW_MS},
    };
    const view_t view = {.version = 1, .count = COUNT_OF(members), .members = members};
    router_load_t out[VIEW_MEMBERS_MAX];

    uint32_t count = load_list(&view, known, COUNT_OF(known), NOW_MS, out);

    cr_assert(eq(u32, count, 6));
    check_row(&out[0], 1, 120);
    check_row(&out[1], 3, 340);
    check_row(&out[2], 4, ROUTER_LOAD_MAX); /* too long ago */
    check_row(&out[3], 5, ROUTER_LOAD_MAX); /* it has said nothing */
    check_row(&out[4], 6, ROUTER_LOAD_MAX); /* another version's idea of it */
    check_row(&out[5], 10, 70);
}

Test(load_list, nobody_where_nobody_serves)
{
    member_t gateway = {.node = 1, .status = MEMBER_ACTIVE, .roles = MEMBER_GATEWAY};
    const view_t view = {.version = 1, .count = 1, .members = &gateway};
    router_load_t out[VIEW_MEMBERS_MAX];

    cr_assert(eq(u32, load_list(&view, NULL, 0, NOW_MS, out), 0));
}

#include "cluster/placement.h"
#include "runtime/base/memory.h"
#include "tests/support/check.h"

#include <stdio.h>

static member_t active(uint64_t node, uint32_t weight, const char *zone)
{
    member_t member = {.node = node,
                       .status = MEMBER_ACTIVE,
                       .roles = MEMBER_ACTORS,
                       .weight = weight,
                       .joined = node + 1};
    snprintf(member.zone, sizeof member.zone, "%s", zone);
    return member;
}

static void add(view_t *view, member_t member)
{
    view->version++;
    check_ok(view_put(view, &member));
}

static view_t view_of(uint32_t count)
{
    view_t view = {0};
    for (uint32_t i = 1; i <= count; i++)
        add(&view, active(i, MEMBER_WEIGHT_USUAL, i % 2 == 0 ? "even" : "odd"));
    return view;
}

static placement_t *build(const view_t *view)
{
    placement_t *placement = memory_new(sizeof *placement);
    cr_assert(placement != NULL);
    placement_build(placement, view, MEMBER_ACTORS);
    return placement;
}

static uint32_t share_of(const placement_t *placement, uint64_t node)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        count += placement->owners[i] == node;
    return count;
}

/* Within `percent` of what it should be. */
static void check_share(const placement_t *placement, uint64_t node, double want, double percent)
{
    double got = share_of(placement, node);
    cr_assert(got > want * (1 - percent / 100) && got < want * (1 + percent / 100),
              "node %zu has %.0f of %.0f", (size_t)node, got, want);
}

Test(placement, members_of_equal_weight_have_equal_shares)
{
    for (uint32_t count = 1; count <= 16; count *= 2) {
        view_t view VIEW_SCOPED = view_of(count);
        placement_t *placement = build(&view);
        for (uint32_t i = 1; i <= count; i++)
            check_share(placement, i, (double)PARTITION_COUNT / count, 10);
        memory_free(placement);
    }
}

Test(placement, a_share_is_as_the_weight)
{
    static const uint32_t weights[] = {100, 200, 50, 400};
    view_t view VIEW_SCOPED = {0};
    for (uint32_t i = 0; i < COUNT_OF(weights); i++)
        add(&view, active(i + 1, weights[i], ""));
    placement_t *placement = build(&view);

    for (uint32_t i = 0; i < COUNT_OF(weights); i++)
        check_share(placement, i + 1, PARTITION_COUNT * (weights[i] / 750.0), 7);
    memory_free(placement);
}

Test(placement, who_joins_takes_its_share_and_moves_nothing_else)
{
    for (uint32_t count = 1; count <= 9; count++) {
        view_t before VIEW_SCOPED = view_of(count), after VIEW_SCOPED = view_of(count + 1);
        placement_t *old = build(&before), *new = build(&after);

        for (uint32_t i = 0; i < PARTITION_COUNT; i++)
            cr_assert(new->owners[i] == old->owners[i] || new->owners[i] == count + 1);
        cr_assert(placement_moved(old, new) <= 1.1 * PARTITION_COUNT / (count + 1));
        memory_free(old);
        memory_free(new);
    }
}

Test(placement, who_is_not_active_or_has_another_role_or_no_weight_owns_nothing)
{
    view_t view VIEW_SCOPED = view_of(6);
    view.members[1].status = MEMBER_LEAVING;
    view.members[2].status = MEMBER_JOINING;
    view.members[3].status = MEMBER_DEAD;
    view.members[4].roles = MEMBER_GATEWAY | MEMBER_MEDIA;
    view.members[5].weight = 0;
    placement_t *placement = build(&view);
    cr_assert(share_of(placement, 1) == PARTITION_COUNT);

    view.members[0].status = MEMBER_DEAD;
    placement_build(placement, &view, MEMBER_ACTORS);
    cr_assert(share_of(placement, PLACEMENT_NONE) == PARTITION_COUNT);
    memory_free(placement);
}

/* Another machine, another build: the same owners. A change of these numbers moves every actor of
 * every cluster that is being upgraded. */
Test(placement, owners_are_the_same_everywhere)
{
    view_t view VIEW_SCOPED = view_of(5);
    placement_t *placement = build(&view);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        sum = sum * 31 + placement->owners[i];

    cr_assert(sum == 9663477377785849426u, "%zu", (size_t)sum);
    cr_assert(partition_of(STR("playlist/42")) == 7782, "%u", partition_of(STR("playlist/42")));
    memory_free(placement);
}

Test(placement, the_second_is_of_another_zone_if_there_is_one)
{
    view_t view VIEW_SCOPED = view_of(4);
    placement_t *placement = build(&view);
    for (uint32_t i = 0; i < 100; i++) {
        uint64_t second = placement_second(&view, MEMBER_ACTORS, i);
        cr_assert(second % 2 != placement->owners[i] % 2);
    }
    for (uint32_t i = 0; i < 4; i++)
        snprintf(view.members[i].zone, sizeof view.members[i].zone, "one");
    for (uint32_t i = 0; i < 100; i++) {
        uint64_t second = placement_second(&view, MEMBER_ACTORS, i);
        cr_assert(second != PLACEMENT_NONE && second != placement->owners[i]);
    }
    view_t alone VIEW_SCOPED = view_of(1);
    cr_assert(placement_second(&alone, MEMBER_ACTORS, 7) == PLACEMENT_NONE);
    memory_free(placement);
}

Test(placement, work_of_one_role_is_done_by_one_of_those_who_have_it)
{
    view_t view VIEW_SCOPED = view_of(6);
    for (uint32_t i = 2; i < 6; i++)
        view.members[i].roles = MEMBER_BATCH | (i == 5 ? MEMBER_ACTORS : 0u);
    view.members[4].status = MEMBER_LEAVING;
    bool is_seen[7] = {false};
    for (char key[] = "work 0"; key[5] <= '9'; key[5]++)
        is_seen[placement_one(&view, MEMBER_BATCH, str_from(key))] = true;

    check_true(is_seen[3] && is_seen[4] && is_seen[6]);
    check_true(!is_seen[0] && !is_seen[1] && !is_seen[2] && !is_seen[5]);
    cr_assert(placement_one(&view, MEMBER_MEDIA, STR("work")) == PLACEMENT_NONE);
}

Test(placement, a_role_is_missing_when_no_active_member_has_it)
{
    view_t view VIEW_SCOPED = view_of(3);
    view.members[1].roles = MEMBER_GATEWAY;
    view.members[2].roles = MEMBER_MEDIA | MEMBER_BATCH;
    cr_assert(placement_missing(&view, MEMBER_ROLES_ALL) == 0);

    view.members[2].status = MEMBER_LEAVING;
    cr_assert(placement_missing(&view, MEMBER_ROLES_ALL) == (MEMBER_MEDIA | MEMBER_BATCH));
    cr_assert(placement_missing(&view, MEMBER_MEDIA | MEMBER_ACTORS) == MEMBER_MEDIA);
}

Test(placement, among_some_the_order_in_which_they_are_named_is_no_matter)
{
    static const uint64_t here[] = {2, 5, 7}, there[] = {7, 2, 5}, gone[] = {9, 4};
    view_t view VIEW_SCOPED = view_of(7);
    view.members[3].status = MEMBER_DEAD;
    bool is_seen[8] = {false};
    for (char key[] = "root 0"; key[5] <= '9'; key[5]++) {
        uint64_t node = placement_among(&view, here, COUNT_OF(here), str_from(key));
        cr_assert(node == placement_among(&view, there, COUNT_OF(there), str_from(key)));
        is_seen[node] = true;
    }

    check_true(is_seen[2] && is_seen[5] && is_seen[7]);
    cr_assert(placement_among(&view, gone, COUNT_OF(gone), STR("root")) == PLACEMENT_NONE);
}

#include "cluster/view.h"
#include "tests/support/check.h"

enum { SECOND = 1000, STALE_MS = 30 * SECOND, VOTE_MS = 60 * SECOND };

static void put(view_t *view, uint64_t node, member_status_t status, uint64_t joined, uint64_t died,
                uint64_t acknowledged)
{
    member_t member = {.node = node,
                       .status = status,
                       .joined = joined,
                       .died = died,
                       .acknowledged = acknowledged};
    check_ok(view_put(view, &member));
}

Test(view, rows_ascend_and_are_found_replaced_and_removed)
{
    static const uint64_t nodes[] = {5, 1, 9, 3, 7};
    view_t view VIEW_SCOPED = {0}, copy VIEW_SCOPED = {0};
    for (size_t i = 0; i < COUNT_OF(nodes); i++)
        put(&view, nodes[i], MEMBER_ACTIVE, 1, 0, 0);
    put(&view, 9, MEMBER_LEAVING, 1, 0, 0);
    view_remove(&view, 3);
    view_remove(&view, 4);

    cr_assert(view.count == 4);
    for (uint32_t i = 1; i < view.count; i++)
        cr_assert(view.members[i - 1].node < view.members[i].node);
    check_true(view_find(&view, 3) == NULL);
    check_true(view_find(&view, 9)->status == MEMBER_LEAVING);
    check_ok(view_copy(&copy, &view));
    view_remove(&view, 9);
    check_true(view_find(&copy, 9) != NULL && view_find(&view, 9) == NULL);
}

Test(view, it_holds_so_many_rows_and_no_more)
{
    view_t view VIEW_SCOPED = {0};
    for (uint64_t node = 1; node <= VIEW_MEMBERS_MAX; node++)
        put(&view, node, MEMBER_ACTIVE, 1, 0, 0);
    member_t more = {.node = VIEW_MEMBERS_MAX + 1};
    check_err(view_put(&view, &more), ERR_LIMIT);
    more.node = 1;
    check_ok(view_put(&view, &more));
}

Test(view, votes_are_needed_by_the_live_that_are_not_stale)
{
    static const uint32_t needed[] = {1, 1, 1, 2, 2, 2};
    view_t view VIEW_SCOPED = {.read_ms = 100 * SECOND};
    for (uint64_t count = 0; count < COUNT_OF(needed); count++) {
        cr_assert(view_votes_needed(&view, STALE_MS) == needed[count]);
        member_t member = {
            .node = count + 1, .status = MEMBER_ACTIVE, .seen_ms = view.read_ms - STALE_MS};
        check_ok(view_put(&view, &member));
    }
    view.read_ms++; /* now all of them are */
    cr_assert(view_votes_needed(&view, STALE_MS) == 1);
}

Test(view, a_vote_counts_while_it_is_young_and_its_voter_lives)
{
    view_t view VIEW_SCOPED = {.read_ms = 100 * SECOND};
    put(&view, 1, MEMBER_ACTIVE, 1, 0, 0);
    put(&view, 2, MEMBER_DEAD, 1, 2, 0);
    member_t suspect = {
        .node = 3,
        .vote_count = 4,
        .votes = {{1, 40 * SECOND}, {1, 40 * SECOND - 1}, {2, 90 * SECOND}, {7, 90 * SECOND}}};
    cr_assert(view_votes(&view, &suspect, VOTE_MS) == 1);
}

/* Who may still renew a dead member's lease: rows are {node, joined, died, acknowledged}. */
Test(view, a_dead_member_is_past_when_no_majority_can_keep_it)
{
    static const struct {
        const char *what;
        uint64_t rows[5][4];
        bool is_past; /* of node 1 */
    } cases[] = {
        {"of two, the other knows", {{1, 1, 5, 4}, {2, 2, 0, 5}}, true},
        {"of two, the other does not", {{1, 1, 5, 4}, {2, 2, 0, 4}}, false},
        {"of three, one knows", {{1, 1, 5, 4}, {2, 1, 0, 5}, {3, 1, 0, 4}}, false},
        {"of three, two know", {{1, 1, 5, 4}, {2, 1, 0, 5}, {3, 1, 0, 6}}, true},
        {"itself knows", {{1, 1, 5, 5}, {2, 1, 0, 4}, {3, 1, 0, 4}}, true},
        {"it is gone", {{1, 1, 5, MEMBER_GONE}, {2, 1, 0, 4}, {3, 1, 0, 4}}, true},
        {"it was never active", {{1, 0, 5, 0}, {2, 1, 0, 4}}, true},
        {"another died before, and neither knows of either",
         {{1, 1, 6, 4}, {2, 1, 5, 4}, {3, 1, 0, 6}},
         false},
        {"as before, but the other is gone",
         {{1, 1, 6, 4}, {2, 1, 5, MEMBER_GONE}, {3, 1, 0, 6}},
         true},
        {"those who joined since know, but it may not know them",
         {{1, 1, 9, 2}, {2, 1, 0, 2}, {3, 5, 0, 9}, {4, 6, 0, 9}, {5, 7, 0, 9}},
         false},
        {"as before, and it is known to know them",
         {{1, 1, 9, 8}, {2, 1, 0, 2}, {3, 5, 0, 9}, {4, 6, 0, 9}, {5, 7, 0, 9}},
         true},
        {"a majority in a view between what it knew and its death",
         {{1, 1, 9, 1}, {2, 1, 0, 9}, {3, 4, 0, 8}, {4, 4, 0, 8}, {5, 7, 0, 9}},
         false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        view_t view VIEW_SCOPED = {.version = 9};
        for (size_t j = 0; j < COUNT_OF(cases[i].rows) && cases[i].rows[j][0] != 0; j++) {
            const uint64_t *row = cases[i].rows[j];
            put(&view, row[0], row[2] != 0 ? MEMBER_DEAD : MEMBER_ACTIVE, row[1], row[2], row[3]);
        }
        bool is_past = view_is_past(&view, view_find(&view, 1));
        cr_expect(is_past == cases[i].is_past, "%s", cases[i].what);
    }
}

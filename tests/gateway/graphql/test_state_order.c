/* A feed of states never goes back, whichever way they overtake each other, and ends with the
 * truth. */
#include "gateway/graphql/resolve/state_order.h"
#include "tests/support/check.h"

Test(state_order, what_is_published_in_order_is_told)
{
    state_order_t order = {0};
    for (uint64_t version = 1; version < 4; version++)
        cr_assert(eq(int, state_order_published(&order, version), STATE_TELL));
    /* Once more: the same, or a device of it that came or went. */
    cr_assert(eq(int, state_order_published(&order, 3), STATE_TELL));
}

Test(state_order, what_comes_behind_a_newer_one_is_asked_for)
{
    state_order_t order = {0};
    cr_assert(eq(int, state_order_published(&order, 17), STATE_TELL));
    cr_assert(eq(int, state_order_published(&order, 16), STATE_ASK));
    state_order_asked(&order);
    cr_assert(eq(int, state_order_answered(&order, 17), STATE_TELL));
}

Test(state_order, an_answer_that_was_overtaken_is_asked_for_again)
{
    state_order_t order = {0};
    state_order_asked(&order);
    cr_assert(eq(int, state_order_published(&order, 17), STATE_TELL));
    cr_assert(eq(int, state_order_answered(&order, 16), STATE_ASK));
    state_order_asked(&order);
    cr_assert(eq(int, state_order_answered(&order, 18), STATE_TELL));
    cr_assert(eq(int, state_order_published(&order, 17), STATE_ASK));
}

Test(state_order, an_answer_that_was_not_overtaken_is_the_truth)
{
    state_order_t order = {0};
    cr_assert(eq(int, state_order_published(&order, 17), STATE_TELL));
    state_order_asked(&order);
    cr_assert(eq(int, state_order_answered(&order, 12), STATE_TELL));
    cr_assert(eq(int, state_order_published(&order, 13), STATE_TELL));
}

Test(state_order, states_without_versions_are_all_told)
{
    state_order_t order = {0};
    state_order_asked(&order);
    cr_assert(eq(int, state_order_published(&order, 0), STATE_TELL));
    cr_assert(eq(int, state_order_answered(&order, 0), STATE_TELL));
}

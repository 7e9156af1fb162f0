#include "actors/social/presence_list.h"
#include "tests/support/check.h"

#include <stdio.h>

static err_t set(presence_listeners_t *list, const char *user_id, uint64_t now_ms)
{
    bool is_change = false;
    presence_listener_t listener = {.user_id = str_from(user_id)};
    return presence_listeners_set(list, &listener, now_ms, &is_change);
}

Test(presence_list, who_is_not_heard_of_is_forgotten)
{
    presence_listeners_t list SCOPED(presence_listeners_deinit) = {0};
    check_ok(set(&list, "ann", 1000));
    check_ok(set(&list, "bob", 2000));

    cr_assert_not(presence_listeners_prune(&list, 1000 + PRESENCE_LOST_MS - 1));
    cr_assert(presence_listeners_prune(&list, 1000 + PRESENCE_LOST_MS));

    cr_assert(eq(u32, list.count, 1));
    check_str(str_from(list.places[0].user_id), STR("bob"));
}

Test(presence_list, the_bounds_hold_from_both_sides)
{
    presence_listeners_t list SCOPED(presence_listeners_deinit) = {0};
    char id[PRESENCE_USER_ID_SIZE_MAX + 2];

    for (uint32_t i = 0; i < PRESENCE_MAX; i++) {
        snprintf(id, sizeof id, "user-%u", i);
        check_ok(set(&list, id, 1));
    }
    check_err(set(&list, "one more", 1), ERR_LIMIT);
    check_ok(set(&list, "user-0", 2)); /* who is there already */
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    check_err(set(&list, id, 1), ERR_INVALID);
    check_err(set(&list, "", 1), ERR_INVALID);
}

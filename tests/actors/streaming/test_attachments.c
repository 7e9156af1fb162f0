#include "actors/streaming/attachments.h"
#include "tests/support/check.h"

#include <stdio.h>

Test(attachments, a_device_is_there_while_one_of_its_sockets_is)
{
    attachments_t set SCOPED(attachments_deinit) = {0};

    check_ok(attachments_add(&set, STR("a"), 1, 0));
    check_ok(attachments_add(&set, STR("a"), 2, 0));
    check_ok(attachments_add(&set, STR("a"), 2, 5)); /* the same one again */
    cr_assert(eq(u32, set.count, 2));
    attachments_remove(&set, STR("a"), 1);
    attachments_remove(&set, STR("b"), 2);
    cr_assert(attachments_have(&set, STR("a")));
    attachments_remove(&set, STR("a"), 2);
    cr_assert_not(attachments_have(&set, STR("a")));
}

Test(attachments, a_silent_socket_is_dropped_in_time)
{
    attachments_t set SCOPED(attachments_deinit) = {0};
    check_ok(attachments_add(&set, STR("a"), 1, 1000));

    attachments_prune(&set, 1000 + SESSION_ATTACH_LOST_MS - 1);
    cr_assert(attachments_have(&set, STR("a")));
    attachments_prune(&set, 1000 + SESSION_ATTACH_LOST_MS);
    cr_assert_not(attachments_have(&set, STR("a")));
}

Test(attachments, the_bounds_hold_from_both_sides)
{
    attachments_t set SCOPED(attachments_deinit) = {0};
    char id[8];
    for (uint32_t i = 0; i < SESSION_DEVICES_MAX; i++) {
        snprintf(id, sizeof id, "d%u", i);
        for (uint32_t j = 0; j <= SESSION_CONNECTIONS_MAX; j++) /* one more: the oldest goes */
            check_ok(attachments_add(&set, str_from(id), j, j));
    }

    cr_assert(eq(u32, set.count, SESSION_DEVICES_MAX * SESSION_CONNECTIONS_MAX));
    check_err(attachments_add(&set, STR("more"), 1, 1), ERR_LIMIT);
    attachments_remove(&set, STR("d0"), 0); /* which gave way */
    cr_assert(eq(u32, set.count, SESSION_DEVICES_MAX * SESSION_CONNECTIONS_MAX));
    attachments_remove(&set, STR("d0"), 1);
    check_ok(attachments_add(&set, STR("more"), 1, 1));
}

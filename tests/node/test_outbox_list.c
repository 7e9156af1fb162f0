/* What `musicstream outbox` prints. */

#include "node/commands/outbox_list.h"
#include "tests/support/check.h"

static void check_list(const char *json, const char *wanted)
{
    arena_t arena ARENA_SCOPED = {0};
    buf_t out BUF_SCOPED = BUF_INIT;
    graphql_value_t value;
    check_ok(graphql_value_from_json(str_from(json), &arena, &value));
    outbox_list_append(&out, &value);
    check_str(buf_str(&out), str_from(wanted));
}

Test(outbox_list, nothing_waits)
{
    check_list("{\"letters\":[],\"dead\":0,\"waiting\":0,\"sent\":3,\"attempts\":5,\"delivered\":3,"
               "\"refused\":1,\"duplicates\":1,\"is_complete\":true}",
               "0 waiting, 0 dead   since the start: 3 sent, 5 attempts, 3 delivered, 1 refused, 1 "
               "again\n");
}

Test(outbox_list, dead_ones_are_a_table_and_nothing_of_them_moves_the_cursor)
{
    check_list(
        "{\"letters\":[{\"stream\":\"account/u\\u001b[2J\",\"number\":7,\"kind\":\"accounts\","
        "\"key\":\"node\",\"type\":\"accounts_note_ended\",\"reason\":\"INVALID\"}],\"dead\":3,"
        "\"waiting\":2,\"is_complete\":false}",
        "2 waiting, 3 dead   since the start: 0 sent, 0 attempts, 0 delivered, 0 refused, 0 again\n"
        "the journal could not be read to its end: there may be more\n"
        "  NUMBER  STREAM                                      TO                                "
        "TYPE                          REASON\n"
        "       7  account/u\\x1b[2J                            accounts/node                     "
        "accounts_note_ended           INVALID\n"
        "and 2 more\n");
}

#include "node/cluster/speaks.h"

void speaks_append(speaks_t speaks, json_t *json)
{
    json_key(json, STR("speaks"));
    json_array_begin(json);
    json_u64(json, speaks.oldest);
    json_u64(json, speaks.newest);
    json_array_end(json);
}

speaks_t speaks_read(const graphql_value_t *details)
{
    const graphql_value_t *told = graphql_value_get(details, "speaks");
    if (graphql_value_count(told) != 2)
        return (speaks_t){1, 1};
    return (speaks_t){(uint32_t)graphql_value_int(graphql_value_at(told, 0), 1),
                      (uint32_t)graphql_value_int(graphql_value_at(told, 1), 1)};
}

speaks_t speaks_of(str_t details)
{
    arena_t arena ARENA_SCOPED = {0};
    graphql_value_t read;
    bool is_read =
        !str_is_empty(details) && graphql_value_from_json(details, &arena, &read) == ERR_OK;
    return speaks_read(is_read ? &read : NULL);
}

void speaks_print(speaks_t speaks, buf_t *out)
{
    buf_printf(out, speaks.oldest == speaks.newest ? "%u" : "%u to %u", speaks.oldest,
               speaks.newest);
}

bool speaks_agree(speaks_t one, speaks_t other)
{
    return one.oldest <= other.newest && other.oldest <= one.newest;
}

const member_t *speaks_stranger(const roster_t *roster, uint64_t node, speaks_t own)
{
    for (uint32_t i = 0; i < roster->view.count; i++) {
        const member_t *member = &roster->view.members[i];
        bool is_before = member->status != MEMBER_JOINING || member->node < node;
        if (member->node == node || member->status == MEMBER_DEAD || !is_before)
            continue;
        if (!speaks_agree(own, speaks_of(roster_details(roster, member->node))))
            return member;
    }
    return NULL;
}

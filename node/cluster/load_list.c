#include "node/cluster/load_list.h"

static uint32_t busy_of(uint64_t node, const member_load_t *known, uint32_t known_count,
                        uint64_t now_ms)
{
    for (uint32_t i = 0; i < known_count; i++)
        if (known[i].node == node && now_ms < known[i].heard_ms + LOAD_OLD_MS)
            return (uint32_t)MIN(known[i].per_mille, (uint64_t)ROUTER_LOAD_MAX);
    return ROUTER_LOAD_MAX;
}

uint32_t load_list(const view_t *view, const member_load_t *known, uint32_t known_count,
                   uint64_t now_ms, router_load_t *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        const member_t *member = &view->members[i];
        if (member->status != MEMBER_ACTIVE || (member->roles & MEMBER_ACTORS) == 0)
            continue;
        out[count++] =
            (router_load_t){member->node, busy_of(member->node, known, known_count, now_ms)};
    }
    return count;
}

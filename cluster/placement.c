#include "cluster/placement.h"

#include "runtime/base/mix.h"
#include "runtime/base/xxh64.h"

/* -log2(x / 2^64) with FRACTION bits behind the point, by squaring: of a mantissa in [1, 2) each
 * square past 2 is the next bit of its logarithm. */
enum { FRACTION = 24 };

static uint64_t minus_log2(uint64_t x)
{
    x |= 1; /* not 0 */
    int zeroes = __builtin_clzll(x);
    uint64_t mantissa = x << zeroes >> 32, log = 0; /* 1 is 2^31 */
    for (int i = 0; i < FRACTION; i++) {
        mantissa = mantissa * mantissa >> 31;
        log <<= 1;
        if (mantissa >> 32 != 0) {
            mantissa >>= 1;
            log |= 1;
        }
    }
    return ((uint64_t)(zeroes + 1) << FRACTION) - log;
}

/* At most 64 * 2^24 * 10^4, within 2^44. */
static uint64_t cost_of(const member_t *member, uint64_t hash)
{
    uint64_t scale = MEMBER_WEIGHT_MAX, weight = MIN(MAX(member->weight, 1u), (uint32_t)scale);
    return minus_log2(mix64(hash ^ mix64(member->node))) * scale / weight;
}

static bool is_eligible(const member_t *member, member_role_t role)
{
    return member->status == MEMBER_ACTIVE && (member->roles & role) != 0 && member->weight > 0;
}

typedef struct best {
    const member_t *member;
    uint64_t cost;
} best_t;

/* Equal costs go to the older node. */
static void consider(best_t *self, const member_t *member, uint64_t hash)
{
    uint64_t cost = cost_of(member, hash);
    bool is_better = self->member == NULL || cost < self->cost ||
                     (cost == self->cost && member->node < self->member->node);
    if (is_better)
        *self = (best_t){member, cost};
}

static uint64_t node_of(best_t best)
{
    return best.member == NULL ? PLACEMENT_NONE : best.member->node;
}

static uint64_t hash_of_partition(uint32_t partition)
{
    return mix64(partition + 1);
}

static best_t best_for(const view_t *view, member_role_t role, uint64_t hash)
{
    best_t best = {0};
    for (uint32_t i = 0; i < view->count; i++)
        if (is_eligible(&view->members[i], role))
            consider(&best, &view->members[i], hash);
    return best;
}

void placement_build(placement_t *out, const view_t *view, member_role_t role)
{
    out->version = view->version;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        out->owners[i] = node_of(best_for(view, role, hash_of_partition(i)));
}

uint64_t placement_second(const view_t *view, member_role_t role, uint32_t partition)
{
    uint64_t hash = hash_of_partition(partition);
    best_t owner = best_for(view, role, hash), near = {0}, far = {0};
    for (uint32_t i = 0; i < view->count; i++) {
        const member_t *member = &view->members[i];
        if (!is_eligible(member, role) || member == owner.member)
            continue;
        bool is_far = strcmp(member->zone, owner.member->zone) != 0;
        consider(is_far ? &far : &near, member, hash);
    }
    return node_of(far.member != NULL ? far : near);
}

uint64_t placement_among(const view_t *view, const uint64_t *nodes, size_t count, str_t key)
{
    uint64_t hash = xxh64(key, 0);
    best_t best = {0};
    for (size_t i = 0; i < count; i++) {
        const member_t *member = view_find(view, nodes[i]);
        if (member != NULL && member->status == MEMBER_ACTIVE)
            consider(&best, member, hash);
    }
    return node_of(best);
}

uint64_t placement_one(const view_t *view, member_role_t role, str_t key)
{
    return node_of(best_for(view, role, xxh64(key, 0)));
}

uint32_t placement_missing(const view_t *view, uint32_t roles)
{
    for (uint32_t i = 0; i < view->count; i++)
        if (view->members[i].status == MEMBER_ACTIVE)
            roles &= ~view->members[i].roles;
    return roles;
}

uint32_t placement_moved(const placement_t *before, const placement_t *after)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        count += before->owners[i] != after->owners[i];
    return count;
}

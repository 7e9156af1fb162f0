#include "cluster/view.h"

#include "runtime/base/memory.h"

void view_deinit(view_t *self)
{
    memory_free(self->members);
    *self = (view_t){0};
}

err_t view_copy(view_t *out, const view_t *from)
{
    member_t *members = NULL;
    if (from->count > 0) {
        members = memory_new_array(from->count, sizeof *members);
        if (members == NULL)
            return ERR_NO_MEMORY;
        memcpy(members, from->members, from->count * sizeof *members);
    }
    view_deinit(out);
    *out = *from;
    out->members = members;
    return ERR_OK;
}

/* The first row that is not before `node`. */
static uint32_t lower_bound(const view_t *self, uint64_t node)
{
    uint32_t low = 0, high = self->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (self->members[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

err_t view_put(view_t *self, const member_t *member)
{
    uint32_t at = lower_bound(self, member->node);
    if (at < self->count && self->members[at].node == member->node) {
        self->members[at] = *member;
        return ERR_OK;
    }
    if (self->count == VIEW_MEMBERS_MAX)
        return ERR_LIMIT;
    member_t *more = memory_resize(self->members, self->count + 1, sizeof *more);
    if (more == NULL)
        return ERR_NO_MEMORY;
    self->members = more;
    memmove(more + at + 1, more + at, (self->count - at) * sizeof *more);
    more[at] = *member;
    self->count++;
    return ERR_OK;
}

void view_remove(view_t *self, uint64_t node)
{
    uint32_t at = lower_bound(self, node);
    if (at == self->count || self->members[at].node != node)
        return;
    self->count--;
    memmove(self->members + at, self->members + at + 1, (self->count - at) * sizeof *self->members);
}

const member_t *view_find(const view_t *self, uint64_t node)
{
    uint32_t at = lower_bound(self, node);
    return at < self->count && self->members[at].node == node ? &self->members[at] : NULL;
}

bool member_is_live(const member_t *self)
{
    return self->status == MEMBER_ACTIVE || self->status == MEMBER_LEAVING;
}

uint32_t view_live_count(const view_t *self)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->count; i++)
        count += member_is_live(&self->members[i]);
    return count;
}

static uint32_t majority_of(uint32_t count)
{
    return count / 2 + 1;
}

uint32_t view_majority(const view_t *self)
{
    return majority_of(view_live_count(self));
}

bool view_is_stale(const view_t *self, const member_t *member, uint64_t stale_ms)
{
    return self->read_ms > member->seen_ms && self->read_ms - member->seen_ms > stale_ms;
}

uint32_t view_votes(const view_t *self, const member_t *member, uint64_t vote_ms)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < member->vote_count; i++) {
        member_vote_t vote = member->votes[i];
        const member_t *voter = view_find(self, vote.node);
        bool is_young = self->read_ms <= vote.at_ms || self->read_ms - vote.at_ms <= vote_ms;
        count += is_young && voter != NULL && member_is_live(voter);
    }
    return count;
}

uint32_t view_votes_needed(const view_t *self, uint64_t stale_ms)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        const member_t *member = &self->members[i];
        count += member_is_live(member) && !view_is_stale(self, member, stale_ms);
    }
    return count > 2 ? 2 : 1;
}

/* ---- what can still keep a dead member's lease ---- */

static bool was_live(const member_t *member, uint64_t version)
{
    return member->joined != 0 && member->joined <= version &&
           (member->died == 0 || member->died > version);
}

/* Whether those who do not know of its death were a majority, or all, in that view. */
static bool may_be_kept(const view_t *self, const member_t *dead, uint64_t version, bool is_by_all)
{
    uint32_t live = 0, unaware = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        const member_t *member = &self->members[i];
        if (!was_live(member, version))
            continue;
        live++;
        unaware += member->node == dead->node || member->acknowledged < dead->died;
    }
    return unaware >= (is_by_all ? live : majority_of(live));
}

static bool is_over(const view_t *self, const member_t *dead, bool is_by_all)
{
    if (dead->acknowledged == MEMBER_GONE || dead->joined == 0)
        return true;
    uint64_t first = MAX(dead->acknowledged, dead->joined);
    if (first >= dead->died)
        return true; /* it has read of its death, and stops */
    if (may_be_kept(self, dead, first, is_by_all))
        return false;
    /* Who is live changes only where somebody joined or died. */
    for (uint32_t i = 0; i < self->count; i++) {
        uint64_t changed[] = {self->members[i].joined, self->members[i].died};
        for (size_t j = 0; j < COUNT_OF(changed); j++)
            if (changed[j] > first && changed[j] < dead->died &&
                may_be_kept(self, dead, changed[j], is_by_all))
                return false;
    }
    return true;
}

bool view_is_past(const view_t *self, const member_t *dead)
{
    return is_over(self, dead, false);
}

bool view_is_witnessed(const view_t *self, const member_t *dead)
{
    return is_over(self, dead, true);
}

uint64_t view_unsettled(const view_t *self)
{
    uint64_t last = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        const member_t *member = &self->members[i];
        if (member->status == MEMBER_DEAD && member->died > last && !view_is_past(self, member))
            last = member->died;
    }
    return last;
}

bool view_is_settled(const view_t *self)
{
    return view_unsettled(self) == 0;
}

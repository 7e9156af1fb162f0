/* membership_write.c -- what a node wants to change in the table. It follows from the view and from
 * what the node knows, so nothing is queued: after a conflict it is asked again of the newer view.
 */

#include "cluster/membership_parts.h"

uint64_t membership_stale_ms(const membership_t *self)
{
    return self->lease_ms * MEMBERSHIP_STALE_LEASES;
}

static bool has_room(const membership_t *self)
{
    return self->change_count < MEMBERSHIP_CHANGES_MAX;
}

static void change(membership_t *self, const member_t *row)
{
    if (has_room(self))
        self->changes[self->change_count++] = (membership_change_t){.row = *row};
}

static uint64_t next_version(const membership_t *self)
{
    return self->view.version + 1;
}

static member_t died(const membership_t *self, const member_t *member)
{
    member_t row = *member;
    row.status = MEMBER_DEAD;
    row.died = next_version(self);
    return row;
}

static void forget(membership_t *self, const member_t *member)
{
    self->changes[self->change_count++] = (membership_change_t){*member, true};
}

/* Of one that runs no more for certain, or never had a lease, nothing follows but how many were
 * live once: without it, other dead ones are past later, never sooner (view_is_past). Not even
 * that where it joined after all of those had died that are not past yet. */
static bool is_nobody(const member_t *member, uint64_t unsettled)
{
    return member->status == MEMBER_DEAD &&
           (member->joined == 0 ||
            (member->acknowledged == MEMBER_GONE && member->joined >= unsettled));
}

/* A process that has its address stands where it stood: it is gone. Of those that went before, a
 * few are kept: a node that starts over and over does not fill the table. One place is left for
 * its own row. */
static void bury_predecessors(membership_t *self)
{
    uint64_t unsettled = view_unsettled(&self->view);
    uint32_t kept = 0;
    for (uint32_t i = self->view.count; i > 0 && self->change_count + 1 < MEMBERSHIP_CHANGES_MAX;
         i--) {
        const member_t *member = &self->view.members[i - 1];
        if (member->node >= self->self.node || strcmp(member->address, self->self.address) != 0)
            continue;
        if (++kept > MEMBERSHIP_PREDECESSORS_KEPT && is_nobody(member, unsettled))
            forget(self, member);
        if (member->acknowledged == MEMBER_GONE)
            continue;
        member_t row = member->status == MEMBER_DEAD ? *member : died(self, member);
        row.acknowledged = MEMBER_GONE;
        change(self, &row);
    }
}

static uint32_t count_forgotten(const membership_t *self)
{
    uint32_t count = 0;
    for (size_t i = 0; i < self->change_count; i++)
        count += self->changes[i].is_removed;
    return count;
}

/* A full table can't be entered: who is in it cleans up. */
static void enter(membership_t *self)
{
    member_t row = self->self;
    row.status = MEMBER_JOINING;
    row.joined = row.died = row.acknowledged = 0;
    row.vote_count = 0;
    row.seen_ms = self->view.read_ms;
    bury_predecessors(self);
    if (self->view.count - count_forgotten(self) < VIEW_MEMBERS_MAX)
        change(self, &row);
}

bool membership_has_met_all(const membership_t *self)
{
    for (uint32_t i = 0; i < self->view.count; i++) {
        const member_t *member = &self->view.members[i];
        const note_t *note = &self->notes[i];
        bool is_asked = member_is_live(member) && member->node != self->self.node &&
                        !view_is_stale(&self->view, member, membership_stale_ms(self));
        if (is_asked && (!note->is_heard || note->heard_ms < self->joining_ms))
            return false;
    }
    return true;
}

static void propose_own(membership_t *self, const member_t *me)
{
    member_t row = *me;
    if (me->status == MEMBER_JOINING && self->is_drained) {
        row = died(self, me);
        row.acknowledged = MEMBER_GONE;
    } else if (me->status == MEMBER_JOINING && membership_has_met_all(self)) {
        row.status = MEMBER_ACTIVE;
        row.joined = next_version(self);
    } else if (member_is_live(me) && self->is_drained) {
        row = died(self, me);
        row.acknowledged = MEMBER_GONE;
    } else if (me->status == MEMBER_ACTIVE && self->is_leave_wanted) {
        row.status = MEMBER_LEAVING;
    } else {
        return;
    }
    change(self, &row);
}

/* Own vote, in the place of the older one or of the oldest. */
static void put_vote(membership_t *self, member_t *row)
{
    uint32_t at = 0;
    while (at < row->vote_count && row->votes[at].node != self->self.node)
        at++;
    if (at == row->vote_count)
        at = row->vote_count < MEMBER_VOTES_MAX ? row->vote_count++ : 0;
    memmove(&row->votes[at], &row->votes[at + 1],
            (row->vote_count - 1 - at) * sizeof row->votes[0]);
    row->votes[row->vote_count - 1] = (member_vote_t){self->self.node, self->view.read_ms};
}

static bool has_voted(const membership_t *self, const member_t *member)
{
    uint64_t age_max = self->lease_ms * MEMBERSHIP_VOTE_LEASES / 2; /* renewed in good time */
    for (uint32_t i = 0; i < member->vote_count; i++)
        if (member->votes[i].node == self->self.node)
            return self->view.read_ms - MIN(member->votes[i].at_ms, self->view.read_ms) < age_max;
    return false;
}

/* It does not reach the table. Not when the table was away for oneself, too: then it may only be
 * slower to come back. */
static bool is_silent(const membership_t *self, const member_t *member, uint64_t for_ms)
{
    bool is_sure = self->table_since_ms != 0 && self->view_ms >= self->table_since_ms + for_ms;
    return is_sure && view_is_stale(&self->view, member, for_ms);
}

/* The others reach it, and it does not reach the table: nothing that it owns can be written. */
static bool is_cut_off(const membership_t *self, const member_t *member)
{
    return is_silent(self, member, membership_stale_ms(self));
}

/* Nobody else is left who could vote: neither an answer nor a poll came from any of them. */
static bool is_alone(const membership_t *self)
{
    for (uint32_t i = 0; i < self->view.count; i++) {
        const member_t *member = &self->view.members[i];
        if (member_is_live(member) && member->node != self->self.node &&
            !(membership_is_suspect(self, member->node) &&
              is_silent(self, member, self->lease_ms * MEMBERSHIP_SILENT_LEASES)))
            return false;
    }
    return true;
}

static void propose_votes(membership_t *self)
{
    uint32_t needed =
        is_alone(self) ? 1 : view_votes_needed(&self->view, membership_stale_ms(self));
    for (uint32_t i = 0; i < self->watch_count && has_room(self); i++) {
        const member_t *member = view_find(&self->view, self->watches[i].node);
        if (member == NULL || !member_is_live(member))
            continue;
        if (!self->watches[i].is_suspect && !is_cut_off(self, member))
            continue;
        bool is_told = has_voted(self, member);
        member_t row = *member;
        if (!is_told)
            put_vote(self, &row);
        if (view_votes(&self->view, &row, self->lease_ms * MEMBERSHIP_VOTE_LEASES) >= needed)
            row = died(self, &row);
        else if (is_told)
            continue;
        change(self, &row);
    }
}

/* The oldest cleans up. */
static bool is_oldest(const membership_t *self)
{
    for (uint32_t i = 0; i < self->view.count; i++)
        if (member_is_live(&self->view.members[i]))
            return self->view.members[i].node == self->self.node;
    return false;
}

static bool is_known_to_all(const membership_t *self, uint64_t version)
{
    for (uint32_t i = 0; i < self->view.count; i++) {
        const member_t *member = &self->view.members[i];
        if (member_is_live(member) && member->acknowledged < version)
            return false;
    }
    return true;
}

/* What must hold: its lease is over; no living node has a view in which it lives, for its answers,
 * or its not knowing of its death, would count there; and no other dead member's lease may be kept
 * by a view that it was part of. A zombie whose row is gone stops as one that reads its death. */
static bool may_be_forgotten(const membership_t *self, const member_t *member, uint64_t unsettled,
                             uint64_t now_ms)
{
    return is_nobody(member, unsettled) ||
           (member->joined >= unsettled && is_known_to_all(self, member->died) &&
            membership_is_free(self, member->node, now_ms));
}

static uint32_t count_dead(const view_t *view)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->count; i++)
        count += view->members[i].status == MEMBER_DEAD;
    return count;
}

static void propose_cleaning(membership_t *self, uint64_t now_ms)
{
    uint64_t forget_ms = self->lease_ms * MEMBERSHIP_FORGET_LEASES;
    uint64_t unsettled = view_unsettled(&self->view);
    uint32_t dead = count_dead(&self->view);
    for (uint32_t i = 0; i < self->view.count && has_room(self); i++) {
        const member_t *member = &self->view.members[i];
        if (member->status == MEMBER_JOINING &&
            view_is_stale(&self->view, member, membership_stale_ms(self))) {
            member_t row = died(self, member);
            change(self, &row);
        } else if (member->status == MEMBER_DEAD &&
                   (dead > MEMBERSHIP_DEAD_KEPT || view_is_stale(&self->view, member, forget_ms)) &&
                   may_be_forgotten(self, member, unsettled, now_ms)) {
            forget(self, member);
            dead--;
        }
    }
}

void membership_propose(membership_t *self, uint64_t now_ms)
{
    self->change_count = 0;
    const member_t *me = view_find(&self->view, self->self.node);
    if (me == NULL) {
        enter(self);
        return;
    }
    propose_own(self, me);
    if (!member_is_live(me) || self->change_count > 0)
        return;
    propose_votes(self);
    if (is_oldest(self))
        propose_cleaning(self, now_ms);
}

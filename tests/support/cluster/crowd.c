#include "tests/support/cluster/crowd.h"

#include "runtime/base/assert.h"

#include <stdio.h>

/* ---- links ---- */

/* Of a node that runs and is reached from `self`; the lock is held, shared. */
static crowd_node_t *reached(const crowd_node_t *self, uint64_t node)
{
    for (size_t i = 0; i < CROWD_MAX && !self->is_cut; i++) {
        crowd_node_t *other = &self->crowd->nodes[i];
        if (other->node == node && other->members != NULL)
            return other->is_cut ? NULL : other;
    }
    return NULL;
}

static void probe(void *context, uint64_t node, uint64_t sent_ms, uint64_t version)
{
    crowd_node_t *self = context;
    pthread_rwlock_rdlock(&self->crowd->lock);
    crowd_node_t *other = reached(self, node);
    if (other != NULL)
        members_probed(other->members, self->node, sent_ms, version);
    pthread_rwlock_unlock(&self->crowd->lock);
}

static void answer(void *context, uint64_t node, uint64_t sent_ms, uint64_t version, bool is_member)
{
    crowd_node_t *self = context;
    pthread_rwlock_rdlock(&self->crowd->lock);
    crowd_node_t *other = reached(self, node);
    if (other != NULL)
        members_answered(other->members, self->node, sent_ms, version, is_member);
    pthread_rwlock_unlock(&self->crowd->lock);
}

static void ask_for(void *context, uint64_t node, uint64_t about)
{
    crowd_node_t *self = context;
    pthread_rwlock_rdlock(&self->crowd->lock);
    crowd_node_t *other = reached(self, node);
    if (other != NULL)
        members_asked_for(other->members, self->node, about);
    pthread_rwlock_unlock(&self->crowd->lock);
}

static void vouch(void *context, uint64_t node, uint64_t about)
{
    crowd_node_t *self = context;
    pthread_rwlock_rdlock(&self->crowd->lock);
    crowd_node_t *other = reached(self, node);
    if (other != NULL)
        members_vouched(other->members, about);
    pthread_rwlock_unlock(&self->crowd->lock);
}

static void tell_all(void *context, uint64_t version)
{
    crowd_node_t *self = context;
    pthread_rwlock_rdlock(&self->crowd->lock);
    for (size_t i = 0; i < CROWD_MAX; i++) {
        crowd_node_t *other = &self->crowd->nodes[i];
        if (other != self && reached(self, other->node) == other)
            members_told(other->members, version);
    }
    pthread_rwlock_unlock(&self->crowd->lock);
}

/* ---- the node ---- */

static void take(void *context, roster_t *roster)
{
    crowd_node_t *self = context;
    pthread_rwlock_wrlock(&self->crowd->lock);
    self->taken = roster->view.version;
    pthread_rwlock_unlock(&self->crowd->lock);
}

static void stop(void *context, const char *why)
{
    crowd_node_t *self = context;
    (void)why;
    pthread_rwlock_wrlock(&self->crowd->lock);
    self->is_stopped = true;
    pthread_rwlock_unlock(&self->crowd->lock);
}

/* ---- the crowd ---- */

void crowd_init(crowd_t *self, const char *address)
{
    pthread_rwlockattr_t writers;
    *self = (crowd_t){.address = address};
    pthread_rwlockattr_init(&writers);
    /* Links call each other back under it, so readers are let in while a writer waits. */
    pthread_rwlockattr_setkind_np(&writers, PTHREAD_RWLOCK_PREFER_READER_NP);
    pthread_rwlock_init(&self->lock, &writers);
    pthread_rwlockattr_destroy(&writers);
}

void crowd_start(crowd_t *self, size_t at)
{
    crowd_node_t *node = &self->nodes[at];
    members_options_t options = {
        .address = self->address,
        .self = {.roles = MEMBER_ACTORS, .weight = MEMBER_WEIGHT_USUAL, .level = 1},
        .details = STR("{\"version\":\"test\"}"),
        .lease_ms = CROWD_LEASE_MS,
    };
    char address[MEMBER_ADDRESS_SIZE];
    members_t *members = NULL;
    snprintf(address, sizeof address, "node:%zu", at);
    ASSERT(members_open(&options, &members) == ERR_OK);
    pthread_rwlock_wrlock(&self->lock);
    *node = (crowd_node_t){.crowd = self, .members = members, .node = members_node(members)};
    pthread_rwlock_unlock(&self->lock);
    const members_links_t links = {node, probe, answer, ask_for, vouch, tell_all, address};
    ASSERT(members_join(members, &links, &(members_node_t){node, take, stop}) == ERR_OK);
}

err_t crowd_join_without_address(members_t *members)
{
    return members_join(members, &(members_links_t){.probe = probe}, &(members_node_t){0});
}

uint64_t crowd_kill(crowd_t *self, size_t at)
{
    uint64_t until_ms = 0;
    pthread_rwlock_wrlock(&self->lock);
    members_t *members = self->nodes[at].members;
    self->nodes[at].members = NULL; /* nobody calls it any more */
    pthread_rwlock_unlock(&self->lock);
    if (members != NULL)
        until_ms = members_lease_until_ms(members);
    members_close(members);
    return until_ms;
}

void crowd_deinit(crowd_t *self)
{
    for (size_t i = 0; i < CROWD_MAX; i++)
        crowd_kill(self, i);
    pthread_rwlock_destroy(&self->lock);
}

void crowd_cut(crowd_t *self, size_t at, bool is_cut)
{
    pthread_rwlock_wrlock(&self->lock);
    self->nodes[at].is_cut = is_cut;
    pthread_rwlock_unlock(&self->lock);
}

bool crowd_is_stopped(crowd_t *self, size_t at)
{
    pthread_rwlock_rdlock(&self->lock);
    bool is_stopped = self->nodes[at].is_stopped;
    pthread_rwlock_unlock(&self->lock);
    return is_stopped;
}

uint64_t crowd_taken(crowd_t *self, size_t at)
{
    pthread_rwlock_rdlock(&self->lock);
    uint64_t taken = self->nodes[at].taken;
    pthread_rwlock_unlock(&self->lock);
    return taken;
}

members_status_t crowd_status(crowd_t *self, size_t at)
{
    members_status_t status;
    members_status(self->nodes[at].members, &status);
    return status;
}

member_status_t crowd_sees(crowd_t *self, size_t at, uint64_t node)
{
    roster_t *roster ROSTER_SCOPED = members_roster(self->nodes[at].members);
    const member_t *member = roster == NULL ? NULL : view_find(&roster->view, node);
    return member == NULL ? 0 : member->status;
}

bool crowd_is_told(crowd_t *self, size_t at, uint64_t node, str_t details)
{
    roster_t *roster ROSTER_SCOPED = members_roster(self->nodes[at].members);
    return roster != NULL && str_equal(roster_details(roster, node), details);
}

bool crowd_is_whole(crowd_t *self, uint32_t live)
{
    uint64_t version = 0;
    for (size_t i = 0; i < CROWD_MAX; i++) {
        if (self->nodes[i].members == NULL)
            continue;
        members_status_t status = crowd_status(self, i);
        bool is_first = version == 0;
        version = is_first ? status.version : version;
        if (status.state != MEMBERSHIP_ACTIVE || status.version != version ||
            status.live_count != live || !members_has_lease(self->nodes[i].members) ||
            crowd_taken(self, i) != version)
            return false;
    }
    return version != 0;
}

#include "tests/sim/explore/crowd.h"

#include <stdlib.h>

void crowd_deinit(crowd_t *self)
{
    free(self->members);
    free(self->calls);
    free(self->listeners);
    free(self->views);
    *self = (crowd_t){0};
}

str_t crowd_name(uint32_t name)
{
    static const char *const names[CROWD_NAMES] = {"north", "east", "south", "west"};
    return str_from(names[name % CROWD_NAMES]);
}

str_t crowd_group(uint32_t group)
{
    static const char *const groups[CROWD_GROUPS] = {"reds", "greens", "blues"};
    return str_from(groups[group % CROWD_GROUPS]);
}

static uint64_t ref_of(const crowd_t *self, uint64_t serial)
{
    return self->ledger->states[serial - 1].ref;
}

/* ---- names ---- */

/* The living state that has it; 0: none. */
static uint64_t holder(const crowd_t *self, uint32_t name)
{
    uint64_t serial = self->holders[name];
    return serial == 0 || ledger_is_over(self->ledger, serial) ? 0 : serial;
}

void crowd_registered(crowd_t *self, uint64_t serial, uint32_t name, err_t err)
{
    uint64_t before = holder(self, name);
    bool is_free = before == 0 || before == serial;
    if (err == ERR_NO_MEMORY)
        return;
    if (err != (is_free ? ERR_OK : ERR_CONFLICT))
        ledger_fail(self->ledger, ORACLE_CROWD, "name %u is of state %llu, and state %llu gets %s",
                    name, (unsigned long long)before, (unsigned long long)serial, err_name(err));
    if (err == ERR_OK)
        self->holders[name] = serial;
}

void crowd_unregistered(crowd_t *self, uint64_t serial, uint32_t name, err_t err)
{
    bool is_own = holder(self, name) == serial;
    if (err != (is_own ? ERR_OK : ERR_NOT_FOUND))
        ledger_fail(self->ledger, ORACLE_CROWD, "state %llu gives name %u back: %s",
                    (unsigned long long)serial, name, err_name(err));
    if (is_own)
        self->holders[name] = 0;
}

/* ---- groups ---- */

static crowd_member_t *find(const crowd_t *self, uint64_t serial, uint32_t group)
{
    for (uint64_t i = 0; i < self->member_count; i++) {
        crowd_member_t *member = &self->members[i];
        if (member->serial == serial && member->group == group && !member->has_left)
            return member;
    }
    return NULL;
}

void crowd_joined(crowd_t *self, uint64_t serial, uint32_t group, err_t err)
{
    if (err == ERR_NO_MEMORY)
        return;
    if (err != ERR_OK)
        ledger_fail(self->ledger, ORACLE_CROWD, "state %llu does not get into group %u: %s",
                    (unsigned long long)serial, group, err_name(err));
    if (find(self, serial, group) != NULL)
        return;
    self->members = ledger_grown(self->members, self->member_count, &self->member_capacity,
                                 sizeof *self->members);
    self->members[self->member_count++] = (crowd_member_t){serial, group, false};
}

void crowd_left(crowd_t *self, uint64_t serial, uint32_t group, err_t err)
{
    crowd_member_t *member = find(self, serial, group);
    if (err != (member != NULL ? ERR_OK : ERR_NOT_FOUND))
        ledger_fail(self->ledger, ORACLE_CROWD, "state %llu leaves group %u: %s",
                    (unsigned long long)serial, group, err_name(err));
    if (member != NULL)
        member->has_left = true;
}

static uint32_t members_of(const crowd_t *self, uint32_t group, uint64_t refs[CROWD_MEMBERS_MAX])
{
    uint32_t count = 0;
    for (uint64_t i = 0; i < self->member_count; i++) {
        const crowd_member_t *member = &self->members[i];
        bool is_in = member->group == group && !member->has_left &&
                     !ledger_is_over(self->ledger, member->serial);
        if (is_in && count < CROWD_MEMBERS_MAX)
            refs[count++] = ref_of(self, member->serial);
    }
    return count;
}

static bool has(const uint64_t *refs, uint32_t count, uint64_t ref)
{
    uint32_t i = 0;
    while (i < count && refs[i] != ref)
        i++;
    return i < count;
}

/* Each once, and nobody else. */
static void check_members(crowd_t *self, uint32_t group, const uint64_t *refs, uint32_t count)
{
    uint64_t want[CROWD_MEMBERS_MAX];
    uint32_t want_count = members_of(self, group, want);
    if (count != want_count)
        ledger_fail(self->ledger, ORACLE_CROWD, "group %u has %u members of %u", group, count,
                    want_count);
    for (uint32_t i = 0; i < count; i++) {
        if (!has(want, want_count, refs[i]) || has(refs, i, refs[i]))
            ledger_fail(self->ledger, ORACLE_CROWD, "%llx is in group %u, twice or wrongly",
                        (unsigned long long)refs[i], group);
    }
}

/* ---- who watches ---- */

void crowd_watched(crowd_t *self, uint64_t serial, uint32_t group, const actor_ref_t *members,
                   uint32_t count)
{
    self->views =
        ledger_grown(self->views, self->view_count, &self->view_capacity, sizeof *self->views);
    crowd_view_t *view = &self->views[self->view_count++];
    *view = (crowd_view_t){.serial = serial, .group = group, .count = count};
    for (uint32_t i = 0; i < count && i < CROWD_MEMBERS_MAX; i++)
        view->refs[i] = members[i].bits;
    check_members(self, group, view->refs, count);
}

static crowd_view_t *view_of(const crowd_t *self, uint64_t serial, str_t group)
{
    for (uint64_t i = 0; i < self->view_count; i++) {
        crowd_view_t *view = &self->views[i];
        if (view->serial == serial && str_equal(crowd_group(view->group), group))
            return view;
    }
    return NULL;
}

static void remove_ref(crowd_view_t *view, uint64_t ref)
{
    for (uint32_t i = 0; i < view->count; i++) {
        if (view->refs[i] == ref)
            view->refs[i] = view->refs[--view->count];
    }
}

void crowd_changed(crowd_t *self, uint64_t serial, const group_changed_t *change, bool is_sure)
{
    crowd_view_t *view = view_of(self, serial, change->group);
    if (view == NULL) {
        ledger_fail(self->ledger, ORACLE_CROWD, "state %llu hears of a group it does not watch",
                    (unsigned long long)serial);
        return;
    }
    bool is_known = has(view->refs, view->count, change->ref_bits);
    if (is_sure && is_known == change->has_joined)
        ledger_fail(self->ledger, ORACLE_CROWD, "state %llu hears that %llx %s again",
                    (unsigned long long)serial, (unsigned long long)change->ref_bits,
                    change->has_joined ? "joined" : "left");
    if (!change->has_joined)
        remove_ref(view, change->ref_bits);
    else if (!is_known && view->count < CROWD_MEMBERS_MAX)
        view->refs[view->count++] = change->ref_bits;
}

/* ---- what is sent to a group ---- */

uint64_t crowd_call(crowd_t *self, uint32_t group)
{
    uint64_t refs[CROWD_MEMBERS_MAX];
    uint32_t count = members_of(self, group, refs);
    self->calls =
        ledger_grown(self->calls, self->call_count, &self->call_capacity, sizeof *self->calls);
    self->calls[self->call_count++] = (crowd_call_t){self->listener_count, count};
    for (uint32_t i = 0; i < count; i++) {
        self->listeners = ledger_grown(self->listeners, self->listener_count,
                                       &self->listener_capacity, sizeof *self->listeners);
        self->listeners[self->listener_count++] = (crowd_listener_t){refs[i], false};
    }
    return self->call_count;
}

void crowd_sent(crowd_t *self, uint64_t call, uint32_t count, err_t err)
{
    uint64_t members = self->calls[call - 1].count;
    if (count > members || (err == ERR_NOT_FOUND && members > 0) || (err == ERR_OK && members == 0))
        ledger_fail(self->ledger, ORACLE_CROWD, "call %llu to %llu members: %u took it, %s",
                    (unsigned long long)call, (unsigned long long)members, count, err_name(err));
    self->sent += count;
}

void crowd_heard(crowd_t *self, uint64_t call, uint64_t ref)
{
    const crowd_call_t *sent = &self->calls[call - 1];
    for (uint64_t i = sent->first; i < sent->first + sent->count; i++) {
        crowd_listener_t *listener = &self->listeners[i];
        if (listener->ref != ref || listener->has_heard)
            continue;
        listener->has_heard = true;
        self->heard++;
        return;
    }
    ledger_fail(self->ledger, ORACLE_CROWD, "%llx heard call %llu twice, or was no member",
                (unsigned long long)ref, (unsigned long long)call);
}

/* ---- oracles ---- */

void crowd_check(crowd_t *self, runtime_t *runtime)
{
    for (uint32_t i = 0; i < CROWD_NAMES; i++) {
        uint64_t serial = holder(self, i), ref = runtime_whereis(runtime, crowd_name(i)).bits;
        if (ref != (serial == 0 ? 0 : ref_of(self, serial)))
            ledger_fail(self->ledger, ORACLE_CROWD, "name %u is of state %llu, and finds %llx", i,
                        (unsigned long long)serial, (unsigned long long)ref);
    }
    for (uint32_t i = 0; i < CROWD_GROUPS; i++) {
        actor_ref_t refs[CROWD_MEMBERS_MAX];
        uint64_t bits[CROWD_MEMBERS_MAX];
        uint32_t count = runtime_group_members(runtime, crowd_group(i), refs, CROWD_MEMBERS_MAX);
        for (uint32_t j = 0; j < count && j < CROWD_MEMBERS_MAX; j++)
            bits[j] = refs[j].bits;
        check_members(self, i, bits, count);
    }
}

void crowd_settle(crowd_t *self, bool is_sure)
{
    for (uint64_t i = 0; i < self->view_count && is_sure; i++) {
        const crowd_view_t *view = &self->views[i];
        if (!ledger_is_over(self->ledger, view->serial))
            check_members(self, view->group, view->refs, view->count);
    }
}

void crowd_forgive(crowd_t *self)
{
    for (uint32_t i = 0; i < CROWD_NAMES; i++)
        self->holders[i] = 0;
    self->member_count = self->view_count = 0;
    self->sent = self->heard;
}

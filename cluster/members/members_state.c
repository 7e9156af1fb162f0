/* members_state.c -- what others want to know of the membership, and what a node says of itself
 * beside the state machine. */

#include "cluster/members/members_parts.h"

uint64_t members_node(const members_t *self)
{
    return self->node;
}

uint64_t members_lease_until_ms(const members_t *self)
{
    return atomic_load(&self->lease_until_ms);
}

bool members_has_lease(const members_t *self)
{
    uint64_t until_ms = members_lease_until_ms(self);
    return until_ms != 0 && members_now_ms(self) < until_ms;
}

roster_t *members_roster(members_t *self)
{
    pthread_mutex_lock(&self->lock);
    roster_t *roster = self->roster == NULL ? NULL : roster_ref(self->roster);
    pthread_mutex_unlock(&self->lock);
    return roster;
}

bool members_is_free(members_t *self, uint64_t node)
{
    if (!members_enter(self))
        return false;
    bool is_free = membership_is_free(self->membership, node, members_now_ms(self));
    pthread_mutex_unlock(&self->lock);
    return is_free;
}

/* ---- said of oneself ---- */

static err_t connect(const members_t *self, uint64_t within_ms, pg_t **out_pg)
{
    return pg_open(&(pg_options_t){.address = self->address,
                                   .application = "musicstream members",
                                   .timeout_ms = within_ms,
                                   .log = self->log},
                   out_pg);
}

err_t members_say_gone(members_t *self, uint64_t within_ms)
{
    pg_t *pg PG_SCOPED = NULL;
    TRY(connect(self, within_ms, &pg));
    return member_table_say_gone(pg, self->node, 0);
}

/* Alive, as the view and its answers say. */
static bool does_answer(members_t *self, uint64_t node)
{
    if (!members_enter(self))
        return false;
    bool does = membership_does_answer(self->membership, node, members_now_ms(self));
    pthread_mutex_unlock(&self->lock);
    return does;
}

err_t members_forget(members_t *self, uint64_t node)
{
    pg_t *pg PG_SCOPED = NULL;
    if (node == self->node || does_answer(self, node))
        return ERR_CONFLICT;
    TRY(connect(self, self->lease_ms, &pg));
    return member_table_say_gone(pg, node, self->lease_ms * MEMBERSHIP_SILENT_LEASES);
}

err_t members_describe(members_t *self, str_t details)
{
    pg_t *pg PG_SCOPED = NULL;
    if (details.size > MEMBER_DETAILS_SIZE_MAX)
        return ERR_LIMIT;
    TRY(connect(self, self->lease_ms, &pg));
    return member_table_describe(pg, self->node, details);
}

/* ---- status ---- */

static void add_suspects(const members_t *self, members_status_t *out)
{
    const view_t *view = membership_view(self->membership);
    for (uint32_t i = 0; i < view->count; i++)
        if (membership_is_suspect(self->membership, view->members[i].node) &&
            out->suspect_count < MEMBERSHIP_WATCHES_MAX)
            out->suspects[out->suspect_count++] = view->members[i].node;
}

void members_status(members_t *self, members_status_t *out_status)
{
    *out_status = (members_status_t){.node = self->node, .lease_ms = self->lease_ms};
    if (!members_enter(self))
        return;
    uint64_t now_ms = members_now_ms(self), until_ms = membership_lease_until_ms(self->membership);
    const view_t *view = membership_view(self->membership);
    *out_status = (members_status_t){
        .state = membership_state(self->membership),
        .node = self->node,
        .version = view->version,
        .lease_ms = self->lease_ms,
        .lease_left_ms = until_ms > now_ms ? until_ms - now_ms : 0,
        .health = membership_health(self->membership),
        .is_table_away = membership_is_table_away(self->membership, now_ms),
        .is_listening = atomic_load(&self->is_listening),
        .live_count = view_live_count(view),
        .polls = atomic_load(&self->counts.polls),
        .reads = atomic_load(&self->counts.reads),
        .writes = atomic_load(&self->counts.writes),
        .conflicts = atomic_load(&self->counts.conflicts),
        .failures = atomic_load(&self->counts.failures),
        .table_ms = atomic_load(&self->counts.table_ms),
    };
    add_suspects(self, out_status);
    pthread_mutex_unlock(&self->lock);
}

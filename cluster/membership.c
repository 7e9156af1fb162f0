#include "cluster/membership_parts.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/base/mix.h"

#include <stdlib.h>

/* A large view is not read for each of its changes: when hundreds join, that would be hundreds of
 * reads of hundreds of rows, for each. */
enum { BEATS_OF_LEASE = 3, WRITE_PAUSE_PARTS = 16, READ_PAUSE_ROW_MS = 1 };
/* Views are read anew now and then, a large one less often: who is seen there raises no version.
 * Somebody's death is followed by acknowledgements within milliseconds: a small view is read soon.
 */
enum { LOOKS_OF_STALE = 4, LOOK_PAUSE_ROW_MS = 50, SETTLE_PAUSE_ROW_MS = 4, TICKS_OF_BEAT = 10 };

/* ---- the object ---- */

err_t membership_new(const membership_options_t *options, uint64_t now_ms,
                     membership_t **out_membership)
{
    const member_t *row = &options->self;
    if (row->node == 0 || row->address[0] == '\0' || options->lease_ms < BEATS_OF_LEASE)
        return ERR_INVALID;
    membership_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->self = *row;
    self->state = MEMBERSHIP_STARTING;
    self->lease_ms = options->lease_ms;
    self->beat_ms = options->lease_ms / BEATS_OF_LEASE;
    self->ticked_ms = now_ms;
    self->is_read_wanted = true;
    membership_step(self, now_ms);
    *out_membership = self;
    return ERR_OK;
}

void membership_free(membership_t *self)
{
    if (self == NULL)
        return;
    view_deinit(&self->view);
    memory_free(self->notes);
    memory_free(self);
}

void membership_scope_end(membership_t **self)
{
    membership_free(*self);
}

/* ---- effects ---- */

void membership_do(membership_t *self, membership_effect_t effect)
{
    ASSERT(self->effect_count < MEMBERSHIP_EFFECTS_MAX);
    uint32_t at = (self->effect_first + self->effect_count) % MEMBERSHIP_EFFECTS_MAX;
    self->effects[at] = effect;
    self->effect_count++;
}

bool membership_next(membership_t *self, membership_effect_t *out)
{
    if (self->effect_count == 0)
        return false;
    *out = self->effects[self->effect_first];
    self->effect_first = (self->effect_first + 1) % MEMBERSHIP_EFFECTS_MAX;
    self->effect_count--;
    return true;
}

const membership_change_t *membership_changes(const membership_t *self, size_t *out_count)
{
    *out_count = self->change_count;
    return self->changes;
}

static void stop(membership_t *self, const char *why)
{
    if (self->state == MEMBERSHIP_STOPPED)
        return;
    self->state = MEMBERSHIP_STOPPED;
    self->has_lease = false;
    membership_do(self, (membership_effect_t){.kind = MEMBERSHIP_DO_STOP, .why = why});
}

/* ---- the table ---- */

/* Who lost a race waits for a while of its own. */
static uint64_t pause_of(const membership_t *self)
{
    uint64_t x = self->self.node * 0x9e3779b97f4a7c15u + self->view.version + self->refusals;
    uint64_t most = self->beat_ms * MIN(self->refusals, 8u) / WRITE_PAUSE_PARTS;
    return mix64(x) % (most + 1);
}

static void ask_table(membership_t *self, table_step_t step, uint64_t now_ms)
{
    static const membership_effect_kind_t kinds[] = {
        [TABLE_POLL] = MEMBERSHIP_DO_POLL,
        [TABLE_READ] = MEMBERSHIP_DO_READ,
        [TABLE_WRITE] = MEMBERSHIP_DO_WRITE,
    };
    self->step = step;
    self->asked_ms = now_ms;
    membership_do(self, (membership_effect_t){.kind = kinds[step], .version = self->view.version});
}

static void poll_table(membership_t *self, uint64_t now_ms)
{
    self->polled_version = self->view.version;
    self->poll_ms = now_ms + self->beat_ms;
    ask_table(self, TABLE_POLL, now_ms);
}

void membership_step(membership_t *self, uint64_t now_ms)
{
    if (self->step != TABLE_IDLE || self->state == MEMBERSHIP_STOPPED)
        return;
    if (self->is_read_wanted && now_ms >= MAX(self->read_ms, self->write_ms)) {
        self->is_read_wanted = false;
        self->read_ms = now_ms + (uint64_t)self->view.count * READ_PAUSE_ROW_MS;
        ask_table(self, TABLE_READ, now_ms);
        return;
    }
    bool is_behind = self->is_entered && self->acknowledged < self->view.version;
    if (self->is_entered && (now_ms >= self->poll_ms || (is_behind && self->refusals == 0))) {
        poll_table(self, now_ms);
        return;
    }
    if (self->view.version == 0 || now_ms < self->write_ms)
        return;
    membership_propose(self, now_ms);
    if (self->change_count > 0)
        ask_table(self, TABLE_WRITE, now_ms);
}

void membership_want_read(membership_t *self, uint64_t version)
{
    if (version > self->view.version)
        self->is_read_wanted = true;
}

/* It answered what was asked at asked_ms. */
static void table_is_there(membership_t *self)
{
    self->step = TABLE_IDLE;
    self->table_ms = MAX(self->table_ms, self->asked_ms);
    if (self->table_since_ms == 0)
        self->table_since_ms = self->asked_ms;
}

static void renew(membership_t *self, uint64_t from_ms)
{
    self->lease_from_ms = self->has_lease ? MAX(self->lease_from_ms, from_ms) : from_ms;
    self->has_lease = true;
}

void membership_polled(membership_t *self, uint64_t version, member_status_t status,
                       uint64_t now_ms)
{
    uint64_t asked_ms = self->asked_ms;
    ASSERT(self->step == TABLE_POLL);
    table_is_there(self);
    if (status == MEMBER_DEAD || status == 0) {
        stop(self, "the table says that this node is dead");
        return;
    }
    self->acknowledged = MAX(self->acknowledged, self->polled_version);
    self->alive_ms = MAX(self->alive_ms, asked_ms);
    if (self->state == MEMBERSHIP_ACTIVE || self->state == MEMBERSHIP_LEAVING)
        renew(self, asked_ms);
    membership_want_read(self, version);
    membership_step(self, now_ms);
}

static err_t take_view(membership_t *self, const view_t *view)
{
    note_t *notes = memory_new_array(MAX(view->count, 1u), sizeof *notes);
    if (notes == NULL)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < view->count; i++) {
        const note_t *known = membership_note(self, view->members[i].node);
        notes[i] = known != NULL ? *known : (note_t){.node = view->members[i].node};
        /* In the history of a server that has taken over it may not have died. */
        notes[i].is_past = notes[i].is_past && view->members[i].status == MEMBER_DEAD;
        notes[i].is_witnessed = notes[i].is_witnessed && view->members[i].status == MEMBER_DEAD;
    }
    err_t error = view_copy(&self->view, view);
    if (error != ERR_OK) {
        memory_free(notes);
        return error;
    }
    memory_free(self->notes);
    self->notes = notes;
    return ERR_OK;
}

/* Each poll of a living node leaves another time in its row, whatever the database's clock does. */
static void note_seen(note_t *note, const member_t *member, bool is_other_history, uint64_t now_ms)
{
    if (note->seen_since_ms != 0 && note->seen_ms == member->seen_ms && !is_other_history)
        return;
    note->seen_ms = member->seen_ms;
    note->seen_since_ms = now_ms;
}

static void note_dead(const membership_t *self, note_t *note, const member_t *member,
                      uint64_t now_ms)
{
    if (!note->is_past && view_is_past(&self->view, member)) {
        note->is_past = true;
        note->past_ms = now_ms;
    }
    if (!note->is_witnessed && view_is_witnessed(&self->view, member)) {
        note->is_witnessed = true;
        note->witnessed_ms = now_ms;
    }
}

static void note_rows(membership_t *self, bool is_other_history, uint64_t now_ms)
{
    for (uint32_t i = 0; i < self->view.count; i++) {
        const member_t *member = &self->view.members[i];
        note_seen(&self->notes[i], member, is_other_history, now_ms);
        if (member->status == MEMBER_DEAD)
            note_dead(self, &self->notes[i], member, now_ms);
    }
    self->is_settled = view_is_settled(&self->view);
}

static void enter_state(membership_t *self, member_status_t status, uint64_t now_ms)
{
    static const membership_state_t states[] = {
        [MEMBER_JOINING] = MEMBERSHIP_JOINING,
        [MEMBER_ACTIVE] = MEMBERSHIP_ACTIVE,
        [MEMBER_LEAVING] = MEMBERSHIP_LEAVING,
    };
    if (self->state == MEMBERSHIP_STARTING)
        self->joining_ms = now_ms;
    self->state = states[status];
    if (self->state != MEMBERSHIP_JOINING)
        renew(self, self->asked_ms);
}

void membership_read(membership_t *self, const view_t *view, uint64_t now_ms)
{
    ASSERT(self->step == TABLE_READ);
    table_is_there(self);
    bool is_new = view->version > self->view.version;
    bool is_other_history = view_history(view->version) != view_history(self->view.version);
    if (view->version < self->view.version || take_view(self, view) != ERR_OK) {
        self->is_read_wanted = true; /* an old copy, or no memory: with the next tick */
        return;
    }
    const member_t *me = view_find(&self->view, self->self.node);
    self->view_ms = self->asked_ms;
    self->is_entered = self->is_entered || me != NULL;
    if (self->is_entered && (me == NULL || me->status == MEMBER_DEAD)) {
        stop(self, self->is_drained ? "it has left" : "the table says that this node is dead");
        return;
    }
    if (me != NULL)
        enter_state(self, me->status, now_ms);
    note_rows(self, is_other_history, now_ms);
    if (is_new)
        self->taken_ms = now_ms;
    membership_choose_watches(self, now_ms);
    if (self->state == MEMBERSHIP_JOINING && !membership_has_met_all(self))
        self->wide_ms = now_ms; /* whom it has not met may be new: at once */
    if (is_new)
        membership_do(
            self, (membership_effect_t){.kind = MEMBERSHIP_DO_TAKE, .version = self->view.version});
    membership_step(self, now_ms);
}

void membership_written(membership_t *self, bool is_landed, uint64_t now_ms)
{
    ASSERT(self->step == TABLE_WRITE);
    table_is_there(self);
    self->refusals = is_landed ? 0 : self->refusals + 1;
    self->write_ms = now_ms + pause_of(self);
    self->is_read_wanted = true;
    if (is_landed)
        membership_do(self, (membership_effect_t){.kind = MEMBERSHIP_DO_TELL_ALL,
                                                  .version = self->view.version + 1});
    membership_step(self, now_ms);
}

void membership_away(membership_t *self, uint64_t now_ms)
{
    if (self->step == TABLE_READ || self->step == TABLE_WRITE)
        self->is_read_wanted = true; /* what was written may have landed */
    self->step = TABLE_IDLE;
    self->table_since_ms = 0;
    self->poll_ms = now_ms + self->beat_ms;
    self->write_ms = now_ms + self->beat_ms;
}

/* ---- the lease of a node that has no table ---- */

static int newest_first(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

/* The newest moment since which so many others of the view knew this node to be alive; 0: never. */
static uint64_t answered_ms(const membership_t *self, size_t others, uint64_t now_ms)
{
    uint64_t heard[VIEW_MEMBERS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->view.count; i++) {
        const member_t *member = &self->view.members[i];
        bool is_other = member_is_live(member) && member->node != self->self.node;
        if (is_other && self->notes[i].is_heard)
            heard[count++] = self->notes[i].heard_ms;
    }
    if (others == 0)
        return now_ms;
    if (count < others)
        return 0;
    qsort(heard, count, sizeof heard[0], newest_first);
    return heard[others - 1];
}

bool membership_has_passed(uint64_t length_ms, uint64_t since_ms, uint64_t now_ms)
{
    return now_ms - since_ms >= length_ms + length_ms / 10;
}

bool membership_is_table_away(const membership_t *self, uint64_t now_ms)
{
    return now_ms - self->table_ms > self->beat_ms + self->beat_ms / 2;
}

static void renew_without_table(membership_t *self, uint64_t now_ms)
{
    bool serves = self->state == MEMBERSHIP_ACTIVE || self->state == MEMBERSHIP_LEAVING;
    if (!serves || !membership_is_table_away(self, now_ms))
        return;
    /* Where all answer, nobody has taken this node for dead. A majority may be cut off together
     * from those who have: not for longer than those wait. */
    uint64_t by_all_ms = answered_ms(self, view_live_count(&self->view) - 1, now_ms);
    uint64_t by_most_ms = answered_ms(self, view_majority(&self->view) - 1, now_ms);
    uint64_t most_ms = self->alive_ms + self->lease_ms * MEMBERSHIP_MAJORITY_LEASES;
    uint64_t from_ms = MAX(by_all_ms, MIN(by_most_ms, most_ms));
    if (from_ms != 0)
        renew(self, from_ms);
}

/* Acknowledgements, and that somebody is seen, raise no version. */
static uint64_t look_pause_ms(const membership_t *self, uint64_t now_ms)
{
    uint64_t count = self->view.count;
    if (!self->is_settled && now_ms - self->taken_ms < self->lease_ms)
        return MIN(self->beat_ms, MAX(self->beat_ms / TICKS_OF_BEAT, count * SETTLE_PAUSE_ROW_MS));
    if (!self->is_settled || membership_has_suspects(self))
        return MAX(self->beat_ms, count * SETTLE_PAUSE_ROW_MS);
    return membership_stale_ms(self) / LOOKS_OF_STALE + count * LOOK_PAUSE_ROW_MS;
}

static bool is_worth_a_look(const membership_t *self, uint64_t now_ms)
{
    return self->view.version > 0 && now_ms - self->view_ms >= look_pause_ms(self, now_ms);
}

void membership_tick(membership_t *self, uint64_t now_ms)
{
    if (self->state == MEMBERSHIP_STOPPED)
        return;
    if (is_worth_a_look(self, now_ms))
        self->is_read_wanted = true;
    membership_probe(self, now_ms);
    renew_without_table(self, now_ms);
    membership_step(self, now_ms);
    self->ticked_ms = now_ms;
}

/* ---- the node ---- */

void membership_leave(membership_t *self)
{
    self->is_leave_wanted = true;
}

void membership_drained(membership_t *self)
{
    self->is_leave_wanted = self->is_drained = true;
}

membership_state_t membership_state(const membership_t *self)
{
    return self->state;
}

const view_t *membership_view(const membership_t *self)
{
    return &self->view;
}

uint64_t membership_lease_until_ms(const membership_t *self)
{
    return self->has_lease ? self->lease_from_ms + self->lease_ms : 0;
}

note_t *membership_note(const membership_t *self, uint64_t node)
{
    const member_t *member = view_find(&self->view, node);
    return member == NULL ? NULL : &self->notes[member - self->view.members];
}

bool membership_is_free(const membership_t *self, uint64_t node, uint64_t now_ms)
{
    const member_t *member = view_find(&self->view, node);
    if (member == NULL || member->joined == 0)
        return true;
    const note_t *note = &self->notes[member - self->view.members];
    uint64_t majority_ms = self->lease_ms * MEMBERSHIP_MAJORITY_LEASES;
    bool is_past = note->is_past && (member->acknowledged == MEMBER_GONE ||
                                     membership_has_passed(self->lease_ms, note->past_ms, now_ms));
    return is_past ||
           (note->is_witnessed &&
            membership_has_passed(self->lease_ms, note->witnessed_ms, now_ms) &&
            membership_has_passed(majority_ms + self->lease_ms, note->seen_since_ms, now_ms));
}

uint32_t membership_health(const membership_t *self)
{
    return self->health;
}

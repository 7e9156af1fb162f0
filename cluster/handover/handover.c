#include "cluster/handover/handover_parts.h"

#include "runtime/base/memory.h"

/* ---- the object ---- */

err_t handover_new(const handover_options_t *options, handover_t **out_handover)
{
    handover_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->options = *options;
    self->state_counts[CELL_AWAY] = PARTITION_COUNT;
    *out_handover = self;
    return ERR_OK;
}

void handover_free(handover_t *self)
{
    if (self == NULL)
        return;
    memory_free(self->peers);
    memory_free(self);
}

void handover_scope_end(handover_t **self)
{
    handover_free(*self);
}

/* ---- cells ---- */

void handover_touch(handover_t *self, uint32_t partition)
{
    if (self->cells[partition].is_listed)
        return;
    self->cells[partition].is_listed = true;
    self->touched[self->touched_count++] = (uint16_t)partition;
}

static void set_wanted(handover_t *self, cell_t *cell, bool is_wanted, bool is_told)
{
    self->wanted_count += (uint32_t)is_wanted - (uint32_t)cell->is_wanted;
    self->untold_count += (uint32_t)(is_wanted && !is_told);
    self->untold_count -= (uint32_t)(cell->is_wanted && !cell->is_told);
    cell->is_wanted = is_wanted;
    cell->is_told = is_told;
}

/* The one place where a state changes: what belongs to the one before is forgotten. */
void handover_set_state(handover_t *self, uint32_t partition, cell_state_t state)
{
    cell_t *cell = &self->cells[partition];
    self->state_counts[cell->state]--;
    self->state_counts[state]++;
    cell->state = state;
    cell->is_held = cell->is_passing = false;
    cell->is_vacating = cell->is_vacated = cell->is_acked = cell->is_lost = false;
    if (state != CELL_OWNED && state != CELL_DRAINING)
        handover_set_doubted(self, partition, false);
    set_wanted(self, cell, false, false);
    handover_touch(self, partition);
}

void handover_leave_cell(handover_t *self, uint32_t partition)
{
    cell_t *cell = &self->cells[partition];
    cell->away = self->is_switched ? handover_target(self, partition) : HANDOVER_HELD;
    handover_set_state(self, partition, CELL_AWAY);
}

void handover_owe(handover_t *self, uint32_t partition, handover_message_kind_t kind)
{
    self->cells[partition].owes |= (uint8_t)(1u << kind);
    handover_touch(self, partition);
}

uint64_t handover_target(const handover_t *self, uint32_t partition)
{
    return self->placement == NULL ? PLACEMENT_NONE : self->placement->owners[partition];
}

const peer_t *handover_peer(const handover_t *self, uint64_t node)
{
    uint32_t low = 0, high = self->peer_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (self->peers[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < self->peer_count && self->peers[low].node == node ? &self->peers[low] : NULL;
}

bool handover_is_live(const handover_t *self, uint64_t node)
{
    const peer_t *peer = handover_peer(self, node);
    return peer != NULL && peer->is_live;
}

/* ---- the old owner: drains ---- */

/* Whether all who live route by the view, or (is_taken) have it. */
static bool have_all(const handover_t *self, bool is_taken)
{
    for (uint32_t i = 0; i < self->peer_count; i++) {
        const peer_t *peer = &self->peers[i];
        uint64_t version = is_taken ? peer->taken : peer->told;
        if (peer->is_live && peer->node != self->options.self && version < self->version)
            return false;
    }
    return true;
}

static bool is_waited_for(handover_t *self, bool is_taken, uint64_t for_ms, uint64_t now_ms)
{
    if (have_all(self, is_taken))
        return true;
    if (now_ms - self->taken_ms < for_ms)
        return false;
    self->counts.late_views += !self->is_late_counted;
    self->is_late_counted = true;
    return true;
}

static void finish_drain(handover_t *self, uint32_t partition);

static void begin_drain(handover_t *self, uint32_t partition)
{
    uint64_t peer = self->cells[partition].peer;
    handover_set_state(self, partition, CELL_DRAINING);
    self->cells[partition].peer = peer;
    if (peer == HANDOVER_NOBODY)
        self->cells[partition].is_acked = true;
    else
        handover_owe(self, partition, HANDOVER_DRAINING);
}

/* Who routes by the view sends nothing here any more that is not forwarded: so what was sent under
 * the view before has come before anything is forwarded, or leaves. */
static bool is_flushed(handover_t *self, uint64_t now_ms)
{
    return is_waited_for(self, false, UINT64_C(2) * HANDOVER_FLUSH_MS, now_ms);
}

/* As many as a wave has room for; who wants the others is told that they are served on. */
static void drain_wanted(handover_t *self, uint64_t now_ms)
{
    bool is_full = self->state_counts[CELL_DRAINING] >= HANDOVER_WAVE_MAX;
    if (self->wanted_count == 0 || (is_full && self->untold_count == 0) ||
        !is_flushed(self, now_ms))
        return;
    uint32_t first = self->drain_cursor;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++) {
        uint32_t partition = (first + i) % PARTITION_COUNT;
        cell_t *cell = &self->cells[partition];
        if (!cell->is_wanted)
            continue;
        if (self->state_counts[CELL_DRAINING] < HANDOVER_WAVE_MAX) {
            self->drain_cursor = partition;
            begin_drain(self, partition);
        } else if (!cell->is_told) {
            set_wanted(self, cell, true, true);
            handover_owe(self, partition, HANDOVER_SERVING);
        }
    }
}

void handover_lose_cell(handover_t *self, uint32_t partition)
{
    cell_t *cell = &self->cells[partition];
    self->counts.lost++;
    if (cell->state == CELL_OWNED) {
        handover_set_state(self, partition, CELL_DRAINING);
        cell->peer = HANDOVER_NOBODY;
    }
    cell->is_lost = cell->is_acked = true;
    handover_set_doubted(self, partition, false);
    finish_drain(self, partition);
}

static void finish_loss(handover_t *self, uint32_t partition)
{
    cell_t *cell = &self->cells[partition];
    cell->gone = MAX(cell->gone, cell->epoch);
    cell->owner = cell->epoch = 0; /* the row may be below it */
    if (handover_target(self, partition) == self->options.self)
        handover_set_state(self, partition, CELL_READING);
    else
        handover_leave_cell(self, partition);
}

/* Its actors rest. What the view says by now decides whether it is given or kept. */
static void finish_drain(handover_t *self, uint32_t partition)
{
    cell_t *cell = &self->cells[partition];
    if (!cell->is_vacated)
        return;
    if (cell->is_lost) {
        finish_loss(self, partition);
        return;
    }
    if (handover_target(self, partition) != cell->peer) {
        handover_set_state(self, partition, CELL_OWNED);
        return;
    }
    if (!cell->is_acked)
        return;
    cell->gone = cell->epoch;
    cell->is_travelling = true;
    cell->asker = cell->peer;
    cell->asked = cell->epoch;
    cell->away = cell->peer;
    handover_set_state(self, partition, CELL_AWAY);
    if (cell->peer != HANDOVER_NOBODY)
        handover_owe(self, partition, HANDOVER_RELEASED);
}

void handover_vacated(handover_t *self, const uint32_t *partitions, size_t count, uint64_t now_ms)
{
    for (size_t i = 0; i < count; i++) {
        cell_t *cell = &self->cells[partitions[i]];
        if (cell->state != CELL_DRAINING || !cell->is_vacating)
            continue;
        cell->is_vacated = true;
        finish_drain(self, partitions[i]);
    }
    drain_wanted(self, now_ms);
}

/* A node that leaves, and nobody who could have it: it is given to nobody. */
static void want_to_leave(handover_t *self, uint32_t partition)
{
    cell_t *cell = &self->cells[partition];
    if (!self->is_leaving || cell->state != CELL_OWNED ||
        handover_target(self, partition) != HANDOVER_NOBODY)
        return;
    cell->peer = HANDOVER_NOBODY;
    set_wanted(self, cell, true, true);
}

/* ---- views ---- */

static err_t take_peers(handover_t *self, const view_t *view)
{
    peer_t *peers = memory_new_array(MAX(view->count, 1u), sizeof *peers);
    if (peers == NULL)
        return ERR_NO_MEMORY;
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        const member_t *member = &view->members[i];
        if (member->status == MEMBER_DEAD)
            continue;
        const peer_t *known = handover_peer(self, member->node);
        peers[count++] = (peer_t){.node = member->node,
                                  .taken = known == NULL ? 0 : known->taken,
                                  .told = known == NULL ? 0 : known->told,
                                  .is_live = member_is_live(member)};
    }
    memory_free(self->peers);
    self->peers = peers;
    self->peer_count = count;
    return ERR_OK;
}

static void take_cell(handover_t *self, uint32_t partition, bool is_other_history)
{
    cell_t *cell = &self->cells[partition];
    uint64_t target = handover_target(self, partition);
    bool is_mine = target == self->options.self;
    if (is_other_history)
        handover_forget_row(self, partition);
    if (cell->state == CELL_AWAY && is_mine)
        handover_set_state(self, partition, CELL_READING);
    else if ((cell->state == CELL_READING || cell->state == CELL_WAITING) && !is_mine)
        handover_leave_cell(self, partition);
    else if (cell->state == CELL_CLAIMING && !is_mine && !cell->is_asked)
        handover_leave_cell(self, partition);
    else if (cell->state == CELL_WAITING && !handover_is_live(self, cell->owner))
        cell->is_held = true;
    else if (cell->state == CELL_WAITING)
        handover_owe(self, partition, cell->is_held ? HANDOVER_HOLDING : HANDOVER_WANT);
    else if (cell->state == CELL_OWNED && cell->is_wanted && cell->peer != target)
        set_wanted(self, cell, false, false);
    else if (cell->state == CELL_DRAINING)
        finish_drain(self, partition);
    want_to_leave(self, partition);
}

/* Before that, who is placed anew might send back what it does not know to be its own. */
static void switch_routes(handover_t *self, uint64_t now_ms)
{
    if (self->is_switched || !is_waited_for(self, true, HANDOVER_FLUSH_MS, now_ms))
        return;
    self->is_switched = self->is_view_owed = true;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++) {
        self->cells[i].away = handover_target(self, i);
        if (self->cells[i].routed != handover_route(self, i))
            handover_touch(self, i);
    }
}

err_t handover_take(handover_t *self, const view_t *view, const placement_t *placement,
                    uint64_t now_ms)
{
    if (view->version <= self->version || placement->version != view->version)
        return ERR_LIMIT;
    TRY(take_peers(self, view));
    const member_t *me = view_find(view, self->options.self);
    self->is_leaving = me != NULL && me->status == MEMBER_LEAVING;
    bool is_other_history =
        self->version != 0 && view_history(view->version) != view_history(self->version);
    self->version = view->version;
    self->placement = placement;
    self->taken_ms = now_ms;
    self->is_taken_owed = true;
    self->is_switched = self->is_view_owed = self->is_late_counted = false;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        take_cell(self, i, is_other_history);
    handover_claim_free(self, now_ms);
    switch_routes(self, now_ms);
    drain_wanted(self, now_ms);
    return ERR_OK;
}

/* ---- messages ---- */

/* The new owner asks, or holds already. */
static void hear_want(handover_t *self, uint64_t from, handover_item_t item, bool is_holding)
{
    cell_t *cell = &self->cells[item.partition];
    if (item.epoch <= cell->gone) {
        cell->asker = from;
        cell->asked = item.epoch;
        handover_owe(self, item.partition, HANDOVER_RELEASED);
    } else if (cell->state == CELL_AWAY) {
        handover_set_state(self, item.partition, CELL_READING); /* a claim whose answer was lost */
    } else if (handover_target(self, item.partition) != from || cell->epoch != item.epoch) {
        return;
    } else if (cell->state == CELL_OWNED) {
        cell->peer = from;
        set_wanted(self, cell, true, false);
    } else if (cell->state == CELL_DRAINING && cell->peer == from) {
        cell->is_acked = is_holding;
        if (!is_holding)
            handover_owe(self, item.partition, HANDOVER_DRAINING);
        finish_drain(self, item.partition);
    }
}

/* The old owner answers. */
static void hear_answer(handover_t *self, uint64_t from, handover_item_t item,
                        handover_message_kind_t kind)
{
    cell_t *cell = &self->cells[item.partition];
    if (cell->state != CELL_WAITING || cell->owner != from || cell->epoch != item.epoch)
        return;
    if (kind == HANDOVER_RELEASED) {
        handover_set_state(self, item.partition, CELL_CLAIMING);
    } else if (kind == HANDOVER_DRAINING) {
        cell->is_held = true;
        handover_owe(self, item.partition, HANDOVER_HOLDING);
    } else if (kind == HANDOVER_SERVING) {
        cell->is_passing = true;
        handover_touch(self, item.partition);
    }
}

/* What has not been answered by `node` (0: by all). */
static void ask_again(handover_t *self, uint64_t node)
{
    uint32_t left = self->state_counts[CELL_WAITING] + self->state_counts[CELL_DRAINING];
    for (uint32_t i = 0; i < PARTITION_COUNT && left > 0; i++) {
        const cell_t *cell = &self->cells[i];
        left -= cell->state == CELL_WAITING || cell->state == CELL_DRAINING;
        if (cell->state == CELL_WAITING && (node == 0 || cell->owner == node) &&
            handover_is_live(self, cell->owner))
            handover_owe(self, i, cell->is_held ? HANDOVER_HOLDING : HANDOVER_WANT);
        if (cell->state == CELL_DRAINING && node == 0 && !cell->is_acked)
            handover_owe(self, i, HANDOVER_DRAINING);
    }
}

/* Anything that it sends tells which view it has. */
static void hear_version(handover_t *self, uint64_t from, const handover_message_t *message)
{
    const peer_t *known = handover_peer(self, from);
    if (known == NULL)
        return;
    peer_t *peer = &self->peers[known - self->peers];
    bool was_behind = peer->taken < self->version;
    peer->taken = MAX(peer->taken, message->version);
    if (message->kind == HANDOVER_VIEW)
        peer->told = MAX(peer->told, message->version);
    if (was_behind && peer->taken >= self->version)
        ask_again(self, from); /* it may have passed over what it could not know */
}

void handover_heard(handover_t *self, uint64_t from, const handover_message_t *message,
                    uint64_t now_ms)
{
    hear_version(self, from, message);
    switch_routes(self, now_ms);
    for (size_t i = 0; i < message->count; i++) {
        handover_item_t item = message->items[i];
        if (item.partition >= PARTITION_COUNT)
            continue;
        if (message->kind == HANDOVER_WANT || message->kind == HANDOVER_HOLDING)
            hear_want(self, from, item, message->kind == HANDOVER_HOLDING);
        else
            hear_answer(self, from, item, message->kind);
    }
    drain_wanted(self, now_ms);
}

void handover_tick(handover_t *self, uint64_t now_ms)
{
    handover_claim_free(self, now_ms);
    switch_routes(self, now_ms);
    drain_wanted(self, now_ms);
    if (now_ms < self->retry_ms)
        return;
    self->retry_ms = now_ms + HANDOVER_RETRY_MS;
    ask_again(self, 0);
}

/* ---- how it stands ---- */

uint64_t handover_route(const handover_t *self, uint32_t partition)
{
    const cell_t *cell = &self->cells[partition];
    switch (cell->state) {
    case CELL_OWNED:
        return self->options.self;
    case CELL_WAITING:
        return cell->is_passing && !cell->is_held ? cell->owner : HANDOVER_HELD;
    case CELL_READING:
    case CELL_CLAIMING:
    case CELL_DRAINING:
        return HANDOVER_HELD;
    case CELL_AWAY:
    case CELL_STATES:
        break;
    }
    return cell->away;
}

uint64_t handover_epoch(const handover_t *self, uint32_t partition)
{
    const cell_t *cell = &self->cells[partition];
    return cell->state == CELL_OWNED || cell->state == CELL_DRAINING ? cell->epoch : 0;
}

handover_counts_t handover_counts(const handover_t *self)
{
    handover_counts_t counts = self->counts;
    counts.served = self->state_counts[CELL_OWNED];
    counts.draining = self->state_counts[CELL_DRAINING];
    counts.coming = self->state_counts[CELL_READING] + self->state_counts[CELL_WAITING] +
                    self->state_counts[CELL_CLAIMING];
    return counts;
}

bool handover_is_empty(const handover_t *self)
{
    return self->state_counts[CELL_OWNED] + self->state_counts[CELL_DRAINING] == 0 &&
           self->touched_count == 0 && !(self->is_asking && self->asked_kind == HANDOVER_DO_CLAIM);
}

/* handover_fence.c -- the rows: which are read, which are claimed, what their answers mean. */

#include "cluster/handover/handover_parts.h"

#include "runtime/base/assert.h"

/* ---- questions ---- */

static bool is_to_be_asked(const cell_t *cell, cell_state_t state)
{
    return cell->state == state && !cell->is_asked;
}

static bool is_to_be_read(const cell_t *cell)
{
    return (cell->state == CELL_READING || cell->is_doubted) && !cell->is_asked;
}

static void ask(handover_t *self, uint32_t partition)
{
    cell_t *cell = &self->cells[partition];
    cell->is_asked = true;
    self->asked[self->asked_count++] = (handover_item_t){partition, cell->epoch, cell->owner};
}

/* Those that one owner had: its lock is taken once for all of them. */
static bool collect_claims(handover_t *self, uint64_t *out_owner)
{
    for (uint32_t i = 0; i < PARTITION_COUNT && self->asked_count < HANDOVER_CLAIM_MAX; i++) {
        const cell_t *cell = &self->cells[i];
        if (!is_to_be_asked(cell, CELL_CLAIMING))
            continue;
        if (self->asked_count == 0)
            *out_owner = cell->owner;
        if (cell->owner == *out_owner)
            ask(self, i);
    }
    return self->asked_count > 0;
}

static bool collect_reads(handover_t *self)
{
    if (self->version < self->fence_version)
        return false;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        if (is_to_be_read(&self->cells[i]))
            ask(self, i);
    return self->asked_count > 0;
}

bool handover_ask_fence(handover_t *self, handover_effect_t *out)
{
    uint64_t owner = 0;
    if (self->is_asking || self->now_ms < self->fence_ms)
        return false;
    self->asked_count = 0;
    if (self->state_counts[CELL_CLAIMING] > 0 && collect_claims(self, &owner))
        self->asked_kind = HANDOVER_DO_CLAIM;
    else if (self->state_counts[CELL_READING] + self->doubted_count > 0 && collect_reads(self))
        self->asked_kind = HANDOVER_DO_READ;
    else
        return false;
    self->is_asking = true;
    *out = (handover_effect_t){.kind = self->asked_kind,
                               .node = owner,
                               .is_locked = owner != 0 && owner != self->options.self &&
                                            !handover_is_live(self, owner),
                               .count = self->asked_count,
                               .items = self->asked};
    return true;
}

/* ---- answers ---- */

static void end_question(handover_t *self)
{
    ASSERT(self->is_asking);
    self->is_asking = false;
    for (size_t i = 0; i < self->asked_count; i++)
        self->cells[self->asked[i].partition].is_asked = false;
}

static void own(handover_t *self, uint32_t partition, uint64_t from)
{
    cell_t *cell = &self->cells[partition];
    bool was_claimed = cell->state == CELL_CLAIMING && from != 0 && from != self->options.self;
    if (was_claimed && handover_is_live(self, from))
        self->counts.moved++;
    else if (was_claimed)
        self->counts.taken_over++;
    cell->gone = MAX(cell->gone, cell->epoch - 1);
    handover_set_state(self, partition, CELL_OWNED);
}

static void await_owner(handover_t *self, uint32_t partition)
{
    handover_set_state(self, partition, CELL_WAITING);
    if (handover_is_live(self, self->cells[partition].owner))
        handover_owe(self, partition, HANDOVER_WANT);
    else
        self->cells[partition].is_held = true;
}

/* Who does not live in a view that is behind may have come after it: the next one tells. */
static bool is_stranger(const handover_t *self, uint64_t version, uint64_t owner)
{
    return version > self->version && !handover_is_live(self, owner);
}

/* Of what is served here. What is its own, after all, is so at the journal, too. */
static void check_row(handover_t *self, const handover_item_t *row)
{
    cell_t *cell = &self->cells[row->partition];
    if (row->node != self->options.self || row->epoch != cell->epoch) {
        handover_lose_cell(self, row->partition);
        return;
    }
    handover_set_doubted(self, row->partition, false);
    if (cell->state == CELL_OWNED)
        cell->routed = HANDOVER_HELD;
    handover_touch(self, row->partition);
}

static void take_row(handover_t *self, uint64_t version, const handover_item_t *row)
{
    cell_t *cell = &self->cells[row->partition];
    bool is_ours = row->node == self->options.self;
    uint64_t before = cell->owner;
    if (cell->is_doubted) {
        check_row(self, row);
        return;
    }
    if ((cell->state != CELL_READING && cell->state != CELL_CLAIMING) || row->epoch < cell->epoch)
        return;
    cell->owner = row->node;
    cell->epoch = row->epoch;
    if (is_ours && row->epoch > cell->gone)
        own(self, row->partition, before);
    else if (handover_target(self, row->partition) != self->options.self)
        handover_leave_cell(self, row->partition);
    else if (is_ours || row->node == 0)
        handover_set_state(self, row->partition, CELL_CLAIMING);
    else if (is_stranger(self, version, row->node))
        handover_set_state(self, row->partition, CELL_READING);
    else
        await_owner(self, row->partition);
}

void handover_rows(handover_t *self, uint64_t version, const handover_item_t *rows, size_t count,
                   uint64_t now_ms)
{
    self->fence_version = MAX(self->fence_version, version);
    if (view_history(version) != view_history(self->version)) {
        handover_away(self, now_ms); /* they are, or the view is, of a server that is replaced */
        return;
    }
    self->now_ms = now_ms;
    end_question(self);
    if (count < self->asked_count)
        self->fence_ms = now_ms + HANDOVER_FENCE_PAUSE_MS; /* no such rows: not at once again */
    for (size_t i = 0; i < count; i++)
        if (rows[i].partition < PARTITION_COUNT)
            take_row(self, version, &rows[i]);
    handover_claim_free(self, now_ms);
}

void handover_away(handover_t *self, uint64_t now_ms)
{
    self->now_ms = now_ms;
    end_question(self);
    self->fence_ms = now_ms + HANDOVER_FENCE_PAUSE_MS;
    for (size_t i = 0; i < self->asked_count; i++) {
        uint32_t partition = self->asked[i].partition;
        bool is_target = handover_target(self, partition) == self->options.self;
        if (self->cells[partition].state != CELL_CLAIMING)
            continue;
        if (is_target)
            handover_set_state(self, partition, CELL_READING);
        else
            handover_leave_cell(self, partition);
    }
}

/* ---- another server ---- */

void handover_set_doubted(handover_t *self, uint32_t partition, bool is_doubted)
{
    cell_t *cell = &self->cells[partition];
    self->doubted_count += (uint32_t)is_doubted - (uint32_t)cell->is_doubted;
    cell->is_doubted = is_doubted;
}

void handover_doubt(handover_t *self, uint32_t partition)
{
    cell_state_t state = self->cells[partition].state;
    if (state == CELL_OWNED || (state == CELL_DRAINING && !self->cells[partition].is_lost))
        handover_set_doubted(self, partition, true);
}

void handover_forget_row(handover_t *self, uint32_t partition)
{
    cell_t *cell = &self->cells[partition];
    if (cell->state == CELL_OWNED || cell->state == CELL_DRAINING) {
        handover_doubt(self, partition);
        return;
    }
    if (cell->state == CELL_WAITING || cell->state == CELL_CLAIMING)
        handover_set_state(self, partition, CELL_READING);
    cell->owner = cell->epoch = 0;
}

/* ---- the dead ---- */

void handover_claim_free(handover_t *self, uint64_t now_ms)
{
    uint32_t left = self->state_counts[CELL_WAITING];
    uint64_t asked = 0;
    bool is_free = false;
    self->now_ms = now_ms;
    for (uint32_t i = 0; i < PARTITION_COUNT && left > 0; i++) {
        const cell_t *cell = &self->cells[i];
        if (cell->state != CELL_WAITING)
            continue;
        left--;
        if (handover_peer(self, cell->owner) != NULL)
            continue;
        if (cell->owner != asked)
            is_free = self->options.is_free(self->options.context, cell->owner, now_ms);
        asked = cell->owner;
        if (is_free)
            handover_set_state(self, i, CELL_CLAIMING);
    }
}

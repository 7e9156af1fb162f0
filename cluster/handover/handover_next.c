/* handover_next.c -- what is to be done, from the cells that were touched: routes, then vacating,
 * then messages (so that what is sent stays behind what was forwarded), then the fence. */

#include "cluster/handover/handover_parts.h"

/* Appends it to the batch; false: that is full. */
static bool collect(handover_t *self, handover_effect_t *out, uint32_t partition, uint64_t epoch,
                    uint64_t node)
{
    self->batch[out->count++] = (handover_item_t){partition, epoch, node};
    return out->count < HANDOVER_BATCH_MAX;
}

static bool next_route(handover_t *self, bool is_travelling, handover_effect_t *out)
{
    *out = (handover_effect_t){
        .kind = HANDOVER_DO_ROUTE, .is_travelling = is_travelling, .items = self->batch};
    for (uint32_t i = 0; i < self->touched_count; i++) {
        uint32_t partition = self->touched[i];
        cell_t *cell = &self->cells[partition];
        uint64_t route = handover_route(self, partition);
        if (cell->is_travelling != is_travelling || cell->routed == route)
            continue;
        cell->routed = route;
        cell->is_travelling = false;
        if (!collect(self, out, partition, handover_epoch(self, partition), route))
            break;
    }
    return out->count > 0;
}

static bool next_vacate(handover_t *self, handover_effect_t *out)
{
    *out = (handover_effect_t){.kind = HANDOVER_DO_VACATE, .items = self->batch};
    for (uint32_t i = 0; i < self->touched_count; i++) {
        cell_t *cell = &self->cells[self->touched[i]];
        if (cell->state != CELL_DRAINING || cell->is_vacating)
            continue;
        cell->is_vacating = true;
        if (!collect(self, out, self->touched[i], cell->epoch, cell->peer))
            break;
    }
    return out->count > 0;
}

/* Whom a message of this kind goes to; 0: it does not fit the state any more. */
static uint64_t receiver_of(const cell_t *cell, handover_message_kind_t kind)
{
    if (kind == HANDOVER_RELEASED)
        return cell->asker;
    if (kind == HANDOVER_DRAINING)
        return cell->state == CELL_DRAINING ? cell->peer : 0;
    if (kind == HANDOVER_SERVING)
        return cell->is_wanted ? cell->peer : 0;
    bool fits = cell->state == CELL_WAITING && cell->is_held == (kind == HANDOVER_HOLDING);
    return fits ? cell->owner : 0;
}

static bool next_message(handover_t *self, handover_message_kind_t kind, handover_effect_t *out)
{
    *out = (handover_effect_t){.kind = HANDOVER_DO_SEND, .items = self->batch};
    for (uint32_t i = 0; i < self->touched_count && out->count < HANDOVER_BATCH_MAX; i++) {
        cell_t *cell = &self->cells[self->touched[i]];
        if ((cell->owes & 1u << kind) == 0)
            continue;
        uint64_t to = receiver_of(cell, kind);
        if (to != 0 && out->node != 0 && to != out->node)
            continue; /* with the next one */
        cell->owes &= (uint8_t) ~(1u << kind);
        if (to == 0)
            continue;
        out->node = to;
        collect(self, out, self->touched[i], kind == HANDOVER_RELEASED ? cell->asked : cell->epoch,
                0);
    }
    out->message = (handover_message_t){kind, self->version, out->count, self->batch};
    return out->count > 0;
}

static bool next_view(handover_t *self, handover_effect_t *out)
{
    if (!self->is_taken_owed && !self->is_view_owed)
        return false;
    handover_message_kind_t kind = self->is_taken_owed ? HANDOVER_TAKEN : HANDOVER_VIEW;
    *(self->is_taken_owed ? &self->is_taken_owed : &self->is_view_owed) = false;
    *out = (handover_effect_t){.kind = HANDOVER_DO_SEND_ALL,
                               .message = {.kind = kind, .version = self->version}};
    return true;
}

static void forget_touched(handover_t *self)
{
    for (uint32_t i = 0; i < self->touched_count; i++)
        self->cells[self->touched[i]].is_listed = false;
    self->touched_count = 0;
}

bool handover_next(handover_t *self, handover_effect_t *out)
{
    if (self->touched_count > 0 &&
        (next_route(self, true, out) || next_route(self, false, out) || next_vacate(self, out)))
        return true;
    if (next_view(self, out))
        return true;
    for (handover_message_kind_t kind = HANDOVER_WANT;
         self->touched_count > 0 && kind <= HANDOVER_RELEASED; kind++)
        if (next_message(self, kind, out))
            return true;
    forget_touched(self);
    return handover_ask_fence(self, out);
}

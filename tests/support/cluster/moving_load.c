#include "tests/support/cluster/moving_parts.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#include <stdio.h>
#include <stdlib.h>

enum { APPEND_MS = 8, HANDLED_A_STEP = 4, QUEUE_FIRST = 16 };

/* ---- queues ---- */

static void queue_put(queue_t *self, uint32_t item)
{
    if (self->count == self->room) {
        size_t room = MAX(2 * self->room, (size_t)QUEUE_FIRST);
        uint32_t *items = memory_new_array(room, sizeof *items);
        ASSERT(items != NULL);
        for (size_t i = 0; i < self->count; i++)
            items[i] = self->items[(self->first + i) % self->room];
        memory_free(self->items);
        *self = (queue_t){items, 0, self->count, room};
    }
    self->items[(self->first + self->count++) % self->room] = item;
}

static uint32_t queue_take(queue_t *self)
{
    uint32_t item = self->items[self->first];
    self->first = (self->first + 1) % self->room;
    self->count--;
    return item;
}

/* ---- asks ---- */

static void end(moving_t *self, uint32_t index, ask_end_t how)
{
    ask_t *ask = &self->asks[index];
    if (ask->end != ASK_OPEN)
        return; /* a late answer */
    ask->end = (uint8_t)how;
    ask->ended_ms = self->now_ms;
}

static bool is_late(const moving_t *self, uint32_t ask)
{
    return self->now_ms - self->asks[ask].sent_ms >= MOVING_DEADLINE_MS;
}

static desk_t *desk_of(mover_t *self, uint32_t ask)
{
    return &self->desks[self->moving->asks[ask].partition / HOT_EVERY];
}

static void hold(mover_t *self, uint32_t ask, bool is_travelling)
{
    desk_t *desk = desk_of(self, ask);
    if (self->held == MOVING_HELD_MAX) {
        end(self->moving, ask, ASK_REFUSED);
        return;
    }
    self->held++;
    queue_put(is_travelling ? &desk->travelled : &desk->held, ask);
}

static void forward(mover_t *self, uint32_t ask, uint64_t node, bool is_travelling)
{
    moving_t *moving = self->moving;
    if (++moving->asks[ask].hops > HOPS_MAX) {
        end(moving, ask, ASK_REFUSED);
        return;
    }
    moving_send(moving, (post_t){.kind = POST_ASK,
                                 .from = self->index,
                                 .to = moving_index(moving, node),
                                 .ask = ask,
                                 .is_travelling = is_travelling});
}

void load_arrive(mover_t *self, uint32_t ask, bool is_travelling)
{
    uint64_t route = self->routes[self->moving->asks[ask].partition];
    if (is_late(self->moving, ask))
        return;
    if (route == HANDOVER_NOBODY)
        end(self->moving, ask, ASK_REFUSED);
    else if (route == HANDOVER_HELD)
        hold(self, ask, is_travelling);
    else if (route == self->index + 1)
        queue_put(&desk_of(self, ask)->mailbox, ask);
    else
        forward(self, ask, route, false);
}

/* ---- routes ---- */

static void check_alone(mover_t *self, uint32_t partition)
{
    moving_t *moving = self->moving;
    for (uint32_t i = 0; i < world_count(moving->world); i++) {
        if (i == self->index || moving->movers[i] == NULL)
            continue;
        bool is_served = moving->movers[i]->routes[partition] == i + 1;
        if (is_served && world_has_lease(moving->world, i)) {
            fprintf(stderr, "seed %zu: %u serves partition %u, and %u; its row %zu at %zu\n",
                    (size_t)moving->options.world.seed, self->index, partition, i,
                    (size_t)moving->rows[partition].node, (size_t)moving->rows[partition].epoch);
            moving_print(self->moving);
            ASSERT(!is_served); /* by two */
        }
    }
}

static void give(mover_t *self, queue_t *queue, uint64_t to, bool is_travelling)
{
    for (size_t left = queue->count; left > 0; left--) {
        uint32_t ask = queue_take(queue);
        self->held--;
        if (is_travelling && !is_late(self->moving, ask))
            forward(self, ask, to, true);
        else
            load_arrive(self, ask, false);
    }
}

void load_route(mover_t *self, uint32_t partition, uint64_t epoch, uint64_t to, bool is_travelling)
{
    self->routes[partition] = to;
    self->epochs[partition] = epoch;
    if (to == self->index + 1)
        check_alone(self, partition);
    if (partition % HOT_EVERY != 0 || to == HANDOVER_HELD)
        return;
    desk_t *desk = &self->desks[partition / HOT_EVERY];
    bool is_given = is_travelling && to != HANDOVER_NOBODY;
    give(self, &desk->travelled, to, is_given);
    give(self, &desk->held, to, is_given);
}

/* ---- coming to rest ---- */

void load_vacate(mover_t *self, const handover_item_t *items, size_t count)
{
    moving_t *moving = self->moving;
    ASSERT(self->vacating_count < VACATINGS_MAX);
    vacating_t *vacating = &self->vacatings[self->vacating_count++];
    vacating->at_ms = moving->now_ms + 1 + random_below(&moving->random, moving->options.rest_ms);
    vacating->count = count;
    vacating->partitions = memory_new_array(count, sizeof *vacating->partitions);
    ASSERT(vacating->partitions != NULL);
    for (size_t i = 0; i < count; i++)
        vacating->partitions[i] = items[i].partition;
}

static bool has_appends(const desk_t *desk)
{
    for (size_t i = 0; i < APPENDS_MAX; i++)
        if (desk->appends[i].is_used)
            return true;
    return false;
}

static bool is_at_rest(const mover_t *self, const vacating_t *vacating)
{
    for (size_t i = 0; i < vacating->count; i++) {
        uint32_t partition = vacating->partitions[i];
        if (partition % HOT_EVERY == 0 && has_appends(&self->desks[partition / HOT_EVERY]))
            return false;
    }
    return true;
}

static void put_leftovers(mover_t *self, uint32_t partition)
{
    desk_t *desk = &self->desks[partition / HOT_EVERY];
    while (desk->mailbox.count > 0)
        hold(self, queue_take(&desk->mailbox), true);
}

static void finish_vacating(mover_t *self)
{
    for (size_t i = 0; i < self->vacating_count; i++) {
        vacating_t vacating = self->vacatings[i];
        if (self->moving->now_ms < vacating.at_ms || !is_at_rest(self, &vacating))
            continue;
        self->vacatings[i--] = self->vacatings[--self->vacating_count];
        for (size_t j = 0; j < vacating.count; j++)
            if (vacating.partitions[j] % HOT_EVERY == 0)
                put_leftovers(self, vacating.partitions[j]);
        handover_vacated(self->handover, vacating.partitions, vacating.count, self->moving->now_ms);
        memory_free(vacating.partitions);
    }
}

/* ---- serving ---- */

static void serve(mover_t *self, uint32_t ask, append_t *append)
{
    moving_t *moving = self->moving;
    uint32_t partition = moving->asks[ask].partition;
    check_alone(self, partition);
    *append = (append_t){.at_ms = moving->now_ms + 1 + random_below(&moving->random, APPEND_MS),
                         .epoch = self->epochs[partition],
                         .ask = ask,
                         .is_used = true};
}

static append_t *free_append(desk_t *desk)
{
    for (size_t i = 0; i < APPENDS_MAX; i++)
        if (!desk->appends[i].is_used)
            return &desk->appends[i];
    return NULL;
}

/* A connection appends in order: with another behind it, none is earlier. */
static uint64_t last_append_ms(const desk_t *desk)
{
    uint64_t at_ms = 0;
    for (size_t i = 0; i < APPENDS_MAX; i++)
        if (desk->appends[i].is_used)
            at_ms = MAX(at_ms, desk->appends[i].at_ms);
    return at_ms;
}

static void step_desk(mover_t *self, uint32_t hot)
{
    desk_t *desk = &self->desks[hot];
    bool has_lease = world_has_lease(self->moving->world, self->index);
    if (self->routes[hot * HOT_EVERY] != self->index + 1)
        return;
    for (int i = 0; i < HANDLED_A_STEP && desk->mailbox.count > 0; i++) {
        append_t *append = free_append(desk);
        uint64_t behind_ms = last_append_ms(desk);
        if (append == NULL)
            return;
        uint32_t ask = queue_take(&desk->mailbox);
        if (!has_lease) {
            end(self->moving, ask, ASK_REFUSED);
            continue;
        }
        serve(self, ask, append);
        append->at_ms = MAX(append->at_ms, behind_ms + 1);
    }
}

void load_step(mover_t *self)
{
    for (uint32_t i = 0; i < MOVING_HOT; i++)
        if (self->desks[i].mailbox.count > 0)
            step_desk(self, i);
    finish_vacating(self);
}

static void land(mover_t *self, const append_t *append)
{
    moving_t *moving = self->moving;
    ask_t *ask = &moving->asks[append->ask];
    const handover_item_t *row = &moving->rows[ask->partition];
    uint32_t *last = &moving->accepted[ask->client][ask->partition / HOT_EVERY];
    if (row->node != self->index + 1 || row->epoch != append->epoch) {
        moving->fenced++;
        end(moving, append->ask, ASK_REFUSED);
        return;
    }
    ASSERT(!ask->is_accepted);
    ask->is_accepted = true;
    moving->disordered += ask->number <= *last;
    *last = MAX(*last, ask->number);
    end(moving, append->ask, ASK_ACCEPTED);
}

/* A node that is stopped sends what it was about to when it goes on, whoever owns the partition by
 * then; what is cut off from the database is refused. */
void load_append(mover_t *self)
{
    moving_t *moving = self->moving;
    if (!moving_runs(moving, self->index))
        return;
    for (uint32_t hot = 0; hot < MOVING_HOT; hot++) {
        append_t *appends = self->desks[hot].appends;
        for (uint64_t turn = 0; turn < APPENDS_MAX; turn++) {
            append_t *next = NULL; /* in their order */
            for (size_t i = 0; i < APPENDS_MAX; i++)
                if (appends[i].is_used && appends[i].at_ms <= moving->now_ms &&
                    (next == NULL || appends[i].at_ms < next->at_ms))
                    next = &appends[i];
            if (next == NULL)
                break;
            next->is_used = false;
            if (world_is_table_cut(moving->world, self->index))
                end(moving, next->ask, ASK_REFUSED);
            else
                land(self, next);
        }
    }
}

/* ---- clients ---- */

void load_clients(moving_t *self)
{
    for (uint32_t i = 0; i < self->options.asks_a_step; i++) {
        uint32_t client = (uint32_t)random_below(&self->random, world_count(self->world));
        uint32_t hot = (uint32_t)random_below(&self->random, MOVING_HOT);
        membership_state_t state = membership_state(world_membership(self->world, client));
        if (!moving_runs(self, client) ||
            (state != MEMBERSHIP_ACTIVE && state != MEMBERSHIP_LEAVING))
            continue;
        if (self->ask_count == self->ask_room) {
            self->ask_room = MAX(2 * self->ask_room, (size_t)1024);
            self->asks = memory_resize(self->asks, self->ask_room, sizeof *self->asks);
            ASSERT(self->asks != NULL);
        }
        self->asks[self->ask_count] = (ask_t){.sent_ms = self->now_ms,
                                              .number = ++self->numbers[client][hot],
                                              .client = (uint16_t)client,
                                              .partition = (uint16_t)(hot * HOT_EVERY)};
        load_arrive(self->movers[client], (uint32_t)self->ask_count++, false);
    }
}

static void expire_held(mover_t *self, queue_t *queue)
{
    for (size_t left = queue->count; left > 0; left--) {
        uint32_t ask = queue_take(queue);
        if (is_late(self->moving, ask))
            self->held--;
        else
            queue_put(queue, ask);
    }
}

void load_expire(moving_t *self)
{
    for (; self->expired_until < self->ask_count; self->expired_until++) {
        if (!is_late(self, (uint32_t)self->expired_until))
            break;
        end(self, (uint32_t)self->expired_until, ASK_EXPIRED);
    }
    for (uint32_t i = 0; i < world_count(self->world); i++) {
        mover_t *mover = self->movers[i];
        for (uint32_t hot = 0; hot < MOVING_HOT && mover->held > 0; hot++) {
            expire_held(mover, &mover->desks[hot].travelled);
            expire_held(mover, &mover->desks[hot].held);
        }
        ASSERT(mover->held <= MOVING_HELD_MAX);
    }
}

void load_deinit(mover_t *self)
{
    for (uint32_t i = 0; i < MOVING_HOT; i++) {
        memory_free(self->desks[i].mailbox.items);
        memory_free(self->desks[i].travelled.items);
        memory_free(self->desks[i].held.items);
    }
    for (size_t i = 0; i < self->vacating_count; i++)
        memory_free(self->vacatings[i].partitions);
}

/* ---- figures ---- */

void moving_mark(moving_t *self)
{
    self->marked = self->ask_count;
    self->mark_ms = self->now_ms;
    self->fenced = self->disordered = 0;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static uint64_t last_served_ms(const moving_t *self)
{
    uint64_t first[MOVING_HOT] = {0}, last = 0;
    for (size_t i = self->marked; i < self->ask_count; i++) {
        const ask_t *ask = &self->asks[i];
        uint64_t *at_ms = &first[ask->partition / HOT_EVERY];
        if (ask->end == ASK_ACCEPTED && (*at_ms == 0 || ask->ended_ms < *at_ms))
            *at_ms = ask->ended_ms;
    }
    for (size_t i = 0; i < MOVING_HOT; i++)
        last = first[i] == 0 ? UINT64_MAX : MAX(last, first[i] - self->mark_ms);
    return last;
}

moving_figures_t moving_figures(moving_t *self)
{
    moving_figures_t figures = {
        .fenced = self->fenced, .disordered = self->disordered, .last_ms = last_served_ms(self)};
    uint64_t *took = memory_new_array(self->ask_count - self->marked + 1, sizeof *took);
    ASSERT(took != NULL);
    for (size_t i = self->marked; i < self->ask_count; i++) {
        const ask_t *ask = &self->asks[i];
        figures.open += ask->end == ASK_OPEN;
        figures.refused += ask->end == ASK_REFUSED;
        figures.expired += ask->end == ASK_EXPIRED;
        if (ask->end == ASK_ACCEPTED)
            took[figures.accepted++] = ask->ended_ms - ask->sent_ms;
    }
    qsort(took, figures.accepted, sizeof *took, by_number);
    if (figures.accepted > 0) {
        figures.p50_ms = took[figures.accepted / 2];
        figures.p99_ms = took[figures.accepted * 99 / 100];
        figures.most_ms = took[figures.accepted - 1];
    }
    for (uint32_t i = 0; i < world_count(self->world); i++)
        figures.held += world_is_dead(self->world, i) ? 0 : self->movers[i]->held;
    memory_free(took);
    return figures;
}

#include "tests/support/cluster/moving_parts.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#include <stdio.h>
#include <stdlib.h>

enum { FENCE_DELAY_MS = 6, TICK_MS = 50 };

/* ---- what is under way: a heap ---- */

static bool is_before(const post_t *a, const post_t *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void moving_post(moving_t *self, post_t post)
{
    if (self->post_count == self->post_room) {
        self->post_room = MAX(2 * self->post_room, (size_t)1024);
        self->posts = memory_resize(self->posts, self->post_room, sizeof *self->posts);
        ASSERT(self->posts != NULL);
    }
    size_t at = self->post_count++;
    post.order = self->orders++;
    for (; at > 0 && is_before(&post, &self->posts[(at - 1) / 2]); at = (at - 1) / 2)
        self->posts[at] = self->posts[(at - 1) / 2];
    self->posts[at] = post;
}

static post_t take_first(moving_t *self)
{
    post_t first = self->posts[0], last = self->posts[--self->post_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < self->post_count; at = child) {
        if (child + 1 < self->post_count && is_before(&self->posts[child + 1], &self->posts[child]))
            child++;
        if (!is_before(&self->posts[child], &last))
            break;
        self->posts[at] = self->posts[child];
    }
    self->posts[at] = last;
    return first;
}

/* ---- nodes and links ---- */

uint32_t moving_index(const moving_t *self, uint64_t node)
{
    return node >= 1 && node <= world_count(self->world) ? (uint32_t)node - 1 : UINT32_MAX;
}

bool moving_runs(const moving_t *self, uint32_t index)
{
    return !world_is_dead(self->world, index) && !world_is_paused(self->world, index);
}

bool moving_send(moving_t *self, post_t post)
{
    const world_options_t *options = &self->options.world;
    bool is_lost = post.kind == POST_HANDOVER && /* what was accepted of a request is not lost */
                   random_below(&self->random, 100) < options->loss_percent;
    if (post.to == UINT32_MAX || world_is_dead(self->world, post.to) ||
        world_is_cut(self->world, post.from, post.to) || is_lost)
        return false;
    uint64_t *last_ms = &self->last_ms[post.from][post.to];
    post.at_ms = self->now_ms + 1 + random_below(&self->random, options->delay_ms);
    post.at_ms = *last_ms = MAX(*last_ms, post.at_ms);
    moving_post(self, post);
    return true;
}

static handover_item_t *items_of(const handover_effect_t *effect)
{
    if (effect->count == 0)
        return NULL;
    handover_item_t *items = memory_dup(effect->items, effect->count * sizeof *items);
    ASSERT(items != NULL);
    return items;
}

static void send_message(mover_t *mover, uint64_t node, const handover_effect_t *effect)
{
    post_t post = {.kind = POST_HANDOVER,
                   .from = mover->index,
                   .to = moving_index(mover->moving, node),
                   .effect = *effect,
                   .items = items_of(effect)};
    if (!moving_send(mover->moving, post))
        memory_free(post.items);
}

static void send_all(mover_t *mover, const handover_effect_t *effect)
{
    const view_t *view = membership_view(world_membership(mover->moving->world, mover->index));
    for (uint32_t i = 0; i < view->count; i++)
        if (view->members[i].status != MEMBER_DEAD &&
            moving_index(mover->moving, view->members[i].node) != mover->index)
            send_message(mover, view->members[i].node, effect);
}

/* ---- the fence ---- */

static uint64_t fence_ms(moving_t *self)
{
    return self->now_ms + 1 + random_below(&self->random, FENCE_DELAY_MS);
}

static void ask_fence(mover_t *mover, const handover_effect_t *effect)
{
    moving_post(mover->moving, (post_t){.at_ms = fence_ms(mover->moving),
                                        .kind = POST_FENCE,
                                        .from = mover->index,
                                        .to = mover->index,
                                        .effect = *effect,
                                        .items = items_of(effect)});
}

/* It has reached the database, which works on when who asked has died or stops. */
static void fence(moving_t *self, post_t post)
{
    uint32_t index = post.to;
    post.kind = POST_ROWS;
    post.at_ms = fence_ms(self);
    post.is_away = world_is_table_cut(self->world, index);
    for (size_t i = 0; i < post.effect.count && !post.is_away; i++) {
        handover_item_t *item = &post.items[i], *row = &self->rows[item->partition];
        bool is_claimed = post.effect.kind == HANDOVER_DO_CLAIM && row->node == item->node &&
                          row->epoch == item->epoch;
        if (is_claimed)
            *row = (handover_item_t){item->partition, item->epoch + 1, index + 1};
        *item = *row;
    }
    post.version = world_table(self->world)->version;
    moving_post(self, post);
}

static void rows(moving_t *self, const post_t *post)
{
    handover_t *handover = self->movers[post->to]->handover;
    if (post->is_away || world_is_table_cut(self->world, post->to))
        handover_away(handover, self->now_ms);
    else
        handover_rows(handover, post->version, post->items, post->effect.count, self->now_ms);
}

/* ---- carrying out ---- */

static void carry_out(mover_t *mover)
{
    handover_effect_t effect;
    while (handover_next(mover->handover, &effect)) {
        switch (effect.kind) {
        case HANDOVER_DO_ROUTE:
            for (size_t i = 0; i < effect.count; i++)
                load_route(mover, effect.items[i].partition, effect.items[i].epoch,
                           effect.items[i].node, effect.is_travelling);
            break;
        case HANDOVER_DO_VACATE:
            load_vacate(mover, effect.items, effect.count);
            break;
        case HANDOVER_DO_SEND:
            send_message(mover, effect.node, &effect);
            break;
        case HANDOVER_DO_SEND_ALL:
            send_all(mover, &effect);
            break;
        case HANDOVER_DO_READ:
        case HANDOVER_DO_CLAIM:
            ask_fence(mover, &effect);
            break;
        }
    }
}

static bool is_free(void *context, uint64_t node, uint64_t now_ms)
{
    const mover_t *mover = context;
    return membership_is_free(world_membership(mover->moving->world, mover->index), node, now_ms);
}

static void start_movers(moving_t *self)
{
    for (uint32_t i = 0; i < world_count(self->world); i++) {
        if (self->movers[i] != NULL)
            continue;
        mover_t *mover = memory_new(sizeof *mover);
        ASSERT(i < MOVING_NODES_MAX && mover != NULL);
        mover->moving = self;
        mover->index = i;
        handover_options_t options = {world_node(self->world, i), is_free, mover};
        ASSERT(handover_new(&options, &mover->handover) == ERR_OK);
        self->movers[i] = mover;
    }
}

/* Nodes with one version have one view: each placement is built once. */
static const placement_t *placement_of(moving_t *self, const view_t *view)
{
    ASSERT(view->version < COUNT_OF(self->placements));
    placement_t **placement = &self->placements[view->version];
    if (*placement == NULL) {
        *placement = memory_new(sizeof **placement);
        ASSERT(*placement != NULL);
        placement_build(*placement, view, MEMBER_ACTORS);
    }
    return *placement;
}

static void step_mover(mover_t *mover)
{
    moving_t *self = mover->moving;
    const view_t *view = membership_view(world_membership(self->world, mover->index));
    if (view->version > mover->handover_version) {
        mover->handover_version = view->version;
        ASSERT(handover_take(mover->handover, view, placement_of(self, view), self->now_ms) ==
               ERR_OK);
        carry_out(mover);
    }
    load_step(mover);
    if (self->now_ms - mover->ticked_ms >= TICK_MS) {
        mover->ticked_ms = self->now_ms;
        handover_tick(mover->handover, self->now_ms);
    }
    carry_out(mover);
    bool is_leaving =
        self->is_draining[mover->index] &&
        membership_state(world_membership(self->world, mover->index)) == MEMBERSHIP_LEAVING;
    if (is_leaving && view_find(view, mover->index + 1)->status == MEMBER_LEAVING &&
        handover_is_empty(mover->handover))
        world_leave(self->world, mover->index);
}

/* ---- time ---- */

static void hear(mover_t *mover, post_t *post)
{
    moving_t *self = mover->moving;
    if (post->kind == POST_HANDOVER) {
        post->effect.message.items = post->items;
        handover_heard(mover->handover, post->from + 1, &post->effect.message, self->now_ms);
    } else if (post->kind == POST_ASK) {
        load_arrive(mover, post->ask, post->is_travelling);
    } else {
        rows(self, post);
    }
    carry_out(mover);
    memory_free(post->items);
}

static void keep(mover_t *mover, const post_t *post)
{
    if (mover->waiting_count == mover->waiting_room) {
        mover->waiting_room = MAX(2 * mover->waiting_room, (size_t)64);
        mover->waiting = memory_resize(mover->waiting, mover->waiting_room, sizeof *mover->waiting);
        ASSERT(mover->waiting != NULL);
    }
    mover->waiting[mover->waiting_count++] = *post;
}

static void hear_waiting(mover_t *mover)
{
    for (size_t i = 0; i < mover->waiting_count; i++)
        hear(mover, &mover->waiting[i]);
    mover->waiting_count = 0;
}

static void arrive(moving_t *self, post_t *post)
{
    if (post->kind == POST_FENCE)
        fence(self, *post);
    else if (world_is_dead(self->world, post->to))
        memory_free(post->items);
    else if (world_is_paused(self->world, post->to))
        keep(self->movers[post->to], post);
    else
        hear(self->movers[post->to], post);
}

static void step(moving_t *self)
{
    world_run(self->world, MOVING_STEP_MS);
    self->now_ms = world_now_ms(self->world);
    start_movers(self);
    for (uint32_t i = 0; i < world_count(self->world); i++)
        if (moving_runs(self, i))
            hear_waiting(self->movers[i]);
    while (self->post_count > 0 && self->posts[0].at_ms <= self->now_ms) {
        post_t post = take_first(self);
        arrive(self, &post);
    }
    for (uint32_t i = 0; i < world_count(self->world); i++) {
        if (moving_runs(self, i))
            step_mover(self->movers[i]);
        load_append(self->movers[i]);
    }
    load_clients(self);
    load_expire(self);
}

void moving_run(moving_t *self, uint64_t for_ms)
{
    for (uint64_t end_ms = self->now_ms + for_ms; self->now_ms < end_ms;)
        step(self);
}

bool moving_run_until(moving_t *self, bool (*is_done)(moving_t *self), uint64_t for_ms)
{
    for (uint64_t end_ms = self->now_ms + for_ms; self->now_ms < end_ms; moving_run(self, 20))
        if (is_done(self))
            return true;
    return is_done(self);
}

/* ---- the object ---- */

moving_t *moving_new(const moving_options_t *options)
{
    moving_t *self = memory_new(sizeof *self);
    ASSERT(self != NULL);
    self->options = *options;
    self->world = world_new(&options->world);
    self->seed = (random_seed_t){options->world.seed * 31 + 7};
    self->random = random_seeded(&self->seed);
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        self->rows[i].partition = i;
    return self;
}

void moving_free(moving_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->post_count; i++)
        memory_free(self->posts[i].items);
    for (uint32_t i = 0; i < MOVING_NODES_MAX && self->movers[i] != NULL; i++) {
        load_deinit(self->movers[i]);
        for (size_t j = 0; j < self->movers[i]->waiting_count; j++)
            memory_free(self->movers[i]->waiting[j].items);
        memory_free(self->movers[i]->waiting);
        handover_free(self->movers[i]->handover);
        memory_free(self->movers[i]);
    }
    for (size_t i = 0; i < COUNT_OF(self->placements); i++)
        memory_free(self->placements[i]);
    memory_free(self->posts);
    memory_free(self->asks);
    world_free(self->world);
    memory_free(self);
}

void moving_scope_end(moving_t **self)
{
    moving_free(*self);
}

world_t *moving_world(moving_t *self)
{
    return self->world;
}

void moving_drain(moving_t *self, uint32_t index)
{
    self->is_draining[index] = true;
    world_begin_leave(self->world, index);
}

void moving_set_asks(moving_t *self, uint32_t asks_a_step)
{
    self->options.asks_a_step = asks_a_step;
}

uint32_t moving_served(const moving_t *self, uint32_t index)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        count += self->movers[index]->routes[i] == index + 1;
    return count;
}

const handover_t *moving_handover(const moving_t *self, uint32_t index)
{
    return self->movers[index]->handover;
}

bool moving_is_settled(moving_t *self)
{
    if (!world_is_whole(self->world, NULL))
        return false;
    const placement_t *placement = placement_of(self, world_table(self->world));
    for (uint32_t p = 0; p < PARTITION_COUNT; p++) {
        uint32_t owner = moving_index(self, placement->owners[p]);
        if (owner == UINT32_MAX || self->movers[owner] == NULL ||
            self->movers[owner]->routes[p] != owner + 1 || !world_has_lease(self->world, owner))
            return false;
    }
    return true;
}

void moving_print(moving_t *self)
{
    world_print(self->world);
    for (uint32_t i = 0; i < world_count(self->world); i++) {
        handover_counts_t counts = handover_counts(self->movers[i]->handover);
        fprintf(stderr, "%u: serves %u drains %u comes %u, at view %zu\n", i, counts.served,
                counts.draining, counts.coming, (size_t)self->movers[i]->handover_version);
    }
}

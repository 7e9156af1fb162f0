#include "tests/support/cluster/world.h"

#include "runtime/base/assert.h"
#include "runtime/base/memory.h"

#include <stdio.h>

enum { EVENTS_MAX = 1 << 20, TABLE_DELAY_MS = 4, WALL_FIRST_MS = 1700000000, ADDRESSES = 8080 };

typedef enum event_kind { EVENT_TICK, EVENT_TABLE, EVENT_ANSWER, EVENT_MESSAGE } event_kind_t;

/* What the table said. */
typedef struct answer {
    bool is_away, is_landed;
    member_status_t status;
    uint64_t version;
    view_t *view; /* of a read */
} answer_t;

typedef struct event {
    uint64_t at_ms, order;
    event_kind_t kind;
    uint32_t from, to; /* indexes */
    membership_effect_t effect;
    answer_t answer;
} event_t;

typedef struct node {
    membership_t *membership;
    uint64_t node;
    uint32_t address;
    uint32_t delay_ms, table_delay_ms;
    bool is_dead, is_paused, is_stopped, is_table_cut;
    uint64_t skew_ms;
    int32_t drift_per_mille;
    bool *is_cut_from; /* by index of who sends; NULL: nobody */
} node_t;

struct world {
    world_options_t options;
    random_seed_t seed;
    ms_random_t random;
    uint64_t now_ms, orders, messages, table_uses;
    view_t table;
    int64_t table_clock_ms; /* ahead */
    uint32_t count;
    node_t nodes[WORLD_NODES_MAX];
    size_t event_count;
    event_t *events; /* a heap */
};

/* ---- what is to come: a heap ---- */

static bool is_before(const event_t *a, const event_t *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void post(world_t *self, event_t event)
{
    ASSERT(self->event_count < EVENTS_MAX);
    size_t at = self->event_count++;
    event.order = self->orders++;
    for (; at > 0 && is_before(&event, &self->events[(at - 1) / 2]); at = (at - 1) / 2)
        self->events[at] = self->events[(at - 1) / 2];
    self->events[at] = event;
}

static event_t take_first(world_t *self)
{
    event_t first = self->events[0], last = self->events[--self->event_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < self->event_count; at = child) {
        if (child + 1 < self->event_count &&
            is_before(&self->events[child + 1], &self->events[child]))
            child++;
        if (!is_before(&self->events[child], &last))
            break;
        self->events[at] = self->events[child];
    }
    self->events[at] = last;
    return first;
}

/* ---- clocks ---- */

uint64_t world_clock_ms(const world_t *self, uint32_t index)
{
    const node_t *node = &self->nodes[index];
    return node->skew_ms + self->now_ms +
           (uint64_t)((int64_t)self->now_ms * node->drift_per_mille / 1000);
}

static void set_clock(world_t *self, node_t *node)
{
    uint32_t drift = self->options.drift_per_mille;
    node->skew_ms = random_below(&self->random, self->options.skew_ms + 1);
    node->drift_per_mille = (int32_t)random_below(&self->random, 2 * drift + 1) - (int32_t)drift;
}

void world_step_table_clock(world_t *self, int64_t by_ms)
{
    self->table_clock_ms += by_ms;
}

/* ---- the network ---- */

static uint32_t index_of(const world_t *self, uint64_t node)
{
    return node <= self->count ? (uint32_t)node - 1 : UINT32_MAX; /* they are numbered from 1 */
}

static void send_message(world_t *self, uint32_t from, uint64_t node, membership_effect_t effect)
{
    uint32_t to = index_of(self, node);
    self->messages++;
    if (to == UINT32_MAX || self->nodes[to].is_dead || world_is_cut(self, from, to) ||
        random_below(&self->random, 100) < self->options.loss_percent)
        return;
    uint64_t delay_ms = 1 + random_below(&self->random, self->options.delay_ms);
    delay_ms += self->nodes[from].delay_ms + self->nodes[to].delay_ms;
    post(self, (event_t){.at_ms = self->now_ms + delay_ms,
                         .kind = EVENT_MESSAGE,
                         .from = from,
                         .to = to,
                         .effect = effect});
}

static void send_all(world_t *self, uint32_t from, membership_effect_t effect)
{
    const view_t *view = membership_view(self->nodes[from].membership);
    for (uint32_t i = 0; i < view->count; i++)
        if (member_is_live(&view->members[i]) && view->members[i].node != self->nodes[from].node)
            send_message(self, from, view->members[i].node, effect);
}

static uint64_t table_delay_ms(world_t *self, uint32_t index)
{
    return 1 + random_below(&self->random, TABLE_DELAY_MS) + self->nodes[index].table_delay_ms;
}

static void say_gone(world_t *self, const node_t *node)
{
    const member_t *there = view_find(&self->table, node->node);
    if (!self->options.says_gone || node->is_table_cut || there == NULL ||
        there->acknowledged == MEMBER_GONE)
        return;
    member_t row = *there;
    self->table.version++;
    row.acknowledged = MEMBER_GONE;
    row.died = row.status == MEMBER_DEAD ? row.died : self->table.version;
    row.status = MEMBER_DEAD;
    ASSERT(view_put(&self->table, &row) == ERR_OK);
}

static void carry_out(world_t *self, uint32_t index)
{
    node_t *node = &self->nodes[index];
    membership_effect_t effect;
    while (membership_next(node->membership, &effect)) {
        switch (effect.kind) {
        case MEMBERSHIP_DO_POLL:
        case MEMBERSHIP_DO_READ:
        case MEMBERSHIP_DO_WRITE:
            post(self, (event_t){.at_ms = self->now_ms + table_delay_ms(self, index),
                                 .kind = EVENT_TABLE,
                                 .from = index,
                                 .to = index,
                                 .effect = effect});
            break;
        case MEMBERSHIP_DO_PROBE:
        case MEMBERSHIP_DO_ANSWER:
        case MEMBERSHIP_DO_ASK_FOR:
        case MEMBERSHIP_DO_VOUCH:
            send_message(self, index, effect.node, effect);
            break;
        case MEMBERSHIP_DO_PROBE_ALL:
            effect.kind = MEMBERSHIP_DO_PROBE;
            send_all(self, index, effect);
            break;
        case MEMBERSHIP_DO_TELL_ALL:
            send_all(self, index, effect);
            break;
        case MEMBERSHIP_DO_STOP:
            node->is_stopped = node->is_dead = true;
            say_gone(self, node);
            break;
        case MEMBERSHIP_DO_TAKE:
            break;
        }
    }
}

static void hear(world_t *self, const event_t *event)
{
    membership_t *membership = self->nodes[event->to].membership;
    const membership_effect_t *effect = &event->effect;
    uint64_t from = self->nodes[event->from].node, now_ms = world_clock_ms(self, event->to);
    if (effect->kind == MEMBERSHIP_DO_PROBE)
        membership_probed(membership, from, effect->sent_ms, effect->version);
    else if (effect->kind == MEMBERSHIP_DO_ANSWER)
        membership_answered(membership, from, effect->sent_ms, effect->version, effect->is_member,
                            now_ms);
    else if (effect->kind == MEMBERSHIP_DO_ASK_FOR)
        membership_asked_for(membership, from, effect->about, now_ms);
    else if (effect->kind == MEMBERSHIP_DO_VOUCH)
        membership_vouched(membership, effect->about, now_ms);
    else
        membership_told(membership, effect->version, now_ms);
}

/* ---- the table ---- */

static bool write_table(world_t *self, const membership_t *membership, uint64_t version)
{
    size_t count;
    const membership_change_t *changes = membership_changes(membership, &count);
    if (version != self->table.version)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (changes[i].is_removed) {
            ASSERT(!world_has_lease(self, index_of(self, changes[i].row.node)));
            view_remove(&self->table, changes[i].row.node);
            continue;
        }
        /* Acknowledgements and times are written beside the versions: a row keeps the newest. */
        member_t row = changes[i].row;
        const member_t *there = view_find(&self->table, row.node);
        if (there != NULL) {
            row.acknowledged = MAX(row.acknowledged, there->acknowledged);
            row.seen_ms = MAX(row.seen_ms, there->seen_ms);
        }
        ASSERT(view_put(&self->table, &row) == ERR_OK);
    }
    self->table.version++;
    return true;
}

static member_status_t poll_table(world_t *self, uint64_t node, uint64_t acknowledged)
{
    const member_t *found = view_find(&self->table, node);
    if (found == NULL)
        return 0;
    if (found->status != MEMBER_DEAD) {
        member_t row = *found;
        row.seen_ms = MAX(row.seen_ms + 1, self->table.read_ms);
        row.acknowledged = MAX(row.acknowledged, acknowledged);
        ASSERT(view_put(&self->table, &row) == ERR_OK);
    }
    return found->status;
}

/* It has reached the table; the answer takes a while, too. */
static void ask_table(world_t *self, const event_t *event)
{
    node_t *node = &self->nodes[event->to];
    event_t answer = *event;
    self->table_uses++;
    self->table.read_ms = (uint64_t)(WALL_FIRST_MS + (int64_t)self->now_ms + self->table_clock_ms);
    answer.kind = EVENT_ANSWER;
    answer.at_ms = self->now_ms + table_delay_ms(self, event->to);
    answer.answer.is_away = node->is_table_cut;
    answer.answer.version = self->table.version;
    if (node->is_table_cut) {
        post(self, answer);
        return;
    }
    if (event->effect.kind == MEMBERSHIP_DO_READ) {
        answer.answer.view = memory_new(sizeof *answer.answer.view);
        ASSERT(answer.answer.view != NULL && view_copy(answer.answer.view, &self->table) == ERR_OK);
    } else if (event->effect.kind == MEMBERSHIP_DO_WRITE) {
        answer.answer.is_landed = write_table(self, node->membership, event->effect.version);
    } else {
        answer.answer.status = poll_table(self, node->node, event->effect.version);
    }
    post(self, answer);
}

static void drop_answer(event_t *event)
{
    if (event->answer.view != NULL)
        view_deinit(event->answer.view);
    memory_free(event->answer.view);
    event->answer.view = NULL;
}

static void table_answers(world_t *self, event_t *event)
{
    membership_t *membership = self->nodes[event->to].membership;
    uint64_t now_ms = world_clock_ms(self, event->to);
    const answer_t *answer = &event->answer;
    if (answer->is_away)
        membership_away(membership, now_ms);
    else if (event->effect.kind == MEMBERSHIP_DO_READ)
        membership_read(membership, answer->view, now_ms);
    else if (event->effect.kind == MEMBERSHIP_DO_WRITE)
        membership_written(membership, answer->is_landed, now_ms);
    else
        membership_polled(membership, answer->version, answer->status, now_ms);
    drop_answer(event);
}

/* ---- what must always hold ---- */

bool world_has_lease(const world_t *self, uint32_t index)
{
    const node_t *node = &self->nodes[index];
    return !node->is_dead &&
           membership_lease_until_ms(node->membership) > world_clock_ms(self, index);
}

static void check_free(const world_t *self, uint32_t who)
{
    const membership_t *membership = self->nodes[who].membership;
    const view_t *view = membership_view(membership);
    for (uint32_t row = 0; row < view->count; row++) {
        uint32_t i = index_of(self, view->members[row].node);
        if (view->members[row].status == MEMBER_DEAD &&
            membership_is_free(membership, self->nodes[i].node, world_clock_ms(self, who)))
            ASSERT(!world_has_lease(self, i));
    }
}

/* ---- time ---- */

static void step(world_t *self)
{
    event_t event = take_first(self);
    node_t *node = &self->nodes[event.to];
    self->now_ms = MAX(self->now_ms, event.at_ms);
    if (node->is_dead) {
        drop_answer(&event);
        return;
    }
    if (node->is_paused && event.kind != EVENT_TABLE) { /* it waits in a socket */
        event.at_ms = self->now_ms + self->options.lease_ms / 30;
        post(self, event);
        return;
    }
    if (event.kind == EVENT_TICK) {
        membership_tick(node->membership, world_clock_ms(self, event.to));
        check_free(self, event.to);
        event.at_ms = self->now_ms + self->options.lease_ms / 30;
        post(self, event);
    } else if (event.kind == EVENT_TABLE) {
        ask_table(self, &event);
    } else if (event.kind == EVENT_ANSWER) {
        table_answers(self, &event);
    } else {
        hear(self, &event);
    }
    carry_out(self, event.to);
}

void world_run(world_t *self, uint64_t for_ms)
{
    uint64_t end_ms = self->now_ms + for_ms;
    while (self->event_count > 0 && self->events[0].at_ms <= end_ms)
        step(self);
    self->now_ms = end_ms;
}

bool world_run_until(world_t *self, bool (*is_done)(world_t *self, void *context), void *context,
                     uint64_t for_ms)
{
    uint64_t end_ms = self->now_ms + for_ms;
    while (self->now_ms < end_ms) {
        if (is_done(self, context))
            return true;
        world_run(self, 10);
    }
    return is_done(self, context);
}

/* ---- the object, its nodes ---- */

world_t *world_new(const world_options_t *options)
{
    world_t *self = memory_new(sizeof *self);
    ASSERT(self != NULL);
    self->options = *options;
    self->seed = (random_seed_t){options->seed};
    self->random = random_seeded(&self->seed);
    self->table.version = 1;
    self->events = memory_new_array(EVENTS_MAX, sizeof *self->events);
    ASSERT(self->events != NULL);
    return self;
}

void world_free(world_t *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->event_count; i++)
        drop_answer(&self->events[i]);
    for (uint32_t i = 0; i < self->count; i++) {
        membership_free(self->nodes[i].membership);
        memory_free(self->nodes[i].is_cut_from);
    }
    view_deinit(&self->table);
    memory_free(self->events);
    memory_free(self);
}

void world_scope_end(world_t **self)
{
    world_free(*self);
}

static uint32_t start_at(world_t *self, uint32_t address)
{
    ASSERT(self->count < WORLD_NODES_MAX);
    uint32_t index = self->count++;
    node_t *node = &self->nodes[index];
    membership_options_t options = {.lease_ms = self->options.lease_ms};
    node->node = index + 1;
    node->address = address;
    set_clock(self, node);
    options.self = (member_t){.node = node->node, .roles = MEMBER_ACTORS, .weight = 100};
    snprintf(options.self.address, sizeof options.self.address, "[::1]:%u", ADDRESSES + address);
    ASSERT(membership_new(&options, world_clock_ms(self, index), &node->membership) == ERR_OK);
    carry_out(self, index);
    uint64_t tick_ms = self->options.lease_ms / 30;
    post(self, (event_t){.at_ms = self->now_ms + 1 + random_below(&self->random, tick_ms),
                         .kind = EVENT_TICK,
                         .from = index,
                         .to = index});
    return index;
}

uint32_t world_start(world_t *self)
{
    return start_at(self, self->count);
}

uint32_t world_restart(world_t *self, uint32_t at)
{
    for (uint32_t i = 0; i < self->count; i++) /* an address has one process at a time */
        self->nodes[i].is_dead |= self->nodes[i].address == self->nodes[at].address;
    return start_at(self, self->nodes[at].address);
}

void world_start_many(world_t *self, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        world_start(self);
}

void world_kill(world_t *self, uint32_t index)
{
    self->nodes[index].is_dead = true;
}

void world_pause(world_t *self, uint32_t index, bool is_paused)
{
    self->nodes[index].is_paused = is_paused;
}

void world_cut_table(world_t *self, uint32_t index, bool is_cut)
{
    self->nodes[index].is_table_cut = is_cut;
}

void world_cut_all_tables(world_t *self, bool is_cut)
{
    for (uint32_t i = 0; i < self->count; i++)
        world_cut_table(self, i, is_cut);
}

void world_cut(world_t *self, uint32_t from, uint32_t to, bool is_cut)
{
    node_t *node = &self->nodes[to];
    if (node->is_cut_from == NULL && is_cut) {
        node->is_cut_from = memory_new_array(WORLD_NODES_MAX, sizeof *node->is_cut_from);
        ASSERT(node->is_cut_from != NULL);
    }
    if (node->is_cut_from != NULL)
        node->is_cut_from[from] = is_cut;
}

void world_part(world_t *self, uint32_t first)
{
    for (uint32_t from = 0; from < self->count; from++)
        for (uint32_t to = 0; to < self->count; to++)
            world_cut(self, from, to, first != 0 && (from < first) != (to < first));
}

void world_set_delay(world_t *self, uint32_t index, uint32_t delay_ms)
{
    self->nodes[index].delay_ms = delay_ms;
}

void world_set_table_delay(world_t *self, uint32_t index, uint32_t delay_ms)
{
    self->nodes[index].table_delay_ms = delay_ms;
}

void world_heal(world_t *self)
{
    world_cut_all_tables(self, false);
    world_part(self, 0);
    for (uint32_t i = 0; i < self->count; i++) {
        world_pause(self, i, false);
        world_set_delay(self, i, 0);
        world_set_table_delay(self, i, 0);
    }
}

void world_leave(world_t *self, uint32_t index)
{
    membership_leave(self->nodes[index].membership);
    membership_drained(self->nodes[index].membership);
}

void world_begin_leave(world_t *self, uint32_t index)
{
    membership_leave(self->nodes[index].membership);
}

bool world_is_whole(world_t *self, void *unused)
{
    (void)unused;
    uint32_t running = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        const node_t *node = &self->nodes[i];
        if (node->is_dead || node->is_paused)
            continue;
        running++;
        const view_t *view = membership_view(node->membership);
        const member_t *row = view_find(view, node->node);
        if (view->version != self->table.version || row == NULL || row->status != MEMBER_ACTIVE)
            return false;
    }
    return view_live_count(&self->table) == running;
}

world_t *world_whole(uint64_t seed, uint32_t count, uint64_t lease_ms)
{
    world_t *self =
        world_new(&(world_options_t){.seed = seed, .lease_ms = lease_ms, .delay_ms = 5});
    world_start_many(self, count);
    ASSERT(world_run_until(self, world_is_whole, NULL, 20 * lease_ms));
    return self;
}

void world_bury(world_t *self, uint32_t index)
{
    ASSERT(self->nodes[index].is_dead);
    membership_free(STEAL(self->nodes[index].membership));
}

uint64_t world_now_ms(const world_t *self)
{
    return self->now_ms;
}

const membership_t *world_membership(const world_t *self, uint32_t index)
{
    return self->nodes[index].membership;
}

uint64_t world_node(const world_t *self, uint32_t index)
{
    return self->nodes[index].node;
}

uint32_t world_count(const world_t *self)
{
    return self->count;
}

bool world_is_dead(const world_t *self, uint32_t index)
{
    return self->nodes[index].is_dead;
}

bool world_is_paused(const world_t *self, uint32_t index)
{
    return self->nodes[index].is_paused;
}

bool world_is_cut(const world_t *self, uint32_t from, uint32_t to)
{
    return self->nodes[to].is_cut_from != NULL && self->nodes[to].is_cut_from[from];
}

bool world_is_table_cut(const world_t *self, uint32_t index)
{
    return self->nodes[index].is_table_cut;
}

bool world_is_stopped(const world_t *self, uint32_t index)
{
    return self->nodes[index].is_stopped;
}

bool world_is_replaced(const world_t *self, uint32_t index)
{
    for (uint32_t i = index + 1; i < self->count; i++)
        if (self->nodes[i].address == self->nodes[index].address)
            return true;
    return false;
}

void world_print(const world_t *self)
{
    static const char *const statuses[] = {"none", "joining", "active", "leaving", "dead"};
    fprintf(stderr, "%zu ms, table at %zu\n", (size_t)self->now_ms, (size_t)self->table.version);
    for (uint32_t i = 0; i < self->count; i++) {
        const node_t *node = &self->nodes[i];
        const member_t *row = view_find(&self->table, node->node);
        fprintf(stderr, "%u at %u: %s%s%s state %d view %zu; row %s acknowledged %zu votes %u\n", i,
                node->address, node->is_dead ? "dead " : "", node->is_paused ? "paused " : "",
                node->is_stopped ? "stopped " : "", (int)membership_state(node->membership),
                (size_t)membership_view(node->membership)->version,
                row == NULL ? "none" : statuses[row->status],
                row == NULL ? 0 : (size_t)row->acknowledged, row == NULL ? 0 : row->vote_count);
    }
}

const view_t *world_table(const world_t *self)
{
    return &self->table;
}

uint64_t world_messages(const world_t *self)
{
    return self->messages;
}

uint64_t world_table_uses(const world_t *self)
{
    return self->table_uses;
}

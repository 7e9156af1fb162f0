/* Real actors on three simulated runtimes change their nodes by handover.h, holding.h and vacate.h,
 * while everybody sends to them: each message arrives once, and in its sender's order. */

#include "cluster/handover/handover.h"
#include "runtime/base/memory.h"
#include "runtime/base/random.h"
#include "runtime/remote/holding.h"
#include "runtime/remote/vacate.h"
#include "tests/support/remote/fleet.h"
#include "tests/support/scale.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    NODES = 3,
    KEYS = 24,
    CLIENT_FACTOR = 1000000, /* of a note's number: its client, then a count */
    FENCE_MS = 6,
    STALL_EVERY_MS = 20,
    STALL_MS = 15,
    VACATES_MAX = HANDOVER_WAVE_MAX
};

typedef struct emptying { /* one VACATE */
    vacate_t vacate;
    uint32_t partitions[HANDOVER_BATCH_MAX];
    size_t count;
} emptying_t;

typedef struct town town_t;
typedef struct house { /* a node */
    town_t *town;
    uint64_t node;
    runtime_t *runtime;
    handover_t *handover;
    holding_t *holding;
    handover_effect_t asked; /* of the fence */
    uint64_t fence_ms;       /* its answer is there; 0: nothing was asked */
    uint64_t take_ms;        /* it takes the newest view; 0: it has */
    size_t emptying_count;
    emptying_t *emptyings[VACATES_MAX];
} house_t;

struct town {
    fleet_t fleet;
    random_seed_t seed;
    ms_random_t random;
    uint64_t now_ms, stalled_ms[NODES + 1][NODES + 1];
    view_t view;
    placement_t *placements[8];
    handover_item_t rows[PARTITION_COUNT];
    house_t houses[NODES + 1];
    uint32_t sent[NODES + 1][KEYS], heard[NODES + 1][KEYS];
    uint64_t sum[NODES + 1][KEYS]; /* of the numbers heard: each once */
};

/* ---- carrying out ---- */

typedef struct letter {
    handover_message_t head;
    handover_item_t items[HANDOVER_BATCH_MAX];
} letter_t;

static err_t write_letter(void *what, buf_t *out)
{
    const handover_message_t *message = what;
    buf_append_bytes(out, message, sizeof *message);
    if (message->count > 0)
        buf_append_bytes(out, message->items, message->count * sizeof *message->items);
    return buf_status(out);
}

static void carry_out(house_t *self);

static void hear_letter(void *context, uint64_t from, str_t bytes)
{
    house_t *self = context;
    letter_t *letter MEMORY_SCOPED = memory_new(sizeof *letter);
    cr_assert(letter != NULL && bytes.size <= sizeof *letter);
    memcpy(letter, bytes.data, bytes.size);
    letter->head.items = letter->items;
    handover_heard(self->handover, from, &letter->head, self->town->now_ms);
    carry_out(self);
}

static void send_letter(house_t *self, uint64_t node, const handover_message_t *message)
{
    handover_message_t copy = *message;
    check_ok(runtime_tell(self->runtime, node, ROUTER_MOVES, write_letter, &copy));
}

static void begin_emptying(house_t *self, const handover_effect_t *effect)
{
    emptying_t *emptying = memory_new(sizeof *emptying);
    cr_assert(emptying != NULL && self->emptying_count < VACATES_MAX);
    for (size_t i = 0; i < effect->count; i++) {
        uint32_t partition = effect->items[i].partition;
        check_ok(holding_place(self->holding, partition, ROUTER_HELD, false));
        partition_set_add(&emptying->vacate.set, partition);
        emptying->partitions[emptying->count++] = partition;
    }
    self->emptyings[self->emptying_count++] = emptying;
}

static void send_to_all(house_t *self, const handover_message_t *message)
{
    for (uint64_t node = 1; node <= NODES; node++)
        if (node != self->node)
            send_letter(self, node, message);
}

static void carry_out_one(house_t *self, const handover_effect_t *effect)
{
    switch (effect->kind) {
    case HANDOVER_DO_ROUTE:
        for (size_t i = 0; i < effect->count; i++)
            check_ok(holding_place(self->holding, effect->items[i].partition, effect->items[i].node,
                                   effect->is_travelling));
        break;
    case HANDOVER_DO_VACATE:
        begin_emptying(self, effect);
        break;
    case HANDOVER_DO_SEND:
        send_letter(self, effect->node, &effect->message);
        break;
    case HANDOVER_DO_SEND_ALL:
        send_to_all(self, &effect->message);
        break;
    case HANDOVER_DO_READ:
    case HANDOVER_DO_CLAIM:
        self->asked = *effect;
        self->fence_ms = self->town->now_ms + 1 + random_below(&self->town->random, FENCE_MS);
        break;
    }
}

static void carry_out(house_t *self)
{
    handover_effect_t effect;
    while (handover_next(self->handover, &effect))
        carry_out_one(self, &effect);
}

/* ---- a node's time ---- */

static void ask_fence(house_t *self)
{
    handover_item_t *rows = self->town->rows;
    handover_item_t *answer MEMORY_SCOPED = memory_new_array(self->asked.count, sizeof *answer);
    cr_assert(answer != NULL);
    for (size_t i = 0; i < self->asked.count; i++) {
        const handover_item_t *item = &self->asked.items[i];
        handover_item_t *row = &rows[item->partition];
        if (self->asked.kind == HANDOVER_DO_CLAIM && row->node == item->node &&
            row->epoch == item->epoch)
            *row = (handover_item_t){item->partition, row->epoch + 1, self->node};
        answer[i] = *row;
    }
    self->fence_ms = 0;
    handover_rows(self->handover, self->town->view.version, answer, self->asked.count,
                  self->town->now_ms);
}

static void step_emptyings(house_t *self)
{
    for (size_t i = 0; i < self->emptying_count; i++) {
        emptying_t *emptying = self->emptyings[i];
        uint64_t now_ms = self->town->now_ms;
        if (vacate_step(self->runtime, &emptying->vacate, now_ms) > 0)
            continue;
        self->emptyings[i--] = self->emptyings[--self->emptying_count];
        handover_vacated(self->handover, emptying->partitions, emptying->count, now_ms);
        memory_free(emptying);
    }
}

static void step_house(house_t *self)
{
    town_t *town = self->town;
    if (self->take_ms != 0 && town->now_ms >= self->take_ms) {
        self->take_ms = 0;
        check_ok(handover_take(self->handover, &town->view, town->placements[town->view.version],
                               town->now_ms));
        carry_out(self);
    }
    if (self->fence_ms != 0 && town->now_ms >= self->fence_ms)
        ask_fence(self);
    carry_out(self);
    step_emptyings(self);
    carry_out(self);
    handover_tick(self->handover, town->now_ms);
    carry_out(self);
}

/* ---- all of them ---- */

static bool nobody_is_free(void *context, uint64_t node, uint64_t now_ms)
{
    (void)context, (void)node, (void)now_ms;
    return false;
}

static void open_house(town_t *town, uint64_t node)
{
    house_t *self = &town->houses[node];
    handover_options_t options = {node, nobody_is_free, NULL};
    self->town = town;
    self->node = node;
    self->runtime = fleet_runtime(&town->fleet, node);
    check_ok(handover_new(&options, &self->handover));
    check_ok(holding_new(self->runtime, NULL, NULL, &self->holding));
    runtime_hear(self->runtime, ROUTER_MOVES, hear_letter, self);
}

static town_t *open_town(uint64_t seed)
{
    town_t *self = memory_new(sizeof *self);
    cr_assert(self != NULL);
    self->seed = (random_seed_t){seed};
    self->random = random_seeded(&self->seed);
    fleet_begin(&self->fleet, seed, NODES, NULL);
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        self->rows[i].partition = i;
    for (uint64_t node = 1; node <= NODES; node++) {
        open_house(self, node);
        check_ok(view_put(&self->view, &(member_t){.node = node,
                                                   .status = MEMBER_JOINING,
                                                   .roles = MEMBER_ACTORS,
                                                   .weight = MEMBER_WEIGHT_USUAL}));
    }
    return self;
}

/* A view in which this node has that status; each node has it at a time of its own. */
static void change(town_t *self, uint64_t node, member_status_t status)
{
    member_t row = *view_find(&self->view, node);
    row.status = status;
    row.joined = self->view.version + 1;
    check_ok(view_put(&self->view, &row));
    self->view.version++;
    placement_t *placement = memory_new(sizeof *placement);
    cr_assert(placement != NULL && self->view.version < COUNT_OF(self->placements));
    placement_build(placement, &self->view, MEMBER_ACTORS);
    self->placements[self->view.version] = placement;
    for (uint64_t i = 1; i <= NODES; i++)
        self->houses[i].take_ms = self->now_ms + 1 + random_below(&self->random, 30);
}

static void send_some(town_t *self, uint64_t clients)
{
    for (int i = 0; i < 4; i++) {
        uint64_t client = 1 + random_below(&self->random, clients);
        uint32_t key = (uint32_t)random_below(&self->random, KEYS);
        char name[8];
        snprintf(name, sizeof name, "%u", key);
        fleet_send(&self->fleet, client, agent_at(name), agent_note,
                   .number = client * CLIENT_FACTOR + ++self->sent[client][key]);
    }
}

/* A way stands still for some milliseconds: others overtake it. */
static void hinder(town_t *self, bool is_over)
{
    for (uint64_t from = 1; from <= NODES; from++)
        for (uint64_t to = 1; to <= NODES; to++) {
            uint64_t *until_ms = &self->stalled_ms[from][to];
            bool begins = !is_over && self->now_ms > *until_ms &&
                          random_below(&self->random, STALL_EVERY_MS) == 0;
            if (begins)
                *until_ms = self->now_ms + 1 + random_below(&self->random, STALL_MS);
            if (from != to)
                network_stall(self->fleet.network, from, to, !is_over && *until_ms > self->now_ms);
        }
}

static void pass(town_t *self, uint64_t ms, uint64_t clients)
{
    for (uint64_t i = 0; i < ms; i++) {
        hinder(self, clients == 0);
        if (clients > 0)
            send_some(self, clients);
        fleet_pass(&self->fleet, 1);
        self->now_ms++;
        for (uint64_t node = 1; node <= NODES; node++)
            step_house(&self->houses[node]);
    }
}

static bool is_settled(const town_t *self)
{
    const placement_t *placement = self->placements[self->view.version];
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        for (uint64_t node = 1; node <= NODES; node++)
            if (runtime_placed(self->houses[node].runtime, i) != placement->owners[i])
                return false;
    return true;
}

static void settle(town_t *self, uint64_t clients)
{
    uint64_t began_ms = self->now_ms;
    while (!is_settled(self) && self->now_ms - began_ms < 20000)
        pass(self, 10, clients);
    cr_assert(is_settled(self));
    cr_log_info("settled after %zu ms", (size_t)(self->now_ms - began_ms));
}

/* "2.a note 7": every note is its client's next one, or (is_any) one of them. How many were not
 * the next. */
static uint64_t read_log(town_t *self, bool is_any)
{
    uint64_t disordered = 0;
    const char *line = fleet_log(&self->fleet);
    unsigned long long node, number;
    unsigned key;
    for (int size; sscanf(line, "%llu.%u note %llu\n%n", &node, &key, &number, &size) == 3;
         line += size) {
        uint32_t *heard = &self->heard[number / CLIENT_FACTOR][key];
        bool is_next = number % CLIENT_FACTOR == ++*heard;
        cr_assert(is_any || is_next, "client %llu, key %u: %llu after %u", number / CLIENT_FACTOR,
                  key, number % CLIENT_FACTOR, *heard - 1);
        disordered += !is_next;
        self->sum[number / CLIENT_FACTOR][key] += number % CLIENT_FACTOR;
    }
    return disordered;
}

static uint64_t close_town(town_t *self, bool is_any)
{
    pass(self, 100, 0);
    uint64_t disordered = read_log(self, is_any);
    for (uint64_t node = 1; node <= NODES; node++)
        for (uint32_t key = 0; key < KEYS; key++) {
            uint64_t sent = self->sent[node][key];
            cr_expect(self->heard[node][key] == sent &&
                          self->sum[node][key] == sent * (sent + 1) / 2,
                      "client %zu, key %u", (size_t)node, key);
        }
    for (uint64_t node = 1; node <= NODES; node++) {
        cr_expect(self->houses[node].emptying_count == 0);
        cr_expect(handover_counts(self->houses[node].handover).late_views == 0);
        holding_free(self->houses[node].holding);
        handover_free(self->houses[node].handover);
    }
    fleet_end(&self->fleet);
    for (size_t i = 0; i < COUNT_OF(self->placements); i++)
        memory_free(self->placements[i]);
    view_deinit(&self->view);
    memory_free(self);
    return disordered;
}

static void one_history(uint64_t seed)
{
    town_t *town = open_town(seed);
    change(town, 1, MEMBER_ACTIVE);
    settle(town, 0);
    pass(town, 50, 1);
    change(town, 2, MEMBER_ACTIVE);
    settle(town, 2); /* who joins asks nothing yet */
    change(town, 3, MEMBER_ACTIVE);
    settle(town, NODES);
    change(town, 1, MEMBER_LEAVING);
    settle(town, NODES);
    check_true(handover_is_empty(town->houses[1].handover));
    (void)close_town(town, false);
}

Test(actors_move, every_message_arrives_once_and_in_order)
{
    for (uint64_t seed = 1; seed <= 3 * scale_rounds(); seed++)
        one_history(seed);
}

/* The next view comes while the one before is being carried out. */
static uint64_t overlapping(uint64_t seed)
{
    town_t *town = open_town(seed);
    change(town, 1, MEMBER_ACTIVE);
    settle(town, 0);
    pass(town, 50, 1);
    change(town, 2, MEMBER_ACTIVE);
    pass(town, 20 + seed % 50, 1);
    change(town, 3, MEMBER_ACTIVE);
    pass(town, 20 + seed / 50 % 50, 1);
    change(town, 2, MEMBER_LEAVING);
    settle(town, 1);
    return close_town(town, true);
}

/* What handover.h promises of order is for one view change at a time. Where two overlap each
 * message arrives once all the same, and some out of their order: these seeds show it. */
Test(actors_move, where_two_changes_overlap_every_message_arrives_once_but_order_may_break)
{
    static const uint64_t known[] = {6, 8, 13};
    uint64_t disordered = 0;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        disordered += overlapping(known[i]);
    cr_expect(disordered > 0, "order is kept by now: handover.h says less than is true");
    for (uint64_t seed = 100; seed < 100 + scale_rounds() * 4; seed++)
        (void)overlapping(seed);
}

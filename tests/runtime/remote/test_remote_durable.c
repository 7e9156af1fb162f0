/* Durable actors of several nodes on one journal: retries, outboxes, and couriers among nodes that
 * are cut off, killed and replaced, by seed. */
#include "runtime/journal_memory.h"
#include "runtime/kernel.h"
#include "runtime/remote/remote.h"
#include "tests/support/actors/courier.h"
#include "tests/support/remote/fleet.h"
#include "tests/support/scale.h"

typedef struct world {
    fleet_t fleet;
    journal_memory_t *journal;
} world_t;

static void begin(world_t *self, uint64_t seed, uint32_t count)
{
    check_ok(journal_memory_new(false, &self->journal));
    fleet_begin(&self->fleet, seed, count, journal_memory_journal(self->journal));
}

static void end(world_t *self)
{
    fleet_end(&self->fleet);
    journal_memory_free(self->journal);
}

static address_t courier(const char *key)
{
    return address_of("courier", str_from(key));
}

typedef struct counts {
    bool is_there;
    err_t err;
    courier_count_t value;
} counts_t;

static void on_counts(void *context, const answer_t *answer)
{
    counts_t *self = context;
    self->is_there = true;
    self->err = answer->err;
    if (answer->err == ERR_OK && answer->schema == &courier_count_schema)
        self->value = *(const courier_count_t *)answer->message;
}

static counts_t read_counts(world_t *self, uint64_t on, const char *key)
{
    counts_t counts = {0};
    edge_ask(runtime_edge(fleet_runtime(&self->fleet, on), 0), courier(key), 0, STR(""), on_counts,
             &counts, courier_read);
    fleet_pass(&self->fleet, 100);
    return counts;
}

/* The answer to the first try was lost with the link: the second finds it. */
Test(remote_durable, a_command_that_is_tried_again_is_carried_out_once)
{
    static const char id[] = "01j00000000000000000000000";
    world_t world;
    counts_t first = {0}, second = {0};
    begin(&world, 1, 2);
    edge_t *edge = runtime_edge(fleet_runtime(&world.fleet, 2), 0);
    const courier_send_t send = {.to = STR("z"), .item = 1};
    network_stall(world.fleet.network, 1, 2, true);
    edge_ask_message(edge, courier("a"), 0, STR(id), on_counts, &first, &courier_send_schema,
                     &send);
    fleet_settle(&world.fleet);
    network_cut(world.fleet.network, 1, 2);
    network_heal(world.fleet.network, 1, 2);
    network_stall(world.fleet.network, 1, 2, false);
    fleet_settle(&world.fleet);
    check_err(first.err, ERR_UNAVAILABLE);

    edge_ask_message(edge, courier("a"), 0, STR(id), on_counts, &second, &courier_send_schema,
                     &send);
    fleet_settle(&world.fleet);

    check_ok(second.err);
    cr_assert(eq(u64, second.value.sent, 1));
    cr_assert(eq(u64, read_counts(&world, 1, "a").value.sent, 1));
    end(&world);
}

Test(remote_durable, a_durable_message_gets_there_once_through_cuts)
{
    world_t world;
    begin(&world, 1, 2);
    fleet_place(&world.fleet, "courier", "b", 2);
    for (uint64_t i = 1; i <= 5; i++) {
        fleet_send(&world.fleet, 1, courier("a"), courier_send, .to = STR("b"), .item = i);
        fleet_settle(&world.fleet);
        network_cut(world.fleet.network, 1, 2);
        fleet_send(&world.fleet, 1, courier("a"), courier_send, .to = STR("b"), .item = 100 + i);
        fleet_pass(&world.fleet, 300);
        network_heal(world.fleet.network, 1, 2);
    }
    fleet_pass(&world.fleet, 120000);

    cr_assert(eq(u64, read_counts(&world, 1, "b").value.taken, 10));
    cr_assert(eq(u64, read_counts(&world, 2, "a").value.sent, 10));
    end(&world);
}

/* It was taken, and the answer lost: it comes again, and is known. */
Test(remote_durable, a_durable_message_whose_answer_is_lost_is_taken_once)
{
    world_t world;
    outbox_stats_t stats;
    begin(&world, 1, 2);
    fleet_place(&world.fleet, "courier", "b", 2);
    network_stall(world.fleet.network, 2, 1, true);
    fleet_send(&world.fleet, 1, courier("a"), courier_send, .to = STR("b"), .item = 1);
    fleet_settle(&world.fleet);
    network_cut(world.fleet.network, 1, 2);
    network_heal(world.fleet.network, 1, 2);
    network_stall(world.fleet.network, 2, 1, false);

    fleet_pass(&world.fleet, 60000);

    outbox_stats(fleet_runtime(&world.fleet, 2), &stats);
    cr_assert(eq(u64, stats.duplicates, 1));
    cr_assert(eq(u64, read_counts(&world, 2, "b").value.taken, 1));
    outbox_stats(fleet_runtime(&world.fleet, 1), &stats);
    cr_assert(eq(u64, stats.delivered, 1));
    end(&world);
}

/* ---- by seed ---- */

enum { COURIERS_HERE = 6, ACTS = 60 };

typedef struct story {
    world_t world;
    random_seed_t seed;
    ms_random_t random;
    uint64_t sent;
    uint64_t next_node;
} story_t;

static const char *const keys[COURIERS_HERE] = {"a", "b", "c", "d", "e", "f"};

static uint64_t below(story_t *self, uint64_t count)
{
    return random_below(&self->random, count);
}

/* A node that is there. */
static uint64_t some_node(story_t *self)
{
    uint64_t node;
    do
        node = 1 + below(self, self->world.fleet.count);
    while (self->world.fleet.nodes[node].runtime == NULL);
    return node;
}

static uint32_t nodes_there(const story_t *self)
{
    uint32_t count = 0;
    for (uint64_t node = 1; node <= self->world.fleet.count; node++)
        count += self->world.fleet.nodes[node].runtime != NULL;
    return count;
}

/* What a node that is gone had goes to others, which nobody else has then: a view change. */
static void place(story_t *self)
{
    for (size_t i = 0; i < COURIERS_HERE; i++) {
        const actor_kind_t *kind = &courier_kind;
        uint32_t partition = remote_partition(kind, str_from(keys[i]));
        uint64_t on = some_node(self),
                 owner = runtime_placed(fleet_runtime(&self->world.fleet, on), partition);
        if (self->world.fleet.nodes[owner].runtime == NULL)
            fleet_place(&self->world.fleet, "courier", keys[i], some_node(self));
    }
}

static void kill_one(story_t *self)
{
    fleet_t *fleet = &self->world.fleet;
    if (nodes_there(self) < 3)
        return;
    fleet_kill(fleet, some_node(self));
    place(self);
}

/* It knows where everything is from those that are there. */
static void add_one(story_t *self)
{
    fleet_t *fleet = &self->world.fleet;
    if (self->next_node > NETWORK_NODES_MAX)
        return;
    uint64_t other = some_node(self), fresh = self->next_node++;
    fleet_add(fleet, fresh);
    for (uint32_t i = 0; i < PARTITION_COUNT; i++) {
        uint64_t owner = runtime_placed(fleet_runtime(fleet, other), i);
        bool is_there = fleet->nodes[owner].runtime != NULL;
        check_ok(runtime_place(fleet_runtime(fleet, fresh), i, is_there ? owner : fresh));
    }
}

static void send_one(story_t *self)
{
    size_t from = below(self, COURIERS_HERE),
           to = (from + 1 + below(self, COURIERS_HERE - 1)) % COURIERS_HERE;
    counts_t counts = {0};
    edge_t *edge = runtime_edge(fleet_runtime(&self->world.fleet, some_node(self)), 0);
    char id[27];
    snprintf(id, sizeof id, "01j%023llu", (unsigned long long)self->sent);
    /* Until it is known to be carried out: by the same id, so once. */
    for (int tries = 0; tries < 50 && (!counts.is_there || counts.err != ERR_OK); tries++) {
        counts = (counts_t){0};
        edge_ask(edge, courier(keys[from]), 2000, str_of(id, 26), on_counts, &counts, courier_send,
                 .to = str_from(keys[to]), .item = self->sent + 1);
        fleet_pass(&self->world.fleet, below(self, 4) == 0 ? 2100 : below(self, 40));
        if (!counts.is_there)
            fleet_pass(&self->world.fleet, 2100);
    }
    check_ok(counts.err);
    self->sent++;
}

static void trouble(story_t *self)
{
    fleet_t *fleet = &self->world.fleet;
    uint64_t a = some_node(self), b = some_node(self);
    switch (below(self, 6)) {
    case 0:
        if (a != b)
            network_cut(fleet->network, a, b);
        break;
    case 1:
        kill_one(self);
        break;
    case 2:
        add_one(self);
        break;
    default:
        break;
    }
}

static void heal(story_t *self)
{
    for (uint64_t a = 1; a <= NETWORK_NODES_MAX; a++)
        for (uint64_t b = 1; b <= NETWORK_NODES_MAX; b++)
            if (a != b)
                network_heal(self->world.fleet.network, a, b);
}

static void tell_it(uint64_t seed)
{
    static story_t story;
    story = (story_t){.seed.state = seed, .next_node = 4};
    story.random = random_seeded(&story.seed);
    begin(&story.world, seed, 3);
    for (size_t i = 0; i < COURIERS_HERE; i++)
        fleet_place(&story.world.fleet, "courier", keys[i], 1 + below(&story, 3));
    for (int act = 0; act < ACTS; act++) {
        trouble(&story);
        heal(&story);
        send_one(&story);
    }
    /* Senders whose node went are woken where they are now; then all arrives. */
    counts_t sum = {0};
    for (size_t i = 0; i < COURIERS_HERE; i++)
        (void)read_counts(&story.world, some_node(&story), keys[i]);
    fleet_pass(&story.world.fleet, 200000);
    for (size_t i = 0; i < COURIERS_HERE; i++) {
        counts_t counts = read_counts(&story.world, some_node(&story), keys[i]);
        cr_assert(counts.err == ERR_OK && counts.is_there, "seed %llu: %s",
                  (unsigned long long)seed, err_name(counts.err));
        sum.value.sent += counts.value.sent;
        sum.value.taken += counts.value.taken;
    }
    cr_assert(sum.value.sent == story.sent && sum.value.taken == story.sent,
              "seed %llu: %llu were to be sent, %llu were, %llu taken", (unsigned long long)seed,
              (unsigned long long)story.sent, (unsigned long long)sum.value.sent,
              (unsigned long long)sum.value.taken);
    end(&story.world);
}

Test(remote_durable, couriers_lose_and_double_nothing_whatever_becomes_of_nodes)
{
    uint64_t rounds = 4 * scale_rounds();
    for (uint64_t seed = 1; seed <= rounds; seed++)
        tell_it(seed);
}

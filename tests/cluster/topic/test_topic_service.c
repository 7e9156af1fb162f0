/* Three runtimes, each with its topics, and a test's thread that carries frames between them. */
#include "cluster/topic/topic_service.h"
#include "runtime/base/memory.h"
#include "tests/support/actors/toy.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

enum { NODES = 3, PUBLISHED = 500 };

typedef struct frame {
    struct frame *next;
    uint64_t from, to;
    buf_t bytes;
} frame_t;

typedef struct cluster cluster_t;

typedef struct node {
    cluster_t *cluster;
    uint64_t number;
    runtime_t *runtime;
    topic_service_t *service;
    toy_world_t toys;
    bool is_ignorant; /* knows no schema */
    /* Of its edge, which subscribes. */
    edge_subscription_t *subscription;
    str_t topic;
    _Atomic uint64_t heard, last, disordered, starts, gaps;
    uv_sem_t done;
} node_t;

struct cluster {
    uv_mutex_t lock;
    frame_t *first, **end;
    node_t nodes[NODES];
    placement_t *placement;
    ms_log_t log;
};

static void send_frame(void *context, uint64_t to, const topic_frame_t *frame)
{
    const node_t *node = context;
    cluster_t *self = node->cluster;
    frame_t *sent = memory_new(sizeof *sent);
    cr_assert(sent != NULL);
    sent->from = node->number;
    sent->to = to;
    topic_frame_put(frame, &sent->bytes);
    uv_mutex_lock(&self->lock);
    *self->end = sent;
    self->end = &sent->next;
    uv_mutex_unlock(&self->lock);
}

static const schema_t *schema(void *context, str_t name)
{
    const node_t *node = context;
    bool is_known = !node->is_ignorant && str_equal(name, STR("toy_tick"));
    return is_known ? &toy_tick_schema : NULL;
}

static frame_t *take_all(cluster_t *self)
{
    uv_mutex_lock(&self->lock);
    frame_t *first = STEAL(self->first);
    self->end = &self->first;
    uv_mutex_unlock(&self->lock);
    return first;
}

/* True when something was under way. */
static bool carry(cluster_t *self, bool is_lost)
{
    frame_t *frame = take_all(self);
    bool has_any = frame != NULL;
    for (frame_t *next; frame != NULL; frame = next) {
        next = frame->next;
        if (!is_lost)
            check_ok(topic_service_receive(self->nodes[frame->to - 1].service, frame->from,
                                           buf_str(&frame->bytes)));
        buf_deinit(&frame->bytes);
        memory_free(frame);
    }
    for (size_t i = 0; i < NODES; i++)
        topic_service_tick(self->nodes[i].service);
    return has_any;
}

#define carry_until(self, condition) wait_until((carry((self), false), (condition)))

static void place(cluster_t *self, uint64_t home)
{
    uint64_t nodes[NODES];
    self->placement->version++;
    for (size_t i = 0; i < PARTITION_COUNT; i++)
        self->placement->owners[i] = home;
    for (size_t i = 0; i < NODES; i++)
        nodes[i] = i + 1;
    for (size_t i = 0; i < NODES; i++)
        check_ok(topic_service_place(self->nodes[i].service, self->placement, nodes, NODES));
}

static void begin(cluster_t *self)
{
    memset(self, 0, sizeof *self);
    cr_assert(uv_mutex_init(&self->lock) == 0);
    self->end = &self->first;
    self->placement = memory_new(sizeof *self->placement);
    for (uint64_t i = 0; i < NODES; i++) {
        node_t *node = &self->nodes[i];
        node->cluster = self;
        node->number = i + 1;
        const runtime_options_t options = {.scheduler_count = 2};
        check_ok(runtime_new(&options, &node->runtime));
        check_ok(runtime_register(node->runtime, &toy_kind, &node->toys));
        const topic_service_options_t service = {.node = node->number,
                                                 .runtime = node->runtime,
                                                 .context = node,
                                                 .send = send_frame,
                                                 .schema = schema};
        check_ok(topic_service_new(&service, &node->service));
        check_ok(runtime_start(node->runtime));
    }
    place(self, 1);
}

static void end(cluster_t *self)
{
    for (size_t i = 0; i < NODES; i++)
        check_ok(runtime_drain(self->nodes[i].runtime, PATIENCE_MS));
    for (size_t i = 0; i < NODES; i++)
        runtime_free(self->nodes[i].runtime);
    carry(self, true);
    for (size_t i = 0; i < NODES; i++)
        topic_service_free(self->nodes[i].service);
    memory_free(self->placement);
    uv_mutex_destroy(&self->lock);
}

static void hear(void *context, str_t topic, const schema_t *of, const void *message)
{
    node_t *node = context;
    cr_assert(str_equal(topic, node->topic));
    if (of == &topic_gap_schema) {
        const topic_gap_t *gap = message;
        atomic_fetch_add(gap->is_start ? &node->starts : &node->gaps, 1);
        return;
    }
    cr_assert(of == &toy_tick_schema);
    uint64_t number = ((const toy_tick_t *)message)->number;
    if (number != atomic_load(&node->last) + 1)
        atomic_fetch_add(&node->disordered, 1);
    atomic_store(&node->last, number);
    atomic_fetch_add(&node->heard, 1);
}

static void subscribe(void *context)
{
    node_t *node = context;
    node->subscription = edge_subscribe(runtime_edge(node->runtime, 1), node->topic, hear, node);
    uv_sem_post(&node->done);
}

static void unsubscribe(void *context)
{
    node_t *node = context;
    edge_unsubscribe(&node->subscription);
    uv_sem_post(&node->done);
}

static void run_there(node_t *node, void (*fn)(void *context))
{
    uv_sem_init(&node->done, 0);
    check_ok(edge_post(runtime_edge(node->runtime, 1), fn, node));
    uv_sem_wait(&node->done);
    uv_sem_destroy(&node->done);
}

static void subscribe_all(cluster_t *self, str_t topic)
{
    for (size_t i = 0; i < NODES; i++) {
        self->nodes[i].topic = topic;
        run_there(&self->nodes[i], subscribe);
    }
    carry_until(self, self->nodes[1].starts > 0 && self->nodes[2].starts > 0);
}

static void unsubscribe_all(cluster_t *self)
{
    for (size_t i = 0; i < NODES; i++)
        run_there(&self->nodes[i], unsubscribe);
}

static void publish(node_t *node, uint64_t number)
{
    runtime_publish(node->runtime, node->topic, toy_tick, .number = number);
}

static bool all_heard(const cluster_t *self, uint64_t number)
{
    bool is_heard = true;
    for (size_t i = 0; i < NODES; i++)
        is_heard &= atomic_load(&self->nodes[i].last) == number;
    return is_heard;
}

Test(topic_service, what_any_node_publishes_is_heard_on_all_once_and_in_order)
{
    for (size_t from = 0; from < NODES; from++) {
        static cluster_t cluster;
        begin(&cluster);
        subscribe_all(&cluster, STR("toy/7/news"));

        for (uint64_t i = 1; i <= PUBLISHED; i++) {
            publish(&cluster.nodes[from], i);
            if (i % 10 == 0)
                carry(&cluster, false);
        }

        carry_until(&cluster, all_heard(&cluster, PUBLISHED));
        for (size_t i = 0; i < NODES; i++) {
            cr_assert(eq(u64, cluster.nodes[i].disordered, 0), "from %zu at %zu", from, i);
            cr_assert(eq(u64, cluster.nodes[i].gaps, 0), "from %zu at %zu", from, i);
        }
        unsubscribe_all(&cluster);
        end(&cluster);
    }
}

Test(topic_service, after_the_home_has_moved_all_are_told_and_hear_what_follows)
{
    static cluster_t cluster;
    begin(&cluster);
    subscribe_all(&cluster, STR("toy/7/news"));
    publish(&cluster.nodes[1], 1);
    carry_until(&cluster, all_heard(&cluster, 1));

    place(&cluster, 3);
    publish(&cluster.nodes[1], 2);

    carry_until(&cluster, all_heard(&cluster, 2));
    for (size_t i = 0; i < NODES; i++)
        carry_until(&cluster, cluster.nodes[i].gaps > 0);
    unsubscribe_all(&cluster);
    end(&cluster);
}

Test(topic_service, what_was_lost_on_the_way_is_sent_again)
{
    static cluster_t cluster;
    begin(&cluster);
    subscribe_all(&cluster, STR("toy/7/news"));

    publish(&cluster.nodes[1], 1);
    carry(&cluster, true);
    publish(&cluster.nodes[0], 2);
    carry(&cluster, true);

    carry_until(&cluster, cluster.nodes[0].heard == 2 && cluster.nodes[1].heard == 2 &&
                              cluster.nodes[2].heard == 2);
    unsubscribe_all(&cluster);
    end(&cluster);
}

Test(topic_service, actors_hear_it_too_and_nobody_of_another_node_where_the_name_has_no_slash)
{
    static cluster_t cluster;
    begin(&cluster);
    address_t toy = address_of("toy", STR("a"));
    for (size_t i = 0; i < NODES; i++) {
        check_ok(runtime_send(cluster.nodes[i].runtime, toy, toy_subscribe, .topic = STR("t/1")));
        check_ok(runtime_send(cluster.nodes[i].runtime, toy, toy_subscribe, .topic = STR("mine")));
        str_t mine = STR("mine");
        wait_until(runtime_topic_is_heard(cluster.nodes[i].runtime, mine));
    }
    subscribe_all(&cluster, STR("t/1"));

    runtime_publish(cluster.nodes[2].runtime, STR("mine"), toy_tick, .number = 1);
    publish(&cluster.nodes[2], 1);

    for (size_t i = 0; i < NODES; i++)
        carry_until(&cluster, cluster.nodes[i].toys.ticks >= (i == 2 ? 2 : 1));
    cr_assert(eq(u64, cluster.nodes[0].toys.ticks + cluster.nodes[1].toys.ticks, 2));
    runtime_stats_t stats;
    runtime_stats(cluster.nodes[1].runtime, &stats);
    cr_assert(eq(u64, stats.dead_letters, 0), "an actor without a handler for gaps hears none");
    unsubscribe_all(&cluster);
    end(&cluster);
}

Test(topic_service, what_a_node_can_not_read_is_told_as_a_gap)
{
    static cluster_t cluster;
    begin(&cluster);
    cluster.nodes[2].is_ignorant = true;
    subscribe_all(&cluster, STR("toy/7"));

    publish(&cluster.nodes[0], 1);

    carry_until(&cluster, cluster.nodes[2].gaps == 1 && cluster.nodes[1].heard == 1);
    topics_stats_t stats;
    topic_service_stats(cluster.nodes[2].service, &stats);
    cr_assert(eq(u64, stats.unknown, 1));
    cr_assert(eq(u64, cluster.nodes[2].heard, 0));
    unsubscribe_all(&cluster);
    end(&cluster);
}

/* `cluster.fanout`: one topic, three nodes (processes of this machine, linked with CURVE), 10,000
 * actors that subscribe to it, a third on each node. The clock runs from the first of POSTS posts
 * of 100 bytes, published on the topic's home, to the last one's handler on the last node; no more
 * than AHEAD posts are under way, so that none is left out for a node that is slow. */

#include "bench/bench.h"
#include "cluster/link/link.h"
#include "cluster/topic/topic_service.h"
#include "runtime/base/memory.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEF_FILE "bench/fanout_bench.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "bench/fanout_bench.def"
#include "runtime/base/schema_define.h"

enum { NODES = 3, SUBSCRIBERS = 10000, POSTS = 200, AHEAD = 16, LOOK_US = 200, TICK_US = 20000 };

/* Of all processes. */
typedef struct shared {
    link_peer_t peers[NODES];
    link_keys_t keys[NODES];
    atomic_uint listening, up, subscribed;
    atomic_bool is_over;
    struct {
        _Alignas(64) atomic_ulong heard;
    } nodes[NODES];
} shared_t;

typedef struct fan_node {
    shared_t *shared;
    uint32_t index;
    mesh_t *mesh;
    runtime_t *runtime;
    topic_service_t *topics;
} fan_node_t;

typedef struct fan {
    uint64_t heard;
} fan_t;

#define ACTOR_DEF "bench/fanout_bench.def"
#define ACTOR_STATE fan_t
#include "runtime/actor_kind.h"

#define TOPIC STR("fan/1/news")

ON(fan_join)
{
    fan_node_t *node = context_service(ctx);
    err_t err = actor_subscribe(ctx, TOPIC);
    if (err == ERR_OK)
        atomic_fetch_add(&node->shared->subscribed, 1);
    return err;
}

ON(fan_news)
{
    fan_node_t *node = context_service(ctx);
    self->heard++;
    atomic_fetch_add_explicit(&node->shared->nodes[node->index].heard, 1, memory_order_relaxed);
    return ERR_OK;
}

ACTOR_KIND(fan);

/* ---- a node ---- */

static uint32_t subscribers_of(uint32_t index)
{
    return SUBSCRIBERS / NODES + (index < SUBSCRIBERS % NODES);
}

static err_t write_frame(void *context, buf_t *out)
{
    topic_frame_put(context, out);
    return buf_status(out);
}

static void send_frame(void *context, uint64_t node, const topic_frame_t *frame)
{
    const fan_node_t *self = context;
    topic_frame_t copy = *frame;
    IGNORE_ERR(mesh_write(self->mesh, node, (link_way_t){LINK_DATA, LINK_TOPIC, false}, write_frame,
                          &copy));
}

static const schema_t *schema_named(void *context, str_t name)
{
    (void)context;
    return str_equal(name, STR("fan_news")) ? &fan_news_schema : NULL;
}

static void on_topic(void *context, const link_message_t *message)
{
    const fan_node_t *self = context;
    IGNORE_ERR(topic_service_receive(self->topics, message->from, message->payload));
}

static void on_up(void *context, uint64_t node)
{
    const fan_node_t *self = context;
    (void)node;
    atomic_fetch_add(&self->shared->up, 1);
}

static void wait_for(const atomic_uint *count, unsigned least)
{
    while (atomic_load(count) < least)
        usleep(LOOK_US);
}

static void link_node(fan_node_t *self)
{
    shared_t *shared = self->shared;
    link_peer_t *own = &shared->peers[self->index];
    const mesh_options_t options = {.node = self->index + 1,
                                    .listen = "127.0.0.1:0",
                                    .keys = shared->keys[self->index],
                                    .cluster_keys = {.count = 1},
                                    .handlers = {[LINK_TOPIC] = {on_topic, self}},
                                    .events = {.up = on_up, .context = self},
                                    .clock = clock_system()};
    ASSERT(mesh_start(&options, &self->mesh) == ERR_OK);
    own->node = options.node;
    memcpy(own->public_key, options.keys.public_key, LINK_KEY_SIZE);
    ASSERT(str_to_array(str_from(mesh_address(self->mesh)), own->address, sizeof own->address));
    atomic_fetch_add(&shared->listening, 1);
    wait_for(&shared->listening, NODES);
    ASSERT(mesh_set_peers(self->mesh, shared->peers, NODES) == ERR_OK);
    wait_for(&shared->up, NODES * (NODES - 1));
}

/* The first node is every topic's home. */
static void place(fan_node_t *self)
{
    uint64_t nodes[NODES];
    placement_t *placement MEMORY_SCOPED = memory_new(sizeof *placement);
    ASSERT(placement != NULL);
    placement->version = 1;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        placement->owners[i] = 1;
    for (uint32_t i = 0; i < NODES; i++)
        nodes[i] = i + 1;
    ASSERT(topic_service_place(self->topics, placement, nodes, NODES) == ERR_OK);
}

static void subscribe(fan_node_t *self)
{
    char key[16];
    for (uint32_t i = 0; i < subscribers_of(self->index); i++) {
        snprintf(key, sizeof key, "%u", i);
        ASSERT(runtime_send(self->runtime, address_of("fan", str_from(key)), fan_join,
                            .number = i) == ERR_OK);
    }
}

static void start(fan_node_t *self)
{
    const runtime_options_t options = {.scheduler_count = 1};
    ASSERT(runtime_new(&options, &self->runtime) == ERR_OK);
    ASSERT(runtime_register(self->runtime, &fan_kind, self) == ERR_OK);
    const topic_service_options_t service = {.node = self->index + 1,
                                             .runtime = self->runtime,
                                             .context = self,
                                             .send = send_frame,
                                             .schema = schema_named};
    ASSERT(topic_service_new(&service, &self->topics) == ERR_OK);
    link_node(self);
    place(self);
    ASSERT(runtime_start(self->runtime) == ERR_OK);
    subscribe(self);
}

static void stop(fan_node_t *self)
{
    mesh_stop(&self->mesh, 0);
    ASSERT(runtime_drain(self->runtime, 10000) == ERR_OK);
    runtime_free(self->runtime);
    topic_service_free(self->topics);
}

static void be_far(shared_t *shared, uint32_t index)
{
    fan_node_t self = {.shared = shared, .index = index};
    start(&self);
    while (!atomic_load(&shared->is_over)) {
        usleep(TICK_US);
        topic_service_tick(self.topics);
    }
    stop(&self);
}

/* ---- the figure ---- */

/* Posts that every subscriber of every node has. */
static uint64_t heard_by_all(const shared_t *shared)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < NODES; i++)
        least = MIN(least, atomic_load(&shared->nodes[i].heard) / subscribers_of(i));
    return least;
}

static void publish_one(const fan_node_t *self, uint64_t number)
{
    static const char text[80];
    runtime_publish(self->runtime, TOPIC, fan_news, .number = number,
                    .text = str_of(text, sizeof text));
}

static void wait_heard(const fan_node_t *self, uint64_t posts)
{
    double since = bench_seconds();
    while (heard_by_all(self->shared) < posts) {
        ASSERT(bench_seconds() - since < 60);
        usleep(LOOK_US);
        topic_service_tick(self->topics);
    }
}

/* One post that all have heard: each node is a listener at the home. */
static uint64_t warm_up(const fan_node_t *self)
{
    uint64_t posts = 0;
    wait_for(&self->shared->subscribed, SUBSCRIBERS);
    usleep(500 * 1000); /* the last SUBSCRIBE has come: what comes after is in the figures */
    for (; posts < AHEAD; posts++)
        publish_one(self, posts);
    wait_heard(self, posts);
    return posts;
}

static double deliveries_per_second(const fan_node_t *self, uint64_t *posts)
{
    double begin = bench_seconds();
    for (int i = 0; i < POSTS; i++) {
        if (*posts >= AHEAD)
            wait_heard(self, *posts - AHEAD + 1);
        publish_one(self, (*posts)++);
    }
    wait_heard(self, *posts);
    return (double)POSTS * SUBSCRIBERS / (bench_seconds() - begin);
}

int main(void)
{
    shared_t *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(shared != MAP_FAILED);
    double figures[BENCH_PAIRS];
    pid_t children[NODES] = {0};
    for (uint32_t i = 0; i < NODES; i++)
        ASSERT(link_keys_make(&shared->keys[i]) == ERR_OK);
    for (uint32_t i = 1; i < NODES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            be_far(shared, i);
            _exit(0);
        }
    }
    fan_node_t self = {.shared = shared};
    start(&self);
    uint64_t posts = warm_up(&self);
    for (int i = 0; i < BENCH_PAIRS; i++)
        figures[i] = deliveries_per_second(&self, &posts);
    bench_print("cluster.fanout", bench_median(figures, BENCH_PAIRS), "deliveries/s");
    topics_stats_t stats;
    topic_service_stats(self.topics, &stats);
    bench_print("cluster.fanout_skipped", (double)stats.skipped, "posts");
    atomic_store(&shared->is_over, true);
    for (uint32_t i = 1; i < NODES; i++)
        waitpid(children[i], NULL, 0);
    stop(&self);
    return 0;
}

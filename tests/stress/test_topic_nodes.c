/* Three nodes with their topics, linked by ZeroMQ: threads publish on each, edges begin and cease
 * to listen, the home moves from node to node, somebody ticks and looks. Who listens hears each
 * publisher in order, unless it is told of a gap; and in the end everybody has the newest of each
 * publisher, or was told to ask for it. */
#include "cluster/link/link.h"
#include "cluster/topic/topic_service.h"
#include "runtime/base/memory.h"
#include "tests/stress/racer.h"

#include <sched.h>
#include <stdio.h>
#include <time.h>

enum { NODES = 3, POSTS = 20000, WAIT_S = 60, TURN_EVERY = 64, MOVE_MS = 20, TICK_MS = 5 };

#define TOPIC STR("racer/1/news")

/* ZeroMQ is not compiled for the sanitizer: what it does between its threads, and how a packet came
 * to the one that gives it back, is not seen. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libzmq.so\ncalled_from_lib:libsodium.so\nrace:packet_sent\n";
}

typedef struct topic_node {
    runtime_t *runtime;
    topic_service_t *topics;
    mesh_t *mesh;
    link_peer_t peer;
    uv_thread_t publisher;
    uint64_t index, rounds;
    /* The edge's: what it knows of each publisher. */
    edge_subscription_t *subscription;
    uint64_t known[NODES];
    bool may_be_late[NODES];
    atomic_ulong lags; /* publishers of whom the newest is not known; as `look` found */
} topic_node_t;

static topic_node_t nodes[NODES];
static _Atomic uint64_t newest[NODES], heard;
static atomic_bool is_over;

static void sleep_ms(uint64_t ms)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)(ms * 1000000)}, NULL);
}

/* ---- listening: an edge's thread ---- */

/* What a gap leads to: the publishers are asked. */
static void ask_all(topic_node_t *self)
{
    for (int i = 0; i < NODES; i++) {
        self->known[i] = atomic_load(&newest[i]);
        self->may_be_late[i] = true;
    }
}

static void on_heard(void *context, str_t topic, const schema_t *schema, const void *message)
{
    topic_node_t *self = context;
    (void)topic;
    if (schema == &topic_gap_schema) {
        ask_all(self);
        return;
    }
    const racer_note_t *note = message;
    race_check(schema == &racer_note_schema && note->sender < NODES, "a post of a publisher");
    uint64_t *known = &self->known[note->sender];
    bool is_next = note->number == *known + 1;
    race_check(note->number <= *known + 1 || self->may_be_late[note->sender],
               "none is missing without a gap");
    if (is_next)
        self->may_be_late[note->sender] = false;
    *known = MAX(*known, note->number);
    atomic_fetch_add(&heard, 1);
}

static void begin_listening(void *context)
{
    topic_node_t *self = context;
    if (self->subscription != NULL)
        return;
    self->subscription = edge_subscribe(runtime_edge(self->runtime, 0), TOPIC, on_heard, self);
    race_check(self->subscription != NULL, "a subscription");
    ask_all(self);
}

static void turn(void *context)
{
    topic_node_t *self = context;
    if (self->subscription == NULL)
        begin_listening(self);
    else
        edge_unsubscribe(&self->subscription);
}

static void look(void *context)
{
    topic_node_t *self = context;
    unsigned long lags = 0;
    for (int i = 0; i < NODES; i++)
        lags += self->known[i] != atomic_load(&newest[i]);
    atomic_store(&self->lags, lags);
}

static void on_edge(topic_node_t *self, void (*fn)(void *))
{
    race_check(edge_post(runtime_edge(self->runtime, 0), fn, self) == ERR_OK, "a post");
}

/* ---- a node ---- */

static err_t write_frame(void *context, buf_t *out)
{
    topic_frame_put(context, out);
    return buf_status(out);
}

static void send_frame(void *context, uint64_t node, const topic_frame_t *frame)
{
    const topic_node_t *self = context;
    topic_frame_t copy = *frame;
    IGNORE_ERR(mesh_write(self->mesh, node, (link_way_t){LINK_DATA, LINK_TOPIC, false}, write_frame,
                          &copy));
}

static const schema_t *schema_named(void *context, str_t name)
{
    (void)context;
    return str_equal(name, STR("racer_note")) ? &racer_note_schema : NULL;
}

static void on_frame(void *context, const link_message_t *message)
{
    const topic_node_t *self = context;
    race_check(topic_service_receive(self->topics, message->from, message->payload) == ERR_OK,
               "a whole frame");
}

static void start(topic_node_t *self, uint64_t node)
{
    const runtime_options_t options = {.scheduler_count = 2};
    race_check(runtime_new(&options, &self->runtime) == ERR_OK, "a runtime");
    const topic_service_options_t service = {.node = node,
                                             .runtime = self->runtime,
                                             .context = self,
                                             .send = send_frame,
                                             .schema = schema_named};
    race_check(topic_service_new(&service, &self->topics) == ERR_OK, "topics");
    mesh_options_t links = {.node = node,
                            .listen = "127.0.0.1:0",
                            .cluster_keys = {.count = 1},
                            .handlers = {[LINK_TOPIC] = {on_frame, self}},
                            .clock = clock_system()};
    race_check(link_keys_make(&links.keys) == ERR_OK, "a key pair");
    race_check(mesh_start(&links, &self->mesh) == ERR_OK, "links");
    self->index = node - 1;
    self->peer.node = node;
    memcpy(self->peer.public_key, links.keys.public_key, LINK_KEY_SIZE);
    race_check(str_to_array(str_from(mesh_address(self->mesh)), self->peer.address,
                            sizeof self->peer.address),
               "an address");
}

static void place(uint64_t version, uint64_t home)
{
    uint64_t numbers[NODES];
    placement_t *placement MEMORY_SCOPED = memory_new(sizeof *placement);
    race_check(placement != NULL, "a placement");
    placement->version = version;
    for (uint32_t i = 0; i < PARTITION_COUNT; i++)
        placement->owners[i] = home;
    for (uint32_t i = 0; i < NODES; i++)
        numbers[i] = i + 1;
    for (uint32_t i = 0; i < NODES; i++)
        race_check(topic_service_place(nodes[i].topics, placement, numbers, NODES) == ERR_OK,
                   "placed");
}

/* ---- the race ---- */

static void publish(void *context)
{
    topic_node_t *self = context;
    for (uint64_t i = 0; i < self->rounds; i++) {
        /* Before it is told: who asks has it or hears it. */
        uint64_t number = atomic_fetch_add(&newest[self->index], 1) + 1;
        runtime_publish(self->runtime, TOPIC, racer_note, .sender = self->index, .number = number);
        if (i % TURN_EVERY == 0)
            on_edge(self, turn);
        if (i % 8 == 0)
            sched_yield();
    }
}

static void disturb(void *context)
{
    uint64_t *version = context;
    for (uint64_t round = 0; !atomic_load(&is_over); round++) {
        topics_stats_t stats;
        for (int i = 0; i < NODES; i++) {
            topic_service_tick(nodes[i].topics);
            topic_service_stats(nodes[i].topics, &stats);
        }
        if (round % (MOVE_MS / TICK_MS) == 0) {
            ++*version;
            place(*version, *version % NODES + 1);
        }
        sleep_ms(TICK_MS);
    }
}

/* Nothing changes any more but what is under way. */
static void settle(void)
{
    unsigned long lags = 1;
    for (int i = 0; i < NODES; i++)
        on_edge(&nodes[i], begin_listening);
    for (uint32_t waited = 0; lags > 0; waited++) {
        race_check(waited < WAIT_S * 1000 / TICK_MS, "everybody has the newest, or was told");
        lags = 0;
        for (int i = 0; i < NODES; i++) {
            topics_stats_t stats;
            topic_service_tick(nodes[i].topics);
            topic_service_stats(nodes[i].topics, &stats);
            atomic_store(&nodes[i].lags, 1);
            on_edge(&nodes[i], look);
            lags += stats.waiting;
        }
        sleep_ms(TICK_MS);
        for (int i = 0; i < NODES; i++)
            lags += atomic_load(&nodes[i].lags);
    }
}

static void stop_all(void)
{
    for (int i = 0; i < NODES; i++)
        mesh_stop(&nodes[i].mesh, 0);
    for (int i = 0; i < NODES; i++) {
        race_check(runtime_drain(nodes[i].runtime, WAIT_S * 1000) == ERR_OK, "drained");
        runtime_free(nodes[i].runtime);
        topic_service_free(nodes[i].topics);
    }
}

int main(void)
{
    uint64_t version = 1, rounds = race_rounds_of(POSTS, NODES);
    link_peer_t peers[NODES];
    uv_thread_t disturber;
    for (uint64_t i = 0; i < NODES; i++) {
        start(&nodes[i], i + 1);
        peers[i] = nodes[i].peer;
    }
    place(version, 1);
    for (int i = 0; i < NODES; i++) {
        race_check(mesh_set_peers(nodes[i].mesh, peers, NODES) == ERR_OK, "peers");
        race_check(runtime_start(nodes[i].runtime) == ERR_OK, "started");
    }
    race_check(uv_thread_create(&disturber, disturb, &version) == 0, "a thread");
    for (int i = 0; i < NODES; i++) {
        nodes[i].rounds = rounds;
        race_check(uv_thread_create(&nodes[i].publisher, publish, &nodes[i]) == 0, "a thread");
    }
    for (int i = 0; i < NODES; i++)
        uv_thread_join(&nodes[i].publisher);
    atomic_store(&is_over, true);
    uv_thread_join(&disturber);
    settle();
    race_check(atomic_load(&heard) > NODES, "somebody listened");
    stop_all();
    race_report(atomic_load(&heard), "posts heard on three nodes");
    printf("heard %llu, %llu views\n", (unsigned long long)atomic_load(&heard),
           (unsigned long long)version);
    return 0;
}

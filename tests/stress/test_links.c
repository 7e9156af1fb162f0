/* Two nodes' links: threads that send to the other on both lanes, each message with its sender's
 * next number, while others look at statistics, take references and change the peers; then the
 * links stop under their senders. Order, and that nothing is lost before the stop, are checked. */
#include "cluster/link/link.h"
#include "tests/stress/racer.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

enum { SENDERS = 3, MESSAGES = 20000, WAIT_S = 60 };

/* ZeroMQ is not compiled for the sanitizer: what it does between its threads, and how a packet came
 * to the one that gives it back, is not seen. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:libzmq.so\ncalled_from_lib:libsodium.so\nrace:packet_sent\n";
}

typedef struct side {
    mesh_t *mesh;
    mesh_link_t *link; /* to the other */
    link_peer_t peer;
    atomic_ulong received;
    atomic_bool is_over;
    uint64_t next[LINK_LANES][SENDERS]; /* of the links' thread */
} side_t;

typedef struct said {
    uint64_t sender, number;
} said_t;

typedef struct sender {
    side_t *side;
    uint64_t index, rounds;
    link_lane_t lane;
    pthread_t thread;
} sender_t;

static void on_message(void *context, const link_message_t *message)
{
    side_t *self = context;
    said_t said;
    race_check(message->payload.size == sizeof said, "a whole message");
    memcpy(&said, message->payload.data, sizeof said);
    race_check(said.sender < SENDERS, "a message of a sender");
    race_check(said.number == self->next[message->lane][said.sender]++, "the next of its sender");
    atomic_fetch_add(&self->received, 1);
}

static void on_event(void *context, uint64_t node)
{
    (void)context;
    (void)node;
}

static void *send_all(void *context)
{
    sender_t *self = context;
    link_way_t way = {.lane = self->lane, .type = LINK_RUNTIME};
    for (uint64_t i = 0; i < self->rounds;) {
        said_t said = {self->index, i};
        err_t err = i % 2 == 0 ? mesh_link_send(self->side->link, way, str_of(&said, sizeof said))
                               : mesh_send(self->side->mesh, mesh_link_node(self->side->link), way,
                                           str_of(&said, sizeof said));
        race_check(err == ERR_OK || err == ERR_BUSY, "sent, or busy");
        if (err == ERR_OK)
            i++;
        else
            sched_yield();
    }
    return NULL;
}

static void *send_until_over(void *context)
{
    sender_t *self = context;
    link_way_t way = {.lane = self->lane, .type = LINK_TOPIC};
    while (mesh_link_send(self->side->link, way, STR("after")) != ERR_NOT_FOUND)
        sched_yield();
    return NULL;
}

/* A third node comes and goes, and somebody looks. */
static void *disturb(void *context)
{
    side_t *sides = context;
    link_peer_t peers[3] = {sides[0].peer, sides[1].peer, {.node = 3, .address = "127.0.0.1:1"}};
    while (!atomic_load(&sides[0].is_over))
        for (size_t i = 0; i < 2; i++) {
            link_stats_t stats[3];
            mesh_stats_t all;
            peers[2].node++; /* none comes back */
            race_check(mesh_set_peers(sides[i].mesh, peers, 3) == ERR_OK, "peers");
            race_check(mesh_peer_stats(sides[i].mesh, stats, 3) == 2, "two peers");
            mesh_stats(sides[i].mesh, &all);
            mesh_link_unref(mesh_find(sides[i].mesh, peers[2].node));
            race_check(mesh_set_peers(sides[i].mesh, peers, 2) == ERR_OK, "peers");
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    return NULL;
}

static void start(side_t *self, uint64_t node)
{
    mesh_options_t options = {.node = node,
                              .listen = "127.0.0.1:0",
                              .cluster_keys = {.count = 1},
                              .handlers = {[LINK_RUNTIME] = {on_message, self}},
                              .events = {.up = on_event, .down = on_event, .context = self},
                              .clock = clock_system()};
    race_check(link_keys_make(&options.keys) == ERR_OK, "a key pair");
    race_check(mesh_start(&options, &self->mesh) == ERR_OK, "links");
    self->peer.node = node;
    memcpy(self->peer.public_key, options.keys.public_key, LINK_KEY_SIZE);
    race_check(str_to_array(str_from(mesh_address(self->mesh)), self->peer.address,
                            sizeof self->peer.address),
               "an address");
}

static void run_senders(side_t sides[2], uint64_t rounds, void *(*body)(void *),
                        sender_t senders[2 * SENDERS])
{
    for (uint64_t i = 0; i < 2 * SENDERS; i++) {
        senders[i] = (sender_t){.side = &sides[i % 2],
                                .index = i / 2,
                                .rounds = rounds,
                                .lane = i / 2 == 0 ? LINK_CONTROL : LINK_DATA};
        race_check(pthread_create(&senders[i].thread, NULL, body, &senders[i]) == 0, "a thread");
    }
}

static void join_senders(sender_t senders[2 * SENDERS])
{
    for (size_t i = 0; i < 2 * SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
}

int main(void)
{
    static side_t sides[2];
    static sender_t senders[2 * SENDERS];
    uint64_t rounds = race_rounds_of(MESSAGES, 2 * SENDERS);
    start(&sides[0], 1);
    start(&sides[1], 2);
    link_peer_t peers[] = {sides[0].peer, sides[1].peer};
    for (size_t i = 0; i < 2; i++) {
        race_check(mesh_set_peers(sides[i].mesh, peers, 2) == ERR_OK, "peers");
        sides[i].link = mesh_find(sides[i].mesh, 2 - i);
    }
    pthread_t disturber;
    race_check(pthread_create(&disturber, NULL, disturb, sides) == 0, "a thread");
    run_senders(sides, rounds, send_all, senders);
    join_senders(senders);
    for (size_t i = 0; i < 2; i++)
        for (uint32_t waited = 0; atomic_load(&sides[i].received) < rounds * SENDERS; waited++) {
            race_check(waited < WAIT_S * 1000, "all that was sent arrives");
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    atomic_store(&sides[0].is_over, true);
    pthread_join(disturber, NULL);

    run_senders(sides, 0, send_until_over, senders);
    for (size_t i = 0; i < 2; i++)
        mesh_stop(&sides[i].mesh, 1);
    join_senders(senders);
    for (size_t i = 0; i < 2; i++)
        mesh_link_unref(sides[i].link);
    race_report(rounds * SENDERS * 2, "messages between two nodes");
    return 0;
}

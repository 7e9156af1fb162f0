/* The links between two nodes, two processes of this machine, CURVE on; beside them in turns bare
 * ZeroMQ with CURVE, one PAIR socket on each side, which is what a program of its own would do. */

#include "bench/bench.h"
#include "cluster/link/link.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

static bool is_echo_only; /* bench_cluster echo: for who tunes it */
enum { IDLE_S = 2, PINGS = 500, PINGS_MAX = 20000, LARGES = 8, LARGE_SIZE = 64 << 20 };
enum { SIZE = 100, ECHOES = 10000, BARE_ONEWAY = 300000, ONEWAY = 2000000 };

typedef struct figures {
    double echo, oneway, waiting_echo, idle_ms, ping_ms, large_ping_ms;
} figures_t;

/* ---- the links ---- */

typedef struct side {
    mesh_t *mesh;
    mesh_link_t *link;
    sem_t done;
    uint64_t left, echoes; /* of the links' thread */
    bool is_waiting;       /* the other thread asks, and waits for each answer */
    atomic_bool is_up;
    atomic_uint large_left; /* messages that are to be said, beside pings */
} side_t;

static const link_way_t way = {.lane = LINK_DATA, .type = LINK_RUNTIME};
static const link_way_t control = {.lane = LINK_CONTROL, .type = LINK_RUNTIME};
static const char text[SIZE] = "o";

static void say(side_t *self, char kind)
{
    char bytes[SIZE] = {kind};
    while (mesh_link_send(self->link, way, str_of(bytes, sizeof bytes)) == ERR_BUSY)
        sched_yield();
}

/* The far side: answers what begins with e, or with p on the control lane, counts what begins with
 * o. */
static void far(void *context, const link_message_t *message)
{
    side_t *self = context;
    char kind = message->payload.data[0];
    if (kind == 'e')
        IGNORE_ERR(mesh_link_send(self->link, way, message->payload));
    else if (kind == 'p')
        IGNORE_ERR(mesh_link_send(self->link, control, message->payload));
    else if (kind == 'q')
        sem_post(&self->done);
    else if (kind == 'o' && ++self->left == ONEWAY)
        say(self, 'd');
}

static void near(void *context, const link_message_t *message)
{
    side_t *self = context;
    if (message->payload.data[0] == 'd' || self->is_waiting || --self->echoes == 0)
        sem_post(&self->done);
    else
        say(self, 'e');
}

static void on_up(void *context, uint64_t node)
{
    (void)node;
    atomic_store(&((side_t *)context)->is_up, true);
}

static double seconds_of(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

typedef struct meeting {
    link_peer_t peers[2];
    link_keys_t keys[2];
} meeting_t;

static void start(side_t *self, const meeting_t *meeting, int index,
                  void (*received)(void *, const link_message_t *), int to, int from)
{
    mesh_options_t options = {
        .node = (uint64_t)index + 1,
        .listen = "127.0.0.1:0",
        .keys = meeting->keys[index],
        .cluster_keys = {.count = 1},
        .handlers = {[LINK_RUNTIME] = {received, self}},
        .events = {.up = on_up, .context = self},
        .clock = clock_system(),
    };
    sem_init(&self->done, 0, 0);
    ASSERT(mesh_start(&options, &self->mesh) == ERR_OK);
    link_peer_t own = {.node = options.node}, other;
    memcpy(own.public_key, options.keys.public_key, LINK_KEY_SIZE);
    ASSERT(str_to_array(str_from(mesh_address(self->mesh)), own.address, sizeof own.address));
    ASSERT(write(to, &own, sizeof own) == sizeof own);
    ASSERT(read(from, &other, sizeof other) == sizeof other);
    ASSERT(mesh_set_peers(self->mesh, &other, 1) == ERR_OK);
    self->link = mesh_find(self->mesh, other.node);
    while (!atomic_load(&self->is_up))
        usleep(1000);
}

static void stop(side_t *self)
{
    mesh_link_unref(self->link);
    mesh_stop(&self->mesh, 1000);
}

/* What two linked nodes take of a processor while nothing is said: this one's half. */
static double idle_ms_a_second(const side_t *self)
{
    struct rusage before, after;
    mesh_stats_t spun, then;
    usleep(100 * 1000); /* what was said is acknowledged */
    mesh_stats(self->mesh, &spun);
    getrusage(RUSAGE_SELF, &before);
    usleep(IDLE_S * 1000 * 1000);
    getrusage(RUSAGE_SELF, &after);
    mesh_stats(self->mesh, &then);
    ASSERT(spun.spun_us == then.spun_us);
    return (seconds_of(&after) - seconds_of(&before)) * 1000 / IDLE_S;
}

static err_t write_large(void *context, buf_t *out)
{
    (void)context;
    char *room = buf_extend(out, LARGE_SIZE);
    if (room != NULL)
        memset(room, 'l', LARGE_SIZE);
    return buf_status(out);
}

static void *say_large(void *context)
{
    side_t *self = context;
    for (; atomic_load(&self->large_left) > 0; atomic_fetch_sub(&self->large_left, 1))
        while (mesh_link_write(self->link, way, write_large, NULL) == ERR_BUSY)
            usleep(1000);
    return NULL;
}

/* The 99th percentile of so many on the control lane, or of as many as go beside large messages. */
static double worst_ping_ms(side_t *self, uint32_t count)
{
    static double times[PINGS_MAX];
    uint32_t done = 0;
    char ping[SIZE] = "p";
    bool is_beside = count == UINT32_MAX;
    while (done < MIN(count, (uint32_t)PINGS_MAX) &&
           (!is_beside || atomic_load(&self->large_left) > 0)) {
        double since = bench_seconds();
        ASSERT(mesh_link_send(self->link, control, str_of(ping, sizeof ping)) == ERR_OK);
        sem_wait(&self->done);
        times[done++] = (bench_seconds() - since) * 1000;
        usleep(1000);
    }
    qsort(times, done, sizeof *times, bench_compare);
    return times[done * 99 / 100];
}

static void drive_links(side_t *self, figures_t *out)
{
    for (int round = 0; round < 2; round++) { /* the first one warms up */
        self->echoes = round == 0 ? ECHOES / 10 : ECHOES;
        double since = bench_seconds();
        say(self, 'e');
        sem_wait(&self->done);
        out->echo = ECHOES / (bench_seconds() - since);
    }
    self->is_waiting = true;
    double since = bench_seconds();
    for (int i = 0; i < ECHOES; i++) {
        say(self, 'e');
        sem_wait(&self->done);
    }
    out->waiting_echo = ECHOES / (bench_seconds() - since);
    since = bench_seconds();
    for (int i = 0; i < ONEWAY && !is_echo_only; i++)
        while (mesh_link_send(self->link, way, str_of(text, SIZE)) == ERR_BUSY)
            sched_yield();
    if (!is_echo_only)
        sem_wait(&self->done);
    out->oneway = ONEWAY / (bench_seconds() - since);
    if (getenv("MS_LINK_STATS") != NULL) {
        link_stats_t stats;
        mesh_stats_t all;
        mesh_peer_stats(self->mesh, &stats, 1);
        mesh_stats(self->mesh, &all);
        fprintf(stderr, "frames %lu busy %lu wakes %lu spins %lu spun %lu us\n",
                (unsigned long)stats.lanes[LINK_DATA].sent_frames,
                (unsigned long)stats.lanes[LINK_DATA].busy, (unsigned long)all.wakes,
                (unsigned long)all.spins, (unsigned long)all.spun_us);
    }
    if (is_echo_only) {
        say(self, 'q');
        return;
    }
    out->idle_ms = idle_ms_a_second(self);
    out->ping_ms = worst_ping_ms(self, PINGS);
    pthread_t thread;
    self->large_left = LARGES;
    ASSERT(pthread_create(&thread, NULL, say_large, self) == 0);
    out->large_ping_ms = worst_ping_ms(self, UINT32_MAX);
    pthread_join(thread, NULL);
    say(self, 'q');
}

static void run_links(figures_t *out)
{
    meeting_t meeting;
    int there[2], back[2];
    ASSERT(link_keys_make(&meeting.keys[0]) == ERR_OK &&
           link_keys_make(&meeting.keys[1]) == ERR_OK);
    ASSERT(pipe(there) == 0 && pipe(back) == 0);
    pid_t child = fork();
    side_t self = {0};
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        start(&self, &meeting, 1, far, back[1], there[0]);
        sem_wait(&self.done);
        stop(&self);
        _exit(0);
    }
    start(&self, &meeting, 0, near, there[1], back[0]);
    drive_links(&self, out);
    waitpid(child, NULL, 0);
    stop(&self);
    for (int i = 0; i < 2; i++) {
        close(there[i]);
        close(back[i]);
    }
}

/* ---- bare ZeroMQ ---- */

typedef struct bare_keys {
    char public_key[41], secret_key[41];
} bare_keys_t;

static void *bare_socket(void *context, const bare_keys_t keys[2], bool is_server)
{
    void *socket = zmq_socket(context, ZMQ_PAIR);
    int one = 1, none = 0, many = 100000;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &many, sizeof many);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &many, sizeof many);
    if (is_server)
        zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &one, sizeof one);
    else {
        zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, keys[1].public_key, 41);
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys[0].public_key, 41);
    }
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys[is_server].secret_key, 41);
    return socket;
}

static void bare_far(const bare_keys_t keys[2], int to)
{
    void *context = zmq_ctx_new(), *socket = bare_socket(context, keys, true);
    char endpoint[64];
    size_t size = sizeof endpoint;
    ASSERT(zmq_bind(socket, "tcp://127.0.0.1:*") == 0);
    ASSERT(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    ASSERT(write(to, endpoint, sizeof endpoint) == sizeof endpoint);
    zmq_msg_t message;
    zmq_msg_init(&message);
    for (uint64_t left = 0; zmq_msg_recv(&message, socket, 0) >= 0;) {
        char kind = *(char *)zmq_msg_data(&message);
        if (kind == 'q')
            break;
        if (kind == 'e')
            zmq_msg_send(&message, socket, 0);
        else if (++left == BARE_ONEWAY) {
            zmq_send(socket, "d", 1, 0);
            left = 0;
        }
    }
    zmq_msg_close(&message);
    zmq_close(socket);
    zmq_ctx_term(context);
}

static void bare_drive(void *socket, figures_t *out)
{
    char bytes[SIZE] = "e";
    double since = 0;
    for (int i = -ECHOES / 10; i < ECHOES; i++) {
        since = i == 0 ? bench_seconds() : since;
        zmq_send(socket, bytes, SIZE, 0);
        zmq_recv(socket, bytes, SIZE, 0);
    }
    out->echo = ECHOES / (bench_seconds() - since);
    since = bench_seconds();
    for (int i = 0; i < BARE_ONEWAY && !is_echo_only; i++)
        zmq_send(socket, text, SIZE, 0);
    if (!is_echo_only)
        zmq_recv(socket, bytes, SIZE, 0);
    out->oneway = BARE_ONEWAY / (bench_seconds() - since);
    zmq_send(socket, "q", 1, 0);
}

static void run_bare(figures_t *out)
{
    bare_keys_t keys[2];
    int back[2];
    char endpoint[64];
    for (int i = 0; i < 2; i++)
        ASSERT(zmq_curve_keypair(keys[i].public_key, keys[i].secret_key) == 0);
    ASSERT(pipe(back) == 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        bare_far(keys, back[1]);
        _exit(0);
    }
    ASSERT(read(back[0], endpoint, sizeof endpoint) == sizeof endpoint);
    void *context = zmq_ctx_new(), *socket = bare_socket(context, keys, false);
    ASSERT(zmq_connect(socket, endpoint) == 0);
    bare_drive(socket, out);
    waitpid(child, NULL, 0);
    zmq_close(socket);
    zmq_ctx_term(context);
    close(back[0]);
    close(back[1]);
}

int main(int argc, char **argv)
{
    is_echo_only = argc > 1 && strcmp(argv[1], "echo") == 0;
    double echo[BENCH_PAIRS], waiting[BENCH_PAIRS], oneway[BENCH_PAIRS];
    double bare_echo[BENCH_PAIRS], bare_oneway[BENCH_PAIRS];
    double idle[BENCH_PAIRS], ping[BENCH_PAIRS], large_ping[BENCH_PAIRS];
    double echo_ratio[BENCH_PAIRS], oneway_ratio[BENCH_PAIRS];
    for (int i = 0; i < BENCH_PAIRS; i++) {
        figures_t bare = {0}, ours = {0};
        run_bare(&bare);
        run_links(&ours);
        bare_echo[i] = bare.echo;
        bare_oneway[i] = bare.oneway;
        echo[i] = ours.echo;
        waiting[i] = ours.waiting_echo;
        oneway[i] = ours.oneway;
        idle[i] = ours.idle_ms;
        ping[i] = ours.ping_ms;
        large_ping[i] = ours.large_ping_ms;
        echo_ratio[i] = ours.echo / bare.echo;
        oneway_ratio[i] = ours.oneway / bare.oneway;
    }
    bench_print("cluster.echo", bench_median(echo, BENCH_PAIRS), "asks/s");
    bench_print("cluster.echo_of_a_thread", bench_median(waiting, BENCH_PAIRS), "asks/s");
    bench_print("cluster.echo_bare", bench_median(bare_echo, BENCH_PAIRS), "asks/s");
    bench_print("cluster.echo.vs.zeromq_curve", bench_median(echo_ratio, BENCH_PAIRS), "x");
    if (is_echo_only)
        return 0;
    bench_print("cluster.oneway", bench_median(oneway, BENCH_PAIRS), "messages/s");
    bench_print("cluster.oneway_bare", bench_median(bare_oneway, BENCH_PAIRS), "messages/s");
    bench_print("cluster.oneway.vs.zeromq_curve", bench_median(oneway_ratio, BENCH_PAIRS), "x");
    bench_print("cluster.idle", bench_median(idle, BENCH_PAIRS), "ms/s");
    bench_print("cluster.ping_p99", bench_median(ping, BENCH_PAIRS), "ms");
    bench_print("cluster.ping_p99_beside_64_MiB", bench_median(large_ping, BENCH_PAIRS), "ms");
    return 0;
}

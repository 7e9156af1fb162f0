/* What this machine allows at best: the primitives below any actor runtime. A process a figure;
 * prints lines "name value unit".
 *
 *   limit queue     a bare multi-producer queue: one thread, two threads, with a malloc a message;
 *                   a toy ping-pong of two such queues (no allocation, no stealing, no budget)
 *   limit atomics   an exchange alone and contended, a cache line there and back
 *   limit heap      malloc and free; the same bytes from an arena
 *   limit wake      futex round trips: two threads on two cores, and on one; a wake of nobody
 *   limit idle_wake the round trip across cores when both have slept for two seconds */

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CACHE_LINE = 64, QUEUE_WINDOW = 8192, IDLE_WAKES = 3, IDLE_MS = 2000 };

static double scale = 1;

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static uint64_t amount(uint64_t full)
{
    double scaled = (double)full * scale;
    return scaled < 1 ? 1 : (uint64_t)scaled;
}

static void out(const char *name, double value, const char *unit)
{
    printf("%s %.3f %s\n", name, value, unit);
}

static void pin(int core)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)core, &cores);
    if (sched_setaffinity(0, sizeof cores, &cores) != 0)
        perror("limit: a core of its own");
}

static pthread_t start(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, argument) != 0)
        abort();
    return thread;
}

static void relax(void)
{
    __builtin_ia32_pause();
}

/* ---- D. Vyukov's intrusive queue of many producers and one consumer ---- */

typedef struct node {
    _Atomic(struct node *) next;
    uint64_t values[7];
} node_t;

typedef struct queue {
    _Alignas(CACHE_LINE) _Atomic(node_t *) head;
    _Alignas(CACHE_LINE) node_t *tail;
    node_t stub;
} queue_t;

static void queue_init(queue_t *self)
{
    atomic_init(&self->stub.next, NULL);
    atomic_init(&self->head, &self->stub);
    self->tail = &self->stub;
}

static void queue_push(queue_t *self, node_t *node)
{
    atomic_store_explicit(&node->next, NULL, memory_order_relaxed);
    node_t *before = atomic_exchange_explicit(&self->head, node, memory_order_acq_rel);
    atomic_store_explicit(&before->next, node, memory_order_release);
}

static node_t *queue_pop(queue_t *self)
{
    node_t *tail = self->tail;
    node_t *next = atomic_load_explicit(&tail->next, memory_order_acquire);
    if (tail == &self->stub) {
        if (next == NULL)
            return NULL;
        self->tail = tail = next;
        next = atomic_load_explicit(&tail->next, memory_order_acquire);
    }
    if (next == NULL) {
        if (tail != atomic_load_explicit(&self->head, memory_order_acquire))
            return NULL;
        queue_push(self, &self->stub);
        next = atomic_load_explicit(&tail->next, memory_order_acquire);
        if (next == NULL)
            return NULL;
    }
    self->tail = next;
    return tail;
}

static void queue_one_thread(void)
{
    queue_t queue;
    queue_init(&queue);
    node_t node;
    uint64_t rounds = amount(20000000);
    double begin = now_ns();
    for (uint64_t i = 0; i < rounds; i++) {
        queue_push(&queue, &node);
        if (queue_pop(&queue) == NULL)
            abort();
    }
    out("queue_one_thread", (double)rounds / (now_ns() - begin) * 1e9, "messages/s");
}

typedef struct flow {
    queue_t queue;
    _Alignas(CACHE_LINE) _Atomic uint64_t taken;
    uint64_t count;
    node_t *window; /* NULL: a malloc a message */
} flow_t;

static void *produce(void *argument)
{
    flow_t *flow = argument;
    pin(0);
    for (uint64_t i = 0; i < flow->count; i++) {
        node_t *node = NULL;
        if (flow->window == NULL) {
            node = malloc(sizeof *node);
            if (node == NULL)
                abort();
        } else {
            while (i - atomic_load_explicit(&flow->taken, memory_order_acquire) >= QUEUE_WINDOW)
                relax();
            node = &flow->window[i % QUEUE_WINDOW];
        }
        node->values[0] = i;
        queue_push(&flow->queue, node);
    }
    return NULL;
}

static void queue_two_threads(bool is_heap)
{
    static flow_t flow;
    memset(&flow, 0, sizeof flow);
    queue_init(&flow.queue);
    flow.count = amount(is_heap ? 5000000 : 20000000);
    flow.window = is_heap ? NULL : calloc(QUEUE_WINDOW, sizeof *flow.window);
    double begin = now_ns();
    pthread_t producer = start(produce, &flow);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < flow.count;) {
        node_t *node = queue_pop(&flow.queue);
        if (node == NULL) {
            relax();
            continue;
        }
        sum += node->values[0];
        i++;
        if (is_heap)
            free(node);
        else if (i % 256 == 0)
            atomic_store_explicit(&flow.taken, i, memory_order_release);
    }
    double took = now_ns() - begin;
    pthread_join(producer, NULL);
    if (sum != flow.count * (flow.count - 1) / 2)
        abort();
    out(is_heap ? "queue_two_threads_malloc" : "queue_two_threads", (double)flow.count / took * 1e9,
        "messages/s");
    free(flow.window);
}

/* Two mailboxes, a run queue and a call a message: the floor under a ping-pong on one core. */
typedef struct toy {
    queue_t mailbox;
    _Atomic bool is_ready;
    struct toy *run_next, *peer;
    uint64_t left;
} toy_t;

static toy_t *run_first, **run_last = &run_first;

static void toy_ready(toy_t *self)
{
    if (atomic_exchange_explicit(&self->is_ready, true, memory_order_acq_rel))
        return;
    self->run_next = NULL;
    *run_last = self;
    run_last = &self->run_next;
}

static void toy_turn(toy_t *self)
{
    node_t *node;
    while ((node = queue_pop(&self->mailbox)) != NULL) {
        if (self->left-- == 0)
            return;
        queue_push(&self->peer->mailbox, node);
        toy_ready(self->peer);
    }
    atomic_exchange_explicit(&self->is_ready, false, memory_order_acq_rel);
}

static void toy_pingpong(void)
{
    static toy_t a, b;
    static node_t ball;
    uint64_t rounds = amount(10000000);
    a = (toy_t){.peer = &b, .left = rounds};
    b = (toy_t){.peer = &a, .left = rounds};
    queue_init(&a.mailbox);
    queue_init(&b.mailbox);
    queue_push(&a.mailbox, &ball);
    toy_ready(&a);
    double begin = now_ns();
    while (run_first != NULL) {
        toy_t *next = run_first;
        run_first = next->run_next;
        if (run_first == NULL)
            run_last = &run_first;
        toy_turn(next);
    }
    out("toy_pingpong", (double)rounds / (now_ns() - begin) * 1e9, "trips/s");
}

/* ---- atomics ---- */

static _Alignas(CACHE_LINE) _Atomic uint32_t first_word;
static _Alignas(CACHE_LINE) _Atomic uint32_t second_word;

static void *exchange_also(void *argument)
{
    uint64_t rounds = *(const uint64_t *)argument;
    pin(0);
    for (uint64_t i = 0; i < rounds; i++)
        atomic_exchange(&first_word, (uint32_t)i);
    return NULL;
}

static void exchanges(void)
{
    uint64_t rounds = amount(20000000);
    double begin = now_ns();
    for (uint64_t i = 0; i < rounds; i++)
        atomic_exchange(&first_word, (uint32_t)i);
    out("exchange", (now_ns() - begin) / (double)rounds, "ns");
    pthread_t other = start(exchange_also, &rounds);
    begin = now_ns();
    for (uint64_t i = 0; i < rounds; i++)
        atomic_exchange(&first_word, (uint32_t)i);
    out("exchange_contended", (now_ns() - begin) / (double)rounds, "ns");
    pthread_join(other, NULL);
}

static void *answer_line(void *argument)
{
    uint64_t rounds = *(const uint64_t *)argument;
    pin(0);
    for (uint32_t i = 1; i <= rounds; i++) {
        while (atomic_load_explicit(&first_word, memory_order_acquire) != i)
            relax();
        atomic_store_explicit(&second_word, i, memory_order_release);
    }
    return NULL;
}

static void cache_line(void)
{
    uint64_t rounds = amount(2000000);
    atomic_store(&first_word, 0);
    pthread_t other = start(answer_line, &rounds);
    double begin = now_ns();
    for (uint32_t i = 1; i <= rounds; i++) {
        atomic_store_explicit(&first_word, i, memory_order_release);
        while (atomic_load_explicit(&second_word, memory_order_acquire) != i)
            relax();
    }
    out("cache_line_round_trip", (now_ns() - begin) / (double)rounds, "ns");
    pthread_join(other, NULL);
}

/* ---- memory ---- */

static void heap(void)
{
    uint64_t rounds = amount(20000000);
    double begin = now_ns();
    for (uint64_t i = 0; i < rounds; i++) {
        void *block = malloc(128);
        __asm__ volatile("" ::"r"(block) : "memory");
        free(block);
    }
    out("malloc_free_128", (now_ns() - begin) / (double)rounds, "ns");

    uint64_t count = amount(1000000);
    char **blocks = calloc(count, sizeof *blocks);
    if (blocks == NULL)
        abort();
    begin = now_ns();
    for (uint64_t i = 0; i < count; i++) {
        blocks[i] = malloc(256);
        if (blocks[i] == NULL)
            abort();
        memset(blocks[i], 0, 256);
    }
    for (uint64_t i = 0; i < count; i++)
        free(blocks[i]);
    out("malloc_touch_free_256", (now_ns() - begin) / (double)count, "ns");
    free(blocks);
}

static void arena(void)
{
    uint64_t count = amount(1000000);
    double begin = now_ns();
    char *bytes =
        mmap(NULL, count * 256, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        abort();
    madvise(bytes, count * 256, MADV_HUGEPAGE);
    for (uint64_t i = 0; i < count; i++)
        memset(bytes + i * 256, 1, 256);
    out("arena_touch_256", (now_ns() - begin) / (double)count, "ns");
    munmap(bytes, count * 256);
}

/* ---- wake-ups ---- */

typedef struct waker {
    int core;
    uint32_t rounds;
} waker_t;

static void futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

static void futex_await(_Atomic uint32_t *word, uint32_t wanted)
{
    uint32_t seen;
    while ((seen = atomic_load(word)) != wanted)
        syscall(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, seen, NULL, NULL, 0);
}

static void *answer_futex(void *argument)
{
    const waker_t *waker = argument;
    if (waker->core >= 0)
        pin(waker->core);
    for (uint32_t i = 1; i <= waker->rounds; i++) {
        futex_await(&first_word, i);
        atomic_store(&second_word, i);
        futex_wake(&second_word);
    }
    return NULL;
}

static double round_trip_ns(uint32_t i)
{
    double begin = now_ns();
    atomic_store(&first_word, i);
    futex_wake(&first_word);
    futex_await(&second_word, i);
    return now_ns() - begin;
}

static void futexes(const char *name, int core)
{
    waker_t waker = {core, (uint32_t)amount(20000)};
    atomic_store(&first_word, 0);
    atomic_store(&second_word, 0);
    pthread_t other = start(answer_futex, &waker);
    double sum = 0;
    for (uint32_t i = 1; i <= waker.rounds; i++)
        sum += round_trip_ns(i);
    out(name, sum / waker.rounds / 1000, "us");
    pthread_join(other, NULL);
}

static void wake(void)
{
    futexes("futex_across_cores", 0);
    futexes("futex_one_core", 1);
    uint64_t rounds = amount(2000000);
    double begin = now_ns();
    for (uint64_t i = 0; i < rounds; i++)
        futex_wake(&first_word);
    out("futex_wake_nobody", (now_ns() - begin) / (double)rounds, "ns");
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void idle_wake(void)
{
    static double times[IDLE_WAKES];
    futexes("futex_across_cores", 0);
    waker_t waker = {0, IDLE_WAKES};
    atomic_store(&first_word, 0);
    atomic_store(&second_word, 0);
    pthread_t other = start(answer_futex, &waker);
    for (uint32_t i = 0; i < IDLE_WAKES; i++) {
        usleep(IDLE_MS * 1000);
        times[i] = round_trip_ns(i + 1);
    }
    pthread_join(other, NULL);
    qsort(times, IDLE_WAKES, sizeof *times, compare);
    out("futex_idle_p50", times[IDLE_WAKES / 2] / 1000, "us");
    out("futex_idle_p99", times[IDLE_WAKES * 99 / 100] / 1000, "us");
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    scale = argc > 2 ? strtod(argv[2], NULL) : 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    pin(1);
    if (strcmp(name, "queue") == 0) {
        queue_one_thread();
        queue_two_threads(false);
        queue_two_threads(true);
        toy_pingpong();
    } else if (strcmp(name, "atomics") == 0) {
        exchanges();
        cache_line();
    } else if (strcmp(name, "heap") == 0) {
        heap();
        arena();
    } else if (strcmp(name, "wake") == 0) {
        wake();
    } else if (strcmp(name, "idle_wake") == 0) {
        idle_wake();
    } else {
        fprintf(stderr, "limit: queue, atomics, heap, wake or idle_wake\n");
        return 2;
    }
    return 0;
}

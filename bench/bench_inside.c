/* inside.*: what it costs that one can look into the runtime, as a ratio of the time a message
 * takes (1.00 is nothing; processor time): when nobody looks, with the flight recorder at its two
 * levels, with a live trace of something else and of this, and while latencies are measured.
 *
 * `bench_inside MODE LOAD` is one run and prints nanoseconds a message; without arguments the runs
 * alternate, each a process of its own; `bench_inside million` samples a million actors. "blind" is
 * the same source on a runtime that has none of it. */

#include "bench/bench.h"
#include "runtime/base/assert.h"
#include "runtime/inside.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEF_FILE "bench/runtime_bench.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "bench/runtime_bench.def"
#include "runtime/base/schema_define.h"

enum { MESSAGES = 2000000, BATCH = 256, RUNS = 9 };

typedef struct meter {
    uv_sem_t done;
    _Atomic uint64_t left;
} meter_t;

typedef struct bencher {
    char with[32];
    uint64_t rounds;
} bencher_t;

#define ACTOR_DEF "bench/runtime_bench.def"
#define ACTOR_STATE bencher_t
#include "runtime/actor_kind.h"

/* One message a turn: to the other one and back. */
ON(bench_rally)
{
    meter_t *meter = context_service(ctx);
    if (command->rounds == 0) {
        uv_sem_post(&meter->done);
        return ERR_OK;
    }
    return actor_send(ctx, address_of_ref((actor_ref_t){self->rounds}), bench_rally,
                      .rounds = command->rounds - 1);
}

ON(bench_echo)
{
    self->rounds = command->number; /* whom to play with */
    return actor_reply(ctx, bench_done, .number = context_self(ctx).bits);
}

/* Many messages a turn: a batch to another actor, then one that asks for the next. */
ON(bench_flood)
{
    for (uint32_t i = 0; i < BATCH; i++)
        TRY(actor_send(ctx, address_of_ref((actor_ref_t){self->rounds}), bench_drop,
                       .number = command->count + i));
    return ERR_OK;
}

ON(bench_drop)
{
    meter_t *meter = context_service(ctx);
    if (command->number >= MESSAGES)
        uv_sem_post(&meter->done);
    else if (command->number % BATCH == BATCH - 1)
        return actor_send(ctx, address_of_ref((actor_ref_t){self->rounds}), bench_flood,
                          .count = command->number + 1);
    return ERR_OK;
}

ACTOR_KIND(bench, .mailbox_max = 16384);
ACTOR_KIND(other);

typedef struct met {
    runtime_t *runtime;
    uv_sem_t done;
    const char *key;
    uint64_t with, ref;
} met_t;

static void on_met(void *context, const answer_t *answer)
{
    met_t *self = context;
    ASSERT(answer->err == ERR_OK);
    self->ref = ((const bench_done_t *)answer->message)->number;
    uv_sem_post(&self->done);
}

static void meet_there(void *context)
{
    met_t *self = context;
    edge_ask(runtime_edge(self->runtime, 0), address_of("bench", str_from(self->key)), 10000,
             STR(""), on_met, self, bench_echo, .number = self->with);
}

static uint64_t meet(runtime_t *runtime, const char *key, uint64_t with)
{
    met_t met = {.runtime = runtime, .key = key, .with = with};
    uv_sem_init(&met.done, 0);
    ASSERT(edge_post(runtime_edge(runtime, 0), meet_there, &met) == ERR_OK);
    uv_sem_wait(&met.done);
    uv_sem_destroy(&met.done);
    return met.ref;
}

static void switch_on(runtime_t *runtime, const char *mode, live_trace_t **trace)
{
    if (strcmp(mode, "messages") == 0)
        ASSERT(runtime_record(runtime, RECORDER_MESSAGES) == ERR_OK);
    else if (strcmp(mode, "trace") == 0)
        ASSERT(live_trace_open(runtime, &(trace_filter_t){.kind = STR("other")}, trace) == ERR_OK);
    else if (strcmp(mode, "trace_all") == 0)
        ASSERT(live_trace_open(runtime, &(trace_filter_t){0}, trace) == ERR_OK);
    else if (strcmp(mode, "latencies") == 0)
        ASSERT(runtime_measure_latencies(runtime, true) == ERR_OK);
}

/* Of the processor: a machine that does other things, too, does not count. */
static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Nanoseconds a message, on one scheduler: where the cores lie does not matter. */
static double run_once(const char *mode, bool is_flood)
{
    char folder[] = "/tmp/bench-inside-XXXXXX", path[64];
    bool is_recorded = strcmp(mode, "off") != 0 && strcmp(mode, "blind") != 0;
    ASSERT(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/recorder.ring", folder);
    meter_t meter = {.left = 0};
    uv_sem_init(&meter.done, 0);
    runtime_t *runtime = NULL;
    live_trace_t *trace = NULL;
    runtime_options_t options = {.scheduler_count = 1, .recorder_path = is_recorded ? path : NULL};
    ASSERT(runtime_new(&options, &runtime) == ERR_OK);
    ASSERT(runtime_register(runtime, &bench_kind, &meter) == ERR_OK);
    ASSERT(runtime_register(runtime, &other_kind, &meter) == ERR_OK);
    ASSERT(runtime_start(runtime) == ERR_OK);
    uint64_t a = meet(runtime, "a", 0), b = meet(runtime, "b", a);
    (void)meet(runtime, "a", b);
    switch_on(runtime, mode, &trace);

    double begin = cpu_seconds();
    address_t to = address_of("bench", STR("a"));
    if (is_flood)
        ASSERT(runtime_send(runtime, to, bench_flood, .count = 0) == ERR_OK);
    else
        ASSERT(runtime_send(runtime, to, bench_rally, .rounds = MESSAGES) == ERR_OK);
    uv_sem_wait(&meter.done);
    double seconds = cpu_seconds() - begin;

    live_trace_close(&trace);
    ASSERT(runtime_drain(runtime, 10000) == ERR_OK);
    runtime_free(runtime);
    unlink(path);
    rmdir(folder);
    return seconds * 1e9 / MESSAGES;
}

/* ---- alternating ---- */

static const char *const modes[] = {"blind", "off",       "life",     "messages",
                                    "trace", "trace_all", "latencies"};

static double run_child(const char *mode, const char *load)
{
    char self[PATH_MAX], command[PATH_MAX + 64];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    ASSERT(size > 0);
    self[size] = '\0';
    if (strcmp(mode, "blind") == 0)
        snprintf(strrchr(self, '/'), 16, "/inside_blind");
    snprintf(command, sizeof command, "%s %s %s", self, mode, load);
    FILE *child = popen(command, "r");
    double ns = 0;
    ASSERT(child != NULL && fscanf(child, "%lf", &ns) == 1);
    ASSERT(pclose(child) == 0);
    return ns;
}

static void compare(const char *load)
{
    static double figures[COUNT_OF(modes)][RUNS];
    double medians[COUNT_OF(modes)];
    char name[64];
    for (int run = 0; run < RUNS; run++)
        for (size_t mode = 0; mode < COUNT_OF(modes); mode++)
            figures[mode][run] = run_child(modes[mode], load);
    for (size_t mode = 0; mode < COUNT_OF(modes); mode++)
        medians[mode] = bench_median(figures[mode], RUNS);
    snprintf(name, sizeof name, "inside.%s_message", load);
    bench_print(name, medians[0], "ns");
    static const char *const names[] = {
        "",           "off_cost",       "recorder_cost", "messages_cost",
        "trace_cost", "trace_all_cost", "latencies_cost"};
    for (size_t mode = 1; mode < COUNT_OF(modes); mode++) {
        snprintf(name, sizeof name, "inside.%s_%s", load, names[mode]);
        bench_print(name, medians[mode] / medians[0], "x");
    }
}

/* ---- a million actors ---- */

enum { MANY = 1000000, PINGS = 4000 };

typedef struct pinger {
    runtime_t *runtime;
    uv_sem_t done;
    _Atomic bool is_over;
    double worst_us, sum_us;
    uint64_t count;
} pinger_t;

static void on_ponged(void *context, const answer_t *answer)
{
    pinger_t *self = context;
    ASSERT(answer->err == ERR_OK);
    uv_sem_post(&self->done);
}

static void ping_there(void *context)
{
    pinger_t *self = context;
    edge_ask(runtime_edge(self->runtime, 0), address_of("bench", STR("0")), 60000, STR(""),
             on_ponged, self, bench_echo);
}

/* From another thread to an actor and back. */
static void ping(pinger_t *self)
{
    double begin = bench_seconds();
    ASSERT(edge_post(runtime_edge(self->runtime, 0), ping_there, self) == ERR_OK);
    uv_sem_wait(&self->done);
    double us = (bench_seconds() - begin) * 1e6;
    self->worst_us = us > self->worst_us ? us : self->worst_us;
    self->sum_us += us;
    self->count++;
}

static void sample_on(void *context)
{
    pinger_t *self = context;
    top_t *top = NULL;
    buf_t sample BUF_SCOPED = BUF_INIT;
    double figures[RUNS];
    ASSERT(top_new(self->runtime, &top) == ERR_OK);
    for (int run = 0; run < RUNS; run++) {
        buf_reset(&sample);
        double begin = bench_seconds();
        ASSERT(top_sample(top, 100, &sample) == ERR_OK);
        figures[run] = (bench_seconds() - begin) * 1e3;
    }
    atomic_store(&self->is_over, true);
    bench_print("inside.top_sample_million", bench_median(figures, RUNS), "ms");
    top_free(top);
}

static void look_at_a_million(void)
{
    meter_t meter = {.left = 0};
    pinger_t pinger = {.is_over = false};
    char key[16];
    uv_thread_t thread;
    runtime_options_t options = {.scheduler_count = 1};
    uv_sem_init(&pinger.done, 0);
    ASSERT(runtime_new(&options, &pinger.runtime) == ERR_OK);
    ASSERT(runtime_register(pinger.runtime, &bench_kind, &meter) == ERR_OK);
    ASSERT(runtime_start(pinger.runtime) == ERR_OK);
    for (uint64_t i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "%llu", (unsigned long long)i);
        ASSERT(runtime_send(pinger.runtime, address_of("bench", str_from(key)), bench_echo,
                            .number = 0) == ERR_OK);
    }
    for (int i = 0; i < PINGS; i++)
        ping(&pinger);
    bench_print("inside.ping_alone", pinger.sum_us / (double)pinger.count, "us");
    pinger.worst_us = pinger.sum_us = 0;
    pinger.count = 0;
    ASSERT(uv_thread_create(&thread, sample_on, &pinger) == 0);
    while (!atomic_load(&pinger.is_over))
        ping(&pinger);
    uv_thread_join(&thread);
    bench_print("inside.ping_while_sampled", pinger.sum_us / (double)pinger.count, "us");
    bench_print("inside.ping_while_sampled_worst", pinger.worst_us, "us");
    ASSERT(runtime_drain(pinger.runtime, 60000) == ERR_OK);
    runtime_free(pinger.runtime);
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "million") == 0) {
        look_at_a_million();
        return 0;
    }
    if (count == 3) {
        printf("%.3f\n", run_once(arguments[1], strcmp(arguments[2], "batch") == 0));
        return 0;
    }
    compare("single");
    compare("batch");
    look_at_a_million();
    return 0;
}

#include "bench/actors/actors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DEF_FILE "bench/actors/actors.def"
#include "runtime/base/schema_define.h"

bench_options_t bench_options = {.scale = 1};

static struct {
    runtime_t *runtime;
    uv_sem_t done;
    state_store_t *store;
} stage;

/* ---- measuring ---- */

uint64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t bench_amount(uint64_t full)
{
    double scaled = (double)full * bench_options.scale;
    return scaled < 1 ? 1 : (uint64_t)scaled;
}

void bench_line(const char *name, double value, const char *unit)
{
    printf("%s %.3f %s\n", name, value, unit);
    fflush(stdout);
}

static int compare_times(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

void bench_percentiles(const char *name, uint64_t *times_ns, size_t count)
{
    char line[64];
    qsort(times_ns, count, sizeof *times_ns, compare_times);
    snprintf(line, sizeof line, "%s_p50", name);
    bench_line(line, (double)times_ns[count / 2] / 1000, "us");
    snprintf(line, sizeof line, "%s_p99", name);
    bench_line(line, (double)times_ns[count * 99 / 100] / 1000, "us");
}

uint64_t bench_resident_bytes(void)
{
    uint64_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ASSERT(file != NULL && fscanf(file, "%*u %" SCNu64, &pages) == 1);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void bench_work(uint64_t rounds)
{
    uint32_t x = 1;
    for (uint64_t i = 0; i < rounds; i++) {
        x = x * 1664525U + 1013904223U;
        __asm__ volatile("" : "+r"(x));
    }
}

uint64_t bench_calibrate(uint64_t duration_ns)
{
    enum { ROUNDS = 50000000 };
    bench_work(ROUNDS / 5);
    uint64_t begin_ns = bench_now_ns();
    bench_work(ROUNDS);
    return duration_ns * ROUNDS / (bench_now_ns() - begin_ns);
}

/* ---- the stage ---- */

void stage_give_store(state_store_t *store)
{
    stage.store = store;
}

void stage_open(const actor_kind_t *root)
{
    ASSERT(uv_sem_init(&stage.done, 0) == 0);
    runtime_options_t options = {.scheduler_count = bench_options.schedulers,
                                 .state_store = stage.store};
    ASSERT(runtime_new(&options, &stage.runtime) == ERR_OK);
    ASSERT(runtime_register(stage.runtime, root, NULL) == ERR_OK);
    ASSERT(runtime_start(stage.runtime) == ERR_OK);
}

void stage_close(void)
{
    ASSERT(runtime_drain(stage.runtime, 60000) == ERR_OK);
    runtime_free(stage.runtime);
    uv_sem_destroy(&stage.done);
}

runtime_t *stage_runtime(void)
{
    return stage.runtime;
}

void stage_done(void)
{
    uv_sem_post(&stage.done);
}

void stage_wait(void)
{
    uv_sem_wait(&stage.done);
}

double stage_run_ns(const char *key, uint64_t count, uint64_t each)
{
    address_t root = address_of("root", str_from(key));
    ASSERT(runtime_send(stage.runtime, root, setup, .count = count, .each = each) == ERR_OK);
    stage_wait();
    uint64_t begin_ns = bench_now_ns();
    ASSERT(runtime_send(stage.runtime, root, go) == ERR_OK);
    stage_wait();
    return (double)(bench_now_ns() - begin_ns);
}

double stage_warm_and_run_ns(uint64_t count, uint64_t each)
{
    (void)stage_run_ns("warm-up", count, each / 10 + 1);
    return stage_run_ns("run", count, each);
}

uint64_t bench_spawn(context_t *ctx, const actor_kind_t *kind)
{
    actor_ref_t ref;
    ASSERT(actor_spawn(ctx, kind, STR(""), &ref) == ERR_OK);
    return ref.bits;
}

#include "runtime/kernel.h"
#include "tests/support/actors/caller.h"
#include "tests/support/actors/toy.h"
#include "tests/support/patience.h"

#include <fcntl.h>
#include <unistd.h>

static runtime_t *start(const runtime_options_t *options, toy_world_t *world)
{
    runtime_t *runtime = NULL;
    uv_sem_init(&world->blocked, 0);
    check_ok(runtime_new(options, &runtime));
    check_ok(runtime_register(runtime, &toy_kind, world));
    check_ok(runtime_start(runtime));
    return runtime;
}

Test(scheduler, a_slow_turn_is_logged_with_its_actor_and_message)
{
    int ends[2];
    cr_assert(pipe2(ends, O_NONBLOCK) == 0);
    ms_log_t log = {.fd = ends[1], .level = LOG_WARNING};
    toy_world_t world = {0};
    runtime_t *runtime = start(&(runtime_options_t){.scheduler_count = 1, .log = &log}, &world);
    ms_clock_t clock = clock_system();

    check_ok(runtime_send(runtime, address_of("toy", STR("sluggard")), toy_block));
    uv_sem_wait(&world.blocked);
    uint64_t begin_ms = clock_mono_ms(&clock);
    while (clock_mono_ms(&clock) < begin_ms + 12)
        __builtin_ia32_pause();
    atomic_store(&world.may_pass, true);
    check_ok(runtime_drain(runtime, PATIENCE_MS));

    char text[2048];
    ssize_t size = read(ends[0], text, sizeof text);
    cr_assert(size > 0, "nothing was logged");
    str_t line = str_of(text, (size_t)size);
    cr_assert(str_contains(line, STR("toy")) && str_contains(line, STR("sluggard")) &&
                  str_contains(line, STR("toy_block")),
              "%.*s", STR_ARG(line));
    runtime_free(runtime);
    close(ends[0]);
    close(ends[1]);
}

Test(scheduler, actors_that_never_rest_leave_time_for_the_others)
{
    toy_world_t world = {0};
    runtime_t *runtime = start(&(runtime_options_t){.scheduler_count = 1}, &world);
    char key[16];
    for (int i = 0; i < 8; i++) {
        snprintf(key, sizeof key, "h%d", i);
        check_ok(runtime_send(runtime, address_of("toy", str_from(key)), toy_spin));
    }

    /* A pair that talks (the slot for who was just woken), and timers, beside the hot ones. */
    check_ok(
        ask_of(runtime, address_of("toy", STR("a")), toy_circle, .to = STR("b"), .rounds = 9).err);
    check_ok(runtime_send(runtime, address_of("toy", STR("a")), toy_timer, .delay_ms = 1));
    uint64_t ticks = atomic_load(&world.ticks);
    check_ok(ask_of(runtime, address_of("toy", STR("c")), toy_echo, .number = 1).err);
    cr_assert(ge(u64, atomic_load(&world.ticks), ticks), "the hot ones went on");

    atomic_store(&world.may_pass, true);
    check_ok(runtime_drain(runtime, PATIENCE_MS));
    runtime_free(runtime);
}

/* ---- idling ---- */

enum { SCHEDULERS = 4 };

typedef struct threads {
    pid_t ids[SCHEDULERS];
    _Atomic uint32_t known;
} threads_t;

static void tell_thread(void *context)
{
    threads_t *threads = context;
    threads->ids[atomic_load(&threads->known)] = gettid();
    atomic_fetch_add(&threads->known, 1);
}

/* Each scheduler says which thread it is. */
static void learn_threads(runtime_t *runtime, threads_t *threads)
{
    for (uint32_t i = 0; i < SCHEDULERS; i++) {
        check_ok(edge_post(runtime_edge(runtime, i), tell_thread, threads));
        while (atomic_load(&threads->known) <= i)
            uv_sleep(0);
    }
}

/* How often they were given a processor, ever. */
static uint64_t times_run(const threads_t *threads)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < SCHEDULERS; i++) {
        char path[64];
        unsigned long long run_ns, wait_ns, times;
        snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", (int)threads->ids[i]);
        FILE *file = fopen(path, "r");
        cr_assert(file != NULL && fscanf(file, "%llu %llu %llu", &run_ns, &wait_ns, &times) == 3);
        fclose(file);
        sum += times;
    }
    return sum;
}

static bool is_asleep(const runtime_t *runtime)
{
    return atomic_load(&runtime->sleepers) == runtime->scheduler_count;
}

/* Else its clock rings again at once, until something is due (from 16 ms on, the wheel wants to be
 * looked at before that). False: nothing is due any more. */
static bool looks_when_it_rings(const runtime_t *runtime)
{
    uint32_t timers = 0;
    for (uint32_t i = 0; i < runtime->scheduler_count; i++) {
        const scheduler_t *scheduler = &runtime->schedulers[i];
        uint64_t next_ns;
        if (!wheel_next_ns(&scheduler->wheel, &next_ns))
            continue;
        timers++;
        cr_assert(eq(u64, scheduler->alarm_clock.rings_ns, next_ns));
        cr_assert(le(u64, scheduler->alarm_ns, next_ns), "it wakes, and looks at nothing");
    }
    return timers == 1;
}

enum { WINDOW_MS = 300, WINDOWS_MAX = 40 };

/* How often the threads ran in a window that ends with a timer: all that may run in it is what
 * fires that. False: we were held up, and it was over too soon. */
static bool count_in_a_window(runtime_t *runtime, const toy_world_t *world,
                              const threads_t *threads, uint64_t *out_count)
{
    ms_clock_t clock = clock_system();
    uint64_t ticks = atomic_load(&world->ticks);
    check_ok(ask_of(runtime, address_of("toy", STR("a")), toy_echo, .number = 1).err);
    check_ok(runtime_send(runtime, address_of("toy", STR("a")), toy_timer, .delay_ms = WINDOW_MS));
    wait_until(is_asleep(runtime));
    bool is_waiting = looks_when_it_rings(runtime);
    uint64_t begin_ms = clock_mono_ms(&clock);
    uint64_t before = times_run(threads);
    wait_until(atomic_load(&world->ticks) > ticks);
    *out_count = times_run(threads) - before;
    return is_waiting && clock_mono_ms(&clock) - begin_ms >= WINDOW_MS / 2;
}

Test(scheduler, who_has_nothing_to_do_does_not_run)
{
    /* The one with the timer, and where it polls once more before it sleeps again. */
    enum { TIMES_MAX = 8 };
    toy_world_t world = {0};
    threads_t threads = {0};
    runtime_t *runtime = start(&(runtime_options_t){.scheduler_count = SCHEDULERS}, &world);
    learn_threads(runtime, &threads);

    /* On a busy machine a thread that is sent away and comes back counts twice: of many windows one
     * is free of that. Who ticks does so in each. */
    uint64_t count = UINT64_MAX;
    bool is_quiet = false;
    for (uint32_t i = 0; i < WINDOWS_MAX && !is_quiet; i++)
        is_quiet = count_in_a_window(runtime, &world, &threads, &count) && count <= TIMES_MAX;

    cr_assert(is_quiet, "%llu times in %d ms: somebody ticks", (unsigned long long)count,
              WINDOW_MS);
    check_ok(runtime_drain(runtime, PATIENCE_MS));
    runtime_free(runtime);
}

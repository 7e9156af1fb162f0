#include "runtime/kernel.h"
#include "tests/support/actors/caller.h"
#include "tests/support/actors/toy.h"
#include "tests/support/patience.h"

#include <sys/resource.h>
#include <unistd.h>

static runtime_t *start(const runtime_options_t *options, toy_world_t *world)
{
    runtime_t *runtime = NULL;
    uv_sem_init(&world->blocked, 0);
    check_ok(runtime_new(options, &runtime));
    check_ok(runtime_register(runtime, &toy_kind, world));
    check_ok(runtime_register(runtime, &idle_kind, world));
    check_ok(runtime_start(runtime));
    return runtime;
}

static void wait_for(_Atomic uint64_t *counter, uint64_t wanted)
{
    wait_until(atomic_load(counter) >= wanted);
}

/* ---- edges ---- */

typedef struct edge_world {
    runtime_t *runtime;
    _Atomic uint64_t answers, finished, busy, posted;
    uint64_t ticket;
} edge_world_t;

static void on_any_answer(void *context, const answer_t *answer)
{
    edge_world_t *world = context;
    (void)answer;
    atomic_fetch_add(&world->answers, 1);
}

static void ask_and_cancel(void *context)
{
    edge_world_t *world = context;
    edge_t *edge = runtime_edge(world->runtime, 0);
    uint64_t ticket = edge_ask(edge, address_of("toy", STR("a")), 1000, STR(""), on_any_answer,
                               world, toy_echo, .number = 1);
    cr_assert(eq(u64, atomic_load(&world->answers), 0), "never from inside the ask");
    edge_cancel(edge, ticket);
    edge_cancel(edge, ticket);
    edge_ask(edge, address_of("toy", STR("a")), 1000, STR(""), on_any_answer, world, toy_echo,
             .number = 2);
    atomic_fetch_add(&world->posted, 1);
}

static void ask_for_silence(void *context)
{
    edge_world_t *world = context;
    edge_ask(runtime_edge(world->runtime, 0), address_of("toy", STR("a")),
             1 + atomic_load(&world->answers) % 16, STR(""), on_any_answer, world, toy_silence);
}

/* A clock that moves on with every look at it, so that deadlines pass at every place in the code.
 */
static uint64_t hurried_mono_ns(void *context)
{
    _Atomic uint64_t *looks = context;
    ms_clock_t real = clock_system();
    return clock_mono_ns(&real) + atomic_fetch_add(looks, 1) * 700000;
}

static int64_t real_wall_ms(void *context)
{
    ms_clock_t real = clock_system();
    (void)context;
    return clock_wall_ms(&real);
}

/* Seen once as a hang: the loop's clock ran out between being set and being waited for, and libuv
 * runs timers before it polls, so the poll had nothing left to wake it. */
Test(runtime, a_deadline_ends_an_ask_also_when_nothing_else_happens)
{
    enum { ASKS = 200 };
    toy_world_t world = {0};
    _Atomic uint64_t looks = 0;
    edge_world_t edges = {
        .runtime = start(&(runtime_options_t){.scheduler_count = 1,
                                              .clock = {hurried_mono_ns, real_wall_ms, &looks}},
                         &world)};

    for (uint64_t i = 1; i <= ASKS; i++) {
        check_ok(edge_post(runtime_edge(edges.runtime, 0), ask_for_silence, &edges));
        wait_for(&edges.answers, i);
    }

    check_ok(runtime_drain(edges.runtime, PATIENCE_MS));
}

Test(runtime, a_cancelled_ask_stays_silent)
{
    toy_world_t world = {0};
    edge_world_t edges = {.runtime = start(&(runtime_options_t){.scheduler_count = 2}, &world)};

    check_ok(edge_post(runtime_edge(edges.runtime, 0), ask_and_cancel, &edges));
    wait_for(&edges.answers, 1);
    check_ok(runtime_drain(edges.runtime, PATIENCE_MS));

    runtime_stats_t stats;
    runtime_stats(edges.runtime, &stats);
    cr_assert(eq(u64, atomic_load(&edges.answers), 1));
    cr_assert(eq(u64, stats.late_replies, 1));
    cr_assert(eq(u64, atomic_load(&world.echoed), 2));
    runtime_free(edges.runtime);
}

/* ---- offload ---- */

static uv_sem_t may_work;

static err_t wait_to_work(void *data)
{
    (void)data;
    uv_sem_wait(&may_work);
    return ERR_OK;
}

static void on_worked(void *data, err_t err)
{
    edge_world_t *world = data;
    atomic_fetch_add(err == ERR_BUSY ? &world->busy : &world->finished, 1);
}

static void offload_five(void *context)
{
    edge_world_t *world = context;
    for (int i = 0; i < 5; i++)
        edge_offload(runtime_edge(world->runtime, 0), OFFLOAD_PASSWORD, wait_to_work, on_worked,
                     world);
}

Test(runtime, a_full_lane_of_the_pool_says_busy_and_the_others_go_on)
{
    toy_world_t world = {0};
    runtime_options_t options = {.scheduler_count = 1, .offload_queue_max = {0, 0, 2}};
    edge_world_t edges = {.runtime = start(&options, &world)};
    uv_sem_init(&may_work, 0);

    check_ok(edge_post(runtime_edge(edges.runtime, 0), offload_five, &edges));
    wait_for(&edges.busy, 2); /* one or none is running, two wait */
    caller_answer_t other =
        ask_of(edges.runtime, address_of("toy", STR("a")), toy_offload, .number = 4);
    for (int i = 0; i < 5; i++)
        uv_sem_post(&may_work);
    wait_for(&edges.finished, 2);
    check_ok(runtime_drain(edges.runtime, PATIENCE_MS));

    check_ok(other.err);
    cr_assert(eq(u64, other.value, 8));
    cr_assert(eq(u64, atomic_load(&edges.busy) + atomic_load(&edges.finished), 5));
    cr_assert(le(u64, atomic_load(&edges.finished), 3));
    runtime_free(edges.runtime);
}

/* ---- draining ---- */

Test(runtime, a_drain_lets_what_is_queued_finish_and_takes_nothing_new)
{
    toy_world_t world = {0};
    runtime_t *runtime = start(&(runtime_options_t){.scheduler_count = 2}, &world);
    char key[12];
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "%d", i);
        for (int j = 0; j < 5; j++)
            check_ok(runtime_send(runtime, address_of("toy", str_from(key)), toy_echo));
    }

    check_ok(runtime_drain(runtime, PATIENCE_MS));

    cr_assert(eq(u64, atomic_load(&world.echoed), 1000));
    cr_assert(eq(u64, atomic_load(&world.stopped), 200));
    check_err(runtime_send(runtime, address_of("toy", STR("a")), toy_echo), ERR_UNAVAILABLE);
    runtime_free(runtime);
    cr_assert(eq(u64, atomic_load(&world.deinited), 200));
}

typedef struct late {
    toy_world_t *world;
    runtime_t *runtime;
} late_t;

/* Lets the handler that blocks go on only when the drain waits for it no longer. */
static void let_pass_later(void *context)
{
    const late_t *late = context;
    wait_until(atomic_load(&late->runtime->is_ending));
    atomic_store(&late->world->may_pass, true);
}

Test(runtime, a_drain_that_takes_too_long_says_so_and_stops_all_the_same)
{
    toy_world_t world = {0};
    runtime_t *runtime = start(&(runtime_options_t){.scheduler_count = 2}, &world);
    late_t late = {&world, runtime};
    uv_thread_t helper;
    check_ok(runtime_send(runtime, address_of("toy", STR("a")), toy_block));
    uv_sem_wait(&world.blocked); /* a drain may pass before it begins, and then it never does */
    cr_assert(uv_thread_create(&helper, let_pass_later, &late) == 0);

    check_err(runtime_drain(runtime, 5), ERR_TIMEOUT);

    uv_thread_join(&helper);
    runtime_free(runtime);
    cr_assert(eq(u64, atomic_load(&world.deinited), 1));
}

/* ---- idleness ---- */

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           ((double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec) / 1e6;
}

typedef struct idle_cost {
    double cpu_seconds;
    uint64_t turns;
} idle_cost_t;

/* A timer far away is what there is; its end is what we wait for. */
static idle_cost_t cost_of_half_a_second(runtime_t *runtime, const toy_world_t *world)
{
    runtime_stats_t before, after;
    uint64_t ticks = atomic_load(&world->ticks);
    check_ok(ask_of(runtime, address_of("toy", STR("a")), toy_timer, .delay_ms = 500).err);
    runtime_stats(runtime, &before);
    double begin = cpu_seconds();
    while (atomic_load(&world->ticks) == ticks)
        uv_sleep(20);
    double used = cpu_seconds() - begin;
    runtime_stats(runtime, &after);
    return (idle_cost_t){used, after.turns - before.turns};
}

Test(runtime, nothing_to_do_costs_nothing)
{
    enum { TIMES_MAX = 10 };
    toy_world_t world = {0};
    runtime_t *runtime = start(&(runtime_options_t){.scheduler_count = 4}, &world);
    check_ok(ask_of(runtime, address_of("toy", STR("a")), toy_echo).err);
    idle_cost_t cost = {.cpu_seconds = 1};

    /* What a virtual machine takes from us is counted as ours; who spins does so each time. */
    for (uint32_t i = 0; i < TIMES_MAX && cost.cpu_seconds >= 0.05; i++)
        cost = cost_of_half_a_second(runtime, &world);

    cr_assert(cost.cpu_seconds < 0.05, "%f s of processor in half a second of nothing",
              cost.cpu_seconds);
    cr_assert(le(u64, cost.turns, 2));
    check_ok(runtime_drain(runtime, PATIENCE_MS));
    runtime_free(runtime);
}

/* ---- busyness ---- */

static void on_loop_timer(uv_timer_t *timer)
{
    edge_world_t *world = timer->data;
    if (atomic_fetch_add(&world->finished, 1) == 20)
        uv_close((uv_handle_t *)timer, NULL);
}

Test(runtime, a_busy_scheduler_still_polls_its_loop)
{
    toy_world_t world = {0};
    edge_world_t edges = {0};
    runtime_t *runtime = NULL;
    uv_timer_t timer = {.data = &edges};
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 1}, &runtime));
    check_ok(runtime_register(runtime, &toy_kind, &world));
    uv_timer_init(runtime_loop(runtime, 0), &timer);
    uv_timer_start(&timer, on_loop_timer, 1, 1);
    check_ok(runtime_start(runtime));

    check_ok(runtime_send(runtime, address_of("toy", STR("a")), toy_spin));
    check_ok(runtime_send(runtime, address_of("toy", STR("b")), toy_spin));
    wait_for(&edges.finished, 21);
    uint64_t spins = atomic_load(&world.ticks);
    atomic_store(&world.may_pass, true);
    check_ok(runtime_drain(runtime, PATIENCE_MS));

    cr_assert(gt(u64, spins, 100));
    runtime_free(runtime);
}

Test(runtime, a_turn_that_takes_too_long_is_counted)
{
    toy_world_t world = {0};
    runtime_t *runtime = start(&(runtime_options_t){.scheduler_count = 1}, &world);
    runtime_stats_t stats;
    ms_clock_t clock = clock_system();

    check_ok(ask_of(runtime, address_of("toy", STR("a")), toy_echo).err);
    runtime_stats(runtime, &stats);
    uint64_t before = stats.slow_turns;
    check_ok(runtime_send(runtime, address_of("toy", STR("a")), toy_block));
    uv_sem_wait(&world.blocked);
    uint64_t begin_ms = clock_mono_ms(&clock);
    while (clock_mono_ms(&clock) < begin_ms + 12)
        uv_sleep(1);
    atomic_store(&world.may_pass, true);
    check_ok(runtime_drain(runtime, PATIENCE_MS));

    runtime_stats(runtime, &stats);
    cr_assert(gt(u64, stats.slow_turns, before));
    runtime_free(runtime);
}

static err_t sleep_long(void *self, context_t *ctx)
{
    (void)self, (void)ctx;
    ms_clock_t clock = clock_system();
    uint64_t begin_ms = clock_mono_ms(&clock);
    while (clock_mono_ms(&clock) < begin_ms + 12)
        uv_sleep(1);
    return ERR_OK;
}

static const actor_kind_t sloth_kind = {.name = "sloth", .state_size = 8, .start = sleep_long};

/* The first turn of a scheduler, and no message in it. */
Test(runtime, who_is_slow_to_start_is_named)
{
    char text[4096];
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    ms_log_t log = {ends[1], LOG_WARNING, false};
    runtime_t *runtime = NULL;
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 1, .log = &log}, &runtime));
    check_ok(runtime_register(runtime, &sloth_kind, NULL));
    check_ok(runtime_start(runtime));

    check_ok(runtime_send(runtime, address_of("sloth", STR("a")), toy_echo));
    check_ok(runtime_drain(runtime, PATIENCE_MS));

    ssize_t size = read(ends[0], text, sizeof text - 1);
    cr_assert(gt(long, size, 0));
    text[size] = '\0';
    cr_assert(strstr(text, "kind sloth") != NULL, "%s", text);
    runtime_free(runtime);
    close(ends[0]);
    close(ends[1]);
}

/* ---- looking in ---- */

Test(runtime, the_description_names_every_actor)
{
    toy_world_t world = {0};
    runtime_t *runtime = start(&(runtime_options_t){.scheduler_count = 2}, &world);
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    check_ok(ask_of(runtime, address_of("toy", STR("first")), toy_echo).err);
    check_ok(ask_of(runtime, address_of("toy", STR("second")), toy_spawn).err);

    runtime_describe(runtime, &json);

    cr_assert(str_contains(buf_str(&text), STR("\"key\":\"first\"")));
    cr_assert(str_contains(buf_str(&text), STR("\"kind\":\"child\"")));
    cr_assert(str_contains(buf_str(&text), STR("\"actor_count\":3")));
    check_ok(runtime_drain(runtime, PATIENCE_MS));
    runtime_free(runtime);
}

Test(runtime, a_name_is_registered_once_and_a_durable_kind_needs_a_journal)
{
    runtime_t *runtime = NULL;
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 1}, &runtime));

    check_ok(runtime_register(runtime, &toy_kind, NULL));
    check_err(runtime_register(runtime, &toy_kind, NULL), ERR_CONFLICT);
    check_err(runtime_register(runtime, &counter_kind, NULL), ERR_INVALID);
    runtime_free(runtime);
}

#include "tests/stress/racer.h"

#include <stdio.h>
#include <stdlib.h>

#define DEF_FILE "tests/stress/racer.def"
#include "runtime/base/schema_define.h"

enum { CANCELLED = 64 };

typedef struct racer {
    racer_world_t *world;
    uint64_t serial;
    uint64_t cancelled[CANCELLED]; /* the newest: numbers of timers */
} racer_t;

#define ACTOR_DEF "tests/stress/racer.def"
#define ACTOR_STATE racer_t
#define ACTOR_ALSO(X) X(actor_down) X(actor_exit)
#include "runtime/actor_kind.h"
#include "tests/support/patience.h"
#include "tests/support/scale.h"

void race_check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

/* ---- the actor ---- */

/* What racer_bind starts: as the others, but restarted by nobody. */
extern const actor_kind_t racer_child_kind;

ON(racer_note)
{
    if (self->world == NULL)
        return ERR_OK;
    race_check(command->ref == 0 || command->ref == context_self(ctx).bits,
               "a message never reaches a stranger");
    atomic_fetch_add(&self->world->notes, 1);
    return ERR_OK;
}

ON(racer_end)
{
    if (self->world != NULL)
        atomic_fetch_add(&self->world->ended, 1);
    if (command->is_failure)
        actor_fail(ctx, "told to");
    actor_stop(ctx);
    return ERR_OK;
}

ON(racer_echo)
{
    return actor_reply(ctx, racer_done, .number = command->number);
}

ON(racer_silence)
{
    (void)actor_reply_later(ctx);
    return ERR_OK;
}

static void on_answer(void *state, UNUSED context_t *ctx, const answer_t *answer, void *data,
                      UNUSED size_t data_size)
{
    const racer_t *self = state;
    const uint64_t *number = data;
    if (answer->err == ERR_OK) {
        const racer_done_t *done = answer->message;
        race_check(done->number == *number, "each ask has its own answer");
    }
    atomic_fetch_add(&self->world->answered, 1);
}

ON(racer_ask)
{
    uint64_t number = atomic_fetch_add(&self->world->asked, 1);
    address_t to = address_of("stay", command->to);
    if (command->is_silent)
        actor_ask(ctx, to, command->timeout_ms, on_answer, &number, sizeof number, racer_silence);
    else
        actor_ask(ctx, to, command->timeout_ms, on_answer, &number, sizeof number, racer_echo,
                  .number = number);
    return ERR_OK;
}

/* Every other timer is cancelled at once, the ones before it after that. */
ON(racer_time)
{
    for (uint32_t i = 0; i < command->count; i++) {
        uint64_t number = ++self->serial;
        actor_timer_t timer = actor_timer_start(ctx, i % 3, 0, racer_tick, .number = number);
        if (i % 2 == 0)
            continue;
        actor_timer_cancel(ctx, timer);
        self->cancelled[number % CANCELLED] = number;
    }
    return ERR_OK;
}

ON(racer_tick)
{
    race_check(self->cancelled[command->number % CANCELLED] != command->number,
               "a cancelled timer does not ring");
    atomic_fetch_add(&self->world->ticks, 1);
    return ERR_OK;
}

static err_t work(void *data, UNUSED size_t data_size)
{
    uint64_t *number = data;
    *number *= 2;
    return ERR_OK;
}

static void on_worked(void *state, UNUSED context_t *ctx, err_t err, void *data,
                      UNUSED size_t data_size)
{
    const racer_t *self = state;
    const uint64_t *number = data;
    race_check(*number == (err == ERR_OK ? 14 : 7), "a job has its own data");
    atomic_fetch_add(&self->world->worked, 1);
}

ON(racer_work)
{
    uint64_t number = 7;
    for (uint32_t i = 0; i < command->count; i++) {
        atomic_fetch_add(&self->world->jobs, 1);
        actor_offload(ctx, (offload_lane_t)(i % OFFLOAD_LANES), work, on_worked, &number,
                      sizeof number);
    }
    return ERR_OK;
}

/* Of a job that may be cancelled: it counts whether it ran. */
typedef struct cancellable {
    bool has_run;
} cancellable_t;

static err_t work_unless_cancelled(void *data, UNUSED size_t data_size)
{
    cancellable_t *self = data;
    self->has_run = true;
    return offload_is_cancelled(data) ? ERR_STALE : ERR_OK;
}

static void on_cancellable(void *state, UNUSED context_t *ctx, err_t err, void *data,
                           UNUSED size_t data_size)
{
    const racer_t *self = state;
    const cancellable_t *job = data;
    bool is_run = err == ERR_OK || err == ERR_STALE;
    race_check(is_run || err == ERR_CANCELLED || err == ERR_BUSY, "an end that a job has");
    race_check(job->has_run == is_run, "a job that was cancelled did not run, any other did");
    atomic_fetch_add(&self->world->worked, 1);
}

/* Some are cancelled at once, others when the next ones are on their way. */
ON(racer_cancel)
{
    offload_ticket_t before = {0};
    for (uint32_t i = 0; i < command->count; i++) {
        cancellable_t job = {0};
        atomic_fetch_add(&self->world->jobs, 1);
        offload_ticket_t ticket =
            actor_offload(ctx, (offload_lane_t)(i % OFFLOAD_LANES), work_unless_cancelled,
                          on_cancellable, &job, sizeof job);
        actor_offload_cancel(ctx, i % 3 == 0 ? ticket : before);
        before = ticket;
    }
    return ERR_OK;
}

ON(racer_listen)
{
    return actor_subscribe(ctx, command->topic);
}

ON(racer_shout)
{
    actor_publish(ctx, command->topic, racer_note, .sender = RACE_THREADS,
                  .number = command->number);
    return ERR_OK;
}

/* Children that are watched and linked, and end in all ways at once. */
ON(racer_bind)
{
    for (uint32_t i = 0; i < command->count; i++) {
        actor_ref_t child;
        TRY(actor_spawn(ctx, &racer_child_kind, STR("child"), &child));
        actor_link(ctx, child);
        actor_monitor(ctx, child);
        atomic_fetch_add(&self->world->monitors, 1);
        if (i % 3 == 0)
            IGNORE_ERR(actor_kill(ctx, child));
        if (i % 3 == 1)
            actor_unlink(ctx, child);
        IGNORE_ERR(actor_send(ctx, address_of_ref(child), racer_end, .is_failure = i % 2 == 0));
    }
    return ERR_OK;
}

ON(actor_down)
{
    atomic_fetch_add(&self->world->downs, 1);
    return ERR_OK;
}

ON(actor_exit)
{
    return ERR_OK;
}

static err_t start(void *state, context_t *ctx)
{
    racer_t *self = state;
    self->world = context_service(ctx);
    if (self->world == NULL)
        return ERR_OK;
    uint64_t at = atomic_fetch_add(&self->world->next_ref, 1) % RACER_REFS;
    atomic_store(&self->world->refs[at], context_self(ctx).bits);
    return ERR_OK;
}

ACTOR_KIND(racer, .start = start, .idle_ms = 1, .mailbox_max = 256, .restarts_max = 1000000);
ACTOR_KIND(racer_stay, .start = start, .mailbox_max = 4096, .restarts_max = 1000000,
           .traps_exits = true);
ACTOR_KIND(racer_child, .start = start, .is_temporary = true);

/* ---- what tests do ---- */

uint64_t race_rounds(uint64_t rounds)
{
    return rounds * scale_rounds();
}

uint64_t race_rounds_of(uint64_t rounds, uint64_t operations_each)
{
    uint64_t enough = scale_rounds() > 1 ? RACE_OPERATIONS_LONG / operations_each + 1 : 0;
    return MAX(race_rounds(rounds), enough);
}

bool race_goes_on(uint64_t operations)
{
    return scale_rounds() > 1 && operations < RACE_OPERATIONS_LONG;
}

void race_report(uint64_t operations, const char *what)
{
    char digits[32], grouped[48];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)operations), at = 0;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            grouped[at++] = ',';
        grouped[at++] = digits[i];
    }
    printf("%.*s operations: %s\n", at, grouped, what);
    race_check(!race_goes_on(operations), "a long run is worth ten million operations");
}

runtime_t *race_start(racer_world_t *world, uint32_t schedulers)
{
    runtime_t *runtime = NULL;
    actor_kind_t stay = racer_stay_kind;
    stay.name = "stay";
    runtime_options_t options = {.scheduler_count = schedulers, .offload_queue_max = {64, 32, 8}};
    race_check(runtime_new(&options, &runtime) == ERR_OK, "a runtime");
    race_check(runtime_register(runtime, &racer_kind, world) == ERR_OK, "a kind");
    race_check(runtime_register(runtime, &stay, world) == ERR_OK, "another kind");
    race_check(runtime_start(runtime) == ERR_OK, "it starts");
    return runtime;
}

uint64_t race_sent(runtime_t *runtime)
{
    runtime_stats_t stats;
    runtime_stats(runtime, &stats);
    return stats.sent;
}

uint64_t race_end(runtime_t **runtime)
{
    runtime_stats_t stats;
    race_check(runtime_drain(*runtime, PATIENCE_MS) == ERR_OK, "it drains");
    runtime_stats(*runtime, &stats);
    if (stats.sent > 10000)
        printf("sent %llu handled %llu dead %llu activations %llu passivations %llu failures %llu "
               "stolen %llu\n",
               (unsigned long long)stats.sent, (unsigned long long)stats.handled,
               (unsigned long long)stats.dead_letters, (unsigned long long)stats.activations,
               (unsigned long long)stats.passivations, (unsigned long long)stats.failures,
               (unsigned long long)stats.stolen);
    race_check(stats.actors == 0, "no actor is left");
    race_check(stats.sent == stats.handled + stats.dead_letters, "nothing is lost uncounted");
    runtime_free(STEAL(*runtime));
    return stats.sent;
}

void race_settle(runtime_t *runtime)
{
    uint64_t before = UINT64_MAX;
    for (uint32_t i = 0; i < 60000; i++) {
        runtime_stats_t stats;
        runtime_stats(runtime, &stats);
        bool is_done = stats.sent == stats.handled + stats.dead_letters;
        if (is_done && stats.turns == before)
            return;
        before = stats.turns;
        uv_sleep(2);
    }
    race_check(false, "it comes to rest");
}

void race_wait(_Atomic uint64_t *counter, uint64_t want, const char *what)
{
    for (uint32_t i = 0; i < 60000 && atomic_load(counter) < want; i++)
        uv_sleep(1);
    if (atomic_load(counter) != want)
        fprintf(stderr, "%llu of %llu\n", (unsigned long long)atomic_load(counter),
                (unsigned long long)want);
    race_check(atomic_load(counter) == want, what);
}

uint64_t race_draw(race_thread_t *self, uint64_t below)
{
    ms_random_t random = random_seeded(&self->seed);
    return random_below(&random, below);
}

address_t race_name(race_thread_t *self, const char *kind, uint64_t count, char room[static 12])
{
    snprintf(room, 12, "%u", (unsigned)race_draw(self, count));
    return address_of(kind, str_from(room));
}

typedef struct race_body {
    race_thread_t thread;
    void (*body)(race_thread_t *self);
} race_body_t;

static void run_body(void *context)
{
    race_body_t *self = context;
    self->body(&self->thread);
}

void race_run(runtime_t *runtime, racer_world_t *world, uint64_t rounds,
              void (*body)(race_thread_t *self))
{
    race_body_t bodies[RACE_THREADS];
    for (uint64_t i = 0; i < RACE_THREADS; i++) {
        bodies[i] = (race_body_t){.thread = {.runtime = runtime,
                                             .world = world,
                                             .index = i,
                                             .rounds = rounds,
                                             .seed = {i + 1}},
                                  .body = body};
        race_check(uv_thread_create(&bodies[i].thread.thread, run_body, &bodies[i]) == 0,
                   "a thread");
    }
    for (size_t i = 0; i < RACE_THREADS; i++)
        uv_thread_join(&bodies[i].thread.thread);
}

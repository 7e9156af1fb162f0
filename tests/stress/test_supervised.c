/* Supervisors of all strategies over children that fail, stop, are killed and linked to each other,
 * from threads that know nothing of each other: in the end all have been restarted as often as they
 * failed, and after the drain nobody is left. */
#include "runtime/supervisor.h"
#include "tests/stress/racer.h"
#include "tests/support/patience.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define DEF_FILE "tests/stress/supervised.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/stress/supervised.def"
#include "runtime/base/schema_define.h"

enum { SCHEDULERS = 4, PLACES = 64, HITS = 60000 };

typedef struct supervised {
    struct world *world;
} supervised_t;

typedef struct world {
    _Atomic uint64_t refs[PLACES];
    _Atomic uint32_t places;
    _Atomic int64_t alive;
} world_t;

#define ACTOR_DEF "tests/stress/supervised.def"
#define ACTOR_STATE supervised_t
#include "runtime/actor_kind.h"

ON(supervised_hit)
{
    actor_ref_t other = {command->other};
    switch (command->what % 8) {
    case 0:
        actor_stop(ctx);
        break;
    case 1:
        IGNORE_ERR(actor_kill(ctx, other)); /* or gone */
        break;
    case 2:
        actor_link(ctx, other);
        break;
    case 3:
        actor_unlink(ctx, other);
        break;
    case 4:
        IGNORE_ERR(actor_exit(ctx, other, "told")); /* or gone */
        break;
    default:
        actor_fail(ctx, "hit");
    }
    return ERR_OK;
}

static err_t start(void *state, context_t *ctx)
{
    supervised_t *self = state;
    self->world = context_service(ctx);
    atomic_fetch_add(&self->world->alive, 1);
    uint32_t place = atomic_fetch_add(&self->world->places, 1) % PLACES;
    atomic_store(&self->world->refs[place], context_self(ctx).bits);
    return ERR_OK;
}

static void deinit(void *state)
{
    const supervised_t *self = state;
    if (self->world != NULL)
        atomic_fetch_sub(&self->world->alive, 1);
}

ACTOR_KIND(supervised, .start = start, .deinit = deinit);

#define OFTEN .intensity = SUPERVISOR_INTENSITY_MAX, .period_ms = 1000
static const child_spec_t four[] = {{.id = "a", .kind = &supervised_kind},
                                    {.id = "b", .kind = &supervised_kind},
                                    {.id = "c", .kind = &supervised_kind},
                                    {.id = "d", .kind = &supervised_kind}};
static const supervisor_spec_t one = {.name = "one", OFTEN, .children = four, .child_count = 4};
static const supervisor_spec_t all = {
    .name = "all", .strategy = SUPERVISOR_ONE_FOR_ALL, OFTEN, .children = four, .child_count = 4};
static const supervisor_spec_t rest = {.name = "rest",
                                       .strategy = SUPERVISOR_REST_FOR_ONE,
                                       OFTEN,
                                       .backoff_first_ms = 1,
                                       .backoff_max_ms = 1,
                                       .children = four,
                                       .child_count = 4};
/* Gives up after the third failure, and is started again by the one above. */
static const supervisor_spec_t brittle = {
    .name = "brittle", .intensity = 3, .period_ms = 1000, .children = four, .child_count = 4};
static const child_spec_t many[] = {
    {.id = "many", .kind = &supervised_kind, .restart = CHILD_TRANSIENT}};
static const supervisor_spec_t simple = {
    .name = "simple", .strategy = SUPERVISOR_SIMPLE, OFTEN, .children = many, .child_count = 1};
static const child_spec_t nested[] = {{.id = "one", .supervisor = &one},
                                      {.id = "all", .supervisor = &all},
                                      {.id = "rest", .supervisor = &rest},
                                      {.id = "brittle", .supervisor = &brittle}};
static const supervisor_spec_t top = {.name = "top", OFTEN, .children = nested, .child_count = 4};

static void check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

typedef struct hitter {
    runtime_t *runtime;
    world_t *world;
    actor_ref_t simple;
    random_seed_t seed;
} hitter_t;

static void hit(void *context)
{
    hitter_t *self = context;
    ms_random_t random = random_seeded(&self->seed);
    uint64_t hits = race_rounds_of(HITS, 2);
    for (uint64_t i = 0; i < hits; i++) {
        uint64_t ref = atomic_load(&self->world->refs[random_below(&random, PLACES)]);
        uint64_t other = atomic_load(&self->world->refs[random_below(&random, PLACES)]);
        /* Full, or gone: fine. */
        IGNORE_ERR(runtime_send(self->runtime, address_of_ref((actor_ref_t){ref}), supervised_hit,
                                .what = (uint32_t)random_below(&random, 8), .other = other));
        if (i % 64 == 0)
            IGNORE_ERR(runtime_send(self->runtime, address_of_ref(self->simple),
                                    supervisor_start_child, .key = STR("k")));
        if (i % 32 == 0)
            IGNORE_ERR(runtime_send(self->runtime, address_of_ref(self->simple),
                                    supervisor_stop_child, .ref_bits = other));
        if (i % 256 == 0)
            uv_sleep(1); /* others shall run, too */
    }
}

int main(void)
{
    static world_t world;
    runtime_t *runtime = NULL;
    runtime_options_t options = {.scheduler_count = SCHEDULERS};
    check(runtime_new(&options, &runtime) == ERR_OK, "new");
    check(runtime_register(runtime, &supervised_kind, &world) == ERR_OK, "register");
    check(runtime_start(runtime) == ERR_OK, "start");
    actor_ref_t nested_ref, simple_ref;
    check(supervisor_start(runtime, &top, &nested_ref) == ERR_OK, "top");
    check(supervisor_start(runtime, &simple, &simple_ref) == ERR_OK, "simple");

    hitter_t hitters[2];
    uv_thread_t threads[2];
    for (uint64_t i = 0; i < COUNT_OF(hitters); i++) {
        hitters[i] = (hitter_t){runtime, &world, simple_ref, {i + 1}};
        check(uv_thread_create(&threads[i], hit, &hitters[i]) == 0, "thread");
    }
    buf_t text = BUF_INIT;
    for (int i = 0; i < 50; i++) { /* who looks in is a thread of its own, too */
        buf_reset(&text);
        runtime_tree_text(runtime, &text);
        json_t json = json_to(&text);
        runtime_crashes(runtime, &json);
        uv_sleep(2);
    }
    buf_deinit(&text);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        uv_thread_join(&threads[i]);

    check(runtime_drain(runtime, PATIENCE_MS) == ERR_OK, "drain");
    runtime_stats_t stats;
    runtime_stats(runtime, &stats);
    race_report(stats.sent, "messages to actors that are restarted");
    printf("failures %llu restarts %llu\n", (unsigned long long)stats.failures,
           (unsigned long long)stats.restarts);
    check(stats.actors == 0, "no actor is left");
    check(stats.restarts > 1000, "it was a storm");
    runtime_free(runtime);
    check(atomic_load(&world.alive) == 0, "no state is left");
    return 0;
}

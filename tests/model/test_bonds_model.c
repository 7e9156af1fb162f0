/* A random program of links, unlinks, exits, kills, monitors and demonitors beside a twin of plain
 * tables: after each step everybody has been told exactly what the twin says, and nobody else. */
#include "runtime/runtime.h"
#include "runtime/simulation.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

#include <stdlib.h>

enum { ACTORS = 7, WATCHES_MAX = 8, STEPS = 400, SEEDS = 60, TRAPPERS = 3 };

typedef enum deed {
    DEED_LINK,
    DEED_UNLINK,
    DEED_MONITOR,
    DEED_DEMONITOR,
    DEED_EXIT,
    DEED_EXIT_NORMAL,
    DEED_KILL,
    DEED_FAIL,
    DEED_STOP,
    DEEDS
} deed_t;

#define DEF_FILE "tests/model/bonded.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/model/bonded.def"
#include "runtime/base/schema_define.h"

/* What each was told since the last step. */
typedef struct told {
    uint32_t downs[ACTORS][2], exits[ACTORS][2]; /* by whom; normal, or not */
} told_t;

typedef struct model {
    simulation_t *simulation;
    runtime_t *runtime;
    uint64_t refs[ACTORS];
    told_t told[ACTORS];
    actor_monitor_t watches[ACTORS][ACTORS][WATCHES_MAX]; /* the newest is taken back first */

    /* The twin. */
    bool is_linked[ACTORS][ACTORS];
    uint32_t watch_count[ACTORS][ACTORS]; /* who watches whom, how often */
    told_t wanted[ACTORS];
    bool has_ended[ACTORS];          /* in this step */
    uint32_t before[ACTORS][ACTORS]; /* watch_count */
    uint64_t seed, step;
} model_t;

typedef struct bonded {
    model_t *model;
} bonded_t;

#define ACTOR_DEF "tests/model/bonded.def"
#define ACTOR_STATE bonded_t
#define ACTOR_ALSO(X) X(actor_down) X(actor_exit)
#include "runtime/actor_kind.h"

static uint32_t index_of(str_t key)
{
    return (uint32_t)(key.data[0] - 'a');
}

static void watch(model_t *model, context_t *ctx, uint32_t self, uint32_t other)
{
    uint32_t at = model->watch_count[self][other] - 1; /* the twin is a step ahead */
    model->watches[self][other][at] = actor_monitor(ctx, (actor_ref_t){model->refs[other]});
}

ON(bonded_do)
{
    model_t *model = self->model;
    uint32_t me = index_of(context_key(ctx)), other = command->other;
    actor_ref_t ref = {model->refs[other]};
    switch ((deed_t)command->deed) {
    case DEED_LINK:
        actor_link(ctx, ref);
        break;
    case DEED_UNLINK:
        actor_unlink(ctx, ref);
        break;
    case DEED_MONITOR:
        watch(model, ctx, me, other);
        break;
    case DEED_DEMONITOR:
        actor_demonitor(ctx, model->watches[me][other][model->watch_count[me][other]]);
        break;
    case DEED_EXIT:
        return actor_exit(ctx, ref, "told to");
    case DEED_EXIT_NORMAL:
        return actor_exit(ctx, ref, "normal");
    case DEED_KILL:
        return actor_kill(ctx, ref);
    case DEED_FAIL:
        actor_fail(ctx, "by itself");
    case DEED_STOP:
        actor_stop(ctx);
        break;
    case DEEDS:
        break;
    }
    return ERR_OK;
}

ON(bonded_who)
{
    model_t *model = self->model;
    (void)command;
    model->refs[index_of(context_key(ctx))] = context_self(ctx).bits;
    return ERR_OK;
}

static uint32_t whose(const model_t *model, uint64_t ref_bits)
{
    for (uint32_t i = 0; i < ACTORS; i++) {
        if (model->refs[i] == ref_bits)
            return i;
    }
    cr_fatal("nobody has this reference");
    return 0;
}

ON(actor_down)
{
    model_t *model = self->model;
    bool is_abnormal = !str_equal(command->reason, STR("normal"));
    model->told[index_of(context_key(ctx))].downs[whose(model, command->ref_bits)][is_abnormal]++;
    return ERR_OK;
}

ON(actor_exit)
{
    model_t *model = self->model;
    bool is_abnormal = !str_equal(command->reason, STR("normal"));
    model->told[index_of(context_key(ctx))].exits[whose(model, command->ref_bits)][is_abnormal]++;
    return ERR_OK;
}

static err_t start(void *state, context_t *ctx)
{
    bonded_t *self = state;
    self->model = context_service(ctx);
    return ERR_OK;
}

ACTOR_KIND(bonded, .start = start, .restarts_max = 1000000);
ACTOR_KIND(trapping, .start = start, .restarts_max = 1000000, .traps_exits = true);

/* ---- the twin ---- */

static bool traps(uint32_t who)
{
    return who < TRAPPERS;
}

static void twin_ends(model_t *self, uint32_t who, bool is_abnormal);

static void twin_is_told(model_t *self, uint32_t who, uint32_t by, bool is_abnormal)
{
    if (traps(who))
        self->wanted[who].exits[by][is_abnormal]++;
    else if (is_abnormal)
        twin_ends(self, who, true);
}

/* It ends, or is started again in its place: it knows nobody any more, and nobody knows it. */
static void twin_ends(model_t *self, uint32_t who, bool is_abnormal)
{
    bool was_linked[ACTORS];
    self->has_ended[who] = true;
    memcpy(was_linked, self->is_linked[who], sizeof was_linked);
    for (uint32_t i = 0; i < ACTORS; i++) {
        self->is_linked[who][i] = self->is_linked[i][who] = false;
        self->watch_count[who][i] = 0;
    }
    for (uint32_t i = 0; i < ACTORS; i++) {
        self->wanted[i].downs[who][is_abnormal] += STEAL(self->watch_count[i][who]);
        if (was_linked[i])
            twin_is_told(self, i, who, is_abnormal);
    }
}

/* False: nothing to do, or too much. */
static bool twin_does(model_t *self, uint32_t who, uint32_t other, deed_t deed)
{
    switch (deed) {
    case DEED_LINK:
    case DEED_UNLINK:
        self->is_linked[who][other] = self->is_linked[other][who] =
            deed == DEED_LINK && who != other;
        return true;
    case DEED_MONITOR:
        if (who == other || self->watch_count[who][other] == WATCHES_MAX)
            return false;
        self->watch_count[who][other]++;
        return true;
    case DEED_DEMONITOR:
        if (self->watch_count[who][other] == 0)
            return false;
        self->watch_count[who][other]--;
        return true;
    case DEED_EXIT:
    case DEED_EXIT_NORMAL:
        twin_is_told(self, other, who, deed == DEED_EXIT);
        return true;
    case DEED_KILL:
        twin_ends(self, other, true);
        return true;
    case DEED_FAIL:
    case DEED_STOP:
        twin_ends(self, who, deed == DEED_FAIL);
        return true;
    case DEEDS:
        break;
    }
    return false;
}

/* ---- beside each other ---- */

static address_t address_at(uint32_t who)
{
    static const char keys[] = "abcdefg";
    return address_of(traps(who) ? "trapping" : "bonded", str_of(&keys[who], 1));
}

/* An end frees the slot: who is there afterwards has another reference. */
static void look_up(model_t *self)
{
    for (uint32_t i = 0; i < ACTORS; i++)
        check_ok(runtime_send(self->runtime, address_at(i), bonded_who));
    simulation_settle(self->simulation);
}

/* Who ended in a chain of failures may have heard of the others before, or not: of each at most
 * as often as it watched. */
static bool is_told_right(model_t *self, uint32_t who)
{
    told_t *told = &self->told[who], *wanted = &self->wanted[who];
    bool is_right = memcmp(told->exits, wanted->exits, sizeof told->exits) == 0;
    for (uint32_t i = 0; i < ACTORS; i++) {
        uint32_t got = told->downs[i][0] + told->downs[i][1];
        bool is_equal = memcmp(told->downs[i], wanted->downs[i], sizeof told->downs[i]) == 0;
        is_right &= is_equal || (self->has_ended[who] && got <= self->before[who][i]);
    }
    *told = *wanted = (told_t){0};
    return is_right;
}

static void one_step(model_t *self, random_seed_t *seed)
{
    ms_random_t random = random_seeded(seed);
    uint32_t who = (uint32_t)random_below(&random, ACTORS);
    uint32_t other = (uint32_t)random_below(&random, ACTORS);
    /* Mostly bonds, so that an end meets many of them. */
    deed_t deed = (deed_t)random_below(
        &random, random_below(&random, 3) == 0 ? (uint64_t)DEEDS : (uint64_t)DEED_EXIT);
    memset(self->has_ended, 0, sizeof self->has_ended);
    memcpy(self->before, self->watch_count, sizeof self->before);
    if (!twin_does(self, who, other, deed))
        return;
    check_ok(runtime_send(self->runtime, address_at(who), bonded_do, .deed = (uint32_t)deed,
                          .other = other));
    simulation_settle(self->simulation);
    for (uint32_t i = 0; i < ACTORS; i++) {
        cr_assert(is_told_right(self, i),
                  "seed %llu, step %llu: %c does %d to %c, and %c was told otherwise",
                  (unsigned long long)self->seed, (unsigned long long)self->step, 'a' + (int)who,
                  (int)deed, 'a' + (int)other, 'a' + (int)i);
    }
    look_up(self);
}

static void run(uint64_t seed)
{
    model_t *self = calloc(1, sizeof *self);
    random_seed_t steps = {seed};
    self->seed = seed;
    check_ok(simulation_new(seed, &self->simulation));
    runtime_options_t options = {.scheduler_count = 2,
                                 .clock = simulation_clock(self->simulation),
                                 .random = simulation_random(self->simulation),
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &self->runtime));
    check_ok(runtime_register(self->runtime, &bonded_kind, self));
    check_ok(runtime_register(self->runtime, &trapping_kind, self));
    check_ok(runtime_start(self->runtime));
    simulation_attach(self->simulation, self->runtime);
    look_up(self);
    for (self->step = 0; self->step < STEPS; self->step++)
        one_step(self, &steps);
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
    runtime_stats_t stats;
    runtime_stats(self->runtime, &stats);
    cr_assert(eq(u64, stats.actors, 0));
    runtime_free(self->runtime);
    simulation_free(self->simulation);
    free(self);
}

Test(bonds_model, everybody_is_told_what_the_twin_says)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

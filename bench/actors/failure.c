/* Restarts: by the supervisor, and by hand with a monitor and a spawn. */

#include "bench/actors/actors.h"
#include "runtime/supervisor.h"

/* ---- restart: a child fails, its supervisor starts it again, it says that it is up ---- */

static struct {
    uint64_t driver;
} failure;

typedef struct mortal {
    char nothing;
} mortal_t;

static err_t mortal_start(UNUSED void *self, context_t *ctx)
{
    SEND(failure.driver, up, .ref = SELF());
    return ERR_OK;
}

HANDLER(mortal, crash)
{
    actor_fail(ctx, "as told");
}

HANDLERS(mortal, HEARS(mortal, crash))
KIND(mortal, .start = mortal_start)

static const child_spec_t mortals[] = {{.id = "mortal", .kind = &mortal_kind}};
static const supervisor_spec_t mortal_supervisor = {.name = "mortals",
                                                    .intensity = SUPERVISOR_INTENSITY_MAX,
                                                    .period_ms = 1000,
                                                    .children = mortals,
                                                    .child_count = COUNT_OF(mortals)};

/* Kills whoever says that it is up, until it has been told so often enough. */
typedef struct driver {
    uint64_t left;
} driver_t;

HANDLER(driver, setup)
{
    failure.driver = SELF();
    self->left = message->each;
    stage_done();
    return ERR_OK;
}

HANDLER(driver, go)
{
    actor_ref_t supervisor;
    return supervisor_start(context_runtime(ctx), &mortal_supervisor, &supervisor);
}

HANDLER(driver, up)
{
    if (self->left-- == 0)
        stage_done();
    else
        SEND(message->ref, crash);
    return ERR_OK;
}

HANDLERS(driver, HEARS(driver, up), HEARS(driver, setup), HEARS(driver, go))
ROOT(driver)

void bench_restart(void)
{
    uint64_t restarts = bench_amount(100000);
    stage_open(&driver_kind);
    double took_ns = stage_warm_and_run_ns(1, restarts);
    bench_line("restart", (double)restarts / took_ns * 1e9, "restarts/s");
    stage_close();
}

/* ---- respawn: nobody restarts it; who watched it makes another ---- */

typedef mortal_t mayfly_t;
HANDLERS(mayfly, HEARS(mortal, crash))
KIND(mayfly, .start = mortal_start, .is_temporary = true)

typedef struct keeper {
    uint64_t left;
} keeper_t;

static void keeper_spawn(context_t *ctx)
{
    actor_monitor(ctx, (actor_ref_t){SPAWN(mayfly)});
}

HANDLER(keeper, setup)
{
    failure.driver = SELF();
    self->left = message->each;
    stage_done();
    return ERR_OK;
}

HANDLER(keeper, go)
{
    keeper_spawn(ctx);
    return ERR_OK;
}

HANDLER(keeper, up)
{
    if (self->left-- == 0)
        stage_done();
    else
        SEND(message->ref, crash);
    return ERR_OK;
}

HANDLER(keeper, actor_down)
{
    keeper_spawn(ctx);
    return ERR_OK;
}

HANDLERS(keeper, HEARS(keeper, up), HEARS(keeper, actor_down), HEARS(keeper, setup),
         HEARS(keeper, go))
ROOT(keeper)

void bench_respawn(void)
{
    uint64_t respawns = bench_amount(100000);
    stage_open(&keeper_kind);
    double took_ns = stage_warm_and_run_ns(1, respawns);
    bench_line("respawn", (double)respawns / took_ns * 1e9, "restarts/s");
    stage_close();
}

/* A home learns which sessions have ended, though nobody can say so for a while. */
#include "actors/protocol/accounts.h"
#include "gateway/api.h"
#include "runtime/actor.h"
#include "runtime/runtime.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

#include <stdatomic.h>

/* What `accounts` says, as the test wants it. */
typedef struct desk {
    _Atomic uint32_t asked;
    _Atomic uint32_t refusals; /* still to be given */
    _Atomic bool is_away;
} desk_t;

static err_t say_ended(void *self, context_t *ctx, const void *message)
{
    desk_t *desk = context_service(ctx);
    (void)self, (void)message;
    atomic_fetch_add(&desk->asked, 1);
    if (atomic_load(&desk->is_away))
        return ERR_UNAVAILABLE;
    if (atomic_load(&desk->refusals) > 0) {
        atomic_fetch_sub(&desk->refusals, 1);
        return ERR_TIMEOUT;
    }
    const ms_clock_t clock = clock_system();
    accounts_ended_session_t ended = {.sid = STR("s2"), .ended_at = clock_wall_ms(&clock)};
    return actor_reply(ctx, accounts_ended, .sessions = {&ended, 1});
}

static const actor_handler_t handlers[] = {{&accounts_get_ended_schema, say_ended}};
static const schema_t *const replies[] = {&accounts_ended_schema};
static const actor_kind_t accounts = {.name = ACCOUNTS_KIND,
                                      .handlers = handlers,
                                      .handler_count = COUNT_OF(handlers),
                                      .replies = replies,
                                      .reply_count = COUNT_OF(replies)};

typedef struct rig {
    _Atomic uint64_t mono_ms; /* of the home's clock */
    desk_t desk;
    api_t api;
    home_t home;
    buf_t token, ended;
    uv_sem_t done;
    err_t err, ended_err;
    bool is_asking;
} rig_t;

static uint64_t rig_mono_ns(void *context)
{
    return atomic_load(&((rig_t *)context)->mono_ms) * 1000000;
}

static int64_t rig_wall_ms(UNUSED void *context)
{
    const ms_clock_t clock = clock_system();
    return clock_wall_ms(&clock);
}

static void issue(const rig_t *self, const char *sid, buf_t *out)
{
    token_claims_t claims;
    check_ok(token_claims_init(&claims, STR("u1"), str_from(sid), 1, rig_wall_ms(NULL)));
    check_ok(token_issue(self->api.keyring, &claims, out));
}

static void open_home(void *context)
{
    rig_t *self = context;
    self->err = home_init(&self->home, &self->api, runtime_edge(self->api.runtime, 0));
    uv_sem_post(&self->done);
}

static void is_closed(void *context)
{
    uv_sem_post(&((rig_t *)context)->done);
}

static void close_home(void *context)
{
    rig_t *self = context;
    home_close(&self->home, is_closed, self);
}

static void verify_here(void *context)
{
    rig_t *self = context;
    token_claims_t claims;
    self->err =
        token_verify(self->home.verifier, buf_str(&self->token), rig_wall_ms(NULL), &claims);
    self->ended_err =
        token_verify(self->home.verifier, buf_str(&self->ended), rig_wall_ms(NULL), &claims);
    self->is_asking = self->home.ended_ticket != 0 ||
                      uv_is_active((const uv_handle_t *)&self->home.ended_timer) != 0;
    uv_sem_post(&self->done);
}

static void on_loop(rig_t *self, void (*fn)(void *context))
{
    check_ok(edge_post(runtime_edge(self->api.runtime, 0), fn, self));
    uv_sem_wait(&self->done);
}

static void begin(rig_t *self, uint32_t refusals, bool is_away)
{
    const ms_clock_t clock = clock_system();
    const ms_random_t random = random_system();
    *self = (rig_t){.desk = {.refusals = refusals, .is_away = is_away}};
    cr_assert(uv_sem_init(&self->done, 0) == 0);
    check_ok(keyring_open(STR(""), &clock, &random, &self->api.keyring));
    self->api.clock = (ms_clock_t){rig_mono_ns, rig_wall_ms, self};
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 1}, &self->api.runtime));
    check_ok(runtime_register(self->api.runtime, &accounts, &self->desk));
    check_ok(runtime_start(self->api.runtime));
    issue(self, "s1", &self->token);
    issue(self, "s2", &self->ended);
    on_loop(self, open_home);
    check_ok(self->err);
}

static void end(rig_t *self)
{
    on_loop(self, close_home);
    on_loop(self, close_home); /* it has nothing to close any more, and says so */
    runtime_free(self->api.runtime);
    keyring_close(self->api.keyring);
    buf_deinit(&self->token);
    buf_deinit(&self->ended);
    uv_sem_destroy(&self->done);
}

static bool is_refused(void *context)
{
    rig_t *self = context;
    on_loop(self, verify_here);
    return self->ended_err == ERR_UNAUTHENTICATED;
}

static bool has_asked_again(void *context)
{
    return atomic_load(&((rig_t *)context)->desk.asked) >= 3;
}

static bool has_given_up(void *context)
{
    rig_t *self = context;
    on_loop(self, verify_here);
    return !self->is_asking;
}

Test(home, a_session_that_ended_unseen_is_refused_once_somebody_can_say_so)
{
    rig_t rig SCOPED(end);
    begin(&rig, 2, false);

    wait_until(is_refused(&rig));

    check_ok(rig.err);
    cr_assert(eq(u32, atomic_load(&rig.desk.asked), 3), "twice in vain, and once it was told");
    cr_assert(rig.is_asking == false, "then it asks no more");
}

Test(home, it_is_asked_for_as_long_as_a_token_lives_and_no_longer)
{
    rig_t rig SCOPED(end);
    begin(&rig, 0, true);

    atomic_store(&rig.mono_ms, TOKEN_LIFE_MS + 1000 - 1);
    wait_until(has_asked_again(&rig));
    on_loop(&rig, verify_here);
    check_ok(rig.ended_err);
    cr_assert(rig.is_asking);

    atomic_store(&rig.mono_ms, TOKEN_LIFE_MS + 1000);
    wait_until(has_given_up(&rig));
}

Test(home, one_that_is_asking_can_be_closed)
{
    rig_t rig SCOPED(end);
    begin(&rig, 0, true);

    wait_until(has_asked_again(&rig));
}

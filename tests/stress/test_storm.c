/* A storm of asks over actors that pass them on, fail, stop, are passivated and stolen, from an
 * edge on every scheduler: every ask is answered exactly once, and nothing is left at the end. */
#include "runtime/runtime.h"
#include "tests/stress/racer.h"
#include "tests/support/patience.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define DEF_FILE "tests/stress/storm.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/stress/storm.def"
#include "runtime/base/schema_define.h"

enum { SCHEDULERS = 4, OPEN = 64, ASKS = 10000 };

typedef struct storm {
    uint64_t unused;
} storm_t;

#define ACTOR_DEF "tests/stress/storm.def"
#define ACTOR_STATE storm_t
#include "runtime/actor_kind.h"

static address_t nth(context_t *ctx, uint32_t n)
{
    return address_of("storm", arena_printf(context_arena(ctx), "%u", n % 40));
}

static void on_answer(UNUSED void *self, context_t *ctx, const answer_t *answer, void *data,
                      UNUSED size_t data_size)
{
    const reply_token_t *token = data;
    actor_reply_to_message(ctx, *token, answer->err, answer->schema, answer->message);
}

ON(storm_ask)
{
    if (command->hops == 0)
        return actor_reply(ctx, storm_done, .hops = 0);
    reply_token_t token = actor_reply_later(ctx);
    actor_ask(ctx, nth(ctx, command->to), 10000, on_answer, &token, sizeof token, storm_ask,
              .to = command->to * 7 + 3, .hops = command->hops - 1);
    return ERR_OK;
}

ON(storm_hit)
{
    if (command->what == 0)
        actor_fail(ctx, "hit");
    actor_stop(ctx);
    return ERR_OK;
}

ACTOR_KIND(storm, .mailbox_max = 512, .idle_ms = 1, .restarts_max = 1000000);

typedef struct client {
    edge_t *edge;
    random_seed_t seed;
    uint32_t left, open;
    uint32_t actors;
    uint32_t hops_max; /* how far an ask is passed on */
    bool has_hits;     /* actors are made to fail and to stop */
    uint64_t timeout_ms;
    _Atomic uint32_t *running;
    uint64_t outcomes[ERR_COUNT];
} client_t;

static void go_on(client_t *self);

static void on_reply(void *context, const answer_t *answer)
{
    client_t *self = context;
    self->outcomes[answer->err]++;
    self->open--;
    go_on(self);
}

static void ask_one(client_t *self)
{
    ms_random_t random = random_seeded(&self->seed);
    uint32_t n = (uint32_t)random_below(&random, self->actors);
    char key[16];
    int size = snprintf(key, sizeof key, "%u", n);
    address_t to = address_of("storm", str_of(key, (size_t)size));
    if (self->has_hits && random_below(&random, 50) == 0)
        IGNORE_ERR(runtime_send(edge_runtime(self->edge), to, storm_hit, /* full: fine */
                                .what = (uint32_t)random_below(&random, 2)));
    self->open++;
    self->left--;
    edge_ask(self->edge, to, self->timeout_ms, STR(""), on_reply, self, storm_ask, .to = n * 3 + 1,
             .hops = (uint32_t)random_below(&random, self->hops_max + 1));
}

static void go_on(client_t *self)
{
    while (self->left > 0 && self->open < OPEN)
        ask_one(self);
    if (self->left == 0 && self->open == 0)
        atomic_fetch_sub(self->running, 1);
}

static void begin(void *context)
{
    go_on(context);
}

static void check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

static uint64_t run(const client_t *how)
{
    runtime_t *runtime = NULL;
    runtime_options_t options = {.scheduler_count = SCHEDULERS};
    check(runtime_new(&options, &runtime) == ERR_OK, "new");
    check(runtime_register(runtime, &storm_kind, NULL) == ERR_OK, "register");
    check(runtime_start(runtime) == ERR_OK, "start");
    _Atomic uint32_t running = SCHEDULERS;
    client_t clients[SCHEDULERS];
    for (uint32_t i = 0; i < SCHEDULERS; i++) {
        clients[i] = *how;
        clients[i].edge = runtime_edge(runtime, i);
        clients[i].seed.state = i + 1;
        clients[i].left = ASKS;
        clients[i].running = &running;
        check(edge_post(clients[i].edge, begin, &clients[i]) == ERR_OK, "post");
    }
    while (atomic_load(&running) > 0)
        uv_sleep(1);

    check(runtime_drain(runtime, PATIENCE_MS) == ERR_OK, "drain");
    runtime_stats_t stats;
    runtime_stats(runtime, &stats);
    check(stats.actors == 0, "no actor is left");
    uint64_t answers = 0;
    for (uint32_t i = 0; i < SCHEDULERS; i++) {
        for (uint32_t err = 0; err < ERR_COUNT; err++) {
            answers += clients[i].outcomes[err];
            if (clients[i].outcomes[err] > 0 && i == 0)
                printf("%s %llu\n", err_name((err_t)err),
                       (unsigned long long)clients[i].outcomes[err]);
        }
        /* Who holds a token and is hit can't answer: only then does an asker wait in vain. */
        bool may_wait = how->has_hits && how->hops_max > 0;
        check(may_wait || clients[i].outcomes[ERR_TIMEOUT] == 0, "nobody waits in vain");
        check(how->has_hits || clients[i].outcomes[ERR_INTERNAL] == 0, "nobody fails");
    }
    check(answers == (uint64_t)SCHEDULERS * ASKS, "every ask has its answer");
    printf("activations %llu failures %llu passivations %llu stolen %llu\n",
           (unsigned long long)stats.activations, (unsigned long long)stats.failures,
           (unsigned long long)stats.passivations, (unsigned long long)stats.stolen);
    runtime_free(runtime);
    return stats.sent;
}

int main(void)
{
    uint64_t sent = 0;
    do {
        sent += run(&(client_t){.actors = 40, .hops_max = 3, .timeout_ms = 60000});
        sent += run(&(client_t){.actors = 40, .has_hits = true, .timeout_ms = 60000});
        sent += run(&(client_t){.actors = 40, .has_hits = true, .hops_max = 3, .timeout_ms = 100});
        sent += run(&(client_t){.actors = 3000, .timeout_ms = 60000}); /* most come and go */
    } while (race_goes_on(sent));
    race_report(sent, "messages among actors that fail");
    return 0;
}

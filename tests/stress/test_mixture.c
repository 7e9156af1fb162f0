/* Everything that actors can do, at once, from many threads: timers, jobs, topics, children that
 * fail, monitors, stops. Nothing is checked but that each ask has its answer and that the node
 * drains; ThreadSanitizer looks at the rest. */
#include "tests/stress/racer.h"
#include "tests/support/actors/toy.h"
#include "tests/support/patience.h"

#include <stdio.h>
#include <stdlib.h>

enum { SCHEDULERS = 3, ASKS = 4000, OPEN = 24, ACTORS = 12 };

typedef struct client {
    edge_t *edge;
    random_seed_t seed;
    uint32_t left, open;
    _Atomic uint32_t *running;
    edge_subscription_t *subscription;
    uint64_t heard;
} client_t;

static void check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

static void go_on(client_t *self);

static void on_answer(void *context, const answer_t *answer)
{
    client_t *self = context;
    (void)answer;
    self->open--;
    go_on(self);
}

static void on_heard(void *context, str_t topic, const schema_t *schema, const void *message)
{
    client_t *self = context;
    (void)topic, (void)schema, (void)message;
    self->heard++;
}

static void ask_one(client_t *self)
{
    ms_random_t random = random_seeded(&self->seed);
    char key[8];
    int size = snprintf(key, sizeof key, "%u", (unsigned)random_below(&random, ACTORS));
    address_t to = address_of("toy", str_of(key, (size_t)size));
    str_t none = STR("");
    self->open++;
    self->left--;
    switch (random_below(&random, 12)) {
    case 0:
        edge_ask(self->edge, to, 200, none, on_answer, self, toy_timer, .delay_ms = 1,
                 .is_cancelled = random_below(&random, 2) == 0);
        break;
    case 1:
        edge_ask(self->edge, to, 200, none, on_answer, self, toy_offload, .number = 1);
        break;
    case 2:
        edge_ask(self->edge, to, 200, none, on_answer, self, toy_publish, .topic = STR("t"));
        break;
    case 3:
        edge_ask(self->edge, to, 200, none, on_answer, self, toy_subscribe, .topic = STR("t"));
        break;
    case 4:
        edge_ask(self->edge, to, 200, none, on_answer, self, toy_spawn, .is_watched = true);
        break;
    case 5:
        edge_ask(self->edge, to, 200, none, on_answer, self, toy_break_child);
        break;
    case 6:
        edge_ask(self->edge, to, 200, none, on_answer, self, toy_stop);
        break;
    case 7:
        edge_ask(self->edge, to, 200, none, on_answer, self, toy_fail, .is_deep = true);
        break;
    case 8:
        edge_ask(self->edge, to, 200, none, on_answer, self, toy_watch,
                 .ref_bits = random_below(&random, 64) + 1);
        break;
    case 9:
        edge_ask(self->edge, to, 200, none, on_answer, self, toy_forward, .to = STR("1"),
                 .timeout_ms = 50);
        break;
    default:
        edge_ask(self->edge, to, 200, none, on_answer, self, toy_echo, .number = 1);
    }
}

static void go_on(client_t *self)
{
    while (self->left > 0 && self->open < OPEN)
        ask_one(self);
    if (self->left > 0 || self->open > 0)
        return;
    edge_unsubscribe(&self->subscription);
    atomic_fetch_sub(self->running, 1);
}

static void begin(void *context)
{
    client_t *self = context;
    self->subscription = edge_subscribe(self->edge, STR("t"), on_heard, self);
    go_on(self);
}

int main(void)
{
    static toy_world_t world;
    static client_t clients[SCHEDULERS];
    runtime_t *runtime = NULL;
    check(runtime_new(&(runtime_options_t){.scheduler_count = SCHEDULERS}, &runtime) == ERR_OK,
          "new");
    check(runtime_register(runtime, &toy_kind, &world) == ERR_OK, "register");
    check(runtime_start(runtime) == ERR_OK, "start");
    _Atomic uint32_t running = SCHEDULERS;
    for (uint32_t i = 0; i < SCHEDULERS; i++) {
        clients[i] = (client_t){.edge = runtime_edge(runtime, i),
                                .seed = {i + 1},
                                .left = (uint32_t)race_rounds_of(ASKS, SCHEDULERS),
                                .running = &running};
        check(edge_post(clients[i].edge, begin, &clients[i]) == ERR_OK, "post");
    }
    buf_t text BUF_SCOPED = BUF_INIT;
    while (atomic_load(&running) > 0) {
        buf_reset(&text);
        json_t json = json_to(&text);
        runtime_describe(runtime, &json); /* looking in disturbs nobody */
        uv_sleep(1);
    }

    check(runtime_drain(runtime, PATIENCE_MS) == ERR_OK, "drain");
    runtime_stats_t stats;
    runtime_stats(runtime, &stats);
    check(stats.actors == 0, "no actor is left");
    check(atomic_load(&world.started) == atomic_load(&world.deinited), "every state was freed");
    printf("activations %llu failures %llu restarts %llu downs %llu heard %llu\n",
           (unsigned long long)stats.activations, (unsigned long long)stats.failures,
           (unsigned long long)stats.restarts, (unsigned long long)atomic_load(&world.downs),
           (unsigned long long)(clients[0].heard + clients[1].heard + clients[2].heard));
    runtime_free(runtime);
    race_report(stats.sent, "messages of all sorts");
    return 0;
}

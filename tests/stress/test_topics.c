/* Edges and actors that subscribe and unsubscribe while threads publish: each subscriber sees each
 * publisher's messages in order, and nothing after it unsubscribed. */
#include "tests/stress/racer.h"

#include <sched.h>
#include <stdio.h>

enum { ROUNDS = 12000, SCHEDULERS = 3, LISTENERS = 4, TOPICS = 2, ACTORS = 12 };

static const str_t topics[TOPICS] = {{"a", 1}, {"b", 1}};

/* One of an edge's; everything of it on its scheduler's thread. */
typedef struct listener {
    edge_subscription_t *subscription;
    uint64_t last[RACE_THREADS], heard;
    bool is_listening;
} listener_t;

typedef struct listening {
    listener_t listeners[LISTENERS];
    edge_t *edge;
    random_seed_t seed;
    _Atomic uint32_t turning; /* posts that are under way */
} listening_t;

static listening_t edges[SCHEDULERS];
static _Atomic uint64_t heard;

static void on_heard(void *context, str_t topic, const schema_t *schema, const void *message)
{
    listener_t *self = context;
    const racer_note_t *note = message;
    (void)topic, (void)schema;
    race_check(self->is_listening, "nothing comes after the end of a subscription");
    race_check(note->sender == RACE_THREADS || note->number > self->last[note->sender],
               "each publisher in order");
    if (note->sender < RACE_THREADS)
        self->last[note->sender] = note->number;
    atomic_fetch_add(&heard, 1);
    if (++self->heard % 97 == 0) { /* also inside its own function */
        self->is_listening = false;
        edge_unsubscribe(&self->subscription);
    }
}

static void turn(void *context)
{
    listening_t *self = context;
    ms_random_t random = random_seeded(&self->seed);
    listener_t *listener = &self->listeners[random_below(&random, LISTENERS)];
    if (listener->is_listening) {
        listener->is_listening = false;
        edge_unsubscribe(&listener->subscription);
    } else {
        *listener = (listener_t){.is_listening = true};
        listener->subscription =
            edge_subscribe(self->edge, topics[random_below(&random, TOPICS)], on_heard, listener);
        race_check(listener->subscription != NULL, "a subscription");
    }
    atomic_fetch_sub(&self->turning, 1);
}

static void tell_actor(race_thread_t *self, uint64_t number)
{
    char room[12];
    address_t to = race_name(self, "racer", ACTORS, room);
    str_t topic = topics[race_draw(self, TOPICS)];
    err_t err = ERR_OK;
    switch (race_draw(self, 8)) {
    case 0:
        err = runtime_send(self->runtime, to, racer_listen, .topic = topic);
        break;
    case 1:
        err = runtime_send(self->runtime, to, racer_end, .is_failure = number % 2 == 0);
        break;
    default:
        err = runtime_send(self->runtime, to, racer_shout, .topic = topic, .number = number);
    }
    if (err == ERR_BUSY)
        sched_yield();
}

static void publish(race_thread_t *self)
{
    for (uint64_t i = 1; i <= self->rounds; i++) {
        runtime_publish(self->runtime, topics[race_draw(self, TOPICS)], racer_note,
                        .sender = self->index, .number = i);
        listening_t *edge = &edges[race_draw(self, SCHEDULERS)];
        if (race_draw(self, 4) == 0 && atomic_load(&edge->turning) < 16) {
            atomic_fetch_add(&edge->turning, 1);
            race_check(edge_post(edge->edge, turn, edge) == ERR_OK, "a post");
        }
        if (race_draw(self, 4) == 0)
            tell_actor(self, i);
        if (i % 32 == 0)
            sched_yield();
    }
}

int main(void)
{
    static racer_world_t world;
    runtime_t *runtime = race_start(&world, SCHEDULERS);
    for (uint32_t i = 0; i < SCHEDULERS; i++) {
        edges[i].edge = runtime_edge(runtime, i);
        edges[i].seed.state = i + 100;
    }
    do
        race_run(runtime, &world, race_rounds(ROUNDS), publish);
    while (race_goes_on(atomic_load(&heard) + atomic_load(&world.notes)));
    race_end(&runtime);
    race_check(atomic_load(&heard) > 1000, "somebody listened");
    race_report(atomic_load(&heard) + atomic_load(&world.notes), "news heard");
    printf("heard %llu by edges, %llu by actors\n", (unsigned long long)atomic_load(&heard),
           (unsigned long long)atomic_load(&world.notes));
    return 0;
}

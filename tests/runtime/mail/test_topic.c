#include "runtime/kernel.h"
#include "runtime/mail/topic.h"
#include "tests/support/actors/caller.h"
#include "tests/support/actors/toy.h"
#include "tests/support/patience.h"

#include <stdio.h>

enum { PUBLISHES = 2000 };

typedef struct heard {
    _Atomic uint64_t count;
    uint64_t last, disordered;
    edge_subscription_t *subscription;
    uint64_t stop_after;
    edge_t *edge;
    uv_sem_t done;
} heard_t;

static void on_message(void *context, str_t topic, const schema_t *schema, const void *message)
{
    heard_t *heard = context;
    cr_assert(schema == &toy_tick_schema);
    cr_assert(str_starts_with(topic, STR("t")));
    uint64_t number = ((const toy_tick_t *)message)->number;
    heard->disordered += number <= heard->last;
    heard->last = number;
    if (atomic_fetch_add(&heard->count, 1) + 1 == heard->stop_after)
        edge_unsubscribe(&heard->subscription);
}

static void subscribe(void *context)
{
    heard_t *heard = context;
    heard->subscription = edge_subscribe(heard->edge, STR("t"), on_message, heard);
    uv_sem_post(&heard->done);
}

static void unsubscribe(void *context)
{
    heard_t *heard = context;
    edge_unsubscribe(&heard->subscription);
    uv_sem_post(&heard->done);
}

static void run_there(heard_t *heard, runtime_t *runtime, uint32_t scheduler, void (*fn)(void *))
{
    heard->edge = runtime_edge(runtime, scheduler);
    uv_sem_init(&heard->done, 0);
    check_ok(edge_post(heard->edge, fn, heard));
    uv_sem_wait(&heard->done);
    uv_sem_destroy(&heard->done);
}

static void wait_for(_Atomic uint64_t *counter, uint64_t wanted)
{
    wait_until(atomic_load(counter) >= wanted);
}

static runtime_t *start(toy_world_t *world)
{
    runtime_t *runtime = NULL;
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = 2}, &runtime));
    check_ok(runtime_register(runtime, &toy_kind, world));
    check_ok(runtime_start(runtime));
    return runtime;
}

Test(topic, every_scheduler_hears_every_message_in_the_publishers_order)
{
    toy_world_t world = {0};
    runtime_t *runtime = start(&world);
    heard_t heard[2] = {{0}, {0}};
    run_there(&heard[0], runtime, 0, subscribe);
    run_there(&heard[1], runtime, 1, subscribe);

    for (uint64_t i = 1; i <= PUBLISHES; i++)
        check_ok(ask_of(runtime, address_of("toy", STR("a")), toy_publish, .topic = STR("t"),
                        .number = i)
                     .err);
    wait_for(&heard[0].count, PUBLISHES);
    wait_for(&heard[1].count, PUBLISHES);

    cr_assert(eq(u64, heard[0].disordered + heard[1].disordered, 0));
    run_there(&heard[0], runtime, 0, unsubscribe);
    run_there(&heard[1], runtime, 1, unsubscribe);
    check_ok(runtime_drain(runtime, PATIENCE_MS));
    runtime_free(runtime);
}

Test(topic, who_unsubscribes_hears_no_more_also_from_inside)
{
    toy_world_t world = {0};
    runtime_t *runtime = start(&world);
    heard_t leaving = {.stop_after = 3};
    heard_t staying = {0};
    run_there(&leaving, runtime, 0, subscribe);
    run_there(&staying, runtime, 0, subscribe);

    for (uint64_t i = 1; i <= 10; i++)
        runtime_publish(runtime, STR("t"), toy_tick, .number = i);
    runtime_publish(runtime, STR("tt"), toy_tick, .number = 11);
    wait_for(&staying.count, 10);
    run_there(&staying, runtime, 0, unsubscribe);

    cr_assert(eq(u64, atomic_load(&leaving.count), 3));
    cr_assert(eq(u64, atomic_load(&staying.count), 10));
    cr_assert(leaving.subscription == NULL);
    check_ok(runtime_drain(runtime, PATIENCE_MS));
    runtime_free(runtime);
}

Test(topic, a_name_is_as_long_as_the_bound_and_no_longer)
{
    toy_world_t world = {0};
    runtime_t *runtime = start(&world);
    static char name[TOPIC_SIZE_MAX + 1];
    memset(name, 't', sizeof name);
    address_t to = address_of("toy", STR("a"));

    caller_answer_t just =
        ask_of(runtime, to, toy_subscribe, .topic = str_of(name, TOPIC_SIZE_MAX));
    caller_answer_t over = ask_of(runtime, to, toy_subscribe, .topic = str_of(name, sizeof name));

    check_ok(just.err);
    check_err(over.err, ERR_LIMIT);
    check_ok(runtime_drain(runtime, PATIENCE_MS));
    runtime_free(runtime);
}

Test(topic, an_actor_hears_a_topic_until_it_stops)
{
    toy_world_t world = {0};
    runtime_t *runtime = start(&world);
    address_t to = address_of("toy", STR("listener"));

    check_ok(ask_of(runtime, to, toy_subscribe, .topic = STR("t")).err);
    runtime_publish(runtime, STR("t"), toy_tick, .number = 1);
    runtime_publish(runtime, STR("t"), toy_tick, .number = 2);
    wait_for(&world.ticks, 2);
    check_ok(ask_of(runtime, to, toy_stop).err);
    wait_for(&world.deinited, 1);
    runtime_publish(runtime, STR("t"), toy_tick, .number = 3);
    check_ok(ask_of(runtime, to, toy_count).err);
    check_ok(runtime_drain(runtime, PATIENCE_MS));

    cr_assert(eq(u64, atomic_load(&world.ticks), 2));
    runtime_free(runtime);
}

Test(topic, subscribing_twice_is_subscribing_once)
{
    toy_world_t world = {0};
    runtime_t *runtime = start(&world);
    address_t to = address_of("toy", STR("listener"));

    for (int i = 0; i < 3; i++)
        check_ok(ask_of(runtime, to, toy_subscribe, .topic = STR("t")).err);
    runtime_publish(runtime, STR("t"), toy_tick, .number = 1);
    runtime_publish(runtime, STR("t"), toy_tick, .number = 2);
    wait_for(&world.ticks, 2);
    check_ok(ask_of(runtime, to, toy_stop).err);
    while (topic_is_heard(runtime, STR("t")))
        uv_sleep(0);
    check_ok(runtime_drain(runtime, PATIENCE_MS));

    cr_assert(eq(u64, atomic_load(&world.ticks), 2));
    runtime_free(runtime);
}

Test(topic, an_actor_subscribes_to_as_many_topics_as_the_bound_and_no_more)
{
    toy_world_t world = {0};
    runtime_t *runtime = start(&world);
    address_t to = address_of("toy", STR("listener"));
    char name[16];

    for (int i = 0; i < ACTOR_TOPICS_MAX; i++) {
        snprintf(name, sizeof name, "t%d", i);
        check_ok(ask_of(runtime, to, toy_subscribe, .topic = str_from(name)).err);
    }
    caller_answer_t over = ask_of(runtime, to, toy_subscribe, .topic = STR("one more"));
    caller_answer_t known = ask_of(runtime, to, toy_subscribe, .topic = STR("t0"));

    check_err(over.err, ERR_LIMIT);
    check_ok(known.err);
    check_ok(ask_of(runtime, to, toy_stop).err);
    wait_for(&world.deinited, 1);
    check_ok(ask_of(runtime, to, toy_subscribe, .topic = STR("one more")).err);
    check_ok(runtime_drain(runtime, PATIENCE_MS));
    runtime_free(runtime);
}

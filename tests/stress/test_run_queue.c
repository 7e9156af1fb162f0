/* One owner puts and takes, others steal and send: every actor is in one place at a time, and none
 * is lost. */
#include "runtime/schedule/run_queue.h"
#include "tests/stress/racer.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { ACTORS = 600, OTHERS = 3, TURNS = 400000 };

static const actor_kind_t kind = {.name = "free"};
static run_queue_t queue;
static actor_t actors[ACTORS];
static _Atomic uint32_t held[ACTORS]; /* by how many */
static _Atomic bool is_over;
static _Atomic uint64_t stolen_count;

static void check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

static void run(actor_t *actor)
{
    _Atomic uint32_t *count = &held[actor - actors];
    check(atomic_fetch_add(count, 1) == 0, "an actor that two have");
    actor->active_ms++; /* a race, if two had it */
    atomic_fetch_sub(count, 1);
}

static void steal_all(void *context)
{
    (void)context;
    actor_t *stolen[RUN_STEAL_MAX];
    while (!atomic_load(&is_over)) {
        uint32_t count = run_queue_steal(&queue, stolen);
        for (uint32_t i = 0; i < count; i++) {
            run(stolen[i]);
            run_queue_send(&queue, stolen[i]);
        }
        atomic_fetch_add(&stolen_count, count);
        if (count > 0)
            continue;
        run_queue_ask(&queue);
        sched_yield();
    }
}

int main(void)
{
    uint64_t turns = race_rounds_of(TURNS, 1);
    run_queue_init(&queue, false);
    for (size_t i = 0; i < ACTORS; i++) {
        actors[i].kind = &kind;
        run_queue_put(&queue, &actors[i]);
    }
    uv_thread_t threads[OTHERS];
    for (size_t i = 0; i < OTHERS; i++)
        check(uv_thread_create(&threads[i], steal_all, NULL) == 0, "a thread");

    for (uint64_t turn = 0; turn < turns || atomic_load(&stolen_count) < TURNS / 100; turn++) {
        actor_t *actor = run_queue_take(&queue);
        if (actor == NULL) {
            sched_yield();
            continue;
        }
        run(actor);
        if (turn % 3 == 0)
            run_queue_put_woken(&queue, actor);
        else if (turn % 3 == 1)
            run_queue_put_newborn(&queue, actor);
        else
            run_queue_put(&queue, actor);
    }
    atomic_store(&is_over, true);
    for (size_t i = 0; i < OTHERS; i++)
        uv_thread_join(&threads[i]);

    uint32_t left = 0;
    while (run_queue_take(&queue) != NULL)
        left++;
    check(left == ACTORS, "an actor that was lost");
    race_report(turns + atomic_load(&stolen_count), "actors taken and stolen");
    return 0;
}

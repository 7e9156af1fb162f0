/* Floods and storms, each three times over: after the second and the third time just as many blocks
 * of memory are out as after the first, and the heap holds at most FLOOD_SLACK_BYTES more. What the
 * first time left are tables and slots that have grown to what was there at once. */
#include "runtime/base/memory.h"
#include "runtime/simulation.h"
#include "tests/support/actors/toy.h"
#include "tests/support/check.h"
#include "tests/support/faults/memory_faults.h"

#include <malloc.h>
#include <stdio.h>

enum { TIMES = 3, FLOOD_SLACK_BYTES = 64 * 1024, REST_MS = 120000 };

typedef struct flooded {
    simulation_t *simulation;
    runtime_t *runtime;
    toy_world_t world;
    uint64_t answers, sent;
    bool is_rested;
} flooded_t;

static address_t nth(const char *kind, uint32_t n, char room[static 12])
{
    snprintf(room, 12, "%u", n);
    return address_of(kind, str_from(room));
}

static void on_answer(void *context, const answer_t *answer)
{
    flooded_t *self = context;
    (void)answer;
    self->answers++;
}

static void settle(flooded_t *self)
{
    simulation_settle(self->simulation);
}

/* ---- the floods ---- */

static void restart_storm(flooded_t *self)
{
    char room[12];
    for (uint32_t i = 0; i < 20000; i++) {
        IGNORE_ERR(runtime_send(self->runtime, nth("crashing", i % 8, room), toy_fail,
                                .is_deep = i % 2 == 0));
        if (i % 16 == 0)
            settle(self);
    }
}

static void timer_flood(flooded_t *self)
{
    char room[12];
    for (uint32_t i = 0; i < 40000; i++) {
        IGNORE_ERR(runtime_send(self->runtime, nth("roomy", i % 50, room), toy_timer,
                                .delay_ms = 1 + i % 3000, .is_cancelled = i % 2 == 0));
        if (i % 500 == 0)
            settle(self);
    }
}

static void mailbox_flood(flooded_t *self)
{
    char room[12];
    for (uint32_t i = 0; i < 60000; i++)
        IGNORE_ERR(runtime_send(self->runtime, nth(i % 2 == 0 ? "roomy" : "toy", i % 4, room),
                                toy_echo, .number = i));
}

static void flood_of_names(flooded_t *self)
{
    char room[12];
    for (uint32_t i = 0; i < 20000; i++) {
        IGNORE_ERR(runtime_send(self->runtime, nth("idle", i, room), toy_echo, .number = i));
        if (i % 256 == 0)
            settle(self);
    }
}

static void flood_of_children(flooded_t *self)
{
    char room[12];
    for (uint32_t i = 0; i < 10000; i++) {
        address_t to = nth("roomy", i % 4, room);
        IGNORE_ERR(runtime_send(self->runtime, to, toy_spawn, .is_watched = true));
        IGNORE_ERR(runtime_send(self->runtime, to, toy_break_child));
        if (i % 500 == 499) /* and their parent, before it has too many */
            IGNORE_ERR(runtime_send(self->runtime, to, toy_stop));
        if (i % 16 == 0)
            settle(self);
    }
    for (uint32_t i = 0; i < 4; i++)
        IGNORE_ERR(runtime_send(self->runtime, nth("roomy", i, room), toy_stop));
}

static void flood_of_asks(flooded_t *self)
{
    char room[12];
    edge_t *edge = runtime_edge(self->runtime, 0);
    for (uint32_t i = 0; i < 20000; i++) {
        edge_ask(edge, nth("roomy", i % 32, room), 1 + i % 2000, STR(""), on_answer, self,
                 toy_silence);
        if (i % 64 == 0)
            settle(self);
    }
    self->sent += 20000;
}

static void flood_of_subscribers(flooded_t *self)
{
    char room[12];
    for (uint32_t i = 0; i < 10000; i++) {
        address_t to = nth("toy", i % 64, room);
        IGNORE_ERR(runtime_send(self->runtime, to, toy_subscribe, .topic = STR("t")));
        IGNORE_ERR(runtime_send(self->runtime, to, toy_stop));
        if (i % 64 == 0)
            settle(self);
    }
    runtime_publish(self->runtime, STR("t"), toy_tick, .number = 1);
}

static void flood_of_jobs(flooded_t *self)
{
    char room[12];
    for (uint32_t i = 0; i < 20000; i++) {
        edge_ask(runtime_edge(self->runtime, 0), nth("roomy", i % 16, room), 1000, STR(""),
                 on_answer, self, toy_offload, .number = i);
        if (i % 700 == 0)
            settle(self);
    }
    self->sent += 20000;
}

static const struct {
    const char *what;
    void (*flood)(flooded_t *self);
} floods[] = {
    {"a restart storm", restart_storm},
    {"a flood of timers", timer_flood},
    {"a flood into mailboxes", mailbox_flood},
    {"a flood of activations", flood_of_names},
    {"a flood of children", flood_of_children},
    {"a flood of asks that time out", flood_of_asks},
    {"a flood of subscribers", flood_of_subscribers},
    {"a flood of jobs", flood_of_jobs},
};

/* ---- a run ---- */

static void set_rested(void *context)
{
    flooded_t *self = context;
    self->is_rested = true;
}

static void rest(flooded_t *self)
{
    self->is_rested = false;
    simulation_after(self->simulation, REST_MS, set_rested, self);
    while (!self->is_rested && simulation_step(self->simulation))
        ;
    settle(self);
}

static void start(flooded_t *self)
{
    check_ok(simulation_new(1, &self->simulation));
    runtime_options_t options = {.scheduler_count = 2,
                                 .clock = simulation_clock(self->simulation),
                                 .random = simulation_random(self->simulation),
                                 .is_simulated = true,
                                 .is_heap_only = true};
    check_ok(runtime_new(&options, &self->runtime));
    actor_kind_t crashing = toy_kind, roomy = toy_kind;
    crashing.name = "crashing";
    crashing.restarts_max = 1000000;
    roomy.name = "roomy";
    roomy.mailbox_max = 1024;
    check_ok(runtime_register(self->runtime, &toy_kind, &self->world));
    check_ok(runtime_register(self->runtime, &idle_kind, &self->world));
    check_ok(runtime_register(self->runtime, &crashing, &self->world));
    check_ok(runtime_register(self->runtime, &roomy, &self->world));
    check_ok(runtime_start(self->runtime));
    simulation_attach(self->simulation, self->runtime);
}

Test(floods, memory_is_back_at_its_start)
{
    for (size_t i = 0; i < COUNT_OF(floods); i++) {
        static flooded_t self;
        self = (flooded_t){0};
        int64_t before = memory_faults_live(), first_blocks = 0;
        size_t first_bytes = 0;
        start(&self);
        for (uint32_t time = 0; time < TIMES; time++) {
            floods[i].flood(&self);
            rest(&self);
            int64_t blocks = memory_faults_live();
            size_t bytes = mallinfo2().uordblks; /* nothing under a sanitizer */
            if (time == 0) {
                first_blocks = blocks;
                first_bytes = bytes;
            }
            cr_expect(blocks <= first_blocks, "%s: %lld blocks, %lld after the first",
                      floods[i].what, (long long)blocks, (long long)first_blocks);
            cr_expect(bytes <= first_bytes + FLOOD_SLACK_BYTES,
                      "%s: %zu bytes, %zu after the first", floods[i].what, bytes, first_bytes);
        }
        cr_expect(self.answers == self.sent, "%s: each ask ended", floods[i].what);
        simulation_detach(self.simulation, self.runtime);
        runtime_free(self.runtime);
        simulation_free(self.simulation);
        cr_expect(memory_faults_live() == before, "%s: all is given back", floods[i].what);
    }
}

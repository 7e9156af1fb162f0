/* One trace over several nodes: what follows from one request carries its number and is in the
 * recorders of all nodes that it came to, and of no other request. */
#include "runtime/inside/inside.h"
#include "runtime/inside/recorder_format.h"
#include "runtime/journal_memory.h"
#include "runtime/kernel.h"
#include "runtime/remote/remote.h"
#include "tests/support/actors/courier.h"
#include "tests/support/remote/fleet.h"
#include "tests/support/temporary.h"

#include <stdio.h>

static const trace_id_t id = {UINT64_C(0x4bf92f3577b34da6), UINT64_C(0xa3ce929d0e0e4736)};

typedef struct world {
    fleet_t fleet;
    temporary_t folder;
    journal_memory_t *journal;
} world_t;

static void begin(world_t *self, uint32_t count)
{
    *self = (world_t){.folder = temporary_new()};
    check_ok(journal_memory_new(true, &self->journal));
    fleet_begin_recorded(&self->fleet, 1, count, journal_memory_journal(self->journal),
                         self->folder.path);
}

/* All that is under way, and what the journal holds back. */
static void settle(world_t *self)
{
    do
        fleet_settle(&self->fleet);
    while (journal_memory_step(self->journal));
}

static void end(world_t *self)
{
    settle(self);
    fleet_end(&self->fleet);
    journal_memory_free(self->journal);
    temporary_remove(&self->folder);
}

/* What an edge asks while a request is at hand. */
typedef struct request {
    edge_t *edge;
    uint32_t trace, trace_after; /* at hand when the answer came */
    address_t to;
    const schema_t *schema;
    const void *command;
    bool is_answered;
    err_t err;
} request_t;

static void on_answer(void *context, const answer_t *answer)
{
    request_t *self = context;
    self->is_answered = true;
    self->err = answer->err;
    self->trace_after = inside_trace(edge_runtime(self->edge));
}

static void on_request(void *context)
{
    request_t *self = context;
    uint32_t before = edge_trace(self->edge, self->trace);
    edge_ask_message(self->edge, self->to, 0, (str_t){NULL, 0}, on_answer, self, self->schema,
                     self->command);
    cr_assert(eq(u32, edge_trace(self->edge, before), self->trace));
}

#define requested(world, on, of, address, name, ...)                                               \
    requested_message((world), (on), (of), (address), &name##_schema, &(name##_t){__VA_ARGS__})
static request_t requested_message(world_t *self, uint64_t on, uint32_t trace, address_t to,
                                   const schema_t *schema, const void *command)
{
    request_t request = {.edge = runtime_edge(fleet_runtime(&self->fleet, on), 0),
                         .trace = trace,
                         .to = to,
                         .schema = schema,
                         .command = command};
    check_ok(edge_post(request.edge, on_request, &request));
    settle(self);
    cr_assert(request.is_answered);
    return request;
}

/* How many such records a node has of the trace; the last one. */
static size_t count_of(const world_t *self, uint64_t node, uint32_t trace, const char *event,
                       const char *type, recorder_record_t *out_last)
{
    char path[512];
    buf_t problem BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    const recording_event_t *events = NULL;
    size_t count = 0;
    snprintf(path, sizeof path, "%s/%llu.ring", self->folder.path, (unsigned long long)node);
    check_ok(recording_open(path, &problem, &recording));
    const recording_filter_t filter = {.trace = trace, .event = event, .type = type};
    check_ok(recording_select(recording, &filter, &events, &count));
    if (count > 0 && out_last != NULL)
        *out_last = *events[count - 1].record;
    return count;
}

static const str_t to_b[] = {{"b", 1}, {"c", 1}};

Test(remote_traces, a_request_is_recorded_on_every_node_that_it_comes_to)
{
    world_t world;
    begin(&world, 3);
    fleet_place(&world.fleet, "agent", "a", 2);
    fleet_place(&world.fleet, "agent", "b", 3);
    uint32_t trace = trace_number(id);

    request_t request = requested(&world, 1, trace | TRACE_SAMPLED, agent_at("a"), agent_forward,
                                  .kind = STR("agent"), .path = {to_b, 1});

    check_ok(request.err);
    cr_expect(eq(u32, request.trace_after, trace | TRACE_SAMPLED), "the answer is of it, too");
    static const struct {
        uint64_t node;
        const char *event, *type;
        size_t want;
    } cases[] = {{1, "sent", "agent_forward", 1},     {1, "carried", "agent_forward", 1},
                 {2, "received", "agent_forward", 1}, {2, "handled", "agent_forward", 1},
                 {2, "carried", "agent_forward", 1},  {3, "received", "agent_forward", 1},
                 {3, "handled", "agent_forward", 1},  {3, "carried", "agent_number", 1},
                 {2, "received", "agent_number", 1},  {2, "handled", "agent_number", 1},
                 {2, "carried", "agent_number", 1},   {1, "received", "agent_number", 1}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t got = count_of(&world, cases[i].node, trace, cases[i].event, cases[i].type, NULL);
        cr_expect(got == cases[i].want, "node %llu %s %s: %zu", (unsigned long long)cases[i].node,
                  cases[i].event, cases[i].type, got);
    }
    recorder_record_t carried = {0}, received = {0};
    (void)count_of(&world, 1, trace, "carried", NULL, &carried);
    (void)count_of(&world, 2, trace, "received", "agent_forward", &received);
    cr_assert(eq(u64, carried.other, 2));
    cr_assert(eq(u64, received.other, 1));
    cr_assert(carried.wait != 0 && carried.wait == received.wait, "one span, told by both");
    end(&world);
}

Test(remote_traces, what_nobody_asked_to_record_is_not_recorded_at_level_life)
{
    world_t world;
    begin(&world, 2);
    fleet_place(&world.fleet, "agent", "a", 2);
    uint32_t trace = trace_number(id);
    (void)requested(&world, 1, (trace + 1) | TRACE_SAMPLED, agent_at("a"), agent_echo);

    (void)requested(&world, 1, trace, agent_at("a"), agent_echo);

    for (uint64_t node = 1; node <= 2; node++) {
        cr_expect(eq(sz, count_of(&world, node, trace, NULL, NULL, NULL), 0));
        cr_expect(eq(sz, count_of(&world, node, 0, "handled", NULL, NULL), node == 2 ? 1 : 0));
    }
    check_ok(runtime_record(fleet_runtime(&world.fleet, 1), RECORDER_MESSAGES));
    check_ok(runtime_record(fleet_runtime(&world.fleet, 2), RECORDER_MESSAGES));
    (void)requested(&world, 1, trace, agent_at("a"), agent_echo);
    cr_expect(eq(sz, count_of(&world, 1, trace, "carried", NULL, NULL), 1));
    cr_expect(eq(sz, count_of(&world, 2, trace, "handled", "agent_echo", NULL), 1));
    end(&world);
}

Test(remote_traces, to_look_for_them_ends_by_itself)
{
    world_t world;
    begin(&world, 2);
    fleet_place(&world.fleet, "agent", "a", 2);
    uint32_t trace = trace_number(id);
    (void)requested(&world, 1, trace | TRACE_SAMPLED, agent_at("a"), agent_echo);
    cr_assert(inside_is_watching(fleet_runtime(&world.fleet, 1)));
    cr_assert(inside_is_watching(fleet_runtime(&world.fleet, 2)));

    fleet_pass(&world.fleet, 29000);
    (void)requested(&world, 1, 0, agent_at("a"), agent_echo);
    cr_expect(inside_is_watching(fleet_runtime(&world.fleet, 2)), "not before its time");
    fleet_pass(&world.fleet, 2000);
    (void)requested(&world, 2, 0, agent_at("a"), agent_echo);

    cr_expect(inside_is_watching(fleet_runtime(&world.fleet, 2)) == false);
    end(&world);
}

/* Each request that is to be recorded prolongs it, wherever it comes to. */
Test(remote_traces, another_one_prolongs_it)
{
    world_t world;
    begin(&world, 2);
    fleet_place(&world.fleet, "agent", "a", 2);
    uint32_t trace = trace_number(id);
    (void)requested(&world, 1, trace | TRACE_SAMPLED, agent_at("a"), agent_echo);
    fleet_pass(&world.fleet, 20000);
    (void)requested(&world, 1, (trace + 1) | TRACE_SAMPLED, agent_at("a"), agent_echo);

    fleet_pass(&world.fleet, 29000); /* 49 s after the first one */
    for (uint64_t node = 1; node <= 2; node++) {
        (void)requested(&world, node, 0, agent_at("a"), agent_echo);
        cr_expect(inside_is_watching(fleet_runtime(&world.fleet, node)));
    }
    fleet_pass(&world.fleet, 2000);
    (void)requested(&world, 1, 0, agent_at("a"), agent_echo);
    cr_expect(inside_is_watching(fleet_runtime(&world.fleet, 2)) == false);
    end(&world);
}

/* Who sent it has recorded nothing: there is no span, so none is told. */
Test(remote_traces, what_came_from_a_node_that_records_nothing_has_no_span)
{
    world_t world;
    begin(&world, 2);
    fleet_place(&world.fleet, "agent", "a", 2);
    uint32_t trace = trace_number(id);
    check_ok(runtime_record(fleet_runtime(&world.fleet, 1), RECORDER_OFF));
    check_ok(runtime_record(fleet_runtime(&world.fleet, 2), RECORDER_MESSAGES));

    (void)requested(&world, 1, trace, agent_at("a"), agent_echo);

    cr_expect(eq(sz, count_of(&world, 2, trace, "handled", "agent_echo", NULL), 1));
    cr_expect(eq(sz, count_of(&world, 2, trace, "received", NULL, NULL), 0));
    check_ok(runtime_record(fleet_runtime(&world.fleet, 1), RECORDER_MESSAGES));
    (void)requested(&world, 1, trace, agent_at("a"), agent_echo);
    cr_expect(eq(sz, count_of(&world, 2, trace, "received", NULL, NULL), 1));
    end(&world);
}

/* Who sends it still thinks that it is where it was. */
Test(remote_traces, a_trace_follows_an_actor_that_has_moved)
{
    world_t world;
    begin(&world, 3);
    uint32_t trace = trace_number(id);
    fleet_place(&world.fleet, "agent", "a", 2);
    (void)requested(&world, 1, trace | TRACE_SAMPLED, agent_at("a"), agent_echo);
    fleet_place(&world.fleet, "agent", "a", 3);
    const actor_kind_t *kind = runtime_kind(fleet_runtime(&world.fleet, 1), "agent");
    check_ok(runtime_place(fleet_runtime(&world.fleet, 1), remote_partition(kind, STR("a")), 2));

    request_t request =
        requested(&world, 1, trace | TRACE_SAMPLED, agent_at("a"), agent_echo, .number = 1);

    check_ok(request.err);
    recorder_record_t last = {0};
    cr_expect(eq(sz, count_of(&world, 2, trace, "handled", "agent_echo", NULL), 1), "before");
    cr_expect(eq(sz, count_of(&world, 2, trace, "received", "agent_echo", NULL), 2));
    cr_expect(eq(sz, count_of(&world, 2, trace, "carried", "agent_echo", &last), 1), "passed on");
    cr_expect(eq(u64, last.other, 3));
    cr_expect(eq(sz, count_of(&world, 3, trace, "handled", "agent_echo", NULL), 1), "after");
    end(&world);
}

/* Its first sending waits for the journal, and the answer to who asked, too. */
Test(remote_traces, what_waits_for_the_journal_and_what_is_sent_durably_stays_in_its_trace)
{
    world_t world;
    begin(&world, 3);
    uint32_t trace = trace_number(id);
    fleet_place(&world.fleet, "courier", "x", 2);
    fleet_place(&world.fleet, "courier", "y", 3);

    request_t request = requested(&world, 1, trace | TRACE_SAMPLED, address_of("courier", STR("x")),
                                  courier_send, .to = STR("y"), .item = 7);

    check_ok(request.err);
    cr_expect(eq(sz, count_of(&world, 2, trace, "carried", "courier_take", NULL), 1));
    cr_expect(eq(sz, count_of(&world, 3, trace, "handled", "courier_take", NULL), 1));
    cr_expect(eq(sz, count_of(&world, 3, trace, "carried", "(answer)", NULL), 1));
    cr_expect(eq(sz, count_of(&world, 1, trace, "received", NULL, NULL), 1));
    end(&world);
}

/* Its sender is gone before it is taken: it is sent again by another life of it, which has read its
 * trace with it. */
Test(remote_traces, a_durable_message_has_its_trace_also_when_it_is_sent_by_another_life)
{
    world_t world;
    begin(&world, 3);
    uint32_t trace = trace_number(id);
    fleet_place(&world.fleet, "courier", "x", 2);
    fleet_place(&world.fleet, "courier", "y", 3);
    network_stall(world.fleet.network, 2, 3, true);
    (void)requested(&world, 1, trace | TRACE_SAMPLED, address_of("courier", STR("x")), courier_send,
                    .to = STR("y"), .item = 7);

    fleet_kill(&world.fleet, 2);
    fleet_place(&world.fleet, "courier", "x", 1);
    for (int i = 0; i < 20; i++) {
        (void)requested(&world, 1, 0, address_of("courier", STR("x")), courier_read);
        fleet_pass(&world.fleet, 1000);
        settle(&world);
    }

    cr_expect(ge(sz, count_of(&world, 1, trace, "carried", "courier_take", NULL), 1));
    cr_expect(ge(sz, count_of(&world, 3, trace, "handled", "courier_take", NULL), 1));
    end(&world);
}

Test(remote_traces, an_id_has_the_same_number_everywhere_and_none_has_zero)
{
    cr_expect(eq(u32, trace_number(id), trace_number((trace_id_t){id.high, id.low})));
    cr_expect(eq(u32, trace_number((trace_id_t){5, 5}), 1), "what would be 0");
    cr_expect(eq(u32, trace_number((trace_id_t){UINT64_MAX, 0}) & TRACE_SAMPLED, 0));
    cr_expect(ne(u32, trace_number((trace_id_t){0, 1}), trace_number((trace_id_t){0, 2})));
    cr_expect(ne(u32, trace_number((trace_id_t){1, 0}), trace_number((trace_id_t){2, 0})));
}

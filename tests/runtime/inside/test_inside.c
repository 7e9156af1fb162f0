/* Looking into a running runtime: what is recorded, traced, inspected, sampled and measured is what
 * happened. */

#include "runtime/inside.h"
#include "runtime/inside/recorder_format.h"
#include "tests/support/actors/caller.h"
#include "tests/support/actors/toy.h"
#include "tests/support/patience.h"
#include "tests/support/temporary.h"

#include <stdio.h>

#define DEF_FILE "tests/runtime/inside/secret.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/runtime/inside/secret.def"
#include "runtime/base/schema_define.h"

typedef struct vault {
    uint64_t opened;
    str_t owner, code;
} vault_t;

#define ACTOR_DEF "tests/runtime/inside/secret.def"
#define ACTOR_STATE vault_t
#include "runtime/actor_kind.h"

ON(vault_open)
{
    self->opened++;
    self->owner = STR("ada");
    self->code = STR("the code");
    return actor_reply(ctx, vault_opened, .opened = self->opened);
}

/* The state is the struct of vault_state, field by field. */
_Static_assert(sizeof(vault_t) == sizeof(vault_state_t), "described by vault_state");
ACTOR_KIND(vault, .state_schema = &vault_state_schema);

typedef struct rig {
    temporary_t folder;
    temporary_name_t path;
    toy_world_t world;
    runtime_t *runtime;
} rig_t;

static void rig_start(rig_t *self, uint32_t schedulers)
{
    *self = (rig_t){.folder = temporary_new()};
    self->path = temporary_in(&self->folder, "recorder.ring");
    uv_sem_init(&self->world.blocked, 0);
    check_ok(runtime_new(&(runtime_options_t){.scheduler_count = schedulers,
                                              .recorder_path = self->path.path,
                                              .recorder_records = 4096},
                         &self->runtime));
    check_ok(runtime_register(self->runtime, &toy_kind, &self->world));
    check_ok(runtime_register(self->runtime, &idle_kind, &self->world));
    check_ok(runtime_register(self->runtime, &vault_kind, &self->world));
    check_ok(runtime_start(self->runtime));
}

static void rig_stop(rig_t *self)
{
    if (self->runtime != NULL) {
        check_ok(runtime_drain(self->runtime, PATIENCE_MS));
        runtime_free(STEAL(self->runtime));
    }
    uv_sem_destroy(&self->world.blocked);
    temporary_remove(&self->folder);
}
#define RIG_SCOPED SCOPED(rig_stop)

static void end_runtime(rig_t *self)
{
    check_ok(runtime_drain(self->runtime, PATIENCE_MS));
    runtime_free(STEAL(self->runtime));
}

/* ---- the recorder ---- */

static size_t count_of(recording_t *recording, const recording_filter_t *filter)
{
    const recording_event_t *events = NULL;
    size_t count = 0;
    check_ok(recording_select(recording, filter, &events, &count));
    return count;
}

Test(inside, the_recorder_has_every_message_when_told_to_and_a_life_always)
{
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 2);
    cr_assert(runtime_record_level(rig.runtime) == RECORDER_LIFE);
    for (int i = 0; i < 3; i++)
        (void)ask_of(rig.runtime, address_of("toy", STR("before")), toy_echo, .number = 1);
    check_ok(runtime_record(rig.runtime, RECORDER_MESSAGES));
    for (int i = 0; i < 5; i++)
        (void)ask_of(rig.runtime, address_of("toy", STR("after")), toy_echo, .number = 1);
    (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_forward, .to = STR("b"));
    (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_fail);
    check_ok(runtime_record(rig.runtime, RECORDER_LIFE));
    (void)ask_of(rig.runtime, address_of("toy", STR("after")), toy_echo, .number = 1);
    end_runtime(&rig);
    buf_t problem BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;

    check_ok(recording_open(rig.folder.path, &problem, &recording));

    static const struct {
        const char *what;
        recording_filter_t filter;
        size_t want;
    } cases[] = {
        {"activated",
         {.event = "activated"},
         5}, /* the failed one twice: it ends in its last turn */
        {"handled echoes", {.event = "handled", .type = "toy_echo"}, 6},
        {"sent echoes", {.event = "sent", .type = "toy_echo"}, 6},
        {"of one key", {.event = "handled", .kind = "toy", .key = STR_INIT("after")}, 5},
        {"failed", {.event = "failed", .type = "told to"}, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t got = count_of(recording, &cases[i].filter);
        bool is_right = i == 0 ? got >= 4 : got == cases[i].want;
        cr_expect(is_right, "%s: %zu", cases[i].what, got);
    }
    cr_assert(eq(u64, recording_torn(recording), 0));
}

/* The forwarded echo, its answer, and the answer of that belong to one trace. */
Test(inside, what_follows_from_one_message_has_its_trace)
{
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 1);
    check_ok(runtime_record(rig.runtime, RECORDER_MESSAGES));
    (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_forward, .to = STR("b"));
    (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_echo, .number = 1);
    end_runtime(&rig);
    buf_t problem BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    check_ok(recording_open(rig.folder.path, &problem, &recording));
    const recording_event_t *events = NULL;
    size_t count = 0;
    check_ok(
        recording_select(recording, &(recording_filter_t){.type = "toy_forward"}, &events, &count));
    uint32_t trace = events[0].record->trace;
    cr_assert(count == 2 && trace != 0, "sent and handled");

    check_ok(recording_select(recording, &(recording_filter_t){.trace = trace}, &events, &count));

    /* forward, echo and its answer: sent and handled; the last answer: sent, to the edge */
    cr_assert(eq(sz, count, 7));
}

static size_t occurrences(str_t text, str_t part)
{
    size_t count = 0;
    for (size_t i = 0; i + part.size <= text.size; i++)
        count += memcmp(text.data + i, part.data, part.size) == 0;
    return count;
}

Test(inside, a_chrome_trace_has_both_ends_of_every_flow_and_time_never_goes_back)
{
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 2);
    check_ok(runtime_record(rig.runtime, RECORDER_MESSAGES));
    for (uint64_t i = 0; i < 20; i++)
        (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_circle, .to = STR("b"),
                     .rounds = 9);
    end_runtime(&rig);
    buf_t problem BUF_SCOPED = BUF_INIT, trace BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    const recording_event_t *events = NULL;
    size_t count = 0;
    check_ok(recording_open(rig.folder.path, &problem, &recording));
    check_ok(recording_select(recording, &(recording_filter_t){0}, &events, &count));

    check_ok(recording_print_chrome(recording, events, count, &trace));

    str_t text = buf_str(&trace);
    size_t starts = occurrences(text, STR("\"ph\":\"s\""));
    cr_assert(starts == occurrences(text, STR("\"ph\":\"f\"")), "as many ends as starts");
    cr_assert(starts >= 20 * 19, "%zu flows: every message between the two", starts);
    cr_assert(occurrences(text, STR("\"ph\":\"X\"")) > starts);
    double last = 0;
    for (size_t at = 0; at + 6 < text.size; at++) {
        if (memcmp(text.data + at, "\"ts\":", 5) != 0)
            continue;
        double ts = strtod(text.data + at + 5, NULL);
        cr_assert(ts >= last, "%f after %f", ts, last);
        last = ts;
    }
}

/* ---- the live trace ---- */

static void read_trace(live_trace_t *trace, size_t lines, buf_t *out)
{
    size_t got = 0;
    wait_until((got += live_trace_read(trace, lines - got, out)) >= lines);
}

Test(inside, a_trace_shows_what_fits_the_filter_and_no_secret)
{
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 2);
    live_trace_t *trace = NULL;
    buf_t lines BUF_SCOPED = BUF_INIT;
    check_ok(live_trace_open(rig.runtime,
                             &(trace_filter_t){.kind = STR("vault"), .key = STR("one")}, &trace));
    (void)ask_of(rig.runtime, address_of("toy", STR("one")), toy_echo, .number = 1);
    (void)ask_of(rig.runtime, address_of("vault", STR("two")), vault_open, .number = 1);
    (void)ask_of(rig.runtime, address_of("vault", STR("one")), vault_open, .number = 42,
                 .who = STR("ada lovelace"), .code = STR("hunter2"));

    read_trace(trace, 1, &lines);

    str_t text = buf_str(&lines);
    cr_assert(occurrences(text, STR("\n")) == 1, "%s", buf_terminated(&lines));
    cr_assert(str_contains(text, STR("\"event\":\"handled\",\"kind\":\"vault\",\"key\":\"one\"")));
    cr_assert(
        str_contains(text, STR("\"payload\":{\"number\":42,\"who\":\"***\",\"code\":\"***\"}")),
        "%s", buf_terminated(&lines));
    cr_assert(str_contains(text, STR("\"took_ns\":")));
    live_trace_close(&trace);
}

Test(inside, a_trace_filters_by_type_and_shows_what_is_sent_and_what_fails)
{
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 1);
    live_trace_t *all = NULL, *echoes = NULL;
    buf_t lines BUF_SCOPED = BUF_INIT, echo_lines BUF_SCOPED = BUF_INIT;
    check_ok(
        live_trace_open(rig.runtime, &(trace_filter_t){.kind = STR("toy"), .key = STR("a")}, &all));
    check_ok(live_trace_open(rig.runtime, &(trace_filter_t){.type = STR("toy_echo")}, &echoes));
    (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_forward, .to = STR("b"));
    (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_fail);

    read_trace(all, 5, &lines);
    read_trace(echoes, 2, &echo_lines);

    /* forward handled with an echo sent in it, the answer handled, the failure in its handling */
    str_t text = buf_str(&lines);
    cr_assert(occurrences(text, STR("\"event\":\"handled\"")) == 3, "%s", buf_terminated(&lines));
    cr_assert(str_contains(text, STR("\"event\":\"sent\"")));
    cr_assert(str_contains(text, STR("\"event\":\"failed\"")));
    cr_assert(str_contains(text, STR("told to")));
    cr_assert(occurrences(buf_str(&echo_lines), STR("toy_echo")) == 2, "%s",
              buf_terminated(&echo_lines));
    live_trace_close(&all);
    live_trace_close(&echoes);
}

Test(inside, a_slow_reader_loses_lines_and_is_told_how_many)
{
    enum { MESSAGES = 3000 };
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 1);
    live_trace_t *trace = NULL;
    buf_t lines BUF_SCOPED = BUF_INIT;
    check_ok(live_trace_open(rig.runtime, &(trace_filter_t){.type = STR("toy_echo")}, &trace));
    for (uint64_t i = 0; i < MESSAGES; i++)
        (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_echo, .number = i);

    size_t got = live_trace_read(trace, SIZE_MAX, &lines);

    cr_assert(live_trace_lost(trace) > 0);
    cr_assert(eq(u64, got + live_trace_lost(trace), MESSAGES));
    cr_assert(lines.size <= TRACE_ROOM);
    cr_assert(str_contains(buf_str(&lines), STR("\"number\":0")), "the oldest are kept");
    live_trace_close(&trace);
}

Test(inside, traces_are_few_and_are_given_back)
{
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 2);
    live_trace_t *traces[TRACE_SESSIONS_MAX], *one_more = NULL;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < TRACE_SESSIONS_MAX; i++)
            check_ok(live_trace_open(rig.runtime, &(trace_filter_t){0}, &traces[i]));
        check_err(live_trace_open(rig.runtime, &(trace_filter_t){0}, &one_more), ERR_BUSY);
        (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_echo, .number = 1);
        for (size_t i = 0; i < TRACE_SESSIONS_MAX; i++)
            live_trace_close(&traces[i]);
    }
    check_err(live_trace_open(rig.runtime, &(trace_filter_t){.kind = STR("nobody")}, &one_more),
              ERR_NOT_FOUND);
}

/* ---- one actor ---- */

typedef struct inspecting {
    runtime_t *runtime;
    address_t whom;
    uint64_t timeout_ms;
    uint32_t edge;
    err_t err;
    buf_t json;
    uv_sem_t done;
} inspecting_t;

static void on_inspected(void *context, err_t err, str_t json)
{
    inspecting_t *self = context;
    self->err = err;
    buf_append(&self->json, json);
    uv_sem_post(&self->done);
}

static void inspect_there(void *context)
{
    inspecting_t *self = context;
    edge_inspect(runtime_edge(self->runtime, self->edge), self->whom, self->timeout_ms,
                 on_inspected, self);
}

static void inspecting_deinit(inspecting_t *self)
{
    buf_deinit(&self->json);
    uv_sem_destroy(&self->done);
}

static void inspect(inspecting_t *self, runtime_t *runtime, address_t whom, uint64_t timeout_ms)
{
    *self = (inspecting_t){.runtime = runtime,
                           .whom = whom,
                           .timeout_ms = timeout_ms,
                           .edge = runtime_scheduler_count(runtime) - 1};
    uv_sem_init(&self->done, 0);
    check_ok(edge_post(runtime_edge(runtime, self->edge), inspect_there, self));
    uv_sem_wait(&self->done);
}

Test(inside, an_actor_says_what_it_is_in_its_own_turn)
{
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 2);
    inspecting_t vault SCOPED(inspecting_deinit), toy SCOPED(inspecting_deinit);
    (void)ask_of(rig.runtime, address_of("vault", STR("one")), vault_open, .number = 1);
    (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_spawn, .is_watched = true);
    (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_timer, .delay_ms = 100000);

    inspect(&vault, rig.runtime, address_of("vault", STR("one")), PATIENCE_MS);
    inspect(&toy, rig.runtime, address_of("toy", STR("a")), PATIENCE_MS);

    check_ok(vault.err);
    cr_assert(str_contains(buf_str(&vault.json),
                           STR("\"state\":{\"opened\":1,\"owner\":\"ada\",\"code\":\"***\"}")),
              "%s", buf_terminated(&vault.json));
    cr_assert(str_contains(buf_str(&vault.json), STR("\"phase\":\"running\"")));
    check_ok(toy.err);
    static const char *const wanted[] = {"\"state\":null",    "state_is_missing",  "\"timers\":1",
                                         "\"child_count\":1", "\"incarnation\":1", "\"waiting\":0",
                                         "\"key\":\"a\""};
    for (size_t i = 0; i < COUNT_OF(wanted); i++)
        cr_expect(str_contains(buf_str(&toy.json), str_from(wanted[i])), "%s in %s", wanted[i],
                  buf_terminated(&toy.json));
    (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_stop);
}

Test(inside, who_is_not_active_is_not_activated_by_looking)
{
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 1);
    inspecting_t nobody SCOPED(inspecting_deinit), no_kind SCOPED(inspecting_deinit);

    inspect(&nobody, rig.runtime, address_of("toy", STR("nobody")), PATIENCE_MS);
    inspect(&no_kind, rig.runtime, address_of("no_kind", STR("a")), PATIENCE_MS);

    check_err(nobody.err, ERR_NOT_FOUND);
    check_err(no_kind.err, ERR_NOT_FOUND);
    cr_assert(eq(u64, atomic_load(&rig.world.started), 0));
}

Test(inside, a_busy_actor_is_asked_in_vain_until_the_deadline_and_what_waits_is_told_after)
{
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 2);
    inspecting_t soon SCOPED(inspecting_deinit), later SCOPED(inspecting_deinit);
    address_t whom = address_of("toy", STR("a"));
    /* The first from outside has its home on scheduler 0: the edge of scheduler 1 is free. */
    check_ok(runtime_send(rig.runtime, whom, toy_block, .number = 1));
    uv_sem_wait(&rig.world.blocked);

    inspect(&soon, rig.runtime, whom, 20);
    atomic_store(&rig.world.may_pass, true);
    inspect(&later, rig.runtime, whom, PATIENCE_MS);

    check_err(soon.err, ERR_TIMEOUT);
    check_ok(later.err);
}

/* ---- many actors ---- */

Test(inside, a_sample_tells_who_did_how_much_since_the_one_before)
{
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 2);
    top_t *top = NULL;
    buf_t first BUF_SCOPED = BUF_INIT, second BUF_SCOPED = BUF_INIT;
    char key[16];
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "k%d", i);
        (void)ask_of(rig.runtime, address_of("toy", str_from(key)), toy_echo, .number = 1);
    }
    check_ok(top_new(rig.runtime, &top));
    check_ok(top_sample(top, 3, &first));
    for (int i = 0; i < 20; i++)
        (void)ask_of(rig.runtime, address_of("toy", STR("k7")), toy_echo, .number = 1);

    check_ok(top_sample(top, 3, &second));

    str_t text = buf_str(&second);
    cr_assert(str_contains(text, STR("\"actor_count\":50")), "%s", buf_terminated(&second));
    cr_assert(str_contains(text, STR("\"kind\":\"toy\",\"actors\":50")));
    cr_assert(str_contains(text, STR("\"kind\":\"toy\",\"key\":\"k7\"")), "the busiest is named");
    cr_assert(occurrences(text, STR("\"key\":")) <= 3 * TOP_ORDERS, "three an order, each once");
    cr_assert(str_contains(text, STR("\"messages\":21")), "%s", buf_terminated(&second));
    top_free(top);
}

/* ---- latencies ---- */

Test(inside, latencies_are_counted_by_kind_and_type_while_somebody_measures)
{
    rig_t rig RIG_SCOPED;
    rig_start(&rig, 2);
    latency_row_t rows[LATENCY_ROWS_MAX + 1];
    size_t count = 0;
    check_ok(runtime_latencies(rig.runtime, rows, COUNT_OF(rows), &count));
    cr_assert(eq(sz, count, 0));
    (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_echo, .number = 1);
    check_ok(runtime_measure_latencies(rig.runtime, true));
    for (int i = 0; i < 100; i++)
        (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_echo, .number = 1);
    check_ok(runtime_measure_latencies(rig.runtime, false));
    (void)ask_of(rig.runtime, address_of("toy", STR("a")), toy_echo, .number = 1);

    check_ok(runtime_latencies(rig.runtime, rows, COUNT_OF(rows), &count));

    const latency_row_t *echo = NULL;
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].type, "toy_echo") == 0)
            echo = &rows[i];
    cr_assert(echo != NULL && strcmp(echo->kind, "toy") == 0);
    cr_assert(eq(u64, echo->count, 100));
    cr_assert(echo->took_p50_ns > 0 && echo->took_p50_ns <= echo->took_p99_ns &&
              echo->took_p99_ns <= echo->took_max_ns && echo->took_max_ns <= echo->took_sum_ns);
}

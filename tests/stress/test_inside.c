/* Everything that looks into a runtime, at once, while its actors ask each other, fail, end and
 * begin: recorder switched to and fro, traces opened, read and closed, samples, latencies,
 * inspections. What comes must be whole: a trace's lines are JSON objects, each for the filter that
 * asked; the recorder is readable while it is written. ThreadSanitizer looks at the rest. */
#include "runtime/inside.h"
#include "tests/stress/racer.h"
#include "tests/support/actors/toy.h"
#include "tests/support/patience.h"
#include "tests/support/temporary.h"

#include <stdio.h>
#include <stdlib.h>

enum { SCHEDULERS = 3, ROUNDS = 60, ASKS_OPEN = 16 };

static void check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "FAILED: %s\n", what);
    abort();
}

/* ---- load: on each edge some asks are open all the time ---- */

typedef struct loader {
    edge_t *edge;
    uint64_t number;
    uint32_t open;
    _Atomic bool *is_over;
    uv_sem_t *done;
} loader_t;

static void ask_on(loader_t *self);

static void on_answer(void *context, const answer_t *answer)
{
    loader_t *self = context;
    (void)answer;
    self->open--;
    ask_on(self);
}

static void ask_on(loader_t *self)
{
    static const char *const keys[] = {"a", "b", "c", "a key that lies outside of its actor"};
    if (atomic_load(self->is_over)) {
        if (self->open == 0)
            uv_sem_post(self->done);
        return;
    }
    uint64_t number = self->number++;
    address_t to = address_of(number % 7 == 0 ? "idle" : "toy", str_from(keys[number % 4]));
    self->open++;
    if (number % 997 == 0)
        edge_ask(self->edge, to, 1000, STR(""), on_answer, self, toy_fail);
    else if (number % 101 == 0)
        edge_ask(self->edge, to, 1000, STR(""), on_answer, self, toy_stop);
    else if (number % 11 == 0)
        edge_ask(self->edge, to, 1000, STR(""), on_answer, self, toy_circle, .to = STR("b"),
                 .rounds = 3);
    else
        edge_ask(self->edge, to, 1000, STR(""), on_answer, self, toy_echo, .number = number);
}

static void load_there(void *context)
{
    loader_t *self = context;
    for (int i = 0; i < ASKS_OPEN; i++)
        ask_on(self);
}

/* ---- looking ---- */

typedef struct looker {
    runtime_t *runtime;
    const char *folder;
    uv_sem_t inspected;
    uint64_t lines, records, answers;
} looker_t;

static void look_at_trace(looker_t *self, uint64_t round)
{
    static const char *const kinds[] = {"toy", "idle", ""};
    static const char *const types[] = {"toy_echo", "", "toy_circle"};
    str_t kind = str_from(kinds[round % 3]), type = str_from(types[round / 3 % 3]);
    buf_t lines BUF_SCOPED = BUF_INIT;
    live_trace_t *trace = NULL;
    char wanted[64];
    check(live_trace_open(self->runtime, &(trace_filter_t){.kind = kind, .type = type}, &trace) ==
              ERR_OK,
          "a trace opens");
    for (int i = 0; i < 20; i++) {
        live_trace_read(trace, 64, &lines);
        uv_sleep(0);
    }
    live_trace_close(&trace);
    str_t rest = buf_str(&lines), line;
    while (lines.size > 0 && str_next(&rest, '\n', &line)) {
        if (str_is_empty(line))
            continue;
        snprintf(wanted, sizeof wanted, "\"kind\":\"%.*s", STR_ARG(kind));
        check(str_starts_with(line, STR("{\"time_ms\":")) && str_ends_with(line, STR("}")),
              "a line is whole");
        check(str_contains(line, str_from(wanted)), "a line is of the kind that was asked for");
        check(str_is_empty(type) || str_contains(line, type), "and of the type");
        self->lines++;
    }
}

static void look_at_recorder(looker_t *self)
{
    buf_t problem BUF_SCOPED = BUF_INIT, text BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    const recording_event_t *events = NULL;
    size_t count = 0;
    check(recording_open(self->folder, &problem, &recording) == ERR_OK, "the recorder is read");
    check(recording_select(recording, &(recording_filter_t){.max = 100}, &events, &count) == ERR_OK,
          "and selected from");
    recording_print(recording, events, count, &text);
    check(recording_torn(recording) == 0, "nothing that counts is torn");
    self->records += count;
}

static void on_inspected(void *context, err_t err, str_t json)
{
    looker_t *self = context;
    check(err != ERR_OK || str_starts_with(json, STR("{\"kind\":\"toy\"")), "an answer is whole");
    self->answers += err == ERR_OK;
    uv_sem_post(&self->inspected);
}

static void inspect_there(void *context)
{
    looker_t *self = context;
    edge_inspect(runtime_edge(self->runtime, 0), address_of("toy", STR("a")), 2000, on_inspected,
                 self);
}

static void look(looker_t *self)
{
    top_t *top = NULL;
    latency_row_t rows[LATENCY_ROWS_MAX + 1];
    check(top_new(self->runtime, &top) == ERR_OK, "top");
    for (uint64_t round = 0; round < ROUNDS; round++) {
        buf_t sample BUF_SCOPED = BUF_INIT;
        size_t count = 0;
        check(runtime_record(self->runtime, (recorder_level_t)(round % 3)) == ERR_OK, "a level");
        check(runtime_measure_latencies(self->runtime, true) == ERR_OK, "latencies");
        look_at_trace(self, round);
        look_at_recorder(self);
        check(top_sample(top, 5, &sample) == ERR_OK && sample.size > 100, "a sample");
        check(edge_post(runtime_edge(self->runtime, 0), inspect_there, self) == ERR_OK, "a post");
        uv_sem_wait(&self->inspected);
        check(runtime_latencies(self->runtime, rows, COUNT_OF(rows), &count) == ERR_OK, "rows");
        check(runtime_measure_latencies(self->runtime, false) == ERR_OK, "latencies end");
    }
    top_free(top);
}

int main(void)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    temporary_name_t path = temporary_in(&folder, "recorder.ring");
    static toy_world_t world;
    _Atomic bool is_over = false;
    uv_sem_t done;
    runtime_t *runtime = NULL;
    loader_t loaders[SCHEDULERS];
    uv_sem_init(&done, 0);
    uv_sem_init(&world.blocked, 0);
    runtime_options_t options = {
        .scheduler_count = SCHEDULERS, .recorder_path = path.path, .recorder_records = 1024};
    check(runtime_new(&options, &runtime) == ERR_OK, "a runtime");
    check(runtime_register(runtime, &toy_kind, &world) == ERR_OK, "toy");
    check(runtime_register(runtime, &idle_kind, &world) == ERR_OK, "idle");
    check(runtime_start(runtime) == ERR_OK, "a start");
    for (uint32_t i = 0; i < SCHEDULERS; i++) {
        loaders[i] = (loader_t){runtime_edge(runtime, i), i, 0, &is_over, &done};
        check(edge_post(loaders[i].edge, load_there, &loaders[i]) == ERR_OK, "a loader");
    }
    looker_t looker = {.runtime = runtime, .folder = folder.path};
    uv_sem_init(&looker.inspected, 0);

    do
        look(&looker);
    while (race_goes_on(race_sent(runtime)));
    uint64_t sent = race_sent(runtime);

    atomic_store(&is_over, true);
    for (uint32_t i = 0; i < SCHEDULERS; i++)
        uv_sem_wait(&done);
    check(runtime_drain(runtime, PATIENCE_MS) == ERR_OK, "it drains");
    runtime_free(runtime);
    check(looker.lines > 0 && looker.records > 0 && looker.answers > 0, "something was seen");
    printf("%llu lines, %llu records, %llu answers\n", (unsigned long long)looker.lines,
           (unsigned long long)looker.records, (unsigned long long)looker.answers);
    race_report(sent, "messages that somebody looked at");
    return 0;
}

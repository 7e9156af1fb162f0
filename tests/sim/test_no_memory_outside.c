/* What the program around a runtime may call of its API, and test_no_memory.c does not: with the
 * n-th allocation failing, n from 1 until none is left to fail. It says NO_MEMORY or does its work,
 * and no block is left. tools/check_no_memory finds functions that are in no table. */
#include "runtime/base/json.h"
#include "runtime/inside.h"
#include "runtime/plugin.h"
#include "runtime/state_store_file.h"
#include "runtime/supervisor.h"
#include "tests/support/actors/scene.h"
#include "tests/support/actors/toy.h"
#include "tests/support/faults/memory_faults.h"
#include "tests/support/temporary.h"

typedef struct node {
    scene_t scene;
    toy_world_t world;
    char recorder[300], store[300];
    uint32_t done;
} node_t;

static address_t toy(const char *key)
{
    return address_of("toy", str_from(key));
}

/* Something to look at: some that run, one that failed, letters that died. */
static void fill(node_t *self)
{
    scene_t *scene = &self->scene;
    check_ok(scene_asked(scene, toy("a parent"), toy_spawn, .is_watched = true).err);
    check_ok(scene_asked(scene, toy("b"), toy_echo, .number = 1).err);
    check_err(scene_asked(scene, toy("c"), toy_fail).err, ERR_INTERNAL);
    check_err(scene_send(scene, address_of("nobody", STR("k")), toy_echo), ERR_NOT_FOUND);
}

static err_t work(UNUSED void *data)
{
    return ERR_OK;
}

static void on_worked(void *data, UNUSED err_t err)
{
    ((node_t *)data)->done++;
}

static err_t use_offload(node_t *self)
{
    offload_options_t options = {OFFLOAD_FILE, OFFLOAD_LOW, 1000};
    edge_t *edge = runtime_edge(self->scene.runtime, 0);
    uint64_t ticket = edge_offload_with(edge, &options, work, on_worked, self);
    edge_offload_cancel(edge, ticket);
    (void)edge_offload_with(edge, &options, NULL, on_worked, self); /* when there is room */
    (void)runtime_offload_has_room(self->scene.runtime, OFFLOAD_FILE);
    scene_settle(&self->scene);
    return self->done == 2 ? ERR_OK : ERR_INTERNAL;
}

static void count(void *context, const char *kind, dead_reason_t reason, uint64_t number)
{
    node_t *self = context;
    self->done += kind != NULL && reason == DEAD_NO_KIND && number == 1;
}

static err_t use_looks(node_t *self)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    runtime_t *runtime = self->scene.runtime;
    json_array_begin(&json);
    runtime_describe_tree(runtime, &json);
    runtime_crashes(runtime, &json);
    runtime_describe_plugins(runtime, &json);
    runtime_describe_latencies(runtime, &json);
    json_array_end(&json);
    runtime_tree_text(runtime, &text);
    runtime_dead_letters_each(runtime, count, self);
    cr_assert(eq(u32, self->done, 1));
    return buf_status(&text);
}

static err_t use_latencies(node_t *self)
{
    static latency_row_t rows[LATENCY_ROWS_MAX + 1];
    runtime_t *runtime = self->scene.runtime;
    size_t rows_count = 0;
    TRY(runtime_measure_latencies(runtime, true));
    err_t err = scene_asked(&self->scene, toy("b"), toy_echo, .number = 1).err;
    err_t read = runtime_latencies(runtime, rows, COUNT_OF(rows), &rows_count);
    IGNORE_ERR(runtime_measure_latencies(runtime, false)); /* needs none */
    return err != ERR_OK ? err : read;
}

static err_t use_trace(node_t *self)
{
    live_trace_t *trace = NULL;
    buf_t text BUF_SCOPED = BUF_INIT;
    TRY(live_trace_open(self->scene.runtime, &(trace_filter_t){.kind = STR("toy")}, &trace));
    err_t err = scene_asked(&self->scene, toy("b"), toy_echo, .number = 1).err;
    size_t lines = live_trace_read(trace, 100, &text);
    uint64_t lost = live_trace_lost(trace);
    live_trace_close(&trace);
    if (err != ERR_OK)
        return err;
    bool is_told = lines + lost > 0 || buf_status(&text) != ERR_OK;
    return is_told ? buf_status(&text) : ERR_INTERNAL;
}

static void on_inspected(void *context, err_t err, UNUSED str_t json)
{
    ((node_t *)context)->done = 1 + (uint32_t)err;
}

static bool is_done(void *context)
{
    return ((node_t *)context)->done != 0;
}

static err_t use_inspect(node_t *self)
{
    edge_inspect(runtime_edge(self->scene.runtime, 0), toy("b"), 100, on_inspected, self);
    cr_assert(simulation_run(self->scene.simulation, is_done, self, 100000));
    err_t err = (err_t)(self->done - 1);
    return err == ERR_TIMEOUT ? ERR_NO_MEMORY : err; /* there was none to say it with */
}

static err_t use_top(node_t *self)
{
    top_t *top = NULL;
    buf_t text BUF_SCOPED = BUF_INIT;
    TRY(top_new(self->scene.runtime, &top));
    err_t err = top_sample(top, 10, &text);
    if (err == ERR_OK)
        err = top_sample(top, 10, &text);
    top_free(top);
    return err;
}

static err_t use_supervisor(node_t *self)
{
    static const child_spec_t children[] = {{.id = "one", .kind = &toy_kind, .key = STR_INIT("1")},
                                            {.id = "two", .kind = &toy_kind, .key = STR_INIT("2")}};
    static const supervisor_spec_t spec = {
        .name = "top", .children = children, .child_count = COUNT_OF(children)};
    actor_ref_t ref;
    TRY(supervisor_start(self->scene.runtime, &spec, &ref));
    scene_settle(&self->scene);
    return ERR_OK;
}

static err_t use_record(node_t *self)
{
    TRY(runtime_record(self->scene.runtime, RECORDER_MESSAGES));
    err_t err = scene_asked(&self->scene, toy("b"), toy_echo, .number = 1).err;
    cr_assert(runtime_record_level(self->scene.runtime) == RECORDER_MESSAGES);
    TRY(runtime_record(self->scene.runtime, RECORDER_LIFE));
    return err;
}

static err_t print_all(recording_t *recording)
{
    const recording_event_t *events = NULL;
    size_t event_count = 0;
    buf_t text BUF_SCOPED = BUF_INIT;
    TRY(recording_select(recording, &(recording_filter_t){.kind = "toy"}, &events, &event_count));
    recording_print(recording, events, event_count, &text);
    recording_print_json(recording, events, event_count, &text);
    TRY(recording_print_chrome(recording, events, event_count, &text));
    record_actor_text(17, &text);
    cr_assert(recording_torn(recording) == 0);
    return buf_status(&text);
}

static err_t use_recording(node_t *self)
{
    recording_t *recording RECORDING_SCOPED = NULL;
    buf_t problem BUF_SCOPED = BUF_INIT;
    TRY(recording_open(self->recorder, &problem, &recording));
    return print_all(recording);
}

static err_t use_parse(UNUSED node_t *self)
{
    recording_t *recording RECORDING_SCOPED = NULL;
    buf_t problem BUF_SCOPED = BUF_INIT;
    err_t err = recording_parse(STR("this is no recording"), NULL, &problem, &recording);
    buf_append_bytes(&problem, "that is why", 11); /* it has to be said, too */
    if (err == ERR_NO_MEMORY)
        return err;
    return err == ERR_INVALID || err == ERR_CORRUPT ? buf_status(&problem) : ERR_INTERNAL;
}

static err_t use_store(node_t *self)
{
    state_store_t *store = NULL;
    state_store_file_stats_t stats;
    TRY(state_store_file_open(self->store, &store));
    state_store_file_stats(store, &stats);
    state_store_file_close(store);
    return stats.count == 0 ? ERR_OK : ERR_INTERNAL;
}

static const struct {
    const char *what;
    err_t (*use)(node_t *self);
} uses[] = {
    {"edge_offload_with, edge_offload_cancel, runtime_offload_has_room", use_offload},
    {"runtime_describe_tree, runtime_tree_text, runtime_crashes, runtime_describe_plugins, "
     "runtime_describe_latencies, runtime_dead_letters_each",
     use_looks},
    {"runtime_measure_latencies, runtime_latencies", use_latencies},
    {"live_trace_open, live_trace_read, live_trace_lost, live_trace_close", use_trace},
    {"edge_inspect", use_inspect},
    {"top_new, top_sample, top_free", use_top},
    {"supervisor_start", use_supervisor},
    {"runtime_record, runtime_record_level", use_record},
    {"recording_open, recording_select, recording_print, recording_print_json, "
     "recording_print_chrome, record_actor_text, recording_torn, recording_free",
     use_recording},
    {"recording_parse", use_parse},
    {"state_store_file_open, state_store_file_stats, state_store_file_close", use_store},
};

/* False: no allocation was left to fail. */
static bool try_use(const temporary_t *folder, size_t index, uint64_t failing)
{
    static node_t node;
    static const actor_kind_t *const kinds[] = {&toy_kind};
    int64_t live = memory_faults_live();
    memset(&node, 0, sizeof node);
    snprintf(node.recorder, sizeof node.recorder, "%s", temporary_in(folder, "ring").path);
    snprintf(node.store, sizeof node.store, "%s", temporary_in(folder, "states").path);
    scene_begin(&node.scene, &(scene_options_t){.seed = 1,
                                                .kinds = kinds,
                                                .kind_count = COUNT_OF(kinds),
                                                .service = &node.world,
                                                .recorder_path = node.recorder,
                                                .is_heap_only = true});
    fill(&node);
    memory_faults_reset();
    memory_faults_choose(&failing, 1);
    (void)memory_faults_arm(true);

    err_t err = uses[index].use(&node);

    (void)memory_faults_arm(false);
    bool has_failed = memory_faults_failed() > 0;
    memory_faults_reset();
    bool is_said = err == ERR_OK || (has_failed && (err == ERR_NO_MEMORY || err == ERR_TIMEOUT));
    cr_assert(is_said, "%s with allocation %llu: %s", uses[index].what, (unsigned long long)failing,
              err_name(err));
    scene_end(&node.scene);
    cr_assert(memory_faults_live() == live, "%s with allocation %llu leaves %lld blocks",
              uses[index].what, (unsigned long long)failing,
              (long long)(memory_faults_live() - live));
    return has_failed;
}

Test(no_memory_outside, whatever_is_called_is_done_or_says_why_not)
{
    temporary_t folder TEMPORARY_SCOPED = temporary_new();
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        uint64_t failing = 1;
        while (try_use(&folder, i, failing))
            failing++;
        cr_assert(failing > 1 || uses[i].use == use_record, "%s: nothing fails", uses[i].what);
    }
}

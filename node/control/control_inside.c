/* control_inside.c -- what the command line may see of the running actors (runtime/inside.h). */

#include "node/inside/control_look.h"
#include "node/parts.h"
#include "runtime/base/memory.h"
#include "runtime/inside.h"
#include "runtime/outbox.h"

#include <stdio.h>

enum {
    TOP_INTERVAL_MS = 1000,
    TOP_INTERVAL_MIN_MS = 100,
    TOP_INTERVAL_MAX_MS = 60000,
    TRACE_INTERVAL_MS = 50,
    TRACE_LINES = 512, /* a tick */
    INSPECT_TIMEOUT_MS = 2000
};

static runtime_t *runtime_of(control_request_t *request)
{
    return edge_runtime(control_edge(request));
}

/* A kind as the runtime wants it. */
static const char *kind_argument(control_request_t *request, char room[TRACE_NAME_SIZE])
{
    if (!str_to_array(control_argument(request, "kind"), room, TRACE_NAME_SIZE))
        room[0] = '\0';
    return room;
}

/* ---- top ---- */

/* One reader of samples. A sample is taken on the offload pool, one at a time. */
typedef struct viewer {
    control_request_t *request;
    top_t *top;
    buf_t sample;
    uint32_t count;
    bool has_types, is_sampling, is_gone;
} viewer_t;

static void viewer_free(viewer_t *self)
{
    if (self->has_types)
        IGNORE_ERR(runtime_measure_latencies(runtime_of(self->request), false)); /* never fails */
    control_stream_end(self->request);
    top_free(self->top);
    buf_deinit(&self->sample);
    memory_free(self);
}

static err_t take_sample(void *data)
{
    viewer_t *self = data;
    buf_reset(&self->sample);
    return top_sample(self->top, self->count, &self->sample);
}

/* The types go into the sample's object, before its end. */
static void finish_sample(viewer_t *self)
{
    if (!self->has_types || self->sample.size == 0)
        return;
    self->sample.size--;
    json_t json = {&self->sample, true};
    json_key(&json, STR("types"));
    runtime_describe_latencies(runtime_of(self->request), &json);
    buf_append_char(&self->sample, '}');
}

static void sampled(void *data, err_t err)
{
    viewer_t *self = data;
    self->is_sampling = false;
    if (self->is_gone) {
        viewer_free(self);
        return;
    }
    if (err != ERR_OK)
        return; /* no memory, or the pool is full: the next tick tries again */
    finish_sample(self);
    if (buf_status(&self->sample) == ERR_OK)
        IGNORE_ERR(control_stream_write(self->request, buf_str(&self->sample))); /* a slow reader
                                                                                    misses one */
}

static void viewer_tick(control_request_t *request, void *context)
{
    viewer_t *self = context;
    if (self->is_sampling)
        return;
    self->is_sampling = true;
    edge_offload(control_edge(request), OFFLOAD_FILE, take_sample, sampled, self);
}

static void viewer_gone(control_request_t *request, void *context)
{
    viewer_t *self = context;
    (void)request;
    self->is_gone = true;
    if (!self->is_sampling)
        viewer_free(self);
}

static err_t viewer_new(control_request_t *request, viewer_t **out_viewer)
{
    viewer_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->request = request;
    self->count =
        (uint32_t)MIN(MAX(control_argument_int(request, "count", 50), 1), (int64_t)TOP_COUNT_MAX);
    err_t err = top_new(runtime_of(request), &self->top);
    if (err == ERR_OK && control_argument_bool(request, "types")) {
        err = runtime_measure_latencies(runtime_of(request), true);
        self->has_types = err == ERR_OK;
    }
    if (err != ERR_OK) {
        top_free(self->top);
        memory_free(self);
        return err;
    }
    *out_viewer = self;
    return ERR_OK;
}

void control_top(control_request_t *request)
{
    const node_t *node = control_user(request);
    if (node->cluster != NULL && !control_argument_bool(request, "here")) {
        control_look_top(request);
        return;
    }
    viewer_t *viewer = NULL;
    int64_t interval_ms = control_argument_int(request, "interval_ms", TOP_INTERVAL_MS);
    err_t err = interval_ms < TOP_INTERVAL_MIN_MS || interval_ms > TOP_INTERVAL_MAX_MS
                    ? ERR_INVALID
                    : viewer_new(request, &viewer);
    if (err != ERR_OK) {
        control_refuse(request, err, (str_t){0});
        return;
    }
    control_stream(request,
                   &(control_stream_t){(uint64_t)interval_ms, viewer_tick, viewer_gone, viewer});
}

/* ---- trace ---- */

typedef struct tracing {
    live_trace_t *trace;
    uint64_t lost; /* as told last */
    buf_t lines;   /* read, and not yet taken by the stream */
} tracing_t;

static void tell_lost(tracing_t *self)
{
    uint64_t lost = live_trace_lost(self->trace);
    if (lost == self->lost)
        return;
    json_t json = json_to(&self->lines);
    json_object_begin(&json);
    json_key_u64(&json, "lost", lost - self->lost);
    json_object_end(&json);
    buf_append_char(&self->lines, '\n');
    self->lost = lost;
}

static void tracing_tick(control_request_t *request, void *context)
{
    tracing_t *self = context;
    if (self->lines.size == 0) {
        live_trace_read(self->trace, TRACE_LINES, &self->lines);
        tell_lost(self);
    }
    if (self->lines.size == 0)
        return;
    /* Without the last line's end, which the stream adds. Refused: it waits here, the rest in the
     * rings of the schedulers, and what finds no room there is lost and counted. */
    str_t lines = str_slice(buf_str(&self->lines), 0, self->lines.size - 1);
    if (control_stream_write(request, lines) == ERR_OK)
        buf_reset(&self->lines);
}

static void tracing_gone(control_request_t *request, void *context)
{
    tracing_t *self = context;
    live_trace_close(&self->trace);
    buf_deinit(&self->lines);
    memory_free(self);
    control_stream_end(request);
}

void control_trace(control_request_t *request)
{
    tracing_t *self = memory_new(sizeof *self);
    trace_filter_t filter = {.kind = control_argument(request, "kind"),
                             .key = control_argument(request, "key"),
                             .type = control_argument(request, "type"),
                             .sender = (uint64_t)control_argument_int(request, "sender", 0)};
    err_t err =
        self == NULL ? ERR_NO_MEMORY : live_trace_open(runtime_of(request), &filter, &self->trace);
    if (err != ERR_OK) {
        memory_free(self);
        control_refuse(request, err,
                       err == ERR_NOT_FOUND ? STR("there is no such kind of actor")
                       : err == ERR_BUSY    ? STR("too many traces are read already")
                                            : (str_t){0});
        return;
    }
    control_stream(request,
                   &(control_stream_t){TRACE_INTERVAL_MS, tracing_tick, tracing_gone, self});
}

/* ---- one actor ---- */

static void actor_inspected(void *context, err_t err, str_t json)
{
    if (err == ERR_OK)
        control_reply(context, json);
    else if (err == ERR_NOT_FOUND)
        control_refuse(context, err, STR("it is not active, and looking does not activate it"));
    else if (err == ERR_TIMEOUT)
        control_refuse(context, err,
                       STR("it was busy with one message for all of 2 seconds; `musicstream "
                           "recorder` tells with which"));
    else
        control_refuse(context, err, (str_t){0});
}

void control_actor(control_request_t *request)
{
    char kind[TRACE_NAME_SIZE];
    uint64_t ref = (uint64_t)control_argument_int(request, "actor", 0);
    address_t whom =
        ref != 0 ? address_of_ref((actor_ref_t){ref})
                 : address_of(kind_argument(request, kind), control_argument(request, "key"));
    edge_inspect(control_edge(request), whom, INSPECT_TIMEOUT_MS, actor_inspected, request);
}

/* ---- the recorder ---- */

static const char *const level_names[] = {"off", "life", "messages"};

void control_recorder(control_request_t *request)
{
    str_t wanted = control_argument(request, "level");
    err_t err = ERR_OK;
    if (!str_is_empty(wanted)) {
        err = ERR_INVALID;
        for (size_t i = 0; i < COUNT_OF(level_names); i++)
            if (str_equal(wanted, str_from(level_names[i])))
                err = runtime_record(runtime_of(request), (recorder_level_t)i);
    }
    if (err != ERR_OK) {
        control_refuse(request, err,
                       STR("the recorder can be off, life or messages, where the "
                           "node has one"));
        return;
    }
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key_str(&json, "level", str_from(level_names[runtime_record_level(runtime_of(request))]));
    json_object_end(&json);
    control_reply(request, buf_str(&body));
}

/* ---- what walks over all actors: on the offload pool ---- */

typedef struct walk {
    control_request_t *request;
    runtime_t *runtime;
    void (*describe)(runtime_t *runtime, json_t *json);
    buf_t out;
} walk_t;

static err_t walk_over(void *data)
{
    walk_t *self = data;
    json_t json = json_to(&self->out);
    self->out.size_max = CONTROL_ANSWER_SIZE_MAX;
    self->describe(self->runtime, &json);
    return buf_status(&self->out);
}

static void walked(void *data, err_t err)
{
    walk_t *self = data;
    if (err == ERR_OK)
        control_reply(self->request, buf_str(&self->out));
    else
        control_refuse(self->request, err,
                       err == ERR_LIMIT ? STR("there are too many actors to list them all: "
                                              "`musicstream top` shows the first")
                                        : (str_t){0});
    buf_deinit(&self->out);
    memory_free(self);
}

static void walk(control_request_t *request, void (*describe)(runtime_t *runtime, json_t *json))
{
    walk_t *self = memory_new(sizeof *self);
    if (self == NULL) {
        control_refuse(request, ERR_NO_MEMORY, (str_t){0});
        return;
    }
    *self = (walk_t){.request = request, .runtime = runtime_of(request), .describe = describe};
    edge_offload(control_edge(request), OFFLOAD_FILE, walk_over, walked, self);
}

void control_actors(control_request_t *request)
{
    walk(request, runtime_describe);
}

void control_letters(control_request_t *request)
{
    walk(request, runtime_dead_letters);
}

void control_outbox(control_request_t *request)
{
    walk(request, outbox_describe);
}

static void settled(void *context, const answer_t *answer)
{
    if (answer->err == ERR_OK)
        control_reply(context, STR("true"));
    else
        control_refuse(context, answer->err,
                       answer->err == ERR_NOT_FOUND ? STR("there is no such dead letter")
                                                    : answer->text);
}

void control_outbox_settle(control_request_t *request)
{
    int64_t number = control_argument_int(request, "number", 0);
    err_t err = outbox_settle(control_edge(request), control_argument(request, "stream"),
                              (uint64_t)MAX(number, 0), control_argument_bool(request, "retry"),
                              settled, request);
    if (err != ERR_OK)
        control_refuse(request, err, STR("that is the stream of no durable actor"));
}

void control_crashes(control_request_t *request)
{
    walk(request, runtime_crashes);
}

static void describe_tree_as_text(runtime_t *runtime, json_t *json)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    runtime_tree_text(runtime, &text);
    json_str(json, buf_str(&text));
}

void control_tree(control_request_t *request)
{
    walk(request,
         control_argument_bool(request, "json") ? runtime_describe_tree : describe_tree_as_text);
}

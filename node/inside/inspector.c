#include "node/inside/inspector.h"

#include "runtime/base/memory.h"
#include "runtime/inside.h"

#include <stdatomic.h>
#include <string.h>

#define DEF_FILE "node/inside/inspector.def"
#include "runtime/base/schema_define.h"

/* Samples of one viewer. The one that is being taken keeps it, too. */
typedef struct sampler {
    _Atomic uint32_t references;
    runtime_t *runtime;
    top_t *top;
    bool has_types;
    uint32_t count;
    buf_t sample;
} sampler_t;

typedef struct viewer {
    uint64_t number; /* 0: the place is free */
    uint64_t asked_ms;
    sampler_t *sampler;
    bool is_sampling;
    live_trace_t *trace;
} viewer_t;

typedef struct inspector {
    viewer_t viewers[INSPECTOR_VIEWERS_MAX];
} inspector_t;

#define ACTOR_DEF "node/inside/inspector.def"
#define ACTOR_STATE inspector_t
#include "runtime/actor_kind.h"

/* ---- viewers ---- */

static void sampler_unref(sampler_t *self)
{
    if (self == NULL || atomic_fetch_sub(&self->references, 1) > 1)
        return;
    if (self->has_types)
        IGNORE_ERR(runtime_measure_latencies(self->runtime, false)); /* never fails */
    top_free(self->top);
    buf_deinit(&self->sample);
    memory_free(self);
}

static err_t sampler_new(runtime_t *runtime, bool has_types, sampler_t **out_sampler)
{
    sampler_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->runtime = runtime;
    atomic_init(&self->references, 1);
    err_t err = top_new(runtime, &self->top);
    if (err == ERR_OK && has_types) {
        err = runtime_measure_latencies(runtime, true);
        self->has_types = err == ERR_OK;
    }
    if (err != ERR_OK)
        sampler_unref(self);
    else
        *out_sampler = self;
    return err;
}

static void viewer_leave(viewer_t *self)
{
    sampler_unref(self->sampler);
    live_trace_close(&self->trace);
    *self = (viewer_t){0};
}

static viewer_t *viewer_find(inspector_t *self, uint64_t number)
{
    for (size_t i = 0; i < INSPECTOR_VIEWERS_MAX; i++)
        if (self->viewers[i].number == number)
            return &self->viewers[i];
    return NULL;
}

static err_t viewer_of(inspector_t *self, const context_t *ctx, uint64_t number, viewer_t **out)
{
    uint64_t now_ms = context_mono_ms(ctx);
    if (number == 0)
        return ERR_INVALID;
    for (size_t i = 0; i < INSPECTOR_VIEWERS_MAX; i++) {
        viewer_t *viewer = &self->viewers[i];
        if (viewer->number != number && viewer->number != 0 &&
            now_ms - viewer->asked_ms > INSPECTOR_VIEWER_MS)
            viewer_leave(viewer);
    }
    viewer_t *viewer = viewer_find(self, number);
    if (viewer == NULL)
        viewer = viewer_find(self, 0);
    if (viewer == NULL)
        return ERR_BUSY;
    viewer->number = number;
    viewer->asked_ms = now_ms;
    *out = viewer;
    return ERR_OK;
}

ON(inspector_leave)
{
    (void)ctx;
    viewer_t *viewer = command->viewer == 0 ? NULL : viewer_find(self, command->viewer);
    if (viewer != NULL)
        viewer_leave(viewer);
    return ERR_OK;
}

static void deinit(void *state)
{
    inspector_t *self = state;
    for (size_t i = 0; i < INSPECTOR_VIEWERS_MAX; i++)
        viewer_leave(&self->viewers[i]);
}

/* ---- samples ---- */

typedef struct sampling {
    sampler_t *sampler;
    uint64_t viewer;
    reply_token_t token;
} sampling_t;

static err_t take_sample(void *data, size_t size)
{
    sampler_t *sampler = ((const sampling_t *)data)->sampler;
    (void)size;
    buf_reset(&sampler->sample);
    return top_sample(sampler->top, sampler->count, &sampler->sample);
}

/* The types go into the sample's object, before its end. */
static void add_types(sampler_t *self)
{
    if (!self->has_types || self->sample.size == 0)
        return;
    self->sample.size--;
    json_t json = {&self->sample, true};
    json_key(&json, STR("types"));
    runtime_describe_latencies(self->runtime, &json);
    buf_append_char(&self->sample, '}');
}

static void sampled(void *state, context_t *ctx, err_t err, void *data, size_t size)
{
    const sampling_t *sampling = data;
    sampler_t *sampler = sampling->sampler;
    viewer_t *viewer = viewer_find(state, sampling->viewer);
    (void)size;
    if (viewer != NULL && viewer->sampler == sampler)
        viewer->is_sampling = false;
    if (err == ERR_OK) {
        add_types(sampler);
        err = buf_status(&sampler->sample);
    }
    if (err == ERR_OK)
        actor_reply_to(ctx, sampling->token, inspector_told, .json = buf_str(&sampler->sample));
    else
        actor_refuse_to(ctx, sampling->token, err);
    sampler_unref(sampler);
}

ON(inspector_sample)
{
    viewer_t *viewer = NULL;
    TRY(viewer_of(self, ctx, command->viewer, &viewer));
    if (viewer->is_sampling)
        return ERR_BUSY;
    if (viewer->sampler != NULL && command->has_types != viewer->sampler->has_types)
        sampler_unref(STEAL(viewer->sampler));
    if (viewer->sampler == NULL)
        TRY(sampler_new(context_runtime(ctx), command->has_types, &viewer->sampler));
    viewer->sampler->count = MIN(MAX(command->count, 1U), (uint32_t)TOP_COUNT_MAX);
    viewer->is_sampling = true;
    atomic_fetch_add(&viewer->sampler->references, 1);
    const sampling_t sampling = {viewer->sampler, command->viewer, actor_reply_later(ctx)};
    actor_offload(ctx, OFFLOAD_FILE, take_sample, sampled, &sampling, sizeof sampling);
    return ERR_OK;
}

/* ---- live traces ---- */

ON(inspector_trace)
{
    viewer_t *viewer = NULL;
    buf_t lines BUF_SCOPED = BUF_INIT;
    TRY(viewer_of(self, ctx, command->viewer, &viewer));
    if (viewer->trace == NULL) {
        const trace_filter_t filter = {.kind = command->kind,
                                       .key = command->key,
                                       .type = command->type,
                                       .sender = command->sender,
                                       .trace = command->trace,
                                       .except = str_is_empty(command->kind) ? STR(INSPECTOR_KIND)
                                                                             : (str_t){NULL, 0}};
        TRY(live_trace_open(context_runtime(ctx), &filter, &viewer->trace));
    }
    live_trace_read(viewer->trace, INSPECTOR_LINES, &lines);
    TRY(buf_status(&lines));
    return actor_reply(ctx, inspector_told, .json = buf_str(&lines),
                       .lost = live_trace_lost(viewer->trace));
}

/* ---- the recorder ---- */

typedef struct search {
    const char *path;
    char kind[TRACE_NAME_SIZE], type[TRACE_NAME_SIZE], event[TRACE_NAME_SIZE];
    char key[ACTOR_KEY_SIZE_MAX];
    size_t key_size, size_max;
    recording_filter_t filter;
    buf_t *lines;
    uint64_t *left_out;
    reply_token_t token;
} search_t;

static const char *text_or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

/* The last lines that fit. */
static uint64_t cut(buf_t *lines, size_t size_max)
{
    uint64_t left_out = 0;
    size_t begin = 0;
    while (lines->size - begin > size_max) {
        const char *end = memchr(lines->data + begin, '\n', lines->size - begin);
        begin = end == NULL ? lines->size : (size_t)(end - lines->data) + 1;
        left_out++;
    }
    if (begin > 0)
        memmove(lines->data, lines->data + begin, lines->size - begin);
    lines->size -= begin;
    return left_out;
}

static err_t search_records(void *data, size_t size)
{
    search_t *self = data;
    buf_t problem BUF_SCOPED = BUF_INIT;
    recording_t *recording RECORDING_SCOPED = NULL;
    const recording_event_t *events = NULL;
    size_t count = 0;
    (void)size;
    TRY(recording_open(self->path, &problem, &recording));
    self->filter.kind = text_or_null(self->kind);
    self->filter.type = text_or_null(self->type);
    self->filter.event = text_or_null(self->event);
    self->filter.key = str_of(self->key, self->key_size);
    TRY(recording_select(recording, &self->filter, &events, &count));
    recording_print_json(recording, events, count, self->lines);
    TRY(buf_status(self->lines));
    *self->left_out = cut(self->lines, self->size_max);
    return ERR_OK;
}

static void search_free(const search_t *self)
{
    buf_deinit(self->lines);
    memory_free(self->lines);
    memory_free(self->left_out);
}

static void searched(UNUSED void *state, context_t *ctx, err_t err, void *data, UNUSED size_t size)
{
    const search_t *self = data;
    if (err == ERR_OK)
        actor_reply_to(ctx, self->token, inspector_told, .json = buf_str(self->lines),
                       .lost = *self->left_out);
    else
        actor_refuse_to(ctx, self->token, err);
    search_free(self);
}

static err_t search_begin(search_t *self, const inspector_records_t *command)
{
    if (!str_to_array(command->kind, self->kind, sizeof self->kind) ||
        !str_to_array(command->type, self->type, sizeof self->type) ||
        !str_to_array(command->event, self->event, sizeof self->event) ||
        command->key.size > sizeof self->key)
        return ERR_LIMIT;
    self->key_size = command->key.size;
    if (command->key.size > 0)
        memcpy(self->key, command->key.data, command->key.size);
    self->filter = (recording_filter_t){.last_ns = command->last_ns,
                                        .actor = command->actor,
                                        .trace = command->trace,
                                        .max = command->max};
    self->size_max = MIN((size_t)command->size_max, (size_t)INSPECTOR_RECORDS_SIZE_MAX);
    self->lines = memory_new(sizeof *self->lines);
    self->left_out = memory_new(sizeof *self->left_out);
    if (self->lines != NULL && self->left_out != NULL)
        return ERR_OK;
    memory_free(self->lines);
    memory_free(self->left_out);
    return ERR_NO_MEMORY;
}

ON(inspector_records)
{
    (void)self;
    const inspector_service_t *service = context_service(ctx);
    search_t search = {.path = service->recorder};
    if (service->recorder == NULL)
        return actor_refuse(ctx, ERR_NOT_FOUND, "this node has no recorder");
    TRY(search_begin(&search, command));
    search.token = actor_reply_later(ctx);
    actor_offload(ctx, OFFLOAD_FILE, search_records, searched, &search, sizeof search);
    return ERR_OK;
}

ON(inspector_level)
{
    static const char *const names[] = {"off", "life", "messages"};
    runtime_t *runtime = context_runtime(ctx);
    buf_t text BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&text);
    (void)self;
    if (command->level > COUNT_OF(names))
        return ERR_INVALID;
    if (command->level > 0)
        TRY(runtime_record(runtime, (recorder_level_t)(command->level - 1)));
    json_object_begin(&json);
    json_key_str(&json, "level", str_from(names[runtime_record_level(runtime)]));
    json_object_end(&json);
    TRY(buf_status(&text));
    return actor_reply(ctx, inspector_told, .json = buf_str(&text));
}

ON(inspector_clock)
{
    (void)self;
    const ms_clock_t *clock = runtime_clock(context_runtime(ctx));
    return actor_reply(ctx, inspector_time, .mono_ns = clock_mono_ns(clock),
                       .wall_ms = clock_wall_ms(clock));
}

ACTOR_KIND(inspector, .placement = PLACED_NEAR, .deinit = deinit, .idle_ms = INSPECTOR_VIEWER_MS,
           .restarts_max = 1000);

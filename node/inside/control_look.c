#include "node/inside/control_look.h"

#include "node/inside/far.h"
#include "node/inside/inspector.h"
#include "node/parts.h"
#include "runtime/base/memory.h"
#include "runtime/inside.h"

#include <string.h>

enum {
    TOP_INTERVAL_MS = 1000,
    TOP_INTERVAL_MIN_MS = 200,
    TOP_INTERVAL_MAX_MS = 60000,
    TRACE_INTERVAL_MS = 50,
    RECORDS_INTERVAL_MS = 20,
    WAIT_MS = 2000, /* for a node, in a stream: then it is shown as silent, and asked again */
    RECORDS_WAIT_MS = 10000,             /* for what it has to read and send */
    RECORDS_SIZE_MAX = 12 * 1024 * 1024, /* of all nodes together: below CONTROL_ANSWER_SIZE_MAX */
    ROOM_MAX = 192 * 1024                /* of lines that the reader has not taken */
};

/* NULL: alone, or nobody else is to be asked. */
static cluster_node_t *cluster_of(control_request_t *request)
{
    return control_argument_bool(request, "here")
               ? NULL
               : ((const node_t *)control_user(request))->cluster;
}

static uint64_t draw_viewer(control_request_t *request)
{
    (void)request;
    const ms_random_t chance = random_system();
    return random_u64(&chance) | 1;
}

/* ---- streams: top and trace ---- */

typedef struct looker {
    control_request_t *request;
    far_t *far;
    uint64_t viewer, timeout_ms;
    buf_t lines;
    /* top */
    uint32_t count;
    bool has_types, is_told; /* of this round */
    /* trace */
    inspector_trace_t filter; /* its strings are the request's */
    uint64_t *lost;           /* by node, as told last */
    err_t *failed;            /* the same */
    size_t known;
} looker_t;

static void looker_free(looker_t *self)
{
    far_end(&self->far);
    buf_deinit(&self->lines);
    memory_free(self->lost);
    memory_free(self->failed);
    memory_free(self);
}

static void looker_gone(control_request_t *request, void *context)
{
    looker_t *self = context;
    for (size_t i = 0; i < far_count(self->far); i++) {
        far_node_t *node = far_at(self->far, i);
        if (!node->is_asking) /* else it is forgotten when it has not asked for a while */
            far_ask(self->far, node, WAIT_MS, inspector_leave, .viewer = self->viewer);
    }
    looker_free(self);
    control_stream_end(request);
}

static looker_t *looker_new(control_request_t *request, far_told_fn told)
{
    looker_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->request = request;
    self->viewer = draw_viewer(request);
    self->lines.size_max = CONTROL_ANSWER_SIZE_MAX;
    if (far_new(cluster_of(request), control_edge(request), told, self, &self->far) == ERR_OK)
        return self;
    memory_free(self);
    return NULL;
}

static void begin_stream(looker_t *self, uint64_t interval_ms,
                         void (*tick)(control_request_t *request, void *context))
{
    control_stream(self->request, &(control_stream_t){interval_ms, tick, looker_gone, self});
}

/* ---- top ---- */

/* A line each, and one behind the last. */
static void append_samples(looker_t *self)
{
    buf_reset(&self->lines);
    json_t json;
    for (size_t i = 0; i < far_count(self->far); i++) {
        const far_node_t *node = far_at(self->far, i);
        if (node->is_gone)
            continue;
        json = json_to(&self->lines);
        far_node_begin(self->far, node, &json);
        if (node->has_told) {
            json_key(&json, STR("sample"));
            json_raw(&json, buf_str(&node->told));
        }
        json_object_end(&json);
        buf_append_char(&self->lines, '\n');
    }
    buf_append(&self->lines, STR("{\"is_end\":true}"));
}

/* A slow reader misses a round. */
static void tell_round(looker_t *self)
{
    self->is_told = true;
    append_samples(self);
    if (buf_status(&self->lines) == ERR_OK)
        IGNORE_ERR(control_stream_write(self->request, buf_str(&self->lines)));
}

/* When all have told, or, where somebody is silent, when the next round begins. */
static void top_told(void *context, far_node_t *node)
{
    looker_t *self = context;
    (void)node;
    if (!self->is_told && !far_is_asking(self->far))
        tell_round(self);
}

static void ask_sample(void *context, far_node_t *node)
{
    const looker_t *self = context;
    if (!node->is_gone)
        far_ask(self->far, node, self->timeout_ms, inspector_sample, .viewer = self->viewer,
                .count = self->count, .has_types = self->has_types);
}

static void top_tick(control_request_t *request, void *context)
{
    looker_t *self = context;
    (void)request;
    if (!self->is_told)
        tell_round(self);
    IGNORE_ERR(far_refresh(self->far)); /* without memory: those that are known */
    self->is_told = false;
    far_each(self->far, ask_sample);
}

void control_look_top(control_request_t *request)
{
    looker_t *self = looker_new(request, top_told);
    if (self == NULL) {
        control_refuse(request, ERR_NO_MEMORY, (str_t){0});
        return;
    }
    int64_t interval_ms = control_argument_int(request, "interval_ms", TOP_INTERVAL_MS);
    interval_ms = MIN(MAX(interval_ms, (int64_t)TOP_INTERVAL_MIN_MS), (int64_t)TOP_INTERVAL_MAX_MS);
    self->count =
        (uint32_t)MIN(MAX(control_argument_int(request, "count", 50), 1), (int64_t)TOP_COUNT_MAX);
    self->has_types = control_argument_bool(request, "types");
    self->timeout_ms = WAIT_MS;
    self->is_told = true;
    begin_stream(self, (uint64_t)interval_ms, top_tick);
}

/* ---- trace ---- */

static err_t know(looker_t *self)
{
    size_t count = far_count(self->far);
    if (count <= self->known)
        return ERR_OK;
    uint64_t *lost = memory_resize(self->lost, count, sizeof *lost);
    if (lost == NULL)
        return ERR_NO_MEMORY;
    self->lost = lost;
    err_t *failed = memory_resize(self->failed, count, sizeof *failed);
    if (failed == NULL)
        return ERR_NO_MEMORY;
    self->failed = failed;
    for (; self->known < count; self->known++) {
        self->lost[self->known] = 0;
        self->failed[self->known] = ERR_OK;
    }
    return ERR_OK;
}

/* Each line is an object: the node goes in as its first field. */
static void append_lines(buf_t *out, const far_node_t *node)
{
    str_t rest = buf_str(&node->told);
    while (rest.size > 0) {
        size_t end = str_find(rest, '\n');
        str_t line = str_slice(rest, 0, end);
        rest = str_slice(rest, MIN(end + 1, rest.size), rest.size);
        if (line.size < 2)
            continue;
        buf_printf(out, "{\"node\":%llu,", (unsigned long long)node->node);
        buf_append(out, str_slice(line, 1, line.size));
        buf_append_char(out, '\n');
    }
}

static void append_word(looker_t *self, const far_node_t *node, const char *key, str_t text,
                        uint64_t number)
{
    json_t json = json_to(&self->lines);
    json_object_begin(&json);
    json_key_u64(&json, "node", node->node);
    if (text.data != NULL)
        json_key_str(&json, key, text);
    else
        json_key_u64(&json, key, number);
    json_object_end(&json);
    buf_append_char(&self->lines, '\n');
}

static size_t index_of(const looker_t *self, const far_node_t *node)
{
    size_t i = 0;
    while (far_at(self->far, i) != node)
        i++;
    return i;
}

/* Once for each time that a node falls silent. */
static void trace_failed(looker_t *self, const far_node_t *node, size_t at)
{
    if (self->failed[at] != node->err)
        append_word(self, node, "error", str_from(node->why), 0);
    self->failed[at] = node->err;
}

static void trace_told(void *context, far_node_t *node)
{
    looker_t *self = context;
    size_t at = index_of(self, node);
    if (at >= self->known)
        return;
    if (node->err != ERR_OK) {
        trace_failed(self, node, at);
        return;
    }
    self->failed[at] = ERR_OK;
    append_lines(&self->lines, node);
    if (node->lost > self->lost[at])
        append_word(self, node, "lost", (str_t){NULL, 0}, node->lost - self->lost[at]);
    self->lost[at] = node->lost;
}

/* A reader that is slow makes them wait in the nodes: there they are lost, and counted. */
static void trace_tick(control_request_t *request, void *context)
{
    looker_t *self = context;
    str_t lines = buf_str(&self->lines);
    if (lines.size > 0 &&
        control_stream_write(request, str_slice(lines, 0, lines.size - 1)) == ERR_OK)
        buf_reset(&self->lines);
    if (self->lines.size > ROOM_MAX || far_refresh(self->far) != ERR_OK || know(self) != ERR_OK)
        return;
    for (size_t i = 0; i < far_count(self->far); i++)
        if (!far_at(self->far, i)->is_gone) {
            self->filter.viewer = self->viewer;
            far_ask_message(self->far, far_at(self->far, i), WAIT_MS, &inspector_trace_schema,
                            &self->filter);
        }
}

void control_look_trace(control_request_t *request)
{
    char kind[TRACE_NAME_SIZE + 1];
    str_t name = control_argument(request, "kind");
    if (!str_is_empty(name) && (!str_to_array(name, kind, sizeof kind) ||
                                runtime_locate(edge_runtime(control_edge(request)), name, STR(""),
                                               &(located_t){0}) != ERR_OK)) {
        control_refuse(request, ERR_NOT_FOUND, STR("there is no such kind of actor"));
        return;
    }
    looker_t *self = looker_new(request, trace_told);
    if (self == NULL) {
        control_refuse(request, ERR_NO_MEMORY, (str_t){0});
        return;
    }
    self->filter =
        (inspector_trace_t){.kind = name,
                            .key = control_argument(request, "key"),
                            .type = control_argument(request, "type"),
                            .sender = (uint64_t)control_argument_int(request, "sender", 0),
                            .trace = (uint32_t)control_argument_int(request, "trace", 0)};
    begin_stream(self, TRACE_INTERVAL_MS, trace_tick);
}

/* ---- one question to all: records, level ---- */

typedef struct question question_t;
struct question {
    control_request_t *request;
    far_t *far;
    bool has_asked_clocks;
    void (*ask)(void *question, far_node_t *node);
    void (*answer)(question_t *self); /* takes it */
    inspector_records_t records;
    uint32_t level;
    buf_t lines;
};

static void question_free(question_t *self)
{
    far_end(&self->far);
    buf_deinit(&self->lines);
    memory_free(self);
}

static void ask_clock(void *context, far_node_t *node)
{
    const question_t *self = context;
    far_ask(self->far, node, WAIT_MS, inspector_clock);
}

/* Each node's clock first, by an answer that takes it no time; then what is asked. */
static void question_told(void *context, far_node_t *node)
{
    question_t *self = context;
    (void)node;
    if (far_is_asking(self->far))
        return;
    if (!self->has_asked_clocks) {
        self->has_asked_clocks = true;
        far_each(self->far, self->ask); /* this runs again when all have told */
        return;
    }
    self->answer(self);
}

static void ask_all(control_request_t *request, const question_t *question)
{
    question_t *self = memory_dup(question, sizeof *question);
    err_t err = self == NULL ? ERR_NO_MEMORY
                             : far_new(cluster_of(request), control_edge(request), question_told,
                                       self, &self->far);
    if (err != ERR_OK) {
        memory_free(self);
        control_refuse(request, err, (str_t){0});
        return;
    }
    self->request = request;
    self->records.size_max = (uint32_t)(RECORDS_SIZE_MAX / far_count(self->far));
    far_each(self->far, ask_clock);
}

/* ---- records ---- */

static void ask_records(void *context, far_node_t *node)
{
    const question_t *self = context;
    if (node->err == ERR_OK)
        far_ask_message(self->far, node, RECORDS_WAIT_MS, &inspector_records_schema,
                        &self->records);
}

static void append_node(question_t *self, const far_node_t *node)
{
    json_t json = json_to(&self->lines);
    far_node_begin(self->far, node, &json);
    if (node->has_clock) {
        json_key_i64(&json, "ahead_ns", node->ahead_ns);
        json_key_i64(&json, "ahead_ms", node->ahead_ms);
        json_key_u64(&json, "round_us", node->round_ns / 1000);
    }
    json_key_u64(&json, "left_out", node->lost);
    json_object_end(&json);
    buf_append_char(&self->lines, '\n');
}

static void append_now(question_t *self)
{
    const ms_clock_t *clock = runtime_clock(edge_runtime(control_edge(self->request)));
    json_t json = json_to(&self->lines);
    json_object_begin(&json);
    json_key_u64(&json, "now_ns", clock_mono_ns(clock));
    json_key_i64(&json, "now_ms", clock_wall_ms(clock));
    json_object_end(&json);
    buf_append_char(&self->lines, '\n');
}

/* At once, when what says that it is a stream has gone out. */
static void records_tick(control_request_t *request, void *context)
{
    question_t *self = context;
    if (control_stream_write(request, buf_str(&self->lines)) == ERR_BUSY)
        return;
    question_free(self);
    control_stream_end(request);
}

static void records_gone(control_request_t *request, void *context)
{
    question_free(context);
    control_stream_end(request);
}

static void answer_records(question_t *self)
{
    append_now(self);
    for (size_t i = 0; i < far_count(self->far); i++) {
        const far_node_t *node = far_at(self->far, i);
        append_node(self, node);
        if (node->err == ERR_OK)
            append_lines(&self->lines, node);
    }
    buf_append(&self->lines, STR("{\"is_end\":true}"));
    if (buf_status(&self->lines) == ERR_OK) {
        control_stream(self->request,
                       &(control_stream_t){RECORDS_INTERVAL_MS, records_tick, records_gone, self});
        return;
    }
    control_refuse(self->request, buf_status(&self->lines), (str_t){0});
    question_free(self);
}

void control_look_records(control_request_t *request)
{
    ask_all(
        request,
        &(question_t){.ask = ask_records,
                      .answer = answer_records,
                      .records = {.kind = control_argument(request, "kind"),
                                  .key = control_argument(request, "key"),
                                  .type = control_argument(request, "type"),
                                  .event = control_argument(request, "event"),
                                  .actor = (uint64_t)control_argument_int(request, "actor", 0),
                                  .trace = (uint32_t)control_argument_int(request, "trace", 0),
                                  .last_ns = (uint64_t)control_argument_int(request, "last_ns", 0),
                                  .max = (uint32_t)control_argument_int(request, "max", 0)}});
}

/* ---- level ---- */

static void ask_level(void *context, far_node_t *node)
{
    const question_t *self = context;
    if (node->err == ERR_OK)
        far_ask(self->far, node, WAIT_MS, inspector_level, .level = self->level);
}

static void answer_level(question_t *self)
{
    buf_t body BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    json_object_begin(&json);
    json_key(&json, STR("nodes"));
    json_array_begin(&json);
    for (size_t i = 0; i < far_count(self->far); i++) {
        const far_node_t *node = far_at(self->far, i);
        far_node_begin(self->far, node, &json);
        if (node->err == ERR_OK && node->has_told) {
            json_key(&json, STR("recorder"));
            json_raw(&json, buf_str(&node->told));
        }
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    if (buf_status(&body) == ERR_OK)
        control_reply(self->request, buf_str(&body));
    else
        control_refuse(self->request, buf_status(&body), (str_t){0});
    question_free(self);
}

void control_look_level(control_request_t *request)
{
    static const char *const names[] = {"", "off", "life", "messages"};
    str_t wanted = control_argument(request, "level");
    uint32_t level = 0;
    while (level < COUNT_OF(names) && !str_equal(wanted, str_from(names[level])))
        level++;
    if (level == COUNT_OF(names)) {
        control_refuse(request, ERR_INVALID, STR("the recorder can be off, life or messages"));
        return;
    }
    ask_all(request, &(question_t){.ask = ask_level, .answer = answer_level, .level = level});
}

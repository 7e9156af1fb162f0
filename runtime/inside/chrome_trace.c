/* chrome_trace.c -- a recording as Trace Event Format (Google, "Trace Event Format", 2016), which
 * chrome://tracing and Perfetto read. */

#include "runtime/base/memory.h"
#include "runtime/inside/recorder_format.h"

#include <inttypes.h>

enum { NO_FLOW = 0 };

/* For each event: the number of its flow, or NO_FLOW. */
typedef struct flows {
    uint32_t *numbers;
    uint32_t *sent; /* by the hash of an id: 1 + the index of the last SENT that nobody received */
    size_t slots;
    uint32_t count;
} flows_t;

static void flows_deinit(flows_t *self)
{
    memory_free(self->numbers);
    memory_free(self->sent);
}

static uint32_t *place_of(flows_t *self, const recording_event_t *events, uint32_t id)
{
    size_t slot = (size_t)(id * UINT32_C(0x9e3779b9)) & (self->slots - 1);
    while (self->sent[slot] != 0 && events[self->sent[slot] - 1].record->id != id)
        slot = (slot + 1) & (self->slots - 1);
    return &self->sent[slot];
}

/* An id comes again once its message was handled: a handling belongs to the last sending before. A
 * place keeps its id after that; a flow that has its number is taken. */
static err_t tie(flows_t *self, const recording_event_t *events, size_t count)
{
    for (self->slots = 16; self->slots < count * 2;)
        self->slots *= 2;
    self->numbers = memory_new_array(count, sizeof(uint32_t));
    self->sent = memory_new_array(self->slots, sizeof(uint32_t));
    if (self->numbers == NULL || self->sent == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const recorder_record_t *record = events[i].record;
        if (record->id == 0)
            continue;
        uint32_t *place = place_of(self, events, record->id);
        if (record->event == RECORD_SENT)
            *place = (uint32_t)i + 1;
        else if (record->event == RECORD_HANDLED && *place != 0 &&
                 self->numbers[*place - 1] == NO_FLOW)
            self->numbers[i] = self->numbers[*place - 1] = ++self->count;
    }
    return ERR_OK;
}

static void begin(json_t *json, str_t name, const char *phase, uint32_t ring)
{
    json_object_begin(json);
    json_key_str(json, "name", name);
    json_key_str(json, "ph", str_from(phase));
    json_key_u64(json, "pid", 1);
    json_key_u64(json, "tid", ring);
}

/* Microseconds with the nanoseconds behind the point, which a double would not keep. */
static void key_us(json_t *json, const char *key, uint64_t ns)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_printf(&text, "%" PRIu64 ".%03" PRIu64, ns / 1000, ns % 1000);
    json_key(json, str_from(key));
    json_raw(json, buf_str(&text));
}

static void print_thread(json_t *json, uint32_t ring, uint32_t ring_count)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    if (ring + 1 == ring_count)
        buf_append(&name, STR("other threads"));
    else
        buf_printf(&name, "scheduler %" PRIu32, ring);
    begin(json, STR("thread_name"), "M", ring);
    json_key(json, STR("args"));
    json_object_begin(json);
    json_key_str(json, "name", buf_str(&name));
    json_object_end(json);
    json_object_end(json);
}

static void print_arguments(json_t *json, const recording_t *self, const recorder_record_t *record)
{
    buf_t actor BUF_SCOPED = BUF_INIT;
    record_actor_text(record->actor, &actor);
    json_key(json, STR("args"));
    json_object_begin(json);
    json_key_str(json, "actor", buf_str(&actor));
    json_key_str(json, "kind", recording_name(self, record->kind));
    if (record->event == RECORD_TURN)
        json_key_u64(json, "messages", record->wait);
    else if (record->event == RECORD_HANDLED)
        json_key_u64(json, "waited_us", ((uint64_t)record->wait << 10) / 1000);
    else if (record->type != 0)
        json_key_str(json, "what", recording_name(self, record->type));
    json_object_end(json);
}

static void print_flow(json_t *json, const char *phase, uint32_t ring, uint64_t at_ns,
                       uint32_t number)
{
    begin(json, STR("message"), phase, ring);
    json_key_str(json, "cat", STR("message"));
    key_us(json, "ts", at_ns);
    json_key_u64(json, "id", number);
    if (phase[0] == 'f')
        json_key_str(json, "bp", STR("e"));
    json_object_end(json);
}

static void print_event(json_t *json, const recording_t *self, const recording_event_t *event,
                        uint64_t at_ns, uint32_t flow)
{
    const recorder_record_t *record = event->record;
    bool is_slice = record->event == RECORD_TURN || record->event == RECORD_HANDLED ||
                    record->event == RECORD_SLEPT || record->event == RECORD_REQUEST;
    if (record->event == RECORD_SENT) {
        if (flow != NO_FLOW)
            print_flow(json, "s", event->ring, at_ns, flow);
        return;
    }
    str_t name = recording_name(self, record->event == RECORD_TURN ? record->kind : record->type);
    if (str_is_empty(name) || (!is_slice))
        name = str_from(record_event_text(record->event));
    begin(json, name, is_slice ? "X" : "i", event->ring);
    json_key_str(json, "cat", str_from(record_event_text(record->event)));
    key_us(json, "ts", at_ns);
    if (is_slice)
        key_us(json, "dur", record->duration_ns);
    else
        json_key_str(json, "s", STR("t"));
    print_arguments(json, self, record);
    json_object_end(json);
    if (flow != NO_FLOW)
        print_flow(json, "f", event->ring, at_ns, flow);
}

err_t recording_print_chrome(recording_t *self, const recording_event_t *events, size_t count,
                             buf_t *out)
{
    flows_t flows SCOPED(flows_deinit) = {0};
    uint32_t ring_count = recording_header(self)->ring_count;
    TRY(tie(&flows, events, count));
    json_t json = json_to(out);
    json_object_begin(&json);
    json_key_str(&json, "displayTimeUnit", STR("ns"));
    json_key(&json, STR("traceEvents"));
    json_array_begin(&json);
    for (uint32_t i = 0; i < ring_count; i++)
        print_thread(&json, i, ring_count);
    for (size_t i = 0; i < count; i++)
        print_event(&json, self, &events[i], events[i].record->time_ns - events[0].record->time_ns,
                    flows.numbers[i]);
    json_array_end(&json);
    json_object_end(&json);
    return buf_status(out);
}

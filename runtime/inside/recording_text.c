/* recording_text.c -- a recording for people and for scripts. */

#include "runtime/base/clock.h"
#include "runtime/inside/recorder_format.h"
#include "runtime/runtime.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

enum { TIME_SIZE = 40, NAME_WIDTH = 20, TYPE_WIDTH = 26 };

void record_actor_text(uint64_t actor, buf_t *out)
{
    if (actor == 0)
        buf_append_char(out, '-');
    else
        buf_printf(out, "%" PRIu32 ".%" PRIu32, (uint32_t)actor - 1, (uint32_t)(actor >> 32));
}

/* Names come out of a file: only what a name can be is shown. */
static void append_name(buf_t *out, str_t name)
{
    for (size_t i = 0; i < name.size; i++)
        buf_append_char(out, name.data[i] >= ' ' && name.data[i] <= '~' ? name.data[i] : '?');
}

static void pad(buf_t *out, size_t begin, size_t width)
{
    do
        buf_append_char(out, ' ');
    while (out->size - begin < width + 1 && buf_status(out) == ERR_OK);
}

static void append_took(buf_t *out, uint64_t ns)
{
    if (ns == UINT32_MAX)
        buf_printf(out, ">4.29 s");
    else if (ns < 1000)
        buf_printf(out, "%" PRIu64 " ns", ns);
    else if (ns < 1000000)
        buf_printf(out, "%.1f us", (double)ns / 1e3);
    else if (ns < 1000000000)
        buf_printf(out, "%.1f ms", (double)ns / 1e6);
    else
        buf_printf(out, "%.2f s", (double)ns / 1e9);
}

static void time_text(const recording_t *self, uint64_t time_ns, char out[TIME_SIZE])
{
    int64_t us = recording_wall_us(self, time_ns);
    char iso[ISO_TIME_SIZE];
    clock_iso(us / 1000, iso);
    /* "2026-11-22T14:03:22.123Z": the time of day, in UTC, to the microsecond */
    snprintf(out, TIME_SIZE, "%.12s%03d", iso + 11, (int)((us % 1000 + 1000) % 1000));
}

static void print_thread(const recording_t *self, uint32_t ring, buf_t *out)
{
    if (ring + 1 == recording_header(self)->ring_count)
        buf_append(out, STR("others"));
    else
        buf_append_u64(out, ring);
}

static void print_more(const recorder_record_t *record, buf_t *out)
{
    switch (record->event) {
    case RECORD_HANDLED:
        buf_append(out, STR("from "));
        record_actor_text(record->other, out);
        buf_append(out, STR(", waited "));
        append_took(out, (uint64_t)record->wait << 10);
        buf_printf(out, ", trace %" PRIu32, record->trace);
        break;
    case RECORD_SENT:
        if (record->other != 0) {
            buf_append(out, STR("to "));
            record_actor_text(record->other, out);
            buf_append(out, STR(", "));
        }
        buf_printf(out, "trace %" PRIu32, record->trace);
        break;
    case RECORD_REQUEST:
        buf_printf(out, "%016" PRIx64 "%016" PRIx64 ", status %" PRIu32 ", trace %" PRIu32,
                   record->actor, record->other, record->wait, record->trace);
        break;
    case RECORD_CARRIED:
    case RECORD_RECEIVED:
        buf_printf(out, "%s node %" PRIu64 ", span %" PRIu32 ", trace %" PRIu32,
                   record->event == RECORD_CARRIED ? "to" : "from", record->other, record->wait,
                   record->trace);
        break;
    case RECORD_TURN:
        buf_printf(out, "%" PRIu32 " messages", record->wait);
        break;
    case RECORD_DEAD_LETTER:
        buf_append(out, str_from(dead_reason_name((dead_reason_t)record->detail)));
        buf_append(out, STR(", from "));
        record_actor_text(record->other, out);
        break;
    case RECORD_UNDONE:
        buf_append(out, str_from(record->detail < ERR_COUNT ? err_text((err_t)record->detail)
                                                            : "an unknown error"));
        break;
    case RECORD_STOLEN:
        buf_printf(out, "from scheduler %" PRIu64, record->other);
        break;
    default:
        break;
    }
}

static void print_row(const recording_t *self, const recording_event_t *event, buf_t *out)
{
    const recorder_record_t *record = event->record;
    char time[TIME_SIZE];
    time_text(self, record->time_ns, time);
    buf_printf(out, "%-15s ", time);
    size_t begin = out->size;
    print_thread(self, event->ring, out);
    pad(out, begin, 6);
    buf_printf(out, "%-12s ", record_event_text(record->event));
    begin = out->size;
    append_name(out, recording_name(self, record->kind));
    pad(out, begin, NAME_WIDTH);
    begin = out->size;
    record_actor_text(record->event == RECORD_REQUEST ? 0 : record->actor, out);
    pad(out, begin, 10);
    begin = out->size;
    append_name(out, recording_name(self, record->type));
    pad(out, begin, TYPE_WIDTH);
    begin = out->size;
    if (record->duration_ns > 0)
        append_took(out, record->duration_ns);
    pad(out, begin, 9);
    print_more(record, out);
    while (out->size > 0 && out->data[out->size - 1] == ' ')
        out->size--;
    buf_append_char(out, '\n');
}

static void print_busy(const recording_t *self, buf_t *out)
{
    for (uint32_t i = 0; i + 1 < recording_header(self)->ring_count; i++) {
        recorder_head_t *head = (recorder_head_t *)(uintptr_t)recording_head(self, i);
        uint64_t actor = atomic_load(&head->busy_with);
        uint32_t names = atomic_load(&head->busy_names);
        char time[TIME_SIZE];
        if (actor == 0)
            continue;
        time_text(self, atomic_load(&head->busy_since_ns), time);
        buf_printf(out, "Scheduler %u was in a turn of actor ", i);
        record_actor_text(actor, out);
        if (names != 0) {
            buf_append(out, STR(", kind "));
            append_name(out, recording_name(self, names >> 16));
            buf_append(out, STR(", with "));
            append_name(out, recording_name(self, names & 0xffff));
        }
        buf_printf(out, ", since %s.\n", time);
    }
}

void recording_print(recording_t *self, const recording_event_t *events, size_t count, buf_t *out)
{
    recorder_header_t *header = (recorder_header_t *)(uintptr_t)recording_header(self);
    char iso[ISO_TIME_SIZE];
    clock_iso(header->begin_wall_ms, iso);
    buf_printf(out,
               "Recorded since %s (UTC) by process %" PRIu64 ", which %s; %" PRIu64
               " torn records.\n",
               iso, header->process,
               atomic_load(&header->is_closed) != 0 ? "ended in order" : "runs, or was killed",
               recording_torn(self));
    print_busy(self, out);
    if (count == 0) {
        buf_append(out, STR("No records that fit.\n"));
        return;
    }
    buf_printf(out, "%-15s %-6s %-12s %-*s %-10s %-*s %-9s %s\n", "TIME", "SCHED", "EVENT",
               NAME_WIDTH, "KIND", "ACTOR", TYPE_WIDTH, "MESSAGE", "TOOK", "MORE");
    for (size_t i = 0; i < count; i++)
        print_row(self, &events[i], out);
}

static void json_actor(json_t *json, const char *key, uint64_t actor)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    record_actor_text(actor, &text);
    json_key_str(json, key, buf_str(&text));
}

/* Where a trace came from, and how it goes from node to node. */
static void json_ways(json_t *json, const recorder_record_t *record)
{
    char id[2 * 16 + 1];
    if (record->event == RECORD_REQUEST) {
        snprintf(id, sizeof id, "%016" PRIx64 "%016" PRIx64, record->actor, record->other);
        json_key_str(json, "trace_id", str_from(id));
        json_key_u64(json, "status", record->wait);
    } else if (record->event == RECORD_CARRIED || record->event == RECORD_RECEIVED) {
        json_key_u64(json, record->event == RECORD_CARRIED ? "to_node" : "from_node",
                     record->other);
        json_key_u64(json, "span", record->wait);
    }
}

static void print_json_row(const recording_t *self, const recording_event_t *event, buf_t *out)
{
    const recorder_record_t *record = event->record;
    json_t json = json_to(out);
    json_object_begin(&json);
    json_key_i64(&json, "time_us", recording_wall_us(self, record->time_ns));
    json_key_u64(&json, "at_ns", record->time_ns);
    json_key_u64(&json, "scheduler", event->ring);
    json_key_str(&json, "event", str_from(record_event_text(record->event)));
    if (record->kind != 0)
        json_key_str(&json, "kind", recording_name(self, record->kind));
    if (record->actor != 0 && record->event != RECORD_REQUEST)
        json_actor(&json, "actor", record->actor);
    if (record->type != 0)
        json_key_str(&json, "message", recording_name(self, record->type));
    bool has_other = record->event == RECORD_HANDLED || record->event == RECORD_SENT ||
                     record->event == RECORD_DEAD_LETTER;
    if (has_other && record->other != 0)
        json_actor(&json, record->event == RECORD_SENT ? "to" : "from", record->other);
    if (record->duration_ns > 0)
        json_key_u64(&json, "took_ns", record->duration_ns);
    if (record->event == RECORD_HANDLED)
        json_key_u64(&json, "waited_us", ((uint64_t)record->wait << 10) / 1000);
    if (record->trace != 0)
        json_key_u64(&json, "trace", record->trace);
    if (record->id != 0)
        json_key_u64(&json, "id", record->id);
    json_ways(&json, record);
    if (record->event == RECORD_TURN)
        json_key_u64(&json, "messages", record->wait);
    if (record->event == RECORD_DEAD_LETTER)
        json_key_str(&json, "reason", str_from(dead_reason_name((dead_reason_t)record->detail)));
    if (record->event == RECORD_UNDONE)
        json_key_str(
            &json, "error",
            str_from(err_name(record->detail < ERR_COUNT ? (err_t)record->detail : ERR_INTERNAL)));
    json_object_end(&json);
    buf_append_char(out, '\n');
}

void recording_print_json(recording_t *self, const recording_event_t *events, size_t count,
                          buf_t *out)
{
    for (size_t i = 0; i < count; i++)
        print_json_row(self, &events[i], out);
}

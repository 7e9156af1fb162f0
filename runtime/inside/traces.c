/* traces.c -- which trace a message belongs to, what is at hand on a thread, and the way from node
 * to node as the recorder has it. */

#include "runtime/inside/inside_parts.h"

/* Longer than anybody waits for an answer. */
static const uint64_t SAMPLED_NS = UINT64_C(30) * 1000 * 1000 * 1000;
static const str_t nothing = {NULL, 0};

/* A trace that nobody gave an id: a number that the other nodes hardly have, too. */
uint32_t inside_begin_trace(inside_t *self)
{
    uint64_t mixed = (atomic_fetch_add(&self->traces_begun, 1) + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return trace_number((trace_id_t){self->secret, mixed});
}

uint32_t trace_number(trace_id_t id)
{
    uint64_t both = id.high ^ id.low;
    uint32_t folded = (uint32_t)(both ^ both >> 32) & TRACE_NUMBER_MASK;
    return folded == 0 ? 1 : folded;
}

/* From now on, for a while, each message is looked at. */
static void begin_sampling(runtime_t *runtime, uint64_t now_ns)
{
    atomic_store(&runtime->inside->sampled_until_ns, now_ns + SAMPLED_NS);
    if (!inside_watches(runtime, INSIDE_SAMPLED))
        atomic_fetch_or(&runtime->watching, INSIDE_SAMPLED);
}

/* Who begins at the same time has set the time before the bit: it is looked at again behind it. */
void inside_end_sampling(runtime_t *runtime, uint64_t now_ns)
{
    if (!inside_watches(runtime, INSIDE_SAMPLED) ||
        now_ns < atomic_load(&runtime->inside->sampled_until_ns))
        return;
    atomic_fetch_and(&runtime->watching, ~(uint32_t)INSIDE_SAMPLED);
    if (now_ns < atomic_load(&runtime->inside->sampled_until_ns))
        atomic_fetch_or(&runtime->watching, INSIDE_SAMPLED);
}

static uint32_t *at_hand(const runtime_t *runtime)
{
    const scheduler_t *here = scheduler_current();
    return here == NULL || here->runtime != runtime ? NULL
                                                    : &runtime->inside->traces_at_hand[here->index];
}

uint32_t inside_trace(const runtime_t *runtime)
{
    const uint32_t *trace = at_hand(runtime);
    return trace == NULL ? 0 : *trace;
}

uint32_t inside_swap_trace(runtime_t *runtime, uint32_t trace)
{
    uint32_t *there = at_hand(runtime);
    uint32_t before = there == NULL ? 0 : *there;
    if (there != NULL)
        *there = trace;
    return before;
}

void inside_belongs(const runtime_t *runtime, message_t *message)
{
    if (message->trace == 0)
        message->trace = inside_trace(runtime);
}

uint32_t edge_trace(edge_t *self, uint32_t trace)
{
    runtime_t *runtime = self->scheduler->runtime;
    if ((trace & TRACE_SAMPLED) != 0)
        begin_sampling(runtime, clock_mono_ns(&runtime->clock));
    return inside_swap_trace(runtime, trace);
}

void edge_traced(edge_t *self, const traced_request_t *request)
{
    runtime_t *runtime = self->scheduler->runtime;
    recorder_t *recorder = runtime->inside->recorder;
    if (recorder == NULL || !inside_records(runtime, request->trace))
        return;
    uint64_t now_ns = clock_mono_ns(&runtime->clock);
    uint32_t ring = inside_ring(runtime->inside);
    recorder_lock(recorder, ring);
    recorder_write(recorder, ring,
                   (recorder_record_t){
                       .time_ns = request->begin_ns,
                       .actor = request->id.high,
                       .other = request->id.low,
                       .duration_ns = inside_capped(now_ns - MIN(request->begin_ns, now_ns)),
                       .wait = request->status,
                       .trace = request->trace & TRACE_NUMBER_MASK,
                       .kind = recorder_name(recorder, ring, request->pattern, request->pattern),
                       .type = recorder_name(recorder, ring, request->method, request->method),
                       .event = RECORD_REQUEST});
    recorder_unlock(recorder, ring);
}

uint32_t inside_carried(runtime_t *runtime, const message_t *message, uint64_t node)
{
    if (message->trace == 0 || !inside_records(runtime, message->trace))
        return 0;
    uint32_t span = atomic_fetch_add(&runtime->inside->spans, 1) + 1;
    inside_note(runtime, NULL, inside_type_name(message), nothing,
                (recorder_record_t){.time_ns = clock_mono_ns(&runtime->clock),
                                    .actor = message->sender,
                                    .other = node,
                                    .id = inside_id(runtime->inside, message),
                                    .wait = span,
                                    .trace = message->trace & TRACE_NUMBER_MASK,
                                    .event = RECORD_CARRIED});
    return span;
}

void inside_received(runtime_t *runtime, const message_t *message, uint64_t node, uint32_t span)
{
    if ((message->trace & TRACE_SAMPLED) != 0)
        begin_sampling(runtime, clock_mono_ns(&runtime->clock));
    if (span == 0 || !inside_records(runtime, message->trace))
        return;
    inside_note(runtime, NULL, inside_type_name(message), nothing,
                (recorder_record_t){.time_ns = clock_mono_ns(&runtime->clock),
                                    .actor = message->sender,
                                    .other = node,
                                    .id = inside_id(runtime->inside, message),
                                    .wait = span,
                                    .trace = message->trace & TRACE_NUMBER_MASK,
                                    .event = RECORD_RECEIVED});
}

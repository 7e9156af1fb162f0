#pragma once
/* inside_parts.h -- what inside.c and traces.c share. */

#include "runtime/inside/inside.h"
#include "runtime/inside/latency.h"
#include "runtime/inside/recorder.h"
#include "runtime/inside/trace.h"

struct inside {
    runtime_t *runtime;
    recorder_t *recorder; /* NULL: no file */
    trace_hub_t *traces;
    uv_mutex_t lock;                            /* of what is switched */
    latency_table_t *latencies[SCHEDULERS_MAX]; /* made with the first switch */
    uint32_t latency_users;
    uint64_t secret;                         /* ids of messages are addresses made unrecognisable */
    uint32_t traces_at_hand[SCHEDULERS_MAX]; /* what a scheduler sends now is of; 0: not known */
    _Atomic uint32_t traces_begun, spans;
    _Atomic uint64_t sampled_until_ns;
};

enum { TRACE_NUMBER_MASK = 0x7fffffff };

/* Whether the recorder takes a message of this trace. */
bool inside_records(const runtime_t *runtime, uint32_t trace);
/* A kind and a message type (or a reason) into the record, and the record into this thread's ring.
 */
void inside_note(runtime_t *runtime, const actor_kind_t *kind, const char *type, str_t text,
                 recorder_record_t record);
uint32_t inside_ring(const inside_t *self); /* this thread's */
uint32_t inside_id(const inside_t *self, const message_t *message);
const char *inside_type_name(const message_t *message);
uint32_t inside_capped(uint64_t ns);

uint32_t inside_begin_trace(inside_t *self);
/* When nothing was sampled for a while. */
void inside_end_sampling(runtime_t *runtime, uint64_t now_ns);

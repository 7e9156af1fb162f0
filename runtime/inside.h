#pragma once
/* inside.h -- looking into a running runtime: what it did, what an actor is, who is busy.
 *
 * Nothing here stalls a scheduler. What is switched on costs while it is on; off, a branch a
 * message. No answer holds a payload's secret or personal fields (schema.h, marks).
 *
 * Threads  Any, where nothing else is said. */

#include "runtime/recorder.h"
#include "runtime/runtime.h"

API_BEGIN

/* ---- the flight recorder (recorder.h reads it) ---- */

/* INVALID: the runtime was made without a recorder_path. */
err_t runtime_record(runtime_t *self, recorder_level_t level);
recorder_level_t runtime_record_level(const runtime_t *self);

/* ---- traces: what came of one request, on whichever node (docs/decisions/0037) ---- */

/* Of W3C Trace Context; not all zero. */
typedef struct trace_id {
    uint64_t high, low;
} trace_id_t;

/* A message carries its trace as a number: the id, folded. With the flag its messages are recorded
 * at level life, too, on every node that they come to. */
#define TRACE_SAMPLED UINT32_C(0x80000000)
uint32_t trace_number(trace_id_t id); /* 1 to 0x7fffffff */

/* What this edge's callbacks ask from now on belongs to that trace, and so do their answers'
 * continuations; 0: to none. Returns the one before, to be put back. */
uint32_t edge_trace(edge_t *self, uint32_t trace);

/* A request that has been answered, for the recorder: where a trace began. */
typedef struct traced_request {
    trace_id_t id;
    uint32_t trace;
    uint32_t status;
    const char *method, *pattern; /* literals */
    uint64_t begin_ns;            /* monotonic */
} traced_request_t;
void edge_traced(edge_t *self, const traced_request_t *request);

/* ---- how long messages wait and take, by kind and type ---- */

enum { LATENCY_ROWS_MAX = 256 }; /* what further kinds and types take is counted together */

typedef struct latency_row {
    const char *kind, *type; /* "": all that found no row of their own */
    uint64_t count;
    uint64_t wait_p50_ns, wait_p99_ns, wait_max_ns;
    uint64_t took_p50_ns, took_p99_ns, took_max_ns, took_sum_ns;
} latency_row_t;

/* Each switch adds or takes one watcher; it is on while there is one. NO_MEMORY. */
err_t runtime_measure_latencies(runtime_t *self, bool is_on);
/* Those measured so far, most handling time first; at most LATENCY_ROWS_MAX + 1. NO_MEMORY. */
err_t runtime_latencies(runtime_t *self, latency_row_t *out_rows, size_t max, size_t *out_count);

/* The same as a JSON array. */
void runtime_describe_latencies(runtime_t *self, json_t *json);

/* ---- a live trace ---- */

enum {
    TRACE_SESSIONS_MAX = 4,
    TRACE_ROOM = 64 * 1024, /* bytes a scheduler that wait to be read; more is lost, and counted */
    TRACE_PAYLOAD_SIZE_MAX = 4096, /* a longer one is not shown */
    TRACE_NAME_SIZE = 64
};

/* Empty: any. */
typedef struct trace_filter {
    str_t kind, key, type;
    uint64_t sender; /* actor_ref bits; 0: any */
    uint32_t trace;  /* trace_number; 0: any */
    str_t except;    /* not this kind: who reads the trace by messages */
} trace_filter_t;

typedef struct live_trace live_trace_t;
/* BUSY: TRACE_SESSIONS_MAX are read already; NOT_FOUND: no such kind; LIMIT: a name is too long;
 * NO_MEMORY. */
err_t live_trace_open(runtime_t *runtime, const trace_filter_t *filter, live_trace_t **out_trace);
/* Takes what has come, at most `lines_max` lines: a JSON object each. One thread at a time. Returns
 * how many. */
size_t live_trace_read(live_trace_t *self, size_t lines_max, buf_t *out);
uint64_t live_trace_lost(const live_trace_t *self); /* lines, so far */
void live_trace_close(live_trace_t **self);

/* ---- one actor ---- */

/* `json` says all about it, by itself, in its own turn. NOT_FOUND: it is not active (nothing
 * activates it), or there is no such kind; TIMEOUT: it was busy all that time. On the edge's
 * thread. */
typedef void (*inspected_fn)(void *context, err_t err, str_t json);
void edge_inspect(edge_t *self, address_t whom, uint64_t timeout_ms, inspected_fn then,
                  void *context);

/* ---- many actors: samples to compare ---- */

typedef struct top top_t;
typedef enum top_order { TOP_MESSAGES, TOP_BUSY, TOP_MEMORY, TOP_QUEUE, TOP_ORDERS } top_order_t;
enum { TOP_COUNT_MAX = 200 };

err_t top_new(runtime_t *runtime, top_t **out_top);
void top_free(top_t *self);
/* Walks over all slots without a lock; for as long as that takes, so on the offload pool. What
 * changed since the sample before, as JSON: totals, schedulers, kinds, and the first `count` actors
 * by each order. */
err_t top_sample(top_t *self, uint32_t count, buf_t *out);

API_END

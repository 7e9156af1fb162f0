#pragma once
/* records.h -- what the flight recorders of several nodes have, put together: in one order, as the
 * way of one trace, as a file for chrome://tracing. Pure.
 *
 * Each node's times are by its own clock; what it was ahead of the node that asked, as far as half
 * of the way there and back tells, is taken off. So two events of two nodes may seem to be in the
 * wrong order, by less than that: where one is known to follow from the other
 * (records_trace_append), it is shown no earlier.
 *
 * Ownership  All lies in the records' arena. Threads  None. */

#include "gateway/graphql/value.h"
#include "runtime/inside.h"

typedef struct records_node {
    uint64_t node;        /* 0: alone */
    str_t address, error; /* error: it told nothing */
    bool has_clock;
    int64_t ahead_ns, ahead_ms; /* its monotonic clock, its wall clock */
    uint64_t round_us, left_out;
} records_node_t;

typedef struct record {
    uint32_t node; /* the index */
    uint32_t scheduler;
    int64_t at_ns; /* by the clock of who asked */
    uint64_t took_ns, waited_us, peer, span, status;
    uint32_t id;
    str_t event, kind, actor, message, other, trace_id;
    str_t line; /* as it came */
} record_t;

typedef struct records {
    arena_t arena;
    records_node_t *nodes;
    size_t node_count, node_room;
    record_t *items; /* after records_sort the oldest first */
    size_t count, room;
    int64_t now_ns, now_ms; /* of who asked */
    bool is_whole;          /* the last line has come */
} records_t;

void records_deinit(records_t *self);
#define RECORDS_SCOPED SCOPED(records_deinit)
/* A line of control_look_records. INVALID; NO_MEMORY. */
err_t records_add(records_t *self, str_t line);
void records_sort(records_t *self);

/* Nodes that could not be asked, or whose records did not all fit: a line each. */
void records_problems_append(const records_t *self, buf_t *out);
/* A table of all, at most so many cells wide. */
void records_list_append(const records_t *self, uint32_t columns, buf_t *out);
/* Of one trace: each message under the one that it followed from. NO_MEMORY. */
err_t records_trace_append(const records_t *self, uint32_t columns, buf_t *out);
/* Trace Event Format: a process a node. NO_MEMORY. */
err_t records_chrome_append(const records_t *self, buf_t *out);

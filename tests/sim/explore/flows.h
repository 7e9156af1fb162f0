#pragma once
/* flows.h -- what is owed to a stream: its items come to one state, in order and without a gap;
 * never more are out than its window; the end comes after all of them; and it is over, for both
 * sides, when nothing happens any more.
 *
 * Memory comes from libc. */

#include "runtime/stream.h"
#include "tests/sim/explore/ledger.h"

typedef struct flow {
    uint64_t stream, producer, consumer; /* serials; consumer 0: not taken yet */
    uint32_t window, sent, heard;
    bool is_out, is_in; /* the end of each side is open */
} flow_t;

typedef struct flows {
    ledger_t *ledger;
    flow_t *all;
    uint64_t count, capacity;
    struct flow_watch {
        uint64_t serial, monitor;
    } * watches; /* of the other side, by whom */
    uint64_t watch_count, watch_capacity;
    uint64_t forgiven;
} flows_t;

void flows_deinit(flows_t *self);
void flows_open(flows_t *self, uint64_t serial, const stream_out_t *out);
void flows_accept(flows_t *self, uint64_t serial, const stream_in_t *in);
/* The monitor of an end that is open; and whether a down is of such. */
void flows_watch(flows_t *self, uint64_t serial, actor_monitor_t monitor);
bool flows_is_watch(const flows_t *self, uint64_t serial, uint64_t monitor);
/* The number of the item that was sent, from 1. */
uint32_t flows_next(flows_t *self, uint64_t stream);
void flows_sent(flows_t *self, uint64_t stream);
void flows_hear(flows_t *self, uint64_t serial, uint64_t stream, uint32_t number);
/* One side's end is over; is_all: it heard that all was sent. */
void flows_out_over(flows_t *self, uint64_t stream);
void flows_in_over(flows_t *self, uint64_t stream, bool is_all);

void flows_settle(flows_t *self);
void flows_forgive(flows_t *self);
/* Items that were sent and not handled. */
uint64_t flows_missing(const flows_t *self);

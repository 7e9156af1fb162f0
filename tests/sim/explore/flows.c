#include "tests/sim/explore/flows.h"

#include <stdlib.h>

void flows_deinit(flows_t *self)
{
    free(self->all);
    free(self->watches);
    *self = (flows_t){0};
}

static flow_t *find(const flows_t *self, uint64_t stream)
{
    for (uint64_t i = self->count; i > 0; i--) {
        if (self->all[i - 1].stream == stream)
            return &self->all[i - 1];
    }
    ledger_fail(self->ledger, ORACLE_STREAM, "nobody opened stream %llx",
                (unsigned long long)stream);
    return NULL;
}

static void wrong(flows_t *self, const flow_t *flow, const char *what)
{
    ledger_fail(self->ledger, ORACLE_STREAM,
                "stream %llx of state %llu to %llu, window %u, %u sent, %u heard: %s",
                (unsigned long long)flow->stream, (unsigned long long)flow->producer,
                (unsigned long long)flow->consumer, flow->window, flow->sent, flow->heard, what);
}

void flows_open(flows_t *self, uint64_t serial, const stream_out_t *out)
{
    self->all = ledger_grown(self->all, self->count, &self->capacity, sizeof *self->all);
    self->all[self->count++] =
        (flow_t){.stream = out->id, .producer = serial, .window = out->window, .is_out = true};
}

void flows_accept(flows_t *self, uint64_t serial, const stream_in_t *in)
{
    flow_t *flow = find(self, in->id);
    if (flow == NULL)
        return;
    if (flow->consumer != 0)
        wrong(self, flow, "it is taken twice");
    flow->consumer = serial;
    flow->is_in = true;
    flows_watch(self, serial, in->monitor);
}

void flows_watch(flows_t *self, uint64_t serial, actor_monitor_t monitor)
{
    self->watches = ledger_grown(self->watches, self->watch_count, &self->watch_capacity,
                                 sizeof *self->watches);
    self->watches[self->watch_count++] = (struct flow_watch){serial, monitor.bits};
}

bool flows_is_watch(const flows_t *self, uint64_t serial, uint64_t monitor)
{
    for (uint64_t i = 0; i < self->watch_count; i++) {
        if (self->watches[i].serial == serial && self->watches[i].monitor == monitor)
            return true;
    }
    return false;
}

uint32_t flows_next(flows_t *self, uint64_t stream)
{
    const flow_t *flow = find(self, stream);
    return flow == NULL ? 0 : flow->sent + 1;
}

void flows_sent(flows_t *self, uint64_t stream)
{
    flow_t *flow = find(self, stream);
    if (flow == NULL)
        return;
    flow->sent++;
    if (flow->sent - flow->heard > flow->window)
        wrong(self, flow, "more is out than its window");
}

void flows_hear(flows_t *self, uint64_t serial, uint64_t stream, uint32_t number)
{
    flow_t *flow = find(self, stream);
    if (flow == NULL)
        return;
    if (flow->consumer != serial)
        wrong(self, flow, "an item comes to another state");
    if (number != flow->heard + 1)
        wrong(self, flow, "an item is missing, or comes twice");
    flow->heard = number;
}

void flows_out_over(flows_t *self, uint64_t stream)
{
    flow_t *flow = find(self, stream);
    if (flow != NULL)
        flow->is_out = false;
}

void flows_in_over(flows_t *self, uint64_t stream, bool is_all)
{
    flow_t *flow = find(self, stream);
    if (flow == NULL)
        return;
    flow->is_in = false;
    if (is_all && flow->heard != flow->sent)
        wrong(self, flow, "its end comes before its items");
}

void flows_settle(flows_t *self)
{
    for (uint64_t i = 0; i < self->count; i++) {
        const flow_t *flow = &self->all[i];
        bool is_out = flow->is_out && !ledger_is_over(self->ledger, flow->producer);
        bool is_in = flow->is_in && !ledger_is_over(self->ledger, flow->consumer);
        if (is_out || is_in)
            wrong(self, flow, is_out ? "it stands still" : "it stands still for its consumer");
    }
}

void flows_forgive(flows_t *self)
{
    self->watch_count = 0;
    self->forgiven = 0;
    self->forgiven = flows_missing(self);
    for (uint64_t i = 0; i < self->count; i++)
        self->all[i].is_out = self->all[i].is_in = false;
}

uint64_t flows_missing(const flows_t *self)
{
    uint64_t missing = 0;
    for (uint64_t i = 0; i < self->count; i++)
        missing += self->all[i].sent - self->all[i].heard;
    return missing - self->forgiven;
}

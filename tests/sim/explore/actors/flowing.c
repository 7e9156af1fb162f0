#include "tests/sim/explore/actors/steps.h"
#include "tests/sim/explore/flows.h"

void step_flow(run_t *run, const act_step_t *step)
{
    actor_state_t *self = run->self;
    if (self->out.id != 0)
        return;
    char room[12];
    uint32_t window = 1 + (step->number + step->count) % 4;
    if (stream_out_open(run->ctx, &self->out, act_address(step->target, room), window) != ERR_OK)
        return;
    self->left = 2 * step->number;
    flows_open(self->ledger->flows, self->serial, &self->out);
    ledger_trace(self->ledger, "  opens stream %llx", (unsigned long long)self->out.id);
}

static void close_out(actor_state_t *self, context_t *ctx, err_t err)
{
    if (self->out.id == 0)
        return;
    flows_out_over(self->ledger->flows, self->out.id);
    stream_out_close(ctx, &self->out, err);
}

void step_flow_end(run_t *run, const act_step_t *step)
{
    actor_state_t *self = run->self;
    if (step->op == ACT_flow_end) {
        close_out(self, run->ctx, ERR_INTERNAL);
    } else if (self->in.id != 0) {
        flows_in_over(self->ledger->flows, self->in.id, false);
        stream_in_stop(run->ctx, &self->in, ERR_OK);
    }
}

/* ---- the producer ---- */

static void send_what_may(actor_state_t *self, context_t *ctx)
{
    flows_t *flows = self->ledger->flows;
    err_t err = ERR_OK;
    while (self->left > 0 && stream_out_credit(&self->out) > 0 && err == ERR_OK) {
        uint64_t stream = self->out.id;
        err = stream_out_send(ctx, &self->out, act_item, .stream = stream,
                              .number = flows_next(flows, stream));
        if (err == ERR_OK)
            flows_sent(flows, stream);
        self->left -= err == ERR_OK;
    }
    if (self->left == 0 || err != ERR_OK)
        close_out(self, ctx, err);
}

void flowing_credited(actor_state_t *self, context_t *ctx, const stream_credit_t *credit)
{
    bool is_first = self->out.consumer.bits == 0;
    if (!stream_out_credited(ctx, &self->out, credit))
        return;
    if (is_first)
        flows_watch(self->ledger->flows, self->serial, self->out.monitor);
    send_what_may(self, ctx);
}

/* ---- the consumer ---- */

err_t flowing_begun(actor_state_t *self, context_t *ctx, const stream_begin_t *begin)
{
    if (begin->stream % 16 == 1) { /* its ids are odd */
        stream_in_refuse(ctx, begin, ERR_FORBIDDEN);
        return ERR_OK;
    }
    if (begin->stream % 16 == 3)
        return ERR_BUSY;
    if (stream_in_accept(ctx, &self->in, begin) == ERR_OK)
        flows_accept(self->ledger->flows, self->serial, &self->in);
    return ERR_OK;
}

void flowing_item(actor_state_t *self, context_t *ctx, const act_item_t *item)
{
    flows_hear(self->ledger->flows, self->serial, item->stream, item->number);
    if (self->in.id == item->stream)
        stream_in_done(ctx, &self->in, 1);
}

/* ---- both ---- */

void flowing_ended(actor_state_t *self, context_t *ctx, const stream_end_t *end)
{
    ledger_trace(self->ledger, "  stream %llx ends: %s", (unsigned long long)end->stream,
                 err_name((err_t)end->err));
    if (stream_out_ended(ctx, &self->out, end))
        flows_out_over(self->ledger->flows, end->stream);
    else if (stream_in_ended(ctx, &self->in, end))
        flows_in_over(self->ledger->flows, end->stream,
                      end->err == ERR_OK && !end->is_from_runtime);
}

bool flowing_down(actor_state_t *self, context_t *ctx, const actor_down_t *down)
{
    uint64_t out = self->out.id, in = self->in.id;
    if (stream_out_down(ctx, &self->out, down))
        flows_out_over(self->ledger->flows, out);
    if (stream_in_down(ctx, &self->in, down))
        flows_in_over(self->ledger->flows, in, false);
    return flows_is_watch(self->ledger->flows, self->serial, down->monitor_bits);
}

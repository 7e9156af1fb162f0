#include "tests/sim/explore/actors/steps.h"
#include "tests/sim/explore/jobs.h"

static err_t work(void *data, UNUSED size_t data_size)
{
    asked_t *asked = data;
    asked->is_emitting = !asked->is_emitting;
    jobs_run(asked->ledger->jobs, asked->job, offload_is_cancelled(data));
    return ERR_OK;
}

static void on_worked(void *state, context_t *ctx, err_t err, void *data, UNUSED size_t data_size)
{
    actor_state_t *self = state;
    const asked_t *asked = data;
    ledger_trace(self->ledger, "  job %llu: %s", (unsigned long long)asked->job, err_name(err));
    asked_settle(self, asked);
    jobs_end(self->ledger->jobs, asked->job, err);
    if (asked->is_emitting && self->service->is_durable)
        emit(ctx, act_counted, .id = 0, .number = 1);
}

static asked_t job_asked(run_t *run, const act_step_t *step, bool is_for_room, bool has_limit)
{
    actor_state_t *self = run->self;
    job_record_t record = {.serial = self->serial,
                           .is_for_room = is_for_room,
                           .has_limit = has_limit,
                           .is_durable = self->service->is_durable};
    return (asked_t){.ledger = self->ledger,
                     .serial = self->serial,
                     .id = run->id,
                     .is_emitting = (step->number & 1) != 0,
                     .job = jobs_add(self->ledger->jobs, &record),
                     .debt = ledger_owe(self->ledger, DEBT_JOB, self->serial, run->id)};
}

/* The last few can be cancelled. */
static void keep_ticket(actor_state_t *self, uint64_t job, offload_ticket_t ticket)
{
    uint32_t at = self->ticket_count++ % TICKETS_MAX;
    self->tickets[at].job = job;
    self->tickets[at].ticket = ticket;
}

static offload_lane_t lane_of(const act_step_t *step)
{
    return (offload_lane_t)(step->number % OFFLOAD_LANES);
}

void step_offload(run_t *run, const act_step_t *step)
{
    asked_t asked = job_asked(run, step, false, false);
    actor_offload(run->ctx, lane_of(step), work, on_worked, &asked, sizeof asked);
}

/* As many as it says, so that the lane is soon full. */
void step_work(run_t *run, const act_step_t *step)
{
    for (uint32_t i = 0; i <= step->count; i++) {
        bool has_limit = (step->number + i) % 3 == 0;
        asked_t asked = job_asked(run, step, false, has_limit);
        offload_options_t options = {.lane = lane_of(step),
                                     .priority = (offload_priority_t)(step->target % 3),
                                     .wait_ms_max = has_limit ? 1 + step->target : 0};
        offload_ticket_t ticket =
            actor_offload_with(run->ctx, &options, work, on_worked, &asked, sizeof asked);
        keep_ticket(run->self, asked.job, ticket);
    }
}

void step_cancel_work(run_t *run, const act_step_t *step)
{
    actor_state_t *self = run->self;
    uint32_t known = MIN(self->ticket_count, (uint32_t)TICKETS_MAX);
    if (known == 0)
        return;
    uint32_t at = step->number % known;
    ledger_trace(self->ledger, "  cancels job %llu", (unsigned long long)self->tickets[at].job);
    jobs_cancel(self->ledger->jobs, self->tickets[at].job);
    actor_offload_cancel(run->ctx, self->tickets[at].ticket);
}

void step_await_room(run_t *run, const act_step_t *step)
{
    asked_t asked = job_asked(run, step, true, false);
    offload_ticket_t ticket =
        actor_offload_when_room(run->ctx, lane_of(step), on_worked, &asked, sizeof asked);
    keep_ticket(run->self, asked.job, ticket);
}

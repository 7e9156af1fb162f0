#pragma once
/* steps.h -- a command being carried out, and the steps that it may have; act.c chooses.
 *
 * Each step does one thing with actor.h and writes into the ledger what is owed from then on. */

#include "runtime/stream.h"
#include "tests/sim/explore/actors/act.h"
#include "tests/sim/explore/plan.h"
#include "tests/sim/explore/world.h"

enum { CHILDREN_MAX = 4, TIMERS_MAX = 4, TICKETS_MAX = 6 };

typedef struct actor_state {
    ledger_t *ledger; /* NULL: it never started */
    const act_service_t *service;
    uint32_t version; /* of the code that may touch it */
    uint32_t from;
    uint64_t serial, count;
    actor_ref_t children[CHILDREN_MAX];
    actor_timer_t timers[TIMERS_MAX];
    uint32_t child_count, timer_count, subscribed; /* a bit a topic */
    struct {
        uint64_t job;
        offload_ticket_t ticket;
    } tickets[TICKETS_MAX];
    uint32_t ticket_count;
    uint32_t watched, left; /* a bit a group; items of `out` that are not sent yet */
    stream_out_t out;
    stream_in_t in;
} actor_state_t;

typedef struct run {
    actor_state_t *self;
    context_t *ctx;
    uint64_t id;
    const act_step_t *steps;
    uint32_t count, at;
    bool is_later;
    err_t err;
} run_t;

/* What an ask or a job is made for. */
typedef struct asked {
    ledger_t *ledger;
    uint64_t debt, serial, job;
    uint32_t needed;       /* of many: good answers that are enough */
    uint64_t id, asker_id; /* of the ask at hand, and of the one it is made for */
    reply_token_t token;
    bool has_token, is_emitting;
} asked_t;

/* The steps that go along with this one; they are not ours any more. */
act_t run_take_along(run_t *run, const act_step_t *step, uint64_t id);
/* What ends an ask or a job ends it for the state that began it; only a rebuilt one inherits. */
void asked_settle(const actor_state_t *self, const asked_t *asked);

/* asking.c: in the tables of a kind's continuations, by name. */
extern const actor_continuation_t asking_continuations[];
enum { ASKING_CONTINUATIONS = 1 };
void step_ask(run_t *run, const act_step_t *step);
void step_ask_many(run_t *run, const act_step_t *step);
/* An answer that is given in this call, after all; or never. */
void step_late(run_t *run, bool is_answered);

/* bonding.c */
void step_spawn(run_t *run, const act_step_t *step);
/* Monitors, links, exits and kills of another one that began not long ago. */
void step_bond(run_t *run, const act_step_t *step);

/* working.c */
void step_offload(run_t *run, const act_step_t *step);
void step_work(run_t *run, const act_step_t *step);
void step_cancel_work(run_t *run, const act_step_t *step);
void step_await_room(run_t *run, const act_step_t *step);

/* gathering.c: names and groups. */
void step_name(run_t *run, const act_step_t *step);
void step_send_name(run_t *run, const act_step_t *step);
void step_group(run_t *run, const act_step_t *step);
void step_call(run_t *run, const act_step_t *step);
void gathering_called(const actor_state_t *self, const context_t *ctx, const act_call_t *call);
void gathering_changed(const actor_state_t *self, context_t *ctx, const group_changed_t *change);

/* posting.c */
void step_post(run_t *run, const act_step_t *step);
err_t posting_took(const actor_state_t *self, context_t *ctx, const act_letter_t *letter);

/* flowing.c: streams. */
void step_flow(run_t *run, const act_step_t *step);
void step_flow_end(run_t *run, const act_step_t *step);
err_t flowing_begun(actor_state_t *self, context_t *ctx, const stream_begin_t *begin);
void flowing_credited(actor_state_t *self, context_t *ctx, const stream_credit_t *credit);
void flowing_item(actor_state_t *self, context_t *ctx, const act_item_t *item);
void flowing_ended(actor_state_t *self, context_t *ctx, const stream_end_t *end);
/* True: the down was of a stream's, and of nobody else's. */
bool flowing_down(actor_state_t *self, context_t *ctx, const actor_down_t *down);

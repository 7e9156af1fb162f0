#include "tests/sim/explore/actors/steps.h"

void act_check_answer(ledger_t *ledger, const answer_t *answer, uint64_t id)
{
    ledger_trace(ledger, "  ask %llu: %s", (unsigned long long)id, err_name(answer->err));
    /* By name there is always somebody: what the last one left is the next one's. */
    if (answer->err == ERR_NOT_FOUND)
        ledger_fail(ledger, ORACLE_LOSS, "ask %llu by name found nobody", (unsigned long long)id);
    if (answer->err != ERR_OK)
        return;
    const act_answer_t *reply = answer->message;
    if (answer->schema != &act_answer_schema)
        ledger_fail(ledger, ORACLE_ANSWER, "ask %llu was answered with nothing",
                    (unsigned long long)id);
    else if (reply->id != id)
        ledger_fail(ledger, ORACLE_ANSWER, "ask %llu had the answer of %llu",
                    (unsigned long long)id, (unsigned long long)reply->id);
}

void asked_settle(const actor_state_t *self, const asked_t *asked)
{
    ledger_pay(self->ledger, asked->debt);
    if (asked->serial != self->serial && !self->service->is_durable)
        ledger_fail(self->ledger, ORACLE_ANSWER, "ask %llu of state %llu ended in %llu",
                    (unsigned long long)asked->id, (unsigned long long)asked->serial,
                    (unsigned long long)self->serial);
}

static void on_answer(void *state, context_t *ctx, const answer_t *answer, void *data,
                      UNUSED size_t data_size)
{
    actor_state_t *self = state;
    const asked_t *asked = data;
    asked_settle(self, asked);
    act_check_answer(self->ledger, answer, asked->id);
    if (asked->is_emitting && self->service->is_durable)
        emit(ctx, act_counted, .id = 0, .number = 1);
    if (asked->has_token && answer->err != ERR_OK)
        actor_refuse_to(ctx, asked->token, answer->err);
    else if (asked->has_token)
        actor_reply_to(ctx, asked->token, act_answer, .id = asked->asker_id, .count = self->count);
}

const actor_continuation_t asking_continuations[ASKING_CONTINUATIONS] = {
    CONTINUATION(on_answer, sizeof(asked_t))};

void step_ask(run_t *run, const act_step_t *step)
{
    static const uint32_t timeouts_ms[] = {5, 20, 100, 1000, 5000};
    actor_state_t *self = run->self;
    uint64_t id = ledger_send(self->ledger, self->from, step->target, true);
    asked_t asked = {.serial = self->serial,
                     .id = id,
                     .asker_id = run->id,
                     .is_emitting = (step->number & 1) != 0};
    asked.debt = ledger_owe(self->ledger, DEBT_ASK, self->serial, id);
    if (!run->is_later) {
        run->is_later = asked.has_token = true;
        asked.token = actor_reply_later(run->ctx);
    }
    char room[12];
    address_t to = act_address(step->target, room);
    act_t message = run_take_along(run, step, id);
    actor_ask_message(run->ctx, to, timeouts_ms[step->number % COUNT_OF(timeouts_ms)], on_answer,
                      &asked, sizeof asked, &act_schema, &message);
}

/* Enough good ones, or all; or it was the deadline. */
static void check_answers(const actor_state_t *self, const answer_t *answers, uint32_t count,
                          const asked_t *asked)
{
    uint32_t good = 0, cut_off = 0;
    for (uint32_t i = 0; i < count; i++) {
        act_check_answer(self->ledger, &answers[i], asked->id);
        good += answers[i].err == ERR_OK;
        cut_off += answers[i].err == ERR_CANCELLED;
    }
    if (cut_off > 0 && good != asked->needed && count - good - cut_off <= count - asked->needed)
        ledger_fail(self->ledger, ORACLE_ANSWER, "%u answers of %u were cut off, %u are good",
                    cut_off, count, good);
}

static void on_answers(void *state, context_t *ctx, const answer_t *answers, uint32_t count,
                       void *data, UNUSED size_t data_size)
{
    actor_state_t *self = state;
    const asked_t *asked = data;
    asked_settle(self, asked);
    check_answers(self, answers, count, asked);
    if (asked->has_token)
        actor_reply_to(ctx, asked->token, act_answer, .id = asked->asker_id, .count = count);
}

/* Three neighbours; of an asker among them the poll waits in its own mailbox. */
void step_ask_many(run_t *run, const act_step_t *step)
{
    enum { ASKED = 3 };
    actor_state_t *self = run->self;
    uint32_t needed = step->number % (ASKED + 1);
    asked_t asked = {.serial = self->serial,
                     .needed = needed == 0 ? ASKED : needed,
                     .id = run->id,
                     .asker_id = run->id};
    asked.debt = ledger_owe(self->ledger, DEBT_ASK, self->serial, run->id);
    if (!run->is_later) {
        run->is_later = asked.has_token = true;
        asked.token = actor_reply_later(run->ctx);
    }
    char rooms[ASKED][12];
    address_t to[ASKED];
    for (uint32_t i = 0; i < ASKED; i++)
        to[i] = act_address((step->target + i * 4) % (TARGET_KINDS * TARGET_KEYS), rooms[i]);
    ask_many_t many = {.to = to,
                       .count = ASKED,
                       .needed = needed,
                       .timeout_ms = 10 + step->number * 20,
                       .then = on_answers,
                       .data = &asked,
                       .data_size = sizeof asked};
    actor_ask_many_message(run->ctx, &many, &act_poll_schema, &(act_poll_t){.id = run->id});
}

void step_late(run_t *run, bool is_answered)
{
    if (run->is_later)
        return;
    run->is_later = true;
    reply_token_t token = actor_reply_later(run->ctx);
    if (is_answered)
        actor_reply_to(run->ctx, token, act_answer, .id = run->id, .count = run->self->count);
}

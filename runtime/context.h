#pragma once
/* context.h -- one call into an actor's code: what it may ask for, what it has done so far, how it
 * ends. There is one a scheduler, used again and again.
 *
 * call_handler and its sisters set up the call, run the author's function and end the call: what
 * was emitted goes to the journal, the answer goes out (or is held behind it). A call that fails
 * (actor_fail) is unwound to call_guarded; nothing of it is kept. */

#include "runtime/kernel.h"

#include <setjmp.h>
#include <unwind.h>

struct context {
    runtime_t *runtime;
    scheduler_t *scheduler;

    /* The turn at hand. */
    actor_t *actor;
    uint64_t bits; /* the actor's */
    uint64_t now_ns, begin_ns;
    uint32_t now_ms; /* wraps */
    uint32_t steps;  /* messages so far */

    /* The call at hand. */
    const message_t *command; /* NULL: a continuation, a timer, start or stop */
    reply_token_t asker;      /* who waits for the answer; zero: nobody, or answered later */
    uint8_t depth;
    str_t chain;     /* who awaits the end of it; see asking.h */
    int64_t wall_ms; /* 0: not read yet */
    message_t *reply;
    bool is_later, is_replay, is_stop_wanted, may_emit, is_stashed;
    bool has_coalesced; /* in this turn */
    bool may_withdraw;  /* where the journal is away: a refusal now is one as any */
    bool has_kept;      /* ... the state as it was before the call, in `kept` */
    err_t withdrawn;    /* by what the call is unwound; ERR_OK: it fails */
    buf_t kept;
    str_t refusal;
    err_t refused_stream; /* from when a stream's begin is refused until it is put away */
    emitted_t emitted;
    alarm_t *rung; /* the actor's own that is being looked at: may be armed again; NULL: none */

    /* Failing. */
    bool is_guarded;
    jmp_buf *landing;      /* of the turn, or of a call with one of its own */
    uintptr_t frame;       /* what lies above stays */
    message_t *unanswered; /* what call_command_in_turn was called with */
    struct _Unwind_Exception exception;
    char reason[ACTOR_REASON_SIZE];
    const char
        *failed_in; /* while that is reported: a message's name, ...; NULL: none of its own */
};

/* For actor_t.active_ms: wraps. */
static inline uint32_t context_now_ms(const context_t *self)
{
    return self->now_ms;
}

/* One a scheduler. NULL: no memory. */
context_t *context_new(scheduler_t *scheduler);
void context_free(context_t *self);

/* Unwinds the call at hand, which has emitted nothing, as if it had returned err. */
_Noreturn void context_withdraw(context_t *self, err_t err, str_t text);

/* As the last thing in a step: where the actor fails it does not return, but goes on in
 * turn_failed.
 */
void call_command_in_turn(context_t *self, message_t *message);
void call_failed_in_turn(context_t *self);
/* Each returns false when the actor failed in it. */
bool call_command(context_t *self, message_t *message);
/* Of a timer of its own. */
bool call_timer(context_t *self, message_t *message);
bool call_answer(context_t *self, const ask_t *ask, const answer_t *answer);
/* Of a gather that has come to its end. */
bool call_answers(context_t *self, const ask_t *ask);
bool call_job(context_t *self, job_t *job);
bool call_start(context_t *self, err_t *out_err);
bool call_stop(context_t *self);
bool call_replaced(context_t *self);
/* Sends what waits in the outbox of a state that begins. */
bool call_outbox(context_t *self);

/* A command of this actor's. chain: see asking.h. NULL: no memory. */
[[nodiscard]] message_t *context_command_new(context_t *ctx, const schema_t *schema,
                                             const void *body, str_t chain);
effect_t context_send_effect(const context_t *ctx, address_t to, message_t *message);

/* Carries out an effect, or holds it behind what is not durable yet. Returns what a send comes to.
 */
err_t context_perform_send(context_t *self, effect_t *effect);
void context_perform(context_t *self, effect_t *effect);

/* With a landing set: where it is jumped to, turn_failed ends the turn. */
void turn_run(context_t *self, actor_t *actor);
void turn_failed(context_t *self);

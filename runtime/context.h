#pragma once
/* context.h -- one call into an actor's code: what it may ask for, what it has done so far, how it
 * ends.
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
    actor_t *actor;
    uint64_t now_ns;

    /* The call at hand. */
    const message_t *command; /* NULL: a continuation, a timer, start or stop */
    reply_token_t asker;      /* who waits for the answer; zero: nobody, or answered later */
    uint8_t depth;
    str_t chain;     /* who awaits the end of it; see asking.h */
    int64_t wall_ms; /* 0: not read yet */
    message_t *reply;
    bool is_later, is_replay, is_stop_wanted, may_emit, is_stashed;
    bool has_coalesced; /* in this turn */
    str_t refusal;
    emitted_t emitted;

    const schema_t *last; /* for the log: what the turn was busy with */

    /* Failing. */
    bool is_guarded;
    jmp_buf landing;
    uintptr_t frame;
    struct _Unwind_Exception exception;
    char reason[ACTOR_REASON_SIZE];
};

/* For actor_t.active_ms: wraps. */
static inline uint32_t context_now_ms(const context_t *self)
{
    return (uint32_t)(self->now_ns / 1000000);
}

void context_init(context_t *self, scheduler_t *scheduler, actor_t *actor);
void context_deinit(context_t *self);

/* Each returns false when the actor failed in it. */
bool call_command(context_t *self, message_t *message);
bool call_answer(context_t *self, const ask_t *ask, const answer_t *answer);
/* Of a gather that has come to its end. */
bool call_answers(context_t *self, const ask_t *ask);
bool call_job(context_t *self, job_t *job);
bool call_start(context_t *self, err_t *out_err);
bool call_stop(context_t *self);
bool call_replaced(context_t *self);

/* A command of this actor's. chain: see asking.h. NULL: no memory. */
[[nodiscard]] message_t *context_command_new(context_t *ctx, const schema_t *schema,
                                             const void *body, str_t chain);
effect_t context_send_effect(const context_t *ctx, address_t to, message_t *message);

/* Carries out an effect, or holds it behind what is not durable yet. Returns what a send comes to.
 */
err_t context_perform_send(context_t *self, effect_t *effect);
void context_perform(context_t *self, effect_t *effect);

void turn_run(scheduler_t *scheduler, actor_t *actor);

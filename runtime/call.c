#include "runtime/base/assert.h"
#include "runtime/base/memory.h"
#include "runtime/code/lift.h"
#include "runtime/context.h"
#include "runtime/durable/away.h"
#include "runtime/durable/outbox.h"
#include "runtime/inside/crashes.h"
#include "runtime/life/behaviour.h"
#include "runtime/life/bonds.h"
#include "runtime/life/lifecycle.h"
#include "runtime/mail/backlog.h"
#include "runtime/mail/gather.h"
#include "runtime/mail/streaming.h"

#include <string.h>

context_t *context_new(scheduler_t *scheduler)
{
    context_t *self = memory_new(sizeof *self);
    if (self == NULL)
        return NULL;
    self->runtime = scheduler->runtime;
    self->scheduler = scheduler;
    return self;
}

void context_free(context_t *self)
{
    if (self == NULL)
        return;
    buf_deinit(&self->emitted.payloads);
    buf_deinit(&self->kept);
    buf_deinit(&self->emitted.answered_id);
    buf_deinit(&self->emitted.answer);
    memory_free(self->emitted.events);
    memory_free(self);
}

/* ---- failing ---- */

/* Called by the unwinder for every frame, inside out: the frames below ours have run their
 * cleanups when it reports one that lies above. */
static _Unwind_Reason_Code stop_at_guard(int version, _Unwind_Action actions,
                                         _Unwind_Exception_Class class,
                                         struct _Unwind_Exception *exception,
                                         struct _Unwind_Context *frame, void *context)
{
    (void)version;
    (void)class;
    (void)exception;
    context_t *self = context;
    bool is_passed = (uintptr_t)_Unwind_GetCFA(frame) > self->frame;
    if (is_passed || (actions & _UA_END_OF_STACK) != 0)
        longjmp(*self->landing, 1);
    return _URC_NO_REASON;
}

_Noreturn static void unwind(context_t *self)
{
    ASSERT(self->is_guarded);
    /* Not on this stack: it is given back frame by frame, and cleanups run on what was ours. */
    memset(&self->exception, 0, sizeof self->exception);
    _Unwind_ForcedUnwind(&self->exception, stop_at_guard, self);
    assert_failed("an actor's failure unwinds to its turn", __FILE_NAME__, __LINE__);
}

void actor_fail(context_t *self, const char *reason)
{
    /* A copy: it may lie in what is unwound. */
    (void)str_to_array(str_from(reason), self->reason, sizeof self->reason);
    unwind(self);
}

void context_withdraw(context_t *self, err_t err, str_t text)
{
    ASSERT(err != ERR_OK && self->emitted.count == 0);
    self->withdrawn = err;
    self->refusal = text;
    unwind(self);
}

/* Its frames are gone. True: by a refusal. */
static bool withdrew(context_t *self, err_t *out_err)
{
    if (self->withdrawn == ERR_OK)
        return false;
    *out_err = self->withdrawn;
    self->withdrawn = ERR_OK;
    return true;
}

typedef void (*guarded_fn)(context_t *self, void *argument);

/* Runs the author's code. False: it failed, and its frames are gone. */
__attribute__((noinline)) static bool guarded(context_t *self, guarded_fn run, void *argument)
{
    jmp_buf landing;
    jmp_buf *outer = self->landing;
    if (setjmp(landing) != 0) {
        self->landing = outer;
        return false;
    }
    self->landing = &landing;
    self->frame = (uintptr_t)__builtin_frame_address(0);
    self->is_guarded = true;
    run(self, argument);
    self->landing = outer;
    return true;
}

/* ---- a call's begin and end ---- */

static inline void begin(context_t *self, const message_t *command, uint8_t depth)
{
    self->command = command;
    self->asker = command != NULL ? command->reply_to : (reply_token_t){0};
    self->depth = depth;
    self->chain = command == NULL ? (str_t){NULL, 0} : message_text(command);
    self->wall_ms = 0;
    self->reply = NULL;
    self->is_later = self->is_stop_wanted = self->is_replay = self->is_stashed = false;
    self->may_emit = true;
    self->may_withdraw = command != NULL;
    self->has_kept = false;
    self->refusal = (str_t){NULL, 0};
    memory_of_messages_t *remembered = actor_peek(self->actor)->remembered;
    if (UNLIKELY(remembered != NULL) && command != NULL)
        remember(remembered, command->schema, self->now_ns);
}

/* A call that nobody would ask for again. */
static void begin_for_good(context_t *self, const message_t *command, uint8_t depth)
{
    begin(self, command, depth);
    self->may_withdraw = false;
    self->has_kept = away_keep(self->actor, &self->kept);
}

static void leave(context_t *self)
{
    self->is_guarded = false;
    self->command = NULL;
    if (self->reply != NULL)
        message_free(STEAL(self->reply));
    if (self->scheduler->arena.size > 0)
        arena_reset(&self->scheduler->arena);
    if (self->emitted.count > 0 || self->emitted.payloads.size > 0) {
        self->emitted.count = 0;
        buf_reset(&self->emitted.payloads);
        buf_reset(&self->emitted.answered_id);
        buf_reset(&self->emitted.answer);
    }
}

/* A producer that waits for credit hears of it, by what it sent: see was_handled. */
static void end_refused_stream(context_t *self, err_t err)
{
    if (self->command != NULL && self->command->schema == &stream_begin_schema)
        self->refused_stream = err;
}

static void answer(context_t *self, err_t err)
{
    if (UNLIKELY(err != ERR_OK))
        end_refused_stream(self, err);
    if (self->asker.asker == 0 || ((self->is_later || self->is_stashed) && err == ERR_OK))
        return;
    message_t *reply = STEAL(self->reply);
    if (err != ERR_OK || reply == NULL) {
        message_free(reply);
        reply = reply_new(self->asker, err, NULL, NULL,
                          err == ERR_OK ? (str_t){NULL, 0} : self->refusal);
    }
    if (reply == NULL)
        return; /* no memory: the deadline tells the asker */
    effect_t effect = {.kind = EFFECT_REPLY, .message = reply};
    context_perform(self, &effect);
}

/* What was emitted goes to the journal, with the answer that a retry shall get. */
static err_t append(context_t *self)
{
    buf_t result BUF_SCOPED = BUF_INIT;
    str_t command_id = context_command_id(self);
    const emitted_t *emitted = &self->emitted;
    if (str_is_empty(command_id) && emitted->answered_id.size > 0) {
        TRY(buf_status(&emitted->answered_id));
        TRY(buf_status(&emitted->answer));
        TRY(durable_append(self->actor, &self->emitted, context_wall_ms(self),
                           buf_str(&emitted->answered_id), buf_str(&emitted->answer)));
        self->emitted.count = 0;
        return ERR_OK;
    }
    if (!str_is_empty(command_id) && !self->is_later) {
        const message_t *reply = self->reply;
        durable_result_encode(ERR_OK, (str_t){NULL, 0}, reply == NULL ? NULL : reply->schema,
                              reply == NULL ? NULL : message_body(reply), &result);
        TRY(buf_status(&result));
    }
    TRY(durable_append(self->actor, &self->emitted, context_wall_ms(self), command_id,
                       buf_str(&result)));
    self->emitted.count = 0;
    return ERR_OK;
}

/* Nothing that the call emitted is kept, nor what it did after that. */
static void undo(context_t *self, err_t err)
{
    durable_drop_held(self->actor, actor_peek(self->actor)->durable->seq + 1, err);
    self->emitted.count = 0;
}

/* The state may not be built upon. */
static void back_to_before(context_t *self)
{
    if (self->has_kept)
        lifecycle_restore(self, buf_str(&self->kept));
    else
        lifecycle_rebuild(self);
}

/* A durable message that was handled. */
static bool has_taken(const context_t *self)
{
    return self->command != NULL && self->command->is_numbered && !self->is_stashed &&
           actor_is_durable(self->actor);
}

/* It was refused after all. */
static void not_later(context_t *self)
{
    buf_t id BUF_SCOPED = BUF_INIT;
    (void)later_commands_take(&actor_extra_there(self->actor)->durable->later, self->asker, &id);
}

static void end(context_t *self, err_t err)
{
    if (UNLIKELY(self->is_later) && err != ERR_OK && actor_is_durable(self->actor))
        not_later(self);
    if (UNLIKELY(has_taken(self)) && err == ERR_OK)
        err = outbox_take(self);
    if (self->emitted.count > 0) {
        if (err == ERR_OK)
            err = self->has_kept ? ERR_UNAVAILABLE : append(self);
        if (err != ERR_OK) {
            undo(self, err);
            answer(self, err);
            leave(self);
            back_to_before(self);
            return;
        }
    }
    answer(self, err);
    if (err == ERR_OK && self->is_stop_wanted) {
        effect_t effect = {.kind = EFFECT_STOP};
        if (LIKELY(!actor_is_durable(self->actor)))
            self->actor->is_stopping = true;
        else
            context_perform(self, &effect);
    }
    leave(self);
}

static bool failed_in(context_t *self, const char *what)
{
    actor_t *actor = self->actor;
    reply_token_t asker = self->asker;
    end_refused_stream(self, ERR_INTERNAL);
    if (actor_is_durable(actor))
        undo(self, ERR_INTERNAL);
    leave(self);
    deliver_reply(self->runtime,
                  reply_new(asker, ERR_INTERNAL, NULL, NULL, STR("the actor failed")));
    self->failed_in = what;
    lifecycle_crash(self, self->reason);
    self->failed_in = NULL;
    return false;
}

static bool failed(context_t *self)
{
    return failed_in(self, self->command == NULL ? "continuation" : self->command->schema->name);
}

/* ---- the calls ---- */

typedef struct command_call {
    const actor_handler_t *handler;
    const message_t *message;
    err_t err;
} command_call_t;

static void run_command(context_t *self, void *argument)
{
    command_call_t *call = argument;
    call->err = call->handler->handle(self->actor->state, self, message_body(call->message));
}

static heard_t hear(const actor_t *actor, const message_t *message)
{
    const actor_kind_t *kind = actor->kind;
    if (LIKELY(actor_peek(actor)->backlog == NULL))
        return (heard_t){handler_in(kind->handlers, kind->handler_count, message->schema), false};
    return behaviour_hear_slowly(actor, message->schema, message_is_signal(message));
}

/* Takes a message that has no handler now. */
static void not_heard(context_t *self, message_t *message, bool is_stashed)
{
    actor_t *actor = self->actor;
    err_t err = is_stashed ? backlog_make_room(actor, message) : ERR_UNSUPPORTED;
    if (err == ERR_OK)
        backlog_stash(actor, message);
    else if (message_is_signal(message))
        message_free(message); /* counted when it was taken */
    else
        reject_by(actor, message, err, is_stashed ? DEAD_FULL : DEAD_NO_HANDLER);
}

/* Takes it. */
static void was_handled(context_t *self, message_t *message)
{
    if (LIKELY(!message_is_signal(message)))
        count_own(&self->scheduler->counters.handled);
    err_t refused = self->refused_stream;
    self->refused_stream = ERR_OK;
    if (UNLIKELY(refused != ERR_OK))
        stream_bounce(self->runtime, message, refused);
    else
        message_free(message);
}

/* As outbox_may_take says. */
static bool was_taken(context_t *self, message_t *message)
{
    bool is_known = false;
    err_t err = outbox_may_take(self, message, &is_known);
    if (err == ERR_OK && !is_known)
        return false;
    durable_acknowledge(self->actor, message->reply_to, err);
    was_handled(self, message);
    return true;
}

static bool is_being_answered(context_t *self, str_t id)
{
    durable_t *durable = actor_extra_there(self->actor)->durable;
    return later_commands_has(&durable->later, id, self->now_ns);
}

/* Answered before, to a durable actor that remembers it. */
static bool was_answered(context_t *self, message_t *message)
{
    const durable_t *durable = actor_peek(self->actor)->durable;
    if (LIKELY(durable == NULL) || str_is_empty(message_command_id(message)))
        return false;
    if (UNLIKELY(message->is_numbered))
        return was_taken(self, message);
    str_t id = message_command_id(message);
    const seen_command_t *seen = seen_commands_find(&durable->commands, id);
    if (UNLIKELY(durable->later.count > 0) && is_being_answered(self, id))
        durable_acknowledge(self->actor, message->reply_to, ERR_BUSY);
    else if (seen != NULL)
        durable_answer_again(self->actor, seen, message->reply_to);
    else if (command_id_is_stale(id, &self->runtime->clock))
        durable_acknowledge(self->actor, message->reply_to, ERR_STALE);
    else
        return false;
    was_handled(self, message);
    return true;
}

/* NULL: it is dealt with. An older form of the message may be lifted to this one. */
static const actor_handler_t *handler_for(context_t *self, message_t **message)
{
    const actor_t *actor = self->actor;
    heard_t heard = hear(actor, *message);
    if (UNLIKELY(heard.handler == NULL))
        heard.handler = outbox_handler(actor, (*message)->schema);
    if (UNLIKELY(heard.handler == NULL) && message_lift(actor->kind, message))
        heard = hear(actor, *message);
    if (UNLIKELY(heard.handler == NULL)) {
        not_heard(self, *message, heard.is_stashed);
        return NULL;
    }
    return was_answered(self, *message) ? NULL : heard.handler;
}

/* After its handler. Takes it. */
static void put_away(context_t *self, message_t *message, err_t err)
{
    if (UNLIKELY(self->is_stashed && err == ERR_OK))
        backlog_stash(self->actor, message);
    else
        was_handled(self, message);
}

__attribute__((noinline)) void call_command_in_turn(context_t *self, message_t *message)
{
    const actor_kind_t *kind = self->actor->kind;
    const actor_handler_t *handler = NULL;
    if (LIKELY(actor_is_plain(self->actor)))
        handler = handler_in(kind->handlers, kind->handler_count, message->schema);
    if (UNLIKELY(handler == NULL) && (handler = handler_for(self, &message)) == NULL)
        return;
    begin(self, message, message->depth);
    self->unanswered = message;
    self->frame = (uintptr_t)__builtin_frame_address(0);
    self->is_guarded = true;
    err_t err = handler->handle(self->actor->state, self, message_body(message));
    bool is_quiet = err == ERR_OK && self->asker.asker == 0 && self->emitted.count == 0 &&
                    self->reply == NULL && !self->is_stop_wanted && !self->is_stashed;
    if (LIKELY(is_quiet)) {
        self->is_guarded = false;
        self->command = NULL;
        if (UNLIKELY(self->scheduler->arena.size > 0))
            arena_reset(&self->scheduler->arena);
        count_own(&self->scheduler->counters.handled);
        message_free_here(&self->scheduler->pool, message);
        return;
    }
    end(self, err);
    put_away(self, message, err);
}

void call_failed_in_turn(context_t *self)
{
    message_t *message = STEAL(self->unanswered);
    err_t err;
    if (withdrew(self, &err))
        end(self, err);
    else
        (void)failed(self);
    was_handled(self, message);
}

/* After its begin. */
static bool run_guarded(context_t *self, const actor_handler_t *handler, message_t *message)
{
    command_call_t call = {.handler = handler, .message = message};
    bool is_ok = guarded(self, run_command, &call) || withdrew(self, &call.err) || failed(self);
    if (is_ok)
        end(self, call.err);
    if (is_ok)
        put_away(self, message, call.err);
    else
        was_handled(self, message);
    return is_ok;
}

bool call_command(context_t *self, message_t *message)
{
    const actor_handler_t *handler = handler_for(self, &message);
    if (handler == NULL)
        return true;
    if (message_is_signal(message))
        begin_for_good(self, message, message->depth);
    else
        begin(self, message, message->depth);
    return run_guarded(self, handler, message);
}

bool call_timer(context_t *self, message_t *message)
{
    const actor_handler_t *handler = handler_for(self, &message);
    if (handler == NULL)
        return true;
    begin_for_good(self, message, message->depth);
    return run_guarded(self, handler, message);
}

typedef struct answer_call {
    const ask_t *ask;
    const answer_t *answer;
} answer_call_t;

static void run_answer(context_t *self, void *argument)
{
    const answer_call_t *call = argument;
    call->ask->actor_then(self->actor->state, self, call->answer, call->ask->data,
                          call->ask->data_size);
}

bool call_answer(context_t *self, const ask_t *ask, const answer_t *answer)
{
    answer_call_t call = {ask, answer};
    begin_for_good(self, NULL, ask->depth);
    self->chain = ask_chain(ask);
    if (!guarded(self, run_answer, &call))
        return failed(self);
    end(self, ERR_OK);
    return true;
}

static void run_answers(context_t *self, void *argument)
{
    const ask_t *ask = argument;
    const gather_t *gather = ask->gather;
    gather->then(self->actor->state, self, gather->answers, gather->count, ask->data,
                 ask->data_size);
}

bool call_answers(context_t *self, const ask_t *ask)
{
    ask_t copy = *ask;
    begin_for_good(self, NULL, ask->depth);
    self->chain = ask_chain(ask);
    if (!guarded(self, run_answers, &copy))
        return failed(self);
    end(self, ERR_OK);
    return true;
}

static void run_job(context_t *self, void *argument)
{
    job_t *job = argument;
    job->actor_then(self->actor->state, self, job->err, job->data, job->data_size);
}

bool call_job(context_t *self, job_t *job)
{
    begin_for_good(self, NULL, 0);
    if (!guarded(self, run_job, job))
        return failed(self);
    end(self, ERR_OK);
    return true;
}

static void run_start(context_t *self, void *argument)
{
    err_t *err = argument;
    *err = self->actor->kind->start(self->actor->state, self);
}

bool call_start(context_t *self, err_t *out_err)
{
    *out_err = ERR_OK;
    if (self->actor->kind->start == NULL)
        return true;
    err_t err = ERR_OK;
    begin(self, NULL, 0);
    self->is_replay = actor_is_durable(self->actor) || actor_peek(self->actor)->is_woken;
    self->may_emit = false;
    if (!guarded(self, run_start, &err))
        return failed_in(self, "start");
    end(self, ERR_OK); /* may not emit */
    *out_err = err;
    return true;
}

static void run_stop(context_t *self, void *argument)
{
    (void)argument;
    self->actor->kind->stop(self->actor->state, self);
}

static void run_replaced(context_t *self, void *argument)
{
    (void)argument;
    self->actor->kind->replaced(self->actor->state, self);
}

bool call_replaced(context_t *self)
{
    if (self->actor->kind->replaced == NULL)
        return true;
    begin(self, NULL, 0);
    self->may_emit = false;
    if (!guarded(self, run_replaced, NULL))
        return failed(self);
    end(self, ERR_OK); /* may not emit */
    return true;
}

static void run_outbox(context_t *self, void *argument)
{
    (void)argument;
    outbox_begin(self);
}

bool call_outbox(context_t *self)
{
    begin_for_good(self, NULL, 0);
    if (!guarded(self, run_outbox, NULL))
        return failed_in(self, "outbox");
    end(self, ERR_OK);
    return true;
}

bool call_stop(context_t *self)
{
    if (self->actor->kind->stop == NULL)
        return true;
    begin(self, NULL, 0);
    self->may_emit = false;
    bool is_ok = guarded(self, run_stop, NULL);
    leave(self);
    return is_ok;
}

/* The journal goes away and comes back (runtime/durable/away.h). */
#include "runtime/durable/away.h"

#include "runtime/base/memory.h"
#include "runtime/journal_memory.h"
#include "runtime/runtime.h"
#include "runtime/simulation.h"
#include "tests/support/check.h"
#include "tests/support/patience.h"

#include <stdatomic.h>

#define DEF_FILE "tests/runtime/clerk.def"
#include "runtime/base/schema_declare.h"
#define DEF_FILE "tests/runtime/clerk.def"
#include "runtime/base/schema_define.h"

/* ---- the actor ---- */

typedef struct desk {
    uint32_t starts, frames_left; /* frames that a refusal unwound without their cleanup */
} desk_t;

typedef struct clerk_state {
    clerk_t kept;
    char *last; /* owned */
} clerk_state_t;

#define ACTOR_DEF "tests/runtime/clerk.def"
#define ACTOR_STATE clerk_state_t
#include "runtime/actor_kind.h"

static void frame_end(desk_t **desk)
{
    (*desk)->frames_left--;
}

/* Its frame has something to undo. */
static void add(context_t *ctx, uint64_t amount)
{
    desk_t *desk __attribute__((cleanup(frame_end))) = context_service(ctx);
    desk->frames_left++;
    emit(ctx, clerk_added, .amount = amount, .note = context_key(ctx));
}

static err_t answer_total(const clerk_state_t *self, context_t *ctx)
{
    return actor_reply(ctx, clerk_total, .value = self->kept.total);
}

ON(clerk_add)
{
    add(ctx, command->amount);
    return answer_total(self, ctx);
}

ON(clerk_read)
{
    return answer_total(self, ctx);
}

static void on_total(void *state, context_t *ctx, const answer_t *answer, void *data,
                     UNUSED size_t data_size)
{
    const clerk_state_t *self = state;
    const reply_token_t *token = data;
    const clerk_total_t *other = answer->message;
    if (answer->err != ERR_OK) {
        actor_refuse_to(ctx, *token, answer->err);
        return;
    }
    uint64_t before = self->kept.total;
    add(ctx, other->value);
    if (self->kept.total != before + other->value)
        actor_fail(ctx, "an event is applied where it is emitted");
    actor_reply_to(ctx, *token, clerk_total, .value = self->kept.total);
}

/* What another has, when it has said it. */
ON(clerk_add_later)
{
    reply_token_t token = actor_reply_later(ctx);
    actor_ask(ctx, address_of("clerk", STR("other")), 1000, on_total, &token, sizeof token,
              clerk_read);
    (void)self, (void)command;
    return ERR_OK;
}

ON(clerk_add_in)
{
    actor_timer_start(ctx, command->delay_ms, 0, clerk_due, .amount = command->amount);
    (void)self;
    return ERR_OK;
}

ON(clerk_due)
{
    (void)self;
    add(ctx, command->amount);
    return ERR_OK;
}

ON(clerk_starts)
{
    const desk_t *desk = context_service(ctx);
    (void)self, (void)command;
    return actor_reply(ctx, clerk_total, .value = desk->starts);
}

APPLY(clerk_added)
{
    self->kept.total += event->amount;
    memory_free(self->last);
    self->last = str_dup_terminated(event->note);
}

static err_t clerk_start(UNUSED void *state, context_t *ctx)
{
    desk_t *desk = context_service(ctx);
    desk->starts++;
    return ERR_OK;
}

static void clerk_deinit(void *state)
{
    clerk_state_t *self = state;
    memory_free(self->last);
}

static void clerk_snapshot(const void *state, buf_t *out)
{
    const clerk_state_t *self = state;
    clerk_t kept = self->kept;
    kept.last = self->last == NULL ? (str_t){NULL, 0} : str_from(self->last);
    schema_encode(&clerk_schema, &kept, out);
}

static err_t clerk_restore(void *state, str_t bytes)
{
    clerk_state_t *self = state;
    arena_t arena ARENA_SCOPED = {0};
    TRY(schema_decode(&clerk_schema, bytes, &arena, &self->kept));
    self->last = str_dup_terminated(self->kept.last);
    return self->last == NULL ? ERR_NO_MEMORY : ERR_OK;
}

ACTOR_KIND(clerk, .start = clerk_start, .deinit = clerk_deinit, .snapshot = clerk_snapshot,
           .restore = clerk_restore, .mailbox_max = 4, .restarts_max = 1);

/* ---- the node ---- */

enum { CALLS_MAX = 64 };

typedef struct call {
    bool is_answered;
    err_t err;
    uint64_t value;
    char text[64];
} call_t;

typedef struct fixture {
    simulation_t *simulation;
    journal_memory_t *memory;
    runtime_t *runtime;
    desk_t desk;
    call_t calls[CALLS_MAX];
    size_t call_count;
    journal_fault_t fault; /* of the next append */
    bool leaves_with_next, is_over;
} fixture_t;

static journal_fault_t next_fault(void *context, UNUSED const journal_append_t *append)
{
    fixture_t *f = context;
    journal_fault_t fault = f->fault;
    f->fault = (journal_fault_t){ERR_OK, true};
    if (STEAL(f->leaves_with_next))
        journal_memory_set_away(f->memory, true);
    return fault;
}

static fixture_t *fixture_new(bool is_manual)
{
    fixture_t *f = calloc(1, sizeof *f);
    check_ok(simulation_new(1, &f->simulation));
    check_ok(journal_memory_new(is_manual, &f->memory));
    f->fault.is_written = true;
    journal_memory_set_faults(f->memory, next_fault, f);
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = simulation_clock(f->simulation),
                                 .random = simulation_random(f->simulation),
                                 .journal = journal_memory_journal(f->memory),
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &f->runtime));
    check_ok(runtime_register(f->runtime, &clerk_kind, &f->desk));
    check_ok(runtime_start(f->runtime));
    simulation_attach(f->simulation, f->runtime);
    return f;
}

static runtime_stats_t stats_of(fixture_t *f)
{
    runtime_stats_t stats;
    runtime_stats(f->runtime, &stats);
    return stats;
}

/* Nobody failed, whatever happened; and what was unwound ran its cleanups. */
static void fixture_free(fixture_t *f)
{
    cr_expect(eq(u64, stats_of(f).failures, 0));
    cr_expect(eq(u32, f->desk.frames_left, 0));
    simulation_detach(f->simulation, f->runtime);
    runtime_free(f->runtime);
    journal_memory_free(f->memory);
    simulation_free(f->simulation);
    free(f);
}

static void on_answer(void *context, const answer_t *answer)
{
    call_t *call = context;
    cr_assert_not(call->is_answered, "an ask is answered once");
    call->is_answered = true;
    call->err = answer->err;
    if (answer->schema == &clerk_total_schema)
        call->value = ((const clerk_total_t *)answer->message)->value;
    snprintf(call->text, sizeof call->text, "%.*s", STR_ARG(answer->text));
}

static call_t *ask_of(fixture_t *f, const char *key, const char *id, const schema_t *schema,
                      const void *message)
{
    call_t *call = &f->calls[f->call_count++];
    edge_ask_message(runtime_edge(f->runtime, 0), address_of("clerk", str_from(key)), 30000,
                     str_from(id), on_answer, call, schema, message);
    simulation_settle(f->simulation);
    return call;
}
#define ask(f, command, ...) ask_of((f), "a", "", &command##_schema, &(command##_t){__VA_ARGS__})

static void set_over(void *context)
{
    *(bool *)context = true;
}

static bool is_over(void *context)
{
    return *(bool *)context;
}

static void pass_ms(fixture_t *f, uint64_t ms)
{
    f->is_over = false;
    simulation_after(f->simulation, ms, set_over, &f->is_over);
    cr_assert(simulation_run(f->simulation, is_over, &f->is_over, 1000000));
    simulation_settle(f->simulation);
}

static void decide(fixture_t *f, err_t err, bool is_written)
{
    f->fault = (journal_fault_t){err, is_written};
    cr_assert(journal_memory_step(f->memory), "an append waits");
    simulation_settle(f->simulation);
}

/* ---- the claims ---- */

Test(away, a_command_is_refused_where_it_would_emit_and_reads_go_on)
{
    fixture_t *f = fixture_new(false);
    check_ok(ask(f, clerk_add, .amount = 3)->err);

    journal_memory_set_away(f->memory, true);
    for (int i = 0; i < 10; i++) {
        call_t *refused = ask(f, clerk_add, .amount = 1);
        check_err(refused->err, ERR_UNAVAILABLE);
        cr_assert_str_eq(refused->text, "nothing can be stored at the moment");
        call_t *read = ask(f, clerk_read);
        check_ok(read->err);
        cr_assert(eq(u64, read->value, 3));
    }
    cr_assert(eq(u32, f->desk.starts, 1), "the state stays");

    journal_memory_set_away(f->memory, false);
    cr_assert(eq(u64, ask(f, clerk_add, .amount = 1)->value, 4));
    cr_assert(eq(sz, journal_memory_count(f->memory), 2), "what was refused is not there");
    fixture_free(f);
}

Test(away, an_emit_in_a_continuation_is_undone_and_who_waits_is_told)
{
    fixture_t *f = fixture_new(false);
    check_ok(ask(f, clerk_add, .amount = 3)->err);
    check_ok(ask_of(f, "other", "", &clerk_add_schema, &(clerk_add_t){.amount = 5})->err);

    journal_memory_set_away(f->memory, true);
    call_t *refused = ask(f, clerk_add_later, .amount = 1);
    call_t *read = ask(f, clerk_read);

    check_err(refused->err, ERR_UNAVAILABLE);
    check_ok(read->err);
    cr_assert(eq(u64, read->value, 3));
    cr_assert(eq(u32, f->desk.starts, 3), "rebuilt, so started again");
    journal_memory_set_away(f->memory, false);
    cr_assert(eq(u64, ask(f, clerk_add_later, .amount = 1)->value, 8));
    fixture_free(f);
}

Test(away, an_emit_of_a_timer_is_undone_and_starts_again)
{
    fixture_t *f = fixture_new(false);
    check_ok(ask(f, clerk_add, .amount = 3)->err);
    check_ok(ask(f, clerk_add_in, .amount = 4, .delay_ms = 10)->err);

    journal_memory_set_away(f->memory, true);
    pass_ms(f, 20);

    cr_assert(eq(u64, ask(f, clerk_read)->value, 3));
    cr_assert(eq(u32, f->desk.starts, 2), "which is where it would arm its timer again");
    fixture_free(f);
}

/* It was emitted when nobody knew yet. */
Test(away, an_append_that_meets_a_journal_that_has_left_is_undone_when_it_is_back)
{
    fixture_t *f = fixture_new(true);
    call_t *put = ask(f, clerk_add, .amount = 3);
    decide(f, ERR_OK, true);
    check_ok(put->err);

    call_t *refused = ask(f, clerk_add, .amount = 4);
    journal_memory_set_away(f->memory, true);
    decide(f, ERR_OK, true);
    check_err(refused->err, ERR_UNAVAILABLE);
    for (int i = 0; i < 20; i++)
        check_err(ask(f, clerk_read)->err, ERR_UNAVAILABLE); /* at once */
    pass_ms(f, 60000);
    journal_memory_set_away(f->memory, false);
    call_t *read = ask(f, clerk_read); /* asks again at once, whatever the back-off says */

    check_ok(read->err);
    cr_assert(eq(u64, read->value, 3));
    fixture_free(f);
}

Test(away, it_recovers_without_being_asked)
{
    fixture_t *f = fixture_new(true);
    (void)ask(f, clerk_add, .amount = 4);
    journal_memory_set_away(f->memory, true);
    decide(f, ERR_OK, true);
    pass_ms(f, 60000);

    journal_memory_set_away(f->memory, false);
    pass_ms(f, AWAY_RETRY_MAX_MS);

    cr_assert(eq(u32, f->desk.starts, 2));
    fixture_free(f);
}

Test(away, an_unknown_outcome_is_told_when_the_journal_can_be_read_again)
{
    for (int is_written = 0; is_written < 2; is_written++) {
        fixture_t *f = fixture_new(true);
        call_t *put = ask_of(f, "a", "id-1", &clerk_add_schema, &(clerk_add_t){.amount = 5});
        f->leaves_with_next = true;
        decide(f, ERR_TIMEOUT, is_written != 0); /* lost while it committed */
        pass_ms(f, 10000);
        cr_assert_not(put->is_answered);
        check_err(ask(f, clerk_read)->err, ERR_UNAVAILABLE);

        journal_memory_set_away(f->memory, false);
        pass_ms(f, AWAY_RETRY_MAX_MS);

        check_err(put->err, is_written != 0 ? ERR_OK : ERR_UNAVAILABLE);
        cr_assert(eq(u64, ask(f, clerk_read)->value, is_written != 0 ? 5 : 0));
        call_t *again = ask_of(f, "a", "id-1", &clerk_add_schema, &(clerk_add_t){.amount = 5});
        while (journal_memory_step(f->memory))
            simulation_settle(f->simulation);
        check_ok(again->err);
        cr_assert(eq(u64, again->value, 5), "once, whichever of the two it was");
        fixture_free(f);
    }
}

Test(away, one_that_is_not_there_is_refused_and_leaves)
{
    fixture_t *f = fixture_new(false);
    check_ok(ask(f, clerk_add, .amount = 3)->err);

    journal_memory_set_away(f->memory, true);
    for (int i = 0; i < 20; i++)
        check_err(ask_of(f, "b", "", &clerk_read_schema, &(clerk_read_t){})->err, ERR_UNAVAILABLE);
    pass_ms(f, 60000);

    cr_assert(eq(u64, stats_of(f).actors, 1), "nobody waits for nothing");
    cr_assert(eq(u64, stats_of(f).restarts, 0));
    journal_memory_set_away(f->memory, false);
    check_ok(ask_of(f, "b", "", &clerk_read_schema, &(clerk_read_t){})->err);
    fixture_free(f);
}

Test(away, a_node_drains_while_it_is_away)
{
    fixture_t *f = fixture_new(true);
    call_t *put = ask(f, clerk_add, .amount = 5);
    decide(f, ERR_OK, true);
    check_ok(put->err);
    call_t *unknown = ask(f, clerk_add, .amount = 6);
    journal_memory_set_away(f->memory, true);
    decide(f, ERR_OK, true);
    check_err(unknown->err, ERR_UNAVAILABLE);

    check_ok(runtime_drain(f->runtime, PATIENCE_MS));

    cr_assert(eq(u64, stats_of(f).actors, 0));
    fixture_free(f);
}

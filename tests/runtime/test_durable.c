#include "runtime/durable/durable.h"
#include "runtime/journal_memory.h"
#include "runtime/simulation.h"
#include "tests/support/actors/purse.h"
#include "tests/support/check.h"

enum { CALLS_MAX = 256 };

typedef struct call {
    bool is_answered;
    err_t err;
    bool has_message;
    uint64_t value, position;
    char text[64];
} call_t;

typedef struct fixture {
    simulation_t *simulation;
    journal_memory_t *memory;
    runtime_t *runtime;
    edge_subscription_t *subscription;
    call_t calls[CALLS_MAX];
    size_t call_count;
    uint64_t published[CALLS_MAX]; /* balances */
    size_t published_count;
    journal_fault_t fault; /* of the next append */
} fixture_t;

static void on_published(void *context, str_t topic, const schema_t *schema, const void *message)
{
    fixture_t *f = context;
    const purse_changed_t *changed = message;
    check_str(topic, STR("purses"));
    cr_assert(schema == &purse_changed_schema);
    f->published[f->published_count++] = changed->balance;
}

static void node_start(fixture_t *f)
{
    runtime_options_t options = {.scheduler_count = 2,
                                 .clock = simulation_clock(f->simulation),
                                 .random = simulation_random(f->simulation),
                                 .journal = journal_memory_journal(f->memory),
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &f->runtime));
    check_ok(runtime_register(f->runtime, &purse_kind, NULL));
    check_ok(runtime_start(f->runtime));
    simulation_attach(f->simulation, f->runtime);
    f->subscription = edge_subscribe(runtime_edge(f->runtime, 0), STR("purses"), on_published, f);
}

static void node_crash(fixture_t *f)
{
    simulation_detach(f->simulation, f->runtime);
    journal_memory_crash(f->memory);
    runtime_free(f->runtime);
}

static journal_fault_t next_fault(void *context, const journal_append_t *append)
{
    fixture_t *f = context;
    (void)append;
    journal_fault_t fault = f->fault;
    f->fault = (journal_fault_t){ERR_OK, true};
    return fault;
}

static bool is_open(const call_t *call)
{
    return !call->is_answered;
}

static fixture_t *fixture_new(void)
{
    fixture_t *f = calloc(1, sizeof *f);
    check_ok(simulation_new(1, &f->simulation));
    check_ok(journal_memory_new(true, &f->memory));
    journal_memory_set_faults(f->memory, next_fault, f);
    node_start(f);
    return f;
}

static void fixture_free(fixture_t *f)
{
    node_crash(f);
    journal_memory_free(f->memory);
    simulation_free(f->simulation);
    free(f);
}

static void on_answer(void *context, const answer_t *answer)
{
    call_t *call = context;
    cr_assert(is_open(call), "an ask is answered once");
    call->is_answered = true;
    call->err = answer->err;
    call->position = answer->position;
    call->has_message = answer->schema == &purse_balance_schema;
    if (call->has_message)
        call->value = ((const purse_balance_t *)answer->message)->value;
    snprintf(call->text, sizeof call->text, "%.*s", STR_ARG(answer->text));
}

static call_t *ask_id(fixture_t *f, const char *id, const schema_t *schema, const void *message)
{
    call_t *call = &f->calls[f->call_count++];
    edge_ask_message(runtime_edge(f->runtime, 0), address_of("purse", STR("a")), 1000, str_from(id),
                     on_answer, call, schema, message);
    simulation_settle(f->simulation);
    return call;
}
#define ask(f, command, ...) ask_id((f), "", &command##_schema, &(command##_t){__VA_ARGS__})
#define ask_with(f, id, command, ...)                                                              \
    ask_id((f), (id), &command##_schema, &(command##_t){__VA_ARGS__})

static void decide(fixture_t *f, err_t err, bool is_written)
{
    f->fault = (journal_fault_t){err, is_written};
    cr_assert(journal_memory_step(f->memory), "an append waits");
    simulation_settle(f->simulation);
}

static void decide_all(fixture_t *f)
{
    while (journal_memory_step(f->memory))
        simulation_settle(f->simulation);
}

Test(durable, nobody_sees_what_is_not_durable)
{
    fixture_t *f = fixture_new();

    call_t *put = ask(f, purse_put, .amount = 5);
    call_t *read = ask(f, purse_read);
    call_t *second = ask(f, purse_put, .amount = 2);
    cr_assert(is_open(put) && is_open(read) && is_open(second));
    cr_assert(eq(sz, f->published_count, 0));
    cr_assert(eq(sz, journal_memory_pending(f->memory), 2));

    decide(f, ERR_OK, true);
    cr_assert(put->is_answered && read->is_answered && is_open(second));
    check_ok(put->err);
    cr_assert(eq(u64, put->value, 5));
    cr_assert(eq(u64, put->position, 1));
    cr_assert(eq(u64, read->value, 5));
    cr_assert(eq(sz, f->published_count, 1));

    decide(f, ERR_OK, true);
    cr_assert(eq(u64, second->value, 7));
    cr_assert(eq(u64, second->position, 2));
    cr_assert(eq(sz, f->published_count, 2));
    fixture_free(f);
}

Test(durable, a_refused_append_undoes_all_that_was_built_upon_it)
{
    fixture_t *f = fixture_new();
    call_t *base = ask(f, purse_put, .amount = 100);
    decide(f, ERR_OK, true);

    call_t *put = ask(f, purse_put, .amount = 5);
    call_t *read = ask(f, purse_read);
    call_t *second = ask(f, purse_put, .amount = 2);
    decide(f, ERR_FULL, false);
    decide_all(f);
    call_t *later = ask(f, purse_put, .amount = 1);
    decide_all(f);

    check_ok(base->err);
    check_err(put->err, ERR_FULL);
    check_err(read->err, ERR_FULL);
    check_err(second->err, ERR_FULL);
    check_ok(later->err);
    cr_assert(eq(u64, later->value, 101));
    cr_assert(eq(sz, f->published_count, 2), "what was refused is not published");
    cr_assert(eq(sz, journal_memory_count(f->memory), 2));
    fixture_free(f);
}

Test(durable, who_asked_is_told_what_to_do_and_not_how_the_journal_failed)
{
    static const struct {
        const char *what;
        err_t err, want;
    } cases[] = {
        {"the stream is at another version", ERR_CONFLICT, ERR_UNAVAILABLE},
        {"the writer was struck out", ERR_STALE, ERR_UNAVAILABLE},
        {"a statement before it failed", ERR_CANCELLED, ERR_UNAVAILABLE},
        {"for a reason that has no class", ERR_INTERNAL, ERR_UNAVAILABLE},
        {"the disk failed", ERR_IO, ERR_IO},
        {"the partition is another node's", ERR_UNAVAILABLE, ERR_UNAVAILABLE},
        {"there is too much of it", ERR_BUSY, ERR_BUSY},
        {"no space", ERR_FULL, ERR_FULL},
        {"no memory", ERR_NO_MEMORY, ERR_NO_MEMORY},
        {"its user is erased", ERR_FORBIDDEN, ERR_FORBIDDEN},
        {"damage", ERR_CORRUPT, ERR_CORRUPT},
    };
    fixture_t *f = fixture_new();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        call_t *put = ask(f, purse_put, .amount = 5);
        call_t *stop = ask(f, purse_put_and_stop, .amount = 5);
        decide(f, cases[i].err, false);
        decide_all(f);

        cr_expect(put->err == cases[i].want, "%s: %s", cases[i].what, err_name(put->err));
        cr_expect(stop->err == cases[i].want, "%s: %s", cases[i].what, err_name(stop->err));
        cr_assert(eq(u64, ask(f, purse_read)->value, 0));
    }
    fixture_free(f);
}

Test(durable, an_unknown_outcome_is_looked_up_before_anybody_is_answered)
{
    for (int is_written = 0; is_written < 2; is_written++) {
        fixture_t *f = fixture_new();

        call_t *put = ask(f, purse_put, .amount = 5);
        decide(f, ERR_TIMEOUT, is_written != 0);
        call_t *read = ask(f, purse_read);

        cr_assert(put->is_answered && read->is_answered);
        check_err(put->err, is_written != 0 ? ERR_OK : ERR_UNAVAILABLE);
        cr_assert(eq(u64, read->value, is_written != 0 ? 5 : 0));
        cr_assert(eq(sz, f->published_count, is_written != 0 ? 1 : 0));
        fixture_free(f);
    }
}

Test(durable, an_unknown_outcome_that_cannot_be_looked_up_stays_unknown)
{
    fixture_t *f = fixture_new();

    call_t *put = ask(f, purse_put, .amount = 5);
    journal_memory_fail_reads(f->memory, ERR_IO);
    decide(f, ERR_TIMEOUT, true);
    journal_memory_fail_reads(f->memory, ERR_OK);
    call_t *read = ask(f, purse_read);

    check_err(put->err, ERR_TIMEOUT);
    check_ok(read->err);
    cr_assert(eq(u64, read->value, 5));
    fixture_free(f);
}

Test(durable, a_handler_that_ends_badly_keeps_nothing_that_it_emitted)
{
    fixture_t *f = fixture_new();
    (void)ask(f, purse_put, .amount = 3);
    decide(f, ERR_OK, true);

    call_t *refused = ask(f, purse_refuse_late, .amount = 10);
    call_t *failed = ask(f, purse_fail_late, .amount = 10);
    call_t *read = ask(f, purse_read);

    check_err(refused->err, ERR_FORBIDDEN);
    check_str(str_from(refused->text), STR("on second thought"));
    check_err(failed->err, ERR_INTERNAL);
    check_ok(read->err);
    cr_assert(eq(u64, read->value, 3));
    cr_assert(eq(sz, f->published_count, 1));
    cr_assert(eq(sz, journal_memory_pending(f->memory), 0));
    cr_assert(eq(sz, journal_memory_count(f->memory), 1));
    fixture_free(f);
}

Test(durable, a_failure_does_not_lose_what_was_appended_before_it)
{
    fixture_t *f = fixture_new();

    call_t *put = ask(f, purse_put, .amount = 3);
    call_t *failed = ask(f, purse_fail_late, .amount = 10);
    cr_assert(is_open(put));
    decide(f, ERR_OK, true);

    check_ok(put->err);
    check_err(failed->err, ERR_INTERNAL);
    cr_assert(eq(u64, ask(f, purse_read)->value, 3));
    fixture_free(f);
}

Test(durable, appends_in_flight_are_bounded_by_count_and_by_size)
{
    static char note[300 * 1024];
    memset(note, 'n', sizeof note);
    static const struct {
        const char *what;
        size_t note_size, asked, in_flight;
    } cases[] = {
        {"just as many as may be", 0, DURABLE_APPENDS_MAX, DURABLE_APPENDS_MAX},
        {"one more waits", 0, DURABLE_APPENDS_MAX + 1, DURABLE_APPENDS_MAX},
        {"a MiB and what made it one", sizeof note, 6, 4},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fixture_t *f = fixture_new();
        for (size_t j = 0; j < cases[i].asked; j++)
            (void)ask(f, purse_put, .amount = 1, .note = str_of(note, cases[i].note_size));

        cr_expect(eq(sz, journal_memory_pending(f->memory), cases[i].in_flight), "%s",
                  cases[i].what);
        decide_all(f);
        for (size_t j = 0; j < cases[i].asked; j++)
            check_ok(f->calls[j].err);
        cr_expect(eq(sz, journal_memory_count(f->memory), cases[i].asked));
        fixture_free(f);
    }
}

Test(durable, a_retry_gets_the_first_answer_while_it_is_on_its_way_and_after_a_crash)
{
    fixture_t *f = fixture_new();

    call_t *first = ask_with(f, "id", purse_put, .amount = 5);
    call_t *again = ask_with(f, "id", purse_put, .amount = 5);
    cr_assert(is_open(again));
    decide_all(f);
    for (size_t i = 0; i < 25; i++) { /* snapshots in between carry it on */
        (void)ask(f, purse_put, .amount = 1);
        decide_all(f);
    }
    node_crash(f);
    node_start(f);
    call_t *later = ask_with(f, "id", purse_put, .amount = 5);

    cr_assert(eq(u64, first->value, 5));
    cr_assert(eq(u64, again->value, 5));
    cr_assert(eq(u64, again->position, first->position));
    check_ok(later->err);
    cr_assert(eq(u64, later->value, 5));
    cr_assert(eq(u64, later->position, first->position));
    cr_assert(eq(u64, ask(f, purse_read)->value, 30));
    fixture_free(f);
}

Test(durable, as_many_command_ids_are_remembered_as_the_bound_says)
{
    fixture_t *f = fixture_new();
    char id[16];
    for (int i = 0; i <= DURABLE_COMMANDS_MAX; i++) {
        snprintf(id, sizeof id, "id-%d", i);
        f->call_count = 0;
        f->calls[0] = (call_t){0};
        (void)ask_with(f, id, purse_put, .amount = 1);
        f->published_count = 0;
        decide_all(f);
    }
    f->call_count = 0;
    memset(f->calls, 0, sizeof f->calls);

    call_t *second = ask_with(f, "id-1", purse_put, .amount = 1);
    call_t *oldest = ask_with(f, "id-0", purse_put, .amount = 1);
    decide_all(f);

    cr_assert(eq(u64, second->value, 2), "remembered");
    cr_assert(eq(u64, oldest->value, DURABLE_COMMANDS_MAX + 2), "forgotten, so done again");
    fixture_free(f);
}

Test(durable, a_snapshot_shortens_the_way_back)
{
    fixture_t *f = fixture_new();
    for (size_t i = 0; i < 12; i++) {
        (void)ask(f, purse_put, .amount = 1);
        decide_all(f);
    }
    journal_t *journal = journal_memory_journal(f->memory);
    buf_t state BUF_SCOPED = BUF_INIT;
    uint64_t version = 0;

    check_ok(journal->table->snapshot_get(journal, STR("purse/a"), &version, &state));
    node_crash(f);
    node_start(f);

    cr_assert(eq(u64, version, 10));
    cr_assert(eq(u64, ask(f, purse_read)->value, 12));
    fixture_free(f);
}

static void ignore_done(void *context, err_t err, uint64_t version, uint64_t position)
{
    (void)context, (void)version, (void)position;
    check_ok(err);
}

Test(durable, an_event_of_a_newer_program_is_not_passed_over)
{
    fixture_t *f = fixture_new();
    journal_t *journal = journal_memory_journal(f->memory);
    journal_event_t event = {STR("purse_was_frozen"), STR("\x80")};
    journal->table->append(journal, &(journal_append_t){.stream = STR("purse/a"),
                                                        .events = &event,
                                                        .event_count = 1,
                                                        .done = ignore_done});
    decide(f, ERR_OK, true);

    call_t *read = ask(f, purse_read);

    check_err(read->err, ERR_NEWER);
    fixture_free(f);
}

Test(durable, a_journal_that_cannot_be_read_is_an_error_and_heals)
{
    fixture_t *f = fixture_new();
    journal_memory_fail_reads(f->memory, ERR_IO);
    call_t *broken = ask(f, purse_read);
    journal_memory_fail_reads(f->memory, ERR_OK);
    call_t *healed = ask(f, purse_read);

    check_err(broken->err, ERR_IO);
    check_ok(healed->err);
    fixture_free(f);
}

Test(durable, an_actor_ends_only_when_its_last_append_is_durable)
{
    fixture_t *f = fixture_new();
    runtime_stats_t stats;

    call_t *put = ask(f, purse_put_and_stop, .amount = 4);
    runtime_stats(f->runtime, &stats);
    cr_assert(eq(u64, stats.actors, 1));
    cr_assert(is_open(put));
    decide_all(f);
    runtime_stats(f->runtime, &stats);

    check_ok(put->err);
    cr_assert(eq(u64, stats.actors, 0));
    cr_assert(eq(u64, ask(f, purse_read)->value, 4));
    fixture_free(f);
}

Test(durable, a_continuation_may_emit_and_answers_behind_its_append)
{
    fixture_t *f = fixture_new();
    edge_ask(runtime_edge(f->runtime, 0), address_of("purse", STR("b")), 1000, STR(""), on_answer,
             &f->calls[CALLS_MAX - 1], purse_put, .amount = 40);
    simulation_settle(f->simulation);
    decide_all(f);

    call_t *asked = ask(f, purse_ask, .amount = 2, .of = STR("b"));
    cr_assert(eq(sz, journal_memory_pending(f->memory), 1), "the ask itself is held");
    decide(f, ERR_OK, true);
    cr_assert(is_open(asked));
    decide(f, ERR_OK, true);

    check_ok(asked->err);
    cr_assert(eq(u64, asked->value, 42));
    fixture_free(f);
}

/* It asks another and emits in the continuation: that is of the same command. */
Test(durable, what_is_answered_later_is_answered_again_and_not_done_twice)
{
    fixture_t *f = fixture_new();

    call_t *asked = ask_with(f, "id", purse_ask, .amount = 2, .of = STR("b"));
    call_t *impatient = ask_with(f, "id", purse_ask, .amount = 2, .of = STR("b"));
    cr_assert(is_open(asked));
    decide_all(f);
    call_t *again = ask_with(f, "id", purse_ask, .amount = 2, .of = STR("b"));
    node_crash(f);
    node_start(f);
    call_t *after_crash = ask_with(f, "id", purse_ask, .amount = 2, .of = STR("b"));

    check_ok(asked->err);
    check_err(impatient->err, ERR_BUSY);
    check_ok(again->err);
    check_ok(after_crash->err);
    cr_assert(eq(u64, again->value, asked->value));
    cr_assert(eq(u64, after_crash->value, asked->value));
    cr_assert(eq(u64, again->position, asked->position));
    cr_assert(eq(u64, ask(f, purse_read)->value, 2));
    fixture_free(f);
}

Test(durable, as_many_later_answers_are_remembered_as_the_bound_says)
{
    later_commands_t later = {0};
    buf_t id BUF_SCOPED = BUF_INIT;
    char name[16];
    for (uint32_t i = 0; i <= DURABLE_LATER_MAX; i++) {
        const later_command_t at = {.token = {1, i}, .until_ns = 100 + i};
        snprintf(name, sizeof name, "c%u", i);
        check_err(later_commands_put(&later, str_from(name), &at),
                  i < DURABLE_LATER_MAX ? ERR_OK : ERR_LIMIT);
    }

    cr_assert(later_commands_has(&later, STR("c0"), 100));
    cr_assert_not(later_commands_has(&later, STR("c0"), 101), "nobody waits any more");
    cr_assert_not(later_commands_take(&later, (reply_token_t){1, 0}, &id));
    cr_assert(later_commands_take(&later, (reply_token_t){1, 7}, &id));
    check_str(buf_str(&id), STR("c7"));
    cr_assert_not(later_commands_has(&later, STR("c7"), 101));
    cr_assert(eq(u32, later.count, DURABLE_LATER_MAX - 2));
    later_commands_deinit(&later);
}

static int64_t noon(void *context)
{
    (void)context;
    return INT64_C(0x018d00000000);
}

Test(durable, an_id_that_says_that_it_is_older_than_a_day_is_stale)
{
    static const struct {
        const char *id;
        bool is_stale;
    } cases[] = {
        {"018cfad9-a400-7000-8000-000000000000", false}, /* 24 hours before */
        {"018cfad9-a3ff-7000-8000-000000000000", true},  /* and a millisecond */
        {"018d0000-0000-7000-8000-000000000000", false},
        {"ffffffff-ffff-7000-8000-000000000000", false}, /* of a clock that is wrong */
        {"00000000-0000-4000-8000-000000000000", false}, /* version 4 says nothing */
        {"0000000000000-7000-8000-000000000000", false},
        {"0000000g-0000-7000-8000-000000000000", false},
        {"00000000-0000-7", false},
        {"", false},
    };
    const ms_clock_t clock = {.wall_ms = noon};

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect(command_id_is_stale(str_from(cases[i].id), &clock) == cases[i].is_stale, "%s",
                  cases[i].id);
}

/* The bounds of outboxes, dead letters, and what a stream makes of one. What crashes and faults do:
 * tests/sim/test_outbox.c. */
#include "runtime/base/memory.h"
#include "runtime/durable/outbox.h"
#include "runtime/journal_memory.h"
#include "runtime/simulation.h"
#include "tests/support/actors/courier.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct fixture {
    simulation_t *simulation;
    journal_memory_t *memory;
    runtime_t *runtime;
    bool is_answered;
    err_t err;
    uint32_t told;
} fixture_t;

static fixture_t *fixture_new(bool is_manual)
{
    fixture_t *f = calloc(1, sizeof *f);
    check_ok(simulation_new(1, &f->simulation));
    check_ok(journal_memory_new(is_manual, &f->memory));
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = simulation_clock(f->simulation),
                                 .random = simulation_random(f->simulation),
                                 .journal = journal_memory_journal(f->memory),
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &f->runtime));
    check_ok(runtime_register(f->runtime, &courier_kind, NULL));
    check_ok(runtime_start(f->runtime));
    simulation_attach(f->simulation, f->runtime);
    return f;
}

static void fixture_free(fixture_t *f)
{
    simulation_detach(f->simulation, f->runtime);
    journal_memory_crash(f->memory);
    runtime_free(f->runtime);
    journal_memory_free(f->memory);
    simulation_free(f->simulation);
    free(f);
}

static void on_answer(void *context, const answer_t *answer)
{
    fixture_t *f = context;
    f->is_answered = true;
    f->err = answer->err;
    if (answer->schema == &courier_refused_schema)
        f->told = ((const courier_refused_t *)answer->message)->err;
}

static void ask_one(fixture_t *f, const char *who, const schema_t *schema, const void *message)
{
    f->is_answered = false;
    edge_ask_message(runtime_edge(f->runtime, 0), address_of("courier", str_from(who)), 100000,
                     STR(""), on_answer, f, schema, message);
    simulation_settle(f->simulation);
}
#define ask(f, who, command, ...)                                                                  \
    ask_one((f), (who), &command##_schema, &(command##_t){__VA_ARGS__})

/* Until it was asked and time has passed, so that all that is due was tried. */
static void pass(fixture_t *f)
{
    for (int i = 0; i < 100000 && simulation_step(f->simulation); i++)
        continue;
}

typedef struct letters {
    uint32_t waiting, dead;
    uint64_t number;
    err_t err;
} letters_t;

static err_t count(void *context, const outbox_letter_t *letter)
{
    letters_t *letters = context;
    letters->waiting += letter->dead == ERR_OK;
    letters->dead += letter->dead != ERR_OK;
    letters->number = letter->number;
    letters->err = letter->dead;
    check_str(letter->kind, STR("courier"));
    check_str(letter->name, STR("courier_take"));
    return ERR_OK;
}

static letters_t letters(const fixture_t *f)
{
    letters_t letters = {0};
    check_ok(outbox_list(journal_memory_journal(f->memory), count, &letters));
    return letters;
}

/* ---- bounds ---- */

Test(outbox, a_full_one_refuses_the_command)
{
    fixture_t *f = fixture_new(true); /* nothing becomes durable: nothing is delivered */

    ask(f, "a", courier_send_many, .to = STR("b"), .count = OUTBOX_LETTERS_MAX - 1);
    cr_assert_not(f->is_answered);
    ask(f, "a", courier_send_many, .to = STR("b"), .count = 2);
    cr_assert_not(f->is_answered, "the refusal waits for what is rebuilt");
    while (journal_memory_step(f->memory))
        simulation_settle(f->simulation);

    check_err(f->err, ERR_LIMIT);
    pass(f);
    while (letters(f).waiting > 0) {
        (void)journal_memory_step(f->memory);
        pass(f);
    }
    ask(f, "a", courier_send_many, .to = STR("b"), .count = 1);
    while (journal_memory_step(f->memory))
        simulation_settle(f->simulation);
    check_ok(f->err);
    fixture_free(f);
}

Test(outbox, its_bytes_are_bounded_from_both_sides)
{
    static const char padding[OUTBOX_SIZE_MAX];
    buf_t wire BUF_SCOPED = BUF_INIT;
    size_t addressed = STR("courier").size + STR("b").size + STR("courier_take").size;
    courier_take_t take = {.item = 1, .padding = str_of(padding, 1 << 19)};
    schema_encode(&courier_take_schema, &take, &wire);
    uint32_t fits = (uint32_t)(OUTBOX_SIZE_MAX - addressed - (wire.size - (1 << 19)));

    fixture_t *f = fixture_new(false);
    ask(f, "a", courier_send_many, .to = STR("b"), .count = 1, .size = fits);
    check_ok(f->err);
    ask(f, "c", courier_send_many, .to = STR("b"), .count = 1, .size = fits + 1);
    check_err(f->err, ERR_LIMIT);
    fixture_free(f);
}

Test(outbox, senders_are_bounded_and_the_one_longest_silent_makes_room)
{
    outbox_t *outbox = memory_new(sizeof *outbox);
    char name[32];
    for (uint32_t i = 0; i < OUTBOX_SENDERS_MAX; i++) {
        snprintf(name, sizeof name, "a/%u", i * 7919 % OUTBOX_SENDERS_MAX);
        cr_assert(outbox_has_place(outbox, str_from(name), 1000));
        check_ok(outbox_take_of(outbox, str_from(name), i + 1, 1000 + i));
    }

    cr_assert(outbox_has_place(outbox, STR("a/17"), 2000), "known");
    cr_assert_not(outbox_has_place(outbox, STR("new"), 1000 + OUTBOX_SENDER_KEPT_MS));
    cr_assert(outbox_has_place(outbox, STR("new"), 1001 + OUTBOX_SENDER_KEPT_MS));
    check_ok(outbox_take_of(outbox, STR("new"), 5, 1001 + OUTBOX_SENDER_KEPT_MS));

    cr_assert(eq(u32, outbox->sender_count, OUTBOX_SENDERS_MAX));
    cr_assert(eq(u64, outbox_taken_of(outbox, STR("new")), 5));
    cr_assert(eq(u64, outbox_taken_of(outbox, STR("a/0")), 0), "the oldest");
    cr_assert(eq(u64, outbox_taken_of(outbox, STR("a/7919")), 2));
    outbox_free(outbox);
}

Test(outbox, what_can_not_be_sent_durably_is_refused_at_once)
{
    static const err_t wanted[] = {ERR_INVALID, ERR_NOT_FOUND, ERR_INVALID, ERR_UNSUPPORTED};
    fixture_t *f = fixture_new(false);

    for (uint32_t who = 0; who < COUNT_OF(wanted); who++) {
        ask(f, "a", courier_send_to_nobody, .who = who);
        cr_expect(eq(u32, f->told, (uint32_t)wanted[who]));
    }

    cr_assert(eq(sz, journal_memory_count(f->memory), 0));
    fixture_free(f);
}

/* ---- dead letters ---- */

Test(outbox, what_is_refused_too_often_is_dead_and_the_rest_goes_on)
{
    fixture_t *f = fixture_new(false);
    outbox_stats_t stats;
    ask(f, "a", courier_send, .to = STR("b"), .item = 1, .how = COURIER_REFUSES);
    ask(f, "a", courier_send, .to = STR("b"), .item = 2);
    cr_assert(eq(u32, letters(f).waiting, 2), "order is kept");
    pass(f);

    letters_t dead = letters(f);
    outbox_stats(f->runtime, &stats);
    cr_assert(eq(u32, dead.waiting, 0));
    cr_assert(eq(u32, dead.dead, 1));
    check_err(dead.err, ERR_INVALID);
    cr_assert(eq(u64, stats.refused, OUTBOX_REFUSALS_MAX));
    cr_assert(eq(u64, stats.delivered, 1));
    ask(f, "a", outbox_retry, .number = dead.number + 1);
    check_err(f->err, ERR_NOT_FOUND);
    ask(f, "a", outbox_retry, .number = dead.number);
    check_ok(f->err);
    pass(f);

    letters_t again = letters(f);
    outbox_stats(f->runtime, &stats);
    cr_assert(eq(u32, again.dead, 1));
    cr_assert(again.number > dead.number);
    cr_assert(eq(u64, stats.refused, 2 * OUTBOX_REFUSALS_MAX));
    ask(f, "a", outbox_drop, .number = again.number);
    check_ok(f->err);
    ask(f, "a", outbox_drop, .number = again.number);
    check_err(f->err, ERR_NOT_FOUND);
    cr_assert(eq(u32, letters(f).dead, 0));
    fixture_free(f);
}

Test(outbox, a_failure_of_the_sender_forgets_no_refusals)
{
    fixture_t *f = fixture_new(false);
    outbox_stats_t stats = {0};
    ask(f, "a", courier_send, .to = STR("b"), .item = 1, .how = COURIER_REFUSES);
    while (stats.refused < 10) {
        (void)simulation_step(f->simulation);
        outbox_stats(f->runtime, &stats);
    }

    ask(f, "a", courier_take, .item = 2, .how = COURIER_FAILS);
    ask(f, "a", courier_read);
    pass(f);

    outbox_stats(f->runtime, &stats);
    cr_assert(eq(u32, letters(f).dead, 1));
    cr_assert(le(u64, stats.refused, OUTBOX_REFUSALS_MAX + 1));
    fixture_free(f);
}

/* ---- again ---- */

static void node_restart(fixture_t *f)
{
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = simulation_clock(f->simulation),
                                 .random = simulation_random(f->simulation),
                                 .journal = journal_memory_journal(f->memory),
                                 .is_simulated = true};
    simulation_detach(f->simulation, f->runtime);
    journal_memory_crash(f->memory);
    runtime_free(f->runtime);
    check_ok(runtime_new(&options, &f->runtime));
    check_ok(runtime_register(f->runtime, &courier_kind, NULL));
    check_ok(runtime_start(f->runtime));
    simulation_attach(f->simulation, f->runtime);
}

static err_t count_taken(void *context, const journal_record_t *record)
{
    *(uint64_t *)context += str_equal(record->event.name, STR("courier_took"));
    return ERR_OK;
}

static uint64_t taken(const fixture_t *f)
{
    uint64_t count = 0;
    journal_t *journal = journal_memory_journal(f->memory);
    check_ok(journal->table->feed(journal, 0, SIZE_MAX, count_taken, &count));
    return count;
}

Test(outbox, whoever_is_activated_sends_what_waits)
{
    fixture_t *f = fixture_new(true);
    ask(f, "a", courier_send, .to = STR("b"), .item = 1);
    cr_assert(journal_memory_step(f->memory)); /* and the node dies before anything was sent */
    node_restart(f);

    ask(f, "a", courier_read);
    while (letters(f).waiting > 0) {
        pass(f);
        (void)journal_memory_step(f->memory);
    }

    cr_assert(eq(u64, taken(f), 1));
    fixture_free(f);
}

static journal_fault_t refuse_once(void *context, const journal_append_t *append)
{
    uint32_t *refusals = context;
    (void)append;
    bool is_refused = *refusals > 0;
    *refusals -= is_refused ? 1 : 0;
    return (journal_fault_t){is_refused ? ERR_FULL : ERR_OK, true};
}

Test(outbox, a_duplicate_is_acknowledged_no_sooner_than_what_it_repeats)
{
    fixture_t *f = fixture_new(true);
    uint32_t refusals = 0;
    outbox_stats_t stats = {0};
    journal_memory_set_faults(f->memory, refuse_once, &refusals);
    ask(f, "a", courier_send, .to = STR("b"), .item = 1);
    cr_assert(journal_memory_step(f->memory));
    simulation_settle(f->simulation);
    cr_assert(eq(sz, journal_memory_pending(f->memory), 1), "b has handled it");

    ask(f, "a", courier_take, .item = 2, .how = COURIER_FAILS);
    ask(f, "a", courier_read); /* it is there again, and sends again */
    for (int i = 0; i < 1000 && stats.duplicates == 0; i++) {
        (void)simulation_step(f->simulation);
        outbox_stats(f->runtime, &stats);
    }
    cr_assert(eq(u64, stats.duplicates, 1));
    simulation_settle(f->simulation);
    cr_assert(eq(sz, journal_memory_pending(f->memory), 1), "a has heard of nothing");
    refusals = 1; /* and b loses it again */
    while (letters(f).waiting > 0) {
        (void)journal_memory_step(f->memory);
        pass(f);
    }

    cr_assert(eq(u64, taken(f), 1));
    fixture_free(f);
}

/* ---- streams ---- */

typedef struct script {
    journal_memory_t *memory;
    uint64_t version;
} script_t;

static void on_done(void *context, err_t err, uint64_t version, uint64_t position)
{
    (void)context, (void)version, (void)position;
    check_ok(err);
}

static void write_event(script_t *script, const schema_t *schema, const void *event)
{
    buf_t payload BUF_SCOPED = BUF_INIT;
    journal_t *journal = journal_memory_journal(script->memory);
    schema_encode(schema, event, &payload);
    journal_event_t written = {str_from(schema->name), buf_str(&payload)};
    journal->table->append(journal, &(journal_append_t){.stream = STR("courier/a"),
                                                        .expected_version = script->version++,
                                                        .epoch = 1,
                                                        .events = &written,
                                                        .event_count = 1,
                                                        .done = on_done});
}
#define write(script, event, ...) write_event((script), &event##_schema, &(event##_t){__VA_ARGS__})

static err_t replay(void *context, const journal_record_t *record)
{
    return outbox_replay(context, record);
}

Test(outbox, one_of_another_subject_is_in_no_snapshot_and_is_read_where_it_was_written)
{
    script_t script = {0};
    outbox_t *before = NULL, *after = NULL;
    arena_t arena ARENA_SCOPED = {0};
    durable_snapshot_t snapshot = {0};
    check_ok(journal_memory_new(false, &script.memory));
    journal_t *journal = journal_memory_journal(script.memory);
    write(&script, outbox_sent, .kind = STR("k"), .key = STR("1"), .name = STR("n"),
          .body = STR("plain"));
    write(&script, outbox_sent, .kind = STR("k"), .key = STR("1"), .name = STR("n"),
          .personal = STR("of bob"), .subject = STR("bob"));
    write(&script, outbox_sent, .kind = STR("k"), .key = STR("1"), .name = STR("n"),
          .personal = STR("of mine"));
    write(&script, outbox_died, .number = 2, .err = ERR_INVALID);
    write(&script, outbox_revived, .number = 2); /* is 5 from now on */
    write(&script, outbox_taken, .sender = STR("k/9"), .number = 44);
    check_ok(journal->table->read(journal, STR("courier/a"), 0, replay, &before));

    check_ok(outbox_to_snapshot(before, &arena, &snapshot));
    for (uint32_t i = 0; i < snapshot.letters.count; i++)
        cr_expect_not(str_contains(snapshot.letters.items[i].body, STR("bob")));
    check_ok(outbox_from_snapshot(&after, journal, STR("courier/a"), &snapshot));

    cr_assert(eq(u32, after->waiting_count, 3));
    cr_assert(eq(sz, after->size, before->size));
    const letter_t *letter = after->lanes->first;
    check_str(letter->body, STR("plain"));
    check_str(letter->next->body, STR("of mine"));
    check_str(letter->next->next->body, STR("of bob"));
    cr_assert(eq(u64, letter->next->next->number, 5));
    cr_assert(eq(u64, outbox_taken_of(after, STR("k/9")), 44));
    outbox_free(before);
    outbox_free(after);
    journal_memory_free(script.memory);
}

Test(outbox, a_message_whose_subject_is_erased_is_not_sent_and_the_index_is_put_right)
{
    fixture_t *f = fixture_new(false);
    script_t script = {.memory = f->memory};
    outbox_stats_t stats;
    buf_t after BUF_SCOPED = BUF_INIT;
    write(&script, outbox_sent, .kind = STR("courier"), .key = STR("b"),
          .name = STR("courier_take")); /* as it is read then */

    check_ok(runtime_wake_senders(f->runtime, &after, 10));
    pass(f);

    outbox_stats(f->runtime, &stats);
    cr_assert(eq(u64, stats.attempts, 0));
    cr_assert(eq(sz, journal_memory_count(f->memory), 2), "that nothing is left was written");
    check_ok(runtime_wake_senders(f->runtime, &after, 10));
    pass(f);
    cr_assert(eq(sz, journal_memory_count(f->memory), 2));
    fixture_free(f);
}

Test(outbox, a_kind_may_not_take_the_names_of_its_events)
{
    fixture_t *f = fixture_new(false);
    simulation_t *simulation = f->simulation;
    static const actor_applier_t appliers[] = {{&outbox_taken_schema, NULL}};
    const actor_kind_t kind = {
        .name = "thief", .state_size = 1, .appliers = appliers, .applier_count = 1};
    runtime_t *runtime = NULL;
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = simulation_clock(simulation),
                                 .random = simulation_random(simulation),
                                 .journal = journal_memory_journal(f->memory),
                                 .is_simulated = true};
    check_ok(runtime_new(&options, &runtime));

    check_err(runtime_register(runtime, &kind, NULL), ERR_INVALID);

    runtime_free(runtime);
    fixture_free(f);
}

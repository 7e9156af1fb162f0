#include "runtime/journal_memory.h"
#include "tests/support/actors/caller.h"

static runtime_t *start(journal_memory_t *journal)
{
    runtime_t *runtime = NULL;
    runtime_options_t options = {.scheduler_count = 2, .journal = journal_memory_journal(journal)};
    check_ok(runtime_new(&options, &runtime));
    check_ok(runtime_register(runtime, &counter_kind, NULL));
    check_ok(runtime_start(runtime));
    return runtime;
}

static void stop(runtime_t *runtime)
{
    check_ok(runtime_drain(runtime, 10000));
    runtime_free(runtime);
}

Test(sample_counter, what_was_added_is_there_after_a_restart)
{
    journal_memory_t *journal = NULL;
    check_ok(journal_memory_new(false, &journal));
    address_t visits = address_of("counter", STR("visits"));

    runtime_t *runtime = start(journal);
    for (uint32_t i = 1; i <= 10; i++)
        check_ok(ask_of(runtime, visits, counter_add, .amount = i).err);
    stop(runtime);
    runtime = start(journal);
    caller_answer_t answer = ask_of(runtime, visits, counter_read);
    stop(runtime);

    check_ok(answer.err);
    cr_assert(eq(u64, answer.value, 55));
    journal_memory_free(journal);
}

Test(sample_counter, a_command_that_makes_no_sense_is_refused_with_a_sentence)
{
    journal_memory_t *journal = NULL;
    check_ok(journal_memory_new(false, &journal));
    runtime_t *runtime = start(journal);

    caller_answer_t answer = ask_of(runtime, address_of("counter", STR("a")), counter_add);

    check_err(answer.err, ERR_INVALID);
    check_str(str_from(answer.text), STR("a counter is not moved by nothing"));
    cr_assert(eq(sz, journal_memory_count(journal), 0));
    stop(runtime);
    journal_memory_free(journal);
}

Test(sample_counter, a_retry_gets_the_first_answer_also_after_a_restart)
{
    journal_memory_t *journal = NULL;
    check_ok(journal_memory_new(false, &journal));
    address_t to = address_of("counter", STR("a"));
    counter_add_t add = {.amount = 5};
    runtime_t *runtime = start(journal);

    caller_answer_t first = caller_ask(runtime, to, 5000, STR("id-1"), &counter_add_schema, &add);
    check_ok(ask_of(runtime, to, counter_add, .amount = 1).err);
    caller_answer_t again = caller_ask(runtime, to, 5000, STR("id-1"), &counter_add_schema, &add);
    stop(runtime);
    runtime = start(journal);
    caller_answer_t later = caller_ask(runtime, to, 5000, STR("id-1"), &counter_add_schema, &add);
    caller_answer_t now = ask_of(runtime, to, counter_read);
    stop(runtime);

    check_ok(first.err);
    cr_assert(eq(u64, first.value, 5));
    cr_assert(eq(u64, first.position, 1));
    cr_assert(eq(u64, again.value, 5));
    cr_assert(eq(u64, again.position, 1));
    check_ok(later.err);
    cr_assert(eq(u64, later.value, 5));
    cr_assert(eq(u64, now.value, 6));
    journal_memory_free(journal);
}

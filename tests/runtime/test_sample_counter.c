#include "docs/samples/counter/counter.h"
#include "runtime/test_kit.h"
#include "tests/support/check.h"

Test(sample_counter, what_is_added_is_an_event_and_then_the_answer)
{
    kit_t *kit KIT_SCOPED = kit_open(&counter_kind, STR("visits"));

    const kit_answer_t *answer = kit_ask(kit, counter_add, .amount = 3);

    const counter_added_t *event = kit_emitted(kit, counter_added);
    check_kit(kit, event != NULL && event->amount == 3);
    check_kit(kit, kit_is_quiet(kit));
    cr_assert(eq(u64, kit_answer_as(answer, counter_value)->value, 3));
}

Test(sample_counter, what_was_added_is_there_after_a_restart)
{
    kit_t *kit KIT_SCOPED = kit_open(&counter_kind, STR("visits"));

    for (uint32_t i = 1; i <= 10; i++)
        check_ok(kit_ask(kit, counter_add, .amount = i)->err);
    kit_restart(kit);

    cr_assert(eq(u64, kit_answer_as(kit_ask(kit, counter_read), counter_value)->value, 55));
}

Test(sample_counter, a_command_that_makes_no_sense_is_refused_with_a_sentence)
{
    kit_t *kit KIT_SCOPED = kit_open(&counter_kind, STR("visits"));

    const kit_answer_t *answer = kit_ask(kit, counter_add, .amount = 0);

    check_err(answer->err, ERR_INVALID);
    check_str(answer->text, STR("a counter is not moved by nothing"));
    check_kit(kit, kit_is_quiet(kit));
}

Test(sample_counter, a_retry_gets_the_first_answer_also_after_a_restart)
{
    kit_t *kit KIT_SCOPED = kit_open(&counter_kind, STR("visits"));

    const kit_answer_t *first = kit_ask_with_id(kit, STR("id-1"), counter_add, .amount = 5);
    check_ok(kit_ask(kit, counter_add, .amount = 1)->err);
    const kit_answer_t *again = kit_ask_with_id(kit, STR("id-1"), counter_add, .amount = 5);
    kit_restart(kit);
    const kit_answer_t *later = kit_ask_with_id(kit, STR("id-1"), counter_add, .amount = 5);

    cr_assert(eq(u64, kit_answer_as(first, counter_value)->value, 5));
    cr_assert(eq(u64, kit_answer_as(again, counter_value)->value, 5));
    cr_assert(eq(u64, kit_answer_as(later, counter_value)->value, 5));
    cr_assert(eq(u64, kit_answer_as(kit_ask(kit, counter_read), counter_value)->value, 6));
}

static journal_fault_t disk_is_full(void *context, const journal_append_t *append)
{
    (void)context, (void)append;
    return (journal_fault_t){.err = ERR_FULL};
}

Test(sample_counter, a_full_disk_is_said_to_who_asked_and_nothing_is_counted)
{
    kit_t *kit KIT_SCOPED = kit_open(&counter_kind, STR("visits"));
    journal_memory_set_faults(kit_journal(kit), disk_is_full, NULL);

    check_err(kit_ask(kit, counter_add, .amount = 3)->err, ERR_FULL);

    cr_assert(eq(u64, kit_answer_as(kit_ask(kit, counter_read), counter_value)->value, 0));
}

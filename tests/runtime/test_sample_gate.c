#include "docs/samples/counter/counter.h"
#include "docs/samples/gate/gate.h"
#include "runtime/test_kit.h"
#include "tests/support/check.h"

Test(sample_gate, who_enters_is_told_to_the_counter)
{
    kit_t *kit KIT_SCOPED = kit_open(&gate_kind, STR("north"));

    const kit_answer_t *answer = kit_ask(kit, gate_enter);

    const counter_add_t *told = kit_sent(kit, address_of("counter", STR("visits")), counter_add);
    check_kit(kit, told != NULL && told->amount == 1);
    check_kit(kit, kit_emitted(kit, gate_entered) != NULL);
    check_kit(kit, kit_is_quiet(kit));
    cr_assert(eq(u64, kit_answer_as(answer, gate_seen)->entered, 1));
}

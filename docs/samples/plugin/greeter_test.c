/* The actor alone, in the test kit; any test framework will do, and none does, too. */

#include "greeter.h"
#include "runtime/test_kit.h"

#include <stdio.h>
#include <stdlib.h>

static void check(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "not so: %s\n", what);
    exit(1);
}

int main(void)
{
    kit_t *kit KIT_SCOPED = kit_open(&greeter_kind, STR("front door"));

    const kit_answer_t *answer = kit_ask(kit, greeter_hello, .name = STR("Ada"));
    const greeter_answer_t *greeting = kit_answer_as(answer, greeter_answer);
    check(greeting != NULL && str_ends_with(greeting->text, STR(", Ada!")), "it greets by name");
    check(greeting->greetings == 1, "it counts");

    answer = kit_ask(kit, greeter_hello);
    check(answer->err == ERR_INVALID, "nobody is not greeted");
    check(kit_is_quiet(kit), kit_wrong(kit));
    puts("the greeter greets");
    return 0;
}

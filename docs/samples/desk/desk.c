#include "docs/samples/desk/desk.h"

#include "docs/samples/counter/counter.h"

static const child_spec_t counters[] = {
    {.id = "visits", .kind = &counter_kind, .key = STR_INIT("visits")},
    {.id = "sales", .kind = &counter_kind, .key = STR_INIT("sales"), .restart = CHILD_TRANSIENT},
};

const supervisor_spec_t desk_spec = {.name = "desk",
                                     .strategy = SUPERVISOR_ONE_FOR_ONE,
                                     .intensity = 10,
                                     .period_ms = 60000,
                                     .children = counters,
                                     .child_count = COUNT_OF(counters)};

#include "tests/runtime/code/plugins/tally.h"

#ifdef WITHOUT_LEDGER
PLUGIN_KINDS(&tally_kind, &shelf_kind, &waiter_kind);
#elif defined WITH_SLEEPER
static const actor_kind_t sleeper = {.name = "sleeper", .hibernates = true, .idle_ms = 1};
PLUGIN_KINDS(&tally_kind, &ledger_kind, &shelf_kind, &waiter_kind, &sleeper);
#else
PLUGIN_KINDS(&tally_kind, &ledger_kind, &shelf_kind, &waiter_kind);
#endif

#ifdef REFUSES_TO_START
static err_t refuse(UNUSED runtime_t *runtime, buf_t *problem)
{
    buf_printf(problem, "there is no moon tonight");
    return ERR_UNAVAILABLE;
}
#define MORE .start = refuse
#else
#define MORE
#endif

#define TEXT_OF(x) #x
#define VERSION_TEXT(x) TEXT_OF(x)

PLUGIN("tally", VERSION_TEXT(VERSION) ".0", MORE);

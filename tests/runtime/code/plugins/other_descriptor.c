#include "runtime/plugin.h"

/* A descriptor that is wrong in the way that WRONG_... says. */
#ifdef WRONG_FACTS
static const plugin_fact_t facts[] = {{"the size of void *", 4}};
#else
static const plugin_fact_t facts[] = {PLUGIN_FACTS};
#endif

/* Kinds that are wrong: all that a descriptor can say of them looks well. */
#if defined SLEEPS_ELSEWHERE
static const actor_kind_t sleeper = {.name = "sleeper", .hibernates = true, .idle_ms = 1};
PLUGIN_KINDS(&sleeper);
#elif defined TAKES_EVENTS
static void apply(UNUSED void *self, UNUSED const void *event, UNUSED int64_t wall_ms)
{
}
static const schema_t event = {.name = "outbox_of_mine"};
static const actor_applier_t appliers[] = {{&event, apply}};
static const actor_kind_t taker = {.name = "taker", .appliers = appliers, .applier_count = 1};
PLUGIN_KINDS(&taker);
#elif defined TWINS
static const actor_kind_t twin = {.name = "twin"}, other_twin = {.name = "twin"};
PLUGIN_KINDS(&twin, &other_twin);
#elif defined NAMELESS
static const actor_kind_t nameless = {.name = "No Name"};
PLUGIN_KINDS(&nameless);
#elif defined TAKES_NAME
static const actor_kind_t ledger = {.name = "ledger"};
PLUGIN_KINDS(&ledger);
#else
#define HAS_NO_KINDS
#endif

__attribute__((visibility("default"))) extern const plugin_t musicstream_plugin;
const plugin_t musicstream_plugin = {
#ifdef WRONG_MAGIC
    .magic = 1,
#else
    .magic = PLUGIN_MAGIC,
#endif
#ifdef WRONG_INTERFACE
    .interface = WRONG_INTERFACE,
#else
    .interface = PLUGIN_INTERFACE,
#endif
    .name = "other",
    .version = "1",
#ifndef HAS_NO_KINDS
    .kinds = plugin_kinds,
    .kind_count = COUNT_OF(plugin_kinds),
#endif
    .facts = facts,
    .fact_count = COUNT_OF(facts),
};

extern int a_function_that_nobody_has(void);
#ifdef UNKNOWN_SYMBOL
__attribute__((visibility("default"))) int call_it(void);
int call_it(void)
{
    return a_function_that_nobody_has();
}
#endif

#include "runtime/plugin.h"

/* A descriptor that is wrong in the way that WRONG_... says. */
#ifdef WRONG_FACTS
static const plugin_fact_t facts[] = {{"the size of void *", 4}};
#else
static const plugin_fact_t facts[] = {PLUGIN_FACTS};
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

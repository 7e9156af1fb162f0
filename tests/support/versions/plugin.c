#include "tests/support/versions/herald.h"

#if VERSION >= 2
PLUGIN_KINDS(&herald_kind, &caller_kind, &dancer_kind);
#else
PLUGIN_KINDS(&herald_kind, &caller_kind);
#endif

/* On a scheduler, when there are any: the first message makes the caller. */
static void begin(void *context)
{
    IGNORE_ERR(runtime_send((runtime_t *)context, address_of("caller", STR("here")), caller_call));
}

static err_t start(runtime_t *runtime, UNUSED buf_t *problem)
{
    return edge_post(runtime_edge(runtime, 0), begin, runtime);
}

#define TEXT_OF(x) #x
#define VERSION_TEXT(x) TEXT_OF(x)

PLUGIN("herald", VERSION_TEXT(VERSION) ".0", .start = start);

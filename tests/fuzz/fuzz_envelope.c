/* What a peer sends to the runtime. Oracle: what was read is within its bounds and, written and
 * read again, the same; a runtime that gets it, and an answer to each that asks, goes on. */
#include "runtime/remote/envelope.h"
#include "tests/support/actors/circle.h"
#include "tests/support/actors/toy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read_again(const received_t *received, arena_t *arena)
{
    buf_t bytes BUF_SCOPED = BUF_INIT;
    received_t again;
    parcel_t parcel = {.envelope = received->envelope};
    err_t err = parcel_fill(&parcel, &bytes);
    if (err == ERR_LIMIT || err == ERR_NO_MEMORY)
        return; /* its numbers were written shorter than we do */
    if (err != ERR_OK || envelope_read(buf_str(&bytes), arena, &again) != ERR_OK ||
        !schema_equal(&remote_envelope_schema, &again.envelope, &received->envelope))
        abort();
}

static err_t send_nowhere(void *context, uint64_t node, bool is_owed, router_fill_fn fill,
                          void *what)
{
    buf_t bytes BUF_SCOPED = BUF_INIT;
    (void)context;
    (void)is_owed;
    return node == 0 ? ERR_UNAVAILABLE : fill(what, &bytes);
}

/* Without threads: what is taken lies in mailboxes. */
static runtime_t *runtime_with_kinds(void)
{
    static const router_table_t table = {.send = send_nowhere};
    static const router_t router = {&table, NULL};
    runtime_t *runtime = NULL;
    runtime_options_t options = {.scheduler_count = 1, .is_simulated = true};
    if (runtime_new(&options, &runtime) != ERR_OK ||
        runtime_register(runtime, &toy_kind, NULL) != ERR_OK ||
        runtime_register(runtime, &relay_kind, NULL) != ERR_OK ||
        runtime_join(runtime, 1, &router) != ERR_OK || runtime_start(runtime) != ERR_OK)
        abort();
    runtime_set_serving(runtime, true);
    return runtime;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena_t arena ARENA_SCOPED = {0};
    received_t received;
    str_t message = str_of(data, size);
    /* One for each input: what lies in a mailbox is not seen from outside, and would look lost. */
    runtime_t *runtime = runtime_with_kinds();
    IGNORE_ERR(runtime_receive(runtime, 2, message)); /* most is not understood */
    runtime_node_lost(runtime, 2);
    runtime_free(runtime);
    if (envelope_read(message, &arena, &received) != ERR_OK || received.is_channel)
        return 0;
    if (received.envelope.key.size > ACTOR_KEY_SIZE_MAX || received.envelope.hops > ROUTER_HOPS_MAX)
        abort();
    write_and_read_again(&received, &arena);
    return 0;
}

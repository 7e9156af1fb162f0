/* A store of sleeping states that gives back any bytes. The actor wakes with a state that they
 * describe, or begins anew; who asks is always answered, and nothing is left. */
#include "docs/samples/visitor/visitor.h"
#include "runtime/base/assert.h"
#include "runtime/simulation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct bytes_store {
    state_store_t store; /* first: the table's functions get it */
    str_t value;
    bool is_taken;
    uint32_t answers;
    err_t err;
} bytes_store_t;

static err_t do_put(state_store_t *store, str_t key, str_t value)
{
    (void)store, (void)key, (void)value;
    return ERR_OK;
}

static err_t do_take(state_store_t *store, str_t key, buf_t *out)
{
    bytes_store_t *self = (bytes_store_t *)store;
    (void)key;
    self->is_taken = true;
    buf_append(out, self->value);
    return buf_status(out);
}

static err_t do_remove(state_store_t *store, str_t key)
{
    (void)store, (void)key;
    return ERR_OK;
}

static bool do_has(state_store_t *store, str_t key)
{
    (void)key;
    return !((const bytes_store_t *)store)->is_taken;
}

static const state_store_table_t tables[] = {{do_put, do_take, do_remove, do_has, false},
                                             {do_put, do_take, do_remove, do_has, true}};

static void on_answer(void *context, const answer_t *answer)
{
    bytes_store_t *self = context;
    self->answers++;
    self->err = answer->err;
    if (answer->err != ERR_OK || answer->schema == NULL)
        return;
    const visitor_history_t *history = answer->message;
    size_t sum = 0;
    for (uint32_t i = 0; i < history->pages.count; i++)
        sum += str_find(history->pages.items[i], 'x'); /* each byte is readable */
    ASSERT(sum != SIZE_MAX);
}

static void use(bytes_store_t *self)
{
    simulation_t *simulation = NULL;
    runtime_t *runtime = NULL;
    ASSERT(simulation_new(1, &simulation) == ERR_OK);
    runtime_options_t options = {.scheduler_count = 1,
                                 .clock = simulation_clock(simulation),
                                 .random = simulation_random(simulation),
                                 .state_store = &self->store,
                                 .is_simulated = true};
    ASSERT(runtime_new(&options, &runtime) == ERR_OK);
    ASSERT(runtime_register(runtime, &visitor_kind, NULL) == ERR_OK);
    ASSERT(runtime_start(runtime) == ERR_OK);
    simulation_attach(simulation, runtime);
    edge_ask(runtime_edge(runtime, 0), address_of("visitor", STR("1")), 1000, STR(""), on_answer,
             self, visitor_look_back);
    while (self->answers < 1 && simulation_step(simulation))
        ;
    ASSERT(self->answers == 1 && self->err == ERR_OK);
    ASSERT(runtime_drain(runtime, 10000) == ERR_OK);
    runtime_free(runtime);
    simulation_free(simulation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    bytes_store_t store = {.store = {&tables[data[0] % 2]}, .value = str_of(data + 1, size - 1)};
    use(&store);
    return 0;
}

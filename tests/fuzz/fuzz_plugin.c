/* A plugin's descriptor with any numbers, names and gaps in its tables (where they lie it has to
 * say truly: it is code). Oracle: what is accepted is complete, and a refusal says why. */
#include "runtime/base/assert.h"
#include "runtime/code/object.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FACTS_MAX = 160, KINDS = 40, ITEMS = 4, TEXTS = 8, TEXT_SIZE = 80 };

typedef struct bytes {
    const uint8_t *data;
    size_t size;
} bytes_t;

static uint8_t next(bytes_t *self)
{
    if (self->size == 0)
        return 0;
    self->size--;
    return *self->data++;
}

static err_t handle(void *self, context_t *ctx, const void *message)
{
    (void)self, (void)ctx, (void)message;
    return ERR_OK;
}

static void apply(void *self, const void *event, int64_t wall_ms)
{
    (void)self, (void)event, (void)wall_ms;
}

static const plugin_fact_t good_facts[] = {PLUGIN_FACTS};
static char texts[TEXTS][TEXT_SIZE];
static const schema_t schema = {.name = "nothing"};

static const char *text(bytes_t *in)
{
    uint8_t which = next(in);
    return which >= 250 ? NULL : texts[which % TEXTS];
}

static void fill_texts(bytes_t *in)
{
    for (size_t i = 0; i < TEXTS; i++) {
        size_t size = next(in) % TEXT_SIZE;
        for (size_t j = 0; j < size; j++)
            texts[i][j] = (char)next(in);
        texts[i][size] = 0;
    }
    memcpy(texts[0], "good", sizeof "good");
}

static const void *there(bytes_t *in, const void *what)
{
    return next(in) % 8 == 7 ? NULL : what;
}

typedef struct tables {
    actor_handler_t handlers[ITEMS];
    actor_applier_t appliers[ITEMS];
    const schema_t *replies[ITEMS];
    actor_behaviour_t behaviour;
    const actor_behaviour_t *behaviours[1];
} tables_t;

static void fill_kind(bytes_t *in, actor_kind_t *kind, tables_t *tables)
{
    uint8_t gap = next(in); /* which place is empty */
    for (size_t i = 0; i < ITEMS; i++) {
        tables->handlers[i] =
            (actor_handler_t){gap == i ? NULL : &schema, gap == i + 4 ? NULL : handle};
        tables->appliers[i] =
            (actor_applier_t){gap == i + 8 ? NULL : &schema, gap == i + 12 ? NULL : apply};
        tables->replies[i] = gap == i + 16 ? NULL : &schema;
    }
    tables->behaviour = (actor_behaviour_t){text(in), tables->handlers, next(in) % (ITEMS + 1), 0};
    tables->behaviours[0] = gap == 20 ? NULL : &tables->behaviour;
    *kind = (actor_kind_t){.name = text(in),
                           .handlers = there(in, tables->handlers),
                           .handler_count = next(in) % (ITEMS + 1),
                           .appliers = there(in, tables->appliers),
                           .applier_count = next(in) % (ITEMS + 1),
                           .replies = there(in, tables->replies),
                           .reply_count = next(in) % (ITEMS + 1),
                           .behaviours = there(in, tables->behaviours),
                           .behaviour_count = next(in) % 2,
                           .mailbox_max = next(in) * 300U};
    memset(&kind->overflow, next(in) % 5, 1);
}

static size_t fill_facts(bytes_t *in, plugin_fact_t facts[FACTS_MAX])
{
    size_t count = MIN(COUNT_OF(good_facts), (size_t)FACTS_MAX);
    memcpy(facts, good_facts, count * sizeof *facts);
    for (uint8_t changes = next(in) % 4; changes > 0; changes--) {
        plugin_fact_t *fact = &facts[next(in) % count];
        fact->value += next(in);
        if (next(in) % 2 == 0)
            fact->what = text(in);
    }
    return next(in) % 4 == 3 ? count - next(in) % 3 : count;
}

static void check_accepted(const plugin_t *plugin)
{
    ASSERT(plugin->magic == PLUGIN_MAGIC && plugin->interface == PLUGIN_INTERFACE);
    ASSERT(plugin->fact_count == COUNT_OF(good_facts));
    for (size_t i = 0; i < plugin->kind_count; i++) {
        const actor_kind_t *kind = plugin->kinds[i];
        ASSERT(strlen(kind->name) > 0 && kind->overflow <= OVERFLOW_COALESCE);
        for (size_t j = 0; j < kind->handler_count; j++)
            ASSERT(kind->handlers[j].schema->name != NULL && kind->handlers[j].handle == handle);
        for (size_t j = 0; j < kind->reply_count; j++)
            ASSERT(kind->replies[j]->name != NULL);
        for (size_t j = 0; j < kind->behaviour_count; j++)
            ASSERT(kind->behaviours[j]->name != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static actor_kind_t kinds[KINDS];
    static tables_t tables[KINDS];
    static const actor_kind_t *listed[KINDS];
    static plugin_fact_t facts[FACTS_MAX];
    _Static_assert(COUNT_OF(good_facts) <= FACTS_MAX, "there is room for the facts");
    bytes_t in = {data, size};
    fill_texts(&in);
    uint8_t what = next(&in);
    plugin_t plugin = {.magic = what % 16 == 1 ? next(&in) : PLUGIN_MAGIC,
                       .interface = what % 16 == 2 ? next(&in) : PLUGIN_INTERFACE,
                       .name = text(&in),
                       .version = text(&in)};
    plugin.fact_count = fill_facts(&in, facts);
    plugin.facts = what % 16 == 3 ? NULL : facts;
    plugin.kind_count = next(&in) % KINDS;
    for (size_t i = 0; i < plugin.kind_count; i++) {
        listed[i] = next(&in) == 255 ? NULL : &kinds[i];
        fill_kind(&in, &kinds[i], &tables[i]);
    }
    plugin.kinds = what % 16 == 4 ? NULL : listed;

    buf_t problem BUF_SCOPED = BUF_INIT;
    err_t err = plugin_check(&plugin, "a.so", &problem);
    if (err == ERR_OK)
        check_accepted(&plugin);
    else
        ASSERT((err == ERR_INVALID || err == ERR_UNSUPPORTED) && problem.size > 0);
    return 0;
}

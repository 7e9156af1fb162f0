/* records_chrome.c -- several nodes' records as Trace Event Format (Google, "Trace Event Format",
 * 2016), which chrome://tracing and Perfetto read: a process a node, a thread a scheduler. Messages
 * between nodes are flows. */

#include "node/inside/records.h"

#include "runtime/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>

static void begin(json_t *json, str_t name, const char *phase, uint64_t node, uint32_t scheduler)
{
    json_object_begin(json);
    json_key_str(json, "name", name);
    json_key_str(json, "ph", str_from(phase));
    json_key_u64(json, "pid", node);
    json_key_u64(json, "tid", scheduler);
}

/* Microseconds with the nanoseconds behind the point, which a double would not keep. */
static void key_us(json_t *json, const char *key, uint64_t ns)
{
    buf_t text BUF_SCOPED = BUF_INIT;
    buf_printf(&text, "%" PRIu64 ".%03" PRIu64, ns / 1000, ns % 1000);
    json_key(json, str_from(key));
    json_raw(json, buf_str(&text));
}

static void print_process(json_t *json, const records_node_t *node)
{
    buf_t name BUF_SCOPED = BUF_INIT;
    if (node->node == 0)
        buf_append(&name, STR("the node"));
    else
        buf_printf(&name, "node %" PRIu64 " at %.*s", node->node, STR_ARG(node->address));
    begin(json, STR("process_name"), "M", node->node, 0);
    json_key(json, STR("args"));
    json_object_begin(json);
    json_key_str(json, "name", buf_str(&name));
    json_object_end(json);
    json_object_end(json);
}

static bool is_one_of(str_t event, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(event, str_from(names[i])))
            return true;
    return false;
}

static void print_item(json_t *json, const records_t *records, const record_t *item, uint64_t at_ns)
{
    static const char *const slices[] = {"turn", "handled", "slept", "request"};
    bool is_slice = is_one_of(item->event, slices, COUNT_OF(slices));
    str_t name = str_equal(item->event, STR("turn")) || str_is_empty(item->message) ? item->kind
                                                                                    : item->message;
    if (!is_slice || str_is_empty(name))
        name = item->event;
    begin(json, name, is_slice ? "X" : "i", records->nodes[item->node].node, item->scheduler);
    json_key_str(json, "cat", item->event);
    key_us(json, "ts", at_ns);
    if (is_slice)
        key_us(json, "dur", item->took_ns);
    else
        json_key_str(json, "s", STR("t"));
    json_key(json, STR("args"));
    json_object_begin(json);
    json_key_str(json, "kind", item->kind);
    json_key_str(json, "actor", item->actor);
    json_key_str(json, "message", item->message);
    json_object_end(json);
    json_object_end(json);
}

/* Who carried what another received, to be found by node and span. */
typedef struct carriers {
    const record_t **items;
    size_t count;
    const records_t *records;
} carriers_t;

static int compare(uint64_t left_node, uint64_t left_span, uint64_t right_node, uint64_t right_span)
{
    if (left_node != right_node)
        return left_node < right_node ? -1 : 1;
    return (left_span > right_span) - (left_span < right_span);
}

static int by_span(const void *a, const void *b)
{
    const record_t *left = *(const record_t *const *)a, *right = *(const record_t *const *)b;
    return compare(left->node, left->span, right->node, right->span);
}

static err_t carriers_of(const records_t *records, carriers_t *out)
{
    carriers_t self = {memory_new_array(records->count + 1, sizeof *self.items), 0, records};
    if (self.items == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < records->count; i++)
        if (str_equal(records->items[i].event, STR("carried")))
            self.items[self.count++] = &records->items[i];
    if (self.count > 0)
        qsort(self.items, self.count, sizeof *self.items, by_span);
    *out = self;
    return ERR_OK;
}

/* NULL: it is not among them. */
static const record_t *carrier_of(const carriers_t *self, const record_t *received)
{
    size_t node = 0;
    while (node < self->records->node_count && self->records->nodes[node].node != received->peer)
        node++;
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const record_t *item = self->items[middle];
        int order = compare(item->node, item->span, node, received->span);
        if (order == 0)
            return item;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void print_end(json_t *json, const records_t *records, const record_t *item,
                      const char *phase, uint64_t at_ns, uint64_t number)
{
    begin(json, STR("link"), phase, records->nodes[item->node].node, item->scheduler);
    json_key_str(json, "cat", STR("link"));
    key_us(json, "ts", at_ns);
    json_key_u64(json, "id", number);
    if (phase[0] == 'f')
        json_key_str(json, "bp", STR("e"));
    json_object_end(json);
}

/* Both ends, or none. */
static void print_flows(json_t *json, const carriers_t *carriers, int64_t begin_ns)
{
    const records_t *records = carriers->records;
    for (size_t i = 0; i < records->count; i++) {
        const record_t *item = &records->items[i];
        const record_t *from = str_equal(item->event, STR("received")) && item->span != 0
                                   ? carrier_of(carriers, item)
                                   : NULL;
        if (from == NULL)
            continue;
        uint64_t left_ns = (uint64_t)(from->at_ns - begin_ns);
        uint64_t came_ns = (uint64_t)(item->at_ns - begin_ns);
        print_end(json, records, from, "s", left_ns, i + 1);
        print_end(json, records, item, "f", MAX(came_ns, left_ns), i + 1); /* clocks differ */
    }
}

err_t records_chrome_append(const records_t *self, buf_t *out)
{
    carriers_t carriers;
    TRY(carriers_of(self, &carriers));
    json_t json = json_to(out);
    int64_t begin_ns = self->count == 0 ? 0 : self->items[0].at_ns;
    json_object_begin(&json);
    json_key_str(&json, "displayTimeUnit", STR("ns"));
    json_key(&json, STR("traceEvents"));
    json_array_begin(&json);
    for (size_t i = 0; i < self->node_count; i++)
        print_process(&json, &self->nodes[i]);
    for (size_t i = 0; i < self->count; i++)
        print_item(&json, self, &self->items[i], (uint64_t)(self->items[i].at_ns - begin_ns));
    print_flows(&json, &carriers, begin_ns);
    memory_free(carriers.items);
    json_array_end(&json);
    json_object_end(&json);
    return buf_status(out);
}
